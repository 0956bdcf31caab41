#include <algorithm>
#include <limits>

#include "record/batch_layout_internal.h"
#include "record/byte_order.h"
#include "record/compression.h"
#include "record/record_batch.h"

namespace tarn::record {
namespace {

// Zig-zag, seven bits a byte.
void AppendVarint(std::string& out, int64_t value) {
  uint64_t bits = (uint64_t(value) << 1) ^ uint64_t(value >> 63);
  for (; bits >= 0x80; bits >>= 7) out.push_back(char(bits | 0x80));
  out.push_back(char(bits));
}

void AppendBytes(std::string& out, const std::optional<std::string_view>& bytes) {
  AppendVarint(out, bytes.has_value() ? int64_t(bytes->size()) : -1);
  if (bytes.has_value()) out.append(*bytes);
}

// `scratch` is kept from record to record.
void AppendRecord(std::string& out, std::string& scratch, const NewRecord& record, int64_t base_timestamp,
                  size_t offset_delta) {
  scratch.assign(1, '\0');  // attributes
  AppendVarint(scratch, int64_t(uint64_t(record.timestamp_ms) - uint64_t(base_timestamp)));
  AppendVarint(scratch, int64_t(offset_delta));
  AppendBytes(scratch, record.key);
  AppendBytes(scratch, record.value);
  AppendVarint(scratch, int64_t(record.headers.size()));
  for (const auto& [key, value] : record.headers) {
    AppendBytes(scratch, key);
    AppendBytes(scratch, value);
  }
  AppendVarint(out, int64_t(scratch.size()));
  out.append(scratch);
}

}  // namespace

Result<std::string> EncodeBatch(const std::vector<NewRecord>& records, const BatchOptions& options) {
  TARN_CHECK(!records.empty());
  const int64_t base_timestamp = records.front().timestamp_ms;
  int64_t max_timestamp = base_timestamp;
  std::string batch(kBatchHeaderSize, '\0');
  std::string scratch;
  for (size_t i = 0; i < records.size(); ++i) {
    max_timestamp = std::max(max_timestamp, records[i].timestamp_ms);
    AppendRecord(batch, scratch, records[i], base_timestamp, i);
  }
  if (options.compression != Compression::kNone) {
    TARN_ASSIGN_OR_RETURN(const std::string body,
                          Compress(options.compression, std::string_view(batch).substr(kBatchHeaderSize)));
    batch.resize(kBatchHeaderSize);
    batch.append(body);
  }
  if (batch.size() > size_t(std::numeric_limits<int32_t>::max()))
    return Error(ErrorCode::kInvalidArgument,
                 "a record batch of " + std::to_string(batch.size()) + " bytes, the format holds 2 GiB");
  char* const p = batch.data();
  StoreBigEndian(p + kBaseOffsetAt, int64_t(0));
  StoreBigEndian(p + kBatchLengthAt, int32_t(batch.size() - kBatchPrefixSize));
  StoreBigEndian(p + kLeaderEpochAt, int32_t(-1));
  p[kMagicAt] = 2;
  StoreBigEndian(p + kAttributesAt, int16_t(options.compression));
  StoreBigEndian(p + kLastOffsetDeltaAt, int32_t(records.size() - 1));
  StoreBigEndian(p + kBaseTimestampAt, base_timestamp);
  StoreBigEndian(p + kMaxTimestampAt, max_timestamp);
  StoreBigEndian(p + kProducerIdAt, options.producer_id);
  StoreBigEndian(p + kProducerEpochAt, options.producer_epoch);
  StoreBigEndian(p + kBaseSequenceAt, options.base_sequence);
  StoreBigEndian(p + kRecordCountAt, int32_t(records.size()));
  StoreBigEndian(p + kCrcAt, Crc32c(std::string_view(batch).substr(kAttributesAt)));
  return batch;
}

}  // namespace tarn::record
