#include "record/record_batch.h"

#include <snappy.h>

#include <gtest/gtest.h>

#include "record/compression.h"
#include "record/crc32c_internal.h"

namespace tarn::record {
namespace {

constexpr uint64_t kInflatedMax = 64 << 20;

const Compression kCodecs[] = {Compression::kNone, Compression::kGzip, Compression::kSnappy, Compression::kLz4,
                               Compression::kZstd};

struct Decoded {
  BatchHeader header;
  std::string inflated;
  std::vector<Record> records;
};

// Checks and decodes; the views of the records live as long as `batch` and `decoded`.
Status Decode(std::string_view batch, Decoded& decoded, uint64_t inflated_max = kInflatedMax) {
  TARN_ASSIGN_OR_RETURN(decoded.header, ParseBatchHeader(batch));
  TARN_TRY(CheckBatch(batch, decoded.header));
  return DecodeBatch(batch, decoded.header, inflated_max, 64, decoded.inflated, decoded.records);
}

std::string ByHex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes.push_back(char(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  return bytes;
}

std::string Value(size_t i) {
  return "{\"event_id\":\"" + std::to_string(i * 7919) + "\",\"page\":\"/product/" + std::to_string(i % 50) + "\"}";
}

std::string Encode(const std::vector<NewRecord>& records, Compression codec) {
  auto batch = EncodeBatch(records, {.compression = codec, .producer_id = 9, .producer_epoch = 3, .base_sequence = 77});
  EXPECT_TRUE(batch.ok());
  return batch.ok() ? *batch : "";
}

TEST(Crc32c, KnownAnswers) {
  EXPECT_EQ(Crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8a9136aau);  // RFC 3720, B.4
  EXPECT_EQ(Crc32c(std::string(32, '\xff')), 0x62a8ab43u);
  EXPECT_EQ(Crc32c(""), 0u);
}

TEST(Crc32c, TableAndInstructionAgreeAtEveryLengthAndCut) {
  std::string bytes;
  for (size_t i = 0; i < 10'000; ++i) bytes.push_back(char(i * i * 31 + i / 7));
  const std::string_view all = bytes;
  for (size_t size = 0; size < bytes.size(); size += 1 + size / 50)
    ASSERT_EQ(Crc32c(all.substr(1, size)), Crc32cByTable(all.substr(1, size))) << size;
  for (size_t cut = 0; cut < bytes.size(); cut += 61)
    ASSERT_EQ(Crc32c(all.substr(cut), Crc32c(all.substr(0, cut))), Crc32c(all));
}

TEST(RecordBatch, RoundTripsWithEveryCodec) {
  std::vector<std::string> values;
  for (size_t i = 0; i < 3000; ++i) values.push_back(Value(i));
  std::vector<NewRecord> records;
  for (size_t i = 0; i < values.size(); ++i) {
    NewRecord record{.timestamp_ms = 1'700'000'000'000 + int64_t(i % 17) - 5, .value = values[i]};
    if (i % 3 == 0) record.key = "k";
    if (i % 5 == 0) record.value.reset();
    if (i % 7 == 0) record.headers = {{"trace", "abc"}, {"none", std::nullopt}, {"", ""}};
    records.push_back(std::move(record));
  }
  for (const Compression codec : kCodecs) {
    std::string batch = Encode(records, codec);
    StampBatch(batch.data(), 1'000'000, 4);
    Decoded decoded;
    const Status status = Decode(batch, decoded);
    ASSERT_TRUE(status.ok()) << status.error().ToString();
    EXPECT_EQ(decoded.header.compression(), codec);
    EXPECT_EQ(decoded.header.partition_leader_epoch, 4);
    EXPECT_EQ(decoded.header.producer_id, 9);
    EXPECT_EQ(decoded.header.producer_epoch, 3);
    EXPECT_EQ(decoded.header.base_sequence, 77);
    EXPECT_EQ(decoded.header.last_offset(), 1'000'000 + 2999);
    EXPECT_EQ(decoded.header.max_timestamp, 1'700'000'000'011);
    ASSERT_EQ(decoded.records.size(), records.size());
    for (size_t i = 0; i < records.size(); ++i) {
      ASSERT_EQ(decoded.records[i].offset, 1'000'000 + int64_t(i));
      ASSERT_EQ(decoded.records[i].timestamp_ms, records[i].timestamp_ms);
      ASSERT_EQ(decoded.records[i].key, records[i].key);
      ASSERT_EQ(decoded.records[i].value, records[i].value);
      const auto headers = DecodeHeaders(decoded.records[i].headers);
      ASSERT_TRUE(headers.ok());
      ASSERT_EQ(*headers, records[i].headers);
    }
  }
}

TEST(RecordBatch, PadsBehindInflatedRecordsAndAppends) {
  const std::string batch = Encode({{.timestamp_ms = 1, .value = "hello"}}, Compression::kZstd);
  Decoded decoded;
  decoded.inflated = std::string(1000, 'x');
  ASSERT_TRUE(Decode(batch, decoded).ok());
  ASSERT_TRUE(Decode(batch, decoded).ok());
  ASSERT_EQ(decoded.records.size(), 2u);
  const char* end = decoded.records[1].headers.data() + decoded.records[1].headers.size();
  EXPECT_EQ(std::string_view(end, 64), std::string(64, '\0'));
}

// A batch as Apache Kafka's own clients write it: one record, key null, value "hello", no compression.
TEST(RecordBatch, WritesTheSpecifiedBytes) {
  const std::string batch = *EncodeBatch({{.timestamp_ms = 1'700'000'000'000, .value = "hello"}});
  const std::string head = ByHex(
      "0000000000000000"
      "0000003d"
      "ffffffff"
      "02");
  const std::string rest = ByHex(
      "0000"
      "00000000"
      "0000018bcfe56800"
      "0000018bcfe56800"
      "ffffffffffffffff"
      "ffff"
      "ffffffff"
      "00000001"
      "16"
      "00"
      "00"
      "00"
      "01"
      "0a"
      "68656c6c6f"
      "00");
  EXPECT_EQ(batch.substr(0, 17), head);
  EXPECT_EQ(batch.substr(21), rest);
}

TEST(RecordBatch, EveryTruncationAndBitFlipFailsOrIsEqual) {
  for (const Compression codec : kCodecs) {
    const std::string value = Value(1);
    const std::string batch = Encode(
        {{.timestamp_ms = 5, .key = "a", .value = value, .headers = {{"h", "v"}}}, {.timestamp_ms = 9, .value = value}},
        codec);
    for (size_t size = 0; size < batch.size(); ++size) {
      Decoded decoded;
      ASSERT_TRUE(Decode(batch.substr(0, size), decoded).Is(ErrorCode::kCorruption)) << size;
    }
    for (size_t bit = 0; bit < batch.size() * 8; ++bit) {
      std::string flipped = batch;
      flipped[bit / 8] = char(flipped[bit / 8] ^ (1 << (bit % 8)));
      Decoded decoded;
      const Status status = Decode(flipped, decoded);
      const bool outside_crc = bit / 8 < 8 || (bit / 8 >= 12 && bit / 8 < 16);  // base offset, leader epoch
      ASSERT_EQ(status.ok(), outside_crc) << bit;
    }
  }
}

// Behind a right CRC: no input may crash, hang or allocate without bound. (The fuzzer does the same for longer.)
TEST(RecordBatch, HostileBytesBehindARightCrc) {
  for (const Compression codec : kCodecs) {
    const std::string value = Value(1);
    const std::string batch =
        Encode({{.timestamp_ms = 5, .key = "a", .value = value}, {.timestamp_ms = 9, .value = value}}, codec);
    for (size_t at = 21; at < batch.size(); ++at) {
      for (const int with : {0x01, 0x7f, 0x80, 0xff}) {
        std::string hostile = batch;
        hostile[at] = char(hostile[at] ^ with);
        StampLogAppendTime(hostile.data(), hostile.size(), 1);
        Decoded decoded;
        const Status status = Decode(hostile, decoded, 1 << 20);
        ASSERT_TRUE(status.ok() || status.Is(ErrorCode::kCorruption) || status.Is(ErrorCode::kResourceExhausted));
        ASSERT_EQ(decoded.records.empty(), !status.ok());
        ASSERT_LE(decoded.inflated.size(), (1u << 20) + 65);
      }
    }
  }
}

TEST(RecordBatch, ABombStopsAtTheBudget) {
  const std::string zeros(32 << 20, 'a');
  for (const Compression codec : kCodecs) {
    if (codec == Compression::kNone) continue;
    const std::string batch = Encode({{.timestamp_ms = 1, .value = zeros}}, codec);
    Decoded decoded;
    EXPECT_TRUE(Decode(batch, decoded, 1 << 20).Is(ErrorCode::kResourceExhausted));
    EXPECT_LE(decoded.inflated.size(), (1u << 20) + 65);
    EXPECT_TRUE(Decode(batch, decoded, 33 << 20).ok());
  }
}

TEST(RecordBatch, TheBudgetIsExact) {
  for (const Compression codec : kCodecs) {
    if (codec == Compression::kNone) continue;
    const std::string body(100'000, 'b');
    const std::string packed = *Compress(codec, body);
    std::string scratch;
    const auto fits = Decompress(codec, packed, body.size(), 8, scratch);
    ASSERT_TRUE(fits.ok()) << int(codec) << fits.error().ToString();
    EXPECT_EQ(*fits, body.size());
    EXPECT_TRUE(Decompress(codec, packed, body.size() - 1, 8, scratch).Is(ErrorCode::kResourceExhausted)) << int(codec);
  }
}

TEST(Compression, ReadsXerialBlocksOfSnappy) {
  std::string first, second;
  snappy::Compress("hello ", 6, &first);
  snappy::Compress("world", 5, &second);
  std::string framed("\x82SNAPPY\0\0\0\0\1\0\0\0\1", 16);
  for (const std::string& block : {first, second}) framed += std::string("\0\0\0", 3) + char(block.size()) + block;
  std::string scratch;
  const auto size = Decompress(Compression::kSnappy, framed, 100, 0, scratch);
  ASSERT_TRUE(size.ok());
  EXPECT_EQ(scratch.substr(0, *size), "hello world");
  for (size_t cut = 17; cut < framed.size(); ++cut) {
    if (cut == 16 + 4 + first.size()) continue;  // between two blocks
    EXPECT_TRUE(Decompress(Compression::kSnappy, framed.substr(0, cut), 100, 0, scratch).Is(ErrorCode::kCorruption))
        << cut;
  }
}

TEST(Compression, ConcatenatedFramesAreOneStream) {
  for (const Compression codec : {Compression::kGzip, Compression::kLz4, Compression::kZstd}) {
    const std::string both = *Compress(codec, "hello ") + *Compress(codec, "world");
    std::string scratch;
    const auto size = Decompress(codec, both, 100, 0, scratch);
    ASSERT_TRUE(size.ok()) << int(codec);
    EXPECT_EQ(scratch.substr(0, *size), "hello world");
  }
}

TEST(RecordBatch, LogAppendTimeIsEveryRecordsTimestamp) {
  std::string batch =
      Encode({{.timestamp_ms = 5, .value = "a"}, {.timestamp_ms = 6, .value = "b"}}, Compression::kNone);
  StampLogAppendTime(batch.data(), batch.size(), 1234);
  Decoded decoded;
  ASSERT_TRUE(Decode(batch, decoded).ok());
  EXPECT_TRUE(decoded.header.log_append_time());
  EXPECT_EQ(decoded.records[0].timestamp_ms, 1234);
  EXPECT_EQ(decoded.records[1].timestamp_ms, 1234);
}

TEST(RecordBatch, ACountThatCannotFitIsNotBelieved) {
  std::string batch = Encode({{.timestamp_ms = 5, .value = "a"}}, Compression::kNone);
  for (const size_t at : {size_t(23), size_t(57)}) batch[at] = 0x7f;  // last offset delta and count
  StampLogAppendTime(batch.data(), batch.size(), 1);
  Decoded decoded;
  const Status status = Decode(batch, decoded);
  ASSERT_TRUE(status.Is(ErrorCode::kCorruption));
  EXPECT_NE(status.error().ToString().find("record count"), std::string::npos);
}

}  // namespace
}  // namespace tarn::record
