#include "record/record_batch.h"

#include "record/batch_layout_internal.h"
#include "record/byte_order.h"

namespace tarn::record {
namespace {

Error Corrupt(std::string_view field, int64_t value, std::string_view expected) {
  return Error(ErrorCode::kCorruption, "record batch: " + std::string(field) + " is " + std::to_string(value) +
                                           ", expected " + std::string(expected));
}

}  // namespace

Result<BatchHeader> ParseBatchHeader(std::string_view bytes) {
  if (bytes.size() < kBatchHeaderSize) return Corrupt("the size", int64_t(bytes.size()), "a header of 61 bytes");
  const char* p = bytes.data();
  BatchHeader header;
  header.base_offset = LoadBigEndian<int64_t>(p + kBaseOffsetAt);
  header.batch_length = LoadBigEndian<int32_t>(p + kBatchLengthAt);
  header.partition_leader_epoch = LoadBigEndian<int32_t>(p + kLeaderEpochAt);
  header.magic = int8_t(p[kMagicAt]);
  header.crc = LoadBigEndian<uint32_t>(p + kCrcAt);
  header.attributes = LoadBigEndian<int16_t>(p + kAttributesAt);
  header.last_offset_delta = LoadBigEndian<int32_t>(p + kLastOffsetDeltaAt);
  header.base_timestamp = LoadBigEndian<int64_t>(p + kBaseTimestampAt);
  header.max_timestamp = LoadBigEndian<int64_t>(p + kMaxTimestampAt);
  header.producer_id = LoadBigEndian<int64_t>(p + kProducerIdAt);
  header.producer_epoch = LoadBigEndian<int16_t>(p + kProducerEpochAt);
  header.base_sequence = LoadBigEndian<int32_t>(p + kBaseSequenceAt);
  header.record_count = LoadBigEndian<int32_t>(p + kRecordCountAt);
  if (header.magic != 2) return Corrupt("magic", header.magic, "2");
  if (header.batch_length < int32_t(kBatchHeaderSize - kBatchPrefixSize))
    return Corrupt("length", header.batch_length, "at least 49");
  return header;
}

Status CheckBatch(std::string_view batch, const BatchHeader& header) {
  if (batch.size() != header.total_size())
    return Corrupt("the size", int64_t(batch.size()), std::to_string(header.total_size()) + " bytes");
  const uint32_t crc = Crc32c(batch.substr(kAttributesAt));
  if (crc != header.crc) return Corrupt("the CRC-32C", header.crc, std::to_string(crc));
  if (int(header.compression()) > int(Compression::kZstd))
    return Corrupt("the codec", int(header.compression()), "0 to 4");
  if (header.record_count < 0) return Corrupt("the record count", header.record_count, "at least 0");
  // A compacted batch has fewer records than offsets, and may have none.
  if (header.last_offset_delta < 0) return Corrupt("the last offset delta", header.last_offset_delta, "at least 0");
  if (header.record_count > int64_t(header.last_offset_delta) + 1)
    return Corrupt("the record count", header.record_count, "at most the last offset delta + 1");
  return Ok();
}

void StampBatch(char* batch, int64_t base_offset, int32_t leader_epoch) {
  StoreBigEndian(batch + kBaseOffsetAt, base_offset);
  StoreBigEndian(batch + kLeaderEpochAt, leader_epoch);
}

void StampLogAppendTime(char* batch, size_t size, int64_t timestamp_ms) {
  StoreBigEndian(batch + kAttributesAt, int16_t(LoadBigEndian<int16_t>(batch + kAttributesAt) | 8));
  StoreBigEndian(batch + kMaxTimestampAt, timestamp_ms);
  StoreBigEndian(batch + kCrcAt, Crc32c({batch + kAttributesAt, size - kAttributesAt}));
}

}  // namespace tarn::record
