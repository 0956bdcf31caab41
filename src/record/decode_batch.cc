#include <algorithm>

#include "record/compression.h"
#include "record/record_batch.h"

// Spec: Kafka documentation, "Record" and "Record Header". All numbers within a record are zig-zag variable-length
// integers (seven bits a byte, lowest first), as Protocol Buffers has them.

namespace tarn::record {
namespace {

// Smallest record: length, attributes, timestamp delta, offset delta, key length, value length, header count.
constexpr size_t kRecordSizeMin = 7;

// A cursor over foreign bytes. After a failed read `failed` names what was expected and `at` says where.
struct Cursor {
  const char* at;
  const char* end;
  const char* failed = nullptr;

  bool Fail(const char* expected) {
    failed = expected;
    return false;
  }

  template <typename T>
  bool ReadVarint(T& value, const char* expected) {
    if (at != end && uint8_t(*at) < 0x80) [[likely]] {
      const auto byte = uint8_t(*at++);
      value = T(byte >> 1) ^ -T(byte & 1);
      return true;
    }
    constexpr int kBytesMax = sizeof(T) == 4 ? 5 : 10;
    uint64_t bits = 0;
    const char* next = at;
    for (int i = 0; i < kBytesMax && next != end; ++i) {
      const auto byte = uint8_t(*next++);
      bits |= uint64_t(byte & 0x7f) << (7 * i);
      if (byte < 0x80) {
        if (sizeof(T) == 4 && bits > 0xffffffff) break;
        at = next;
        value = T(bits >> 1) ^ -T(bits & 1);
        return true;
      }
    }
    return Fail(expected);
  }

  // A length and so many bytes; a length of -1 is null.
  bool ReadBytes(std::optional<std::string_view>& bytes, const char* expected) {
    int32_t size = 0;
    if (!ReadVarint(size, expected)) return false;
    if (size < 0) {
      if (size != -1) return Fail(expected);
      bytes.reset();
      return true;
    }
    if (size > end - at) return Fail(expected);
    bytes.emplace(at, size_t(size));
    at += size;
    return true;
  }
};

Error Corrupt(std::string_view what, int64_t at, std::string_view expected) {
  return Error(ErrorCode::kCorruption,
               std::string(what) + ", byte " + std::to_string(at) + ": expected " + std::string(expected));
}

int64_t WrappingAdd(int64_t a, int64_t b) {
  return int64_t(uint64_t(a) + uint64_t(b));
}

// One record at the cursor; `delta_min` is the smallest offset delta that it may have.
bool ReadRecord(Cursor& batch, const BatchHeader& header, int32_t& delta_min, Record& record) {
  int32_t size = 0;
  if (!batch.ReadVarint(size, "a record's length")) return false;
  if (size < int32_t(kRecordSizeMin - 1) || size > batch.end - batch.at)
    return batch.Fail("a record that ends within the batch");
  Cursor cursor{batch.at + 1, batch.at + size};  // past the attributes, which are unused
  int64_t timestamp_delta = 0;
  int32_t offset_delta = 0;
  const bool read = cursor.ReadVarint(timestamp_delta, "a timestamp delta") &&
                    cursor.ReadVarint(offset_delta, "an offset delta") && cursor.ReadBytes(record.key, "a key") &&
                    cursor.ReadBytes(record.value, "a value") &&
                    (cursor.at != cursor.end || cursor.Fail("a header count"));
  if (read && (offset_delta < delta_min || offset_delta > header.last_offset_delta))
    cursor.Fail("a rising offset delta within the batch");
  if (cursor.failed != nullptr) {
    batch.at = cursor.at;
    return batch.Fail(cursor.failed);
  }
  delta_min = offset_delta + (offset_delta < header.last_offset_delta ? 1 : 0);
  record.offset = WrappingAdd(header.base_offset, offset_delta);
  record.timestamp_ms =
      header.log_append_time() ? header.max_timestamp : WrappingAdd(header.base_timestamp, timestamp_delta);
  record.headers = {cursor.at, size_t(cursor.end - cursor.at)};
  batch.at = cursor.end;
  return true;
}

}  // namespace

Status DecodeBatch(std::string_view batch, const BatchHeader& header, uint64_t inflated_max, size_t padding,
                   std::string& inflated, std::vector<Record>& records) {
  const std::string where = "record batch at offset " + std::to_string(header.base_offset);
  if (batch.size() != header.total_size()) return Corrupt(where, int64_t(batch.size()), "the end of the batch");
  std::string_view body = batch.substr(kBatchHeaderSize);
  if (header.compression() != Compression::kNone) {
    Result<size_t> size = Decompress(header.compression(), body, inflated_max, padding, inflated);
    if (!size.ok()) return std::move(size).error().WithContext(where);
    body = {inflated.data(), *size};
  }
  if (header.record_count < 0 || uint64_t(header.record_count) > body.size() / kRecordSizeMin)
    return Corrupt(where, kBatchHeaderSize - 4, "a record count that fits " + std::to_string(body.size()) + " bytes");
  const size_t first = records.size();
  const size_t needed = first + size_t(header.record_count);
  if (records.capacity() < needed) records.reserve(std::max(needed, 2 * records.capacity()));
  Cursor cursor{body.data(), body.data() + body.size()};
  int32_t delta_min = 0;
  for (int32_t i = 0; i < header.record_count && cursor.failed == nullptr; ++i)
    ReadRecord(cursor, header, delta_min, records.emplace_back());
  if (cursor.failed == nullptr && cursor.at != cursor.end) cursor.Fail("the end of the batch after its last record");
  if (cursor.failed == nullptr) return Ok();
  records.resize(first);
  return Corrupt(where + (header.compression() == Compression::kNone ? ", records" : ", inflated records"),
                 cursor.at - body.data(), cursor.failed);
}

Result<std::vector<Header>> DecodeHeaders(std::string_view encoded) {
  std::vector<Header> headers;
  if (encoded.empty()) return headers;
  Cursor cursor{encoded.data(), encoded.data() + encoded.size()};
  int32_t count = 0;
  cursor.ReadVarint(count, "a header count");
  // A header takes two bytes at least.
  if (cursor.failed == nullptr && (count < 0 || count > (cursor.end - cursor.at) / 2))
    cursor.Fail("a header count that fits");
  if (cursor.failed == nullptr) headers.reserve(size_t(count));
  for (int32_t i = 0; i < count && cursor.failed == nullptr; ++i) {
    std::optional<std::string_view> key, value;
    if (!cursor.ReadBytes(key, "a header's key") || !cursor.ReadBytes(value, "a header's value")) break;
    if (!key.has_value())
      cursor.Fail("a header's key, not null");
    else
      headers.emplace_back(*key, value);
  }
  if (cursor.failed == nullptr && cursor.at != cursor.end) cursor.Fail("the end of the record after its last header");
  if (cursor.failed != nullptr) return Corrupt("record headers", cursor.at - encoded.data(), cursor.failed);
  return headers;
}

}  // namespace tarn::record
