#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

// Kafka's record batch, message format 2: the bytes that producers send, the partition log stores and streams read.
// Neither `broker` nor `stream` owns them, so they have a module of their own. Frozen bytes.
// Spec: Kafka documentation, "Message Format", "Record Batch".

namespace tarn::record {

inline constexpr size_t kBatchHeaderSize = 61;
// What base offset and length take: a batch occupies kBatchPrefixSize + batch_length bytes.
inline constexpr size_t kBatchPrefixSize = 12;

enum class Compression : int8_t { kNone = 0, kGzip = 1, kSnappy = 2, kLz4 = 3, kZstd = 4 };

struct BatchHeader {
  int64_t base_offset = 0;
  int32_t batch_length = 0;  // bytes after this field
  int32_t partition_leader_epoch = -1;
  int8_t magic = 2;
  uint32_t crc = 0;  // CRC-32C from `attributes` to the end of the batch
  int16_t attributes = 0;
  int32_t last_offset_delta = 0;
  int64_t base_timestamp = -1;
  int64_t max_timestamp = -1;
  int64_t producer_id = -1;
  int16_t producer_epoch = -1;
  int32_t base_sequence = -1;
  int32_t record_count = 0;

  size_t total_size() const { return kBatchPrefixSize + size_t(batch_length); }
  // Wraps instead of overflowing: both come from outside.
  int64_t last_offset() const { return int64_t(uint64_t(base_offset) + uint64_t(int64_t(last_offset_delta))); }
  Compression compression() const { return Compression(attributes & 7); }
  bool log_append_time() const { return (attributes & 8) != 0; }
  bool transactional() const { return (attributes & 16) != 0; }
  bool control() const { return (attributes & 32) != 0; }
};

// Reads the header at the start of `bytes`. kCorruption names the field: fewer than 61 bytes, another magic, a length
// below the header's own. Whether the whole batch is in `bytes` is the caller's question (total_size).
Result<BatchHeader> ParseBatchHeader(std::string_view bytes);
// Whole-batch checks of one batch of exactly total_size() bytes: CRC, known codec, counts that agree. kCorruption.
Status CheckBatch(std::string_view batch, const BatchHeader& header);
// Stamps base offset and leader epoch, which the CRC does not cover. Requires: a whole batch.
void StampBatch(char* batch, int64_t base_offset, int32_t leader_epoch);
// Stamps LogAppendTime: sets the timestamp type and max timestamp and writes the new CRC. Requires: a whole batch.
void StampLogAppendTime(char* batch, size_t size, int64_t timestamp_ms);

using Header = std::pair<std::string_view, std::optional<std::string_view>>;

struct Record {
  int64_t offset = 0;
  int64_t timestamp_ms = 0;
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;
  std::string_view headers;  // still encoded: DecodeHeaders
};

// Decodes one whole batch (checked with CheckBatch before). The records' views point into `inflated` when the batch is
// compressed, else into `batch`; a reader that needs readable bytes after the last record pads (`padding` zero bytes
// follow in `inflated`). `inflated` is scratch that only grows: keep it from batch to batch; its size tells nothing.
// kCorruption: names offset and field; kResourceExhausted: the inflated size is above `inflated_max`.
// `records` is appended to.
Status DecodeBatch(std::string_view batch, const BatchHeader& header, uint64_t inflated_max, size_t padding,
                   std::string& inflated, std::vector<Record>& records);
// The headers of one record. kCorruption.
Result<std::vector<Header>> DecodeHeaders(std::string_view encoded);

struct BatchOptions {
  Compression compression = Compression::kNone;
  int64_t producer_id = -1;
  int16_t producer_epoch = -1;
  int32_t base_sequence = -1;
};

struct NewRecord {
  int64_t timestamp_ms = 0;
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;
  std::vector<Header> headers;
};

// One batch of these records, base offset 0, leader epoch -1. Requires: at least one record.
Result<std::string> EncodeBatch(const std::vector<NewRecord>& records, const BatchOptions& options = {});

// CRC-32C (Castagnoli), by SSE4.2 where the processor has it. `crc` continues an earlier one.
uint32_t Crc32c(std::string_view bytes, uint32_t crc = 0);

}  // namespace tarn::record
