#include "record/record_batch.h"
#include "stream/log_reader.h"
#include "stream/source_contract.h"
#include "stream/testing/memory_log.h"

namespace tarn::stream {
namespace {

std::string Encode(const std::vector<ProducedRecord>& produced, const std::string& codec) {
  static const std::map<std::string, record::Compression> kCodecs = {{"none", record::Compression::kNone},
                                                                     {"gzip", record::Compression::kGzip},
                                                                     {"snappy", record::Compression::kSnappy},
                                                                     {"lz4", record::Compression::kLz4},
                                                                     {"zstd", record::Compression::kZstd}};
  std::vector<record::NewRecord> records;
  for (const auto& record : produced) {
    records.emplace_back().timestamp_ms = record.timestamp_ms;
    if (record.key) records.back().key = *record.key;
    if (record.value) records.back().value = *record.value;
  }
  auto batch = record::EncodeBatch(records, {.compression = kCodecs.at(codec)});
  TARN_CHECK(batch.ok());
  return *batch;
}

struct EmbeddedWorld final : SourceWorld {
  testing::MemoryLog log{3};
  std::unique_ptr<Source> reader = MakeEmbeddedSource(log);

  Source& source() override { return *reader; }
  void Produce(int32_t partition, const std::vector<ProducedRecord>& records, const std::string& codec) override {
    log.Append(partition, Encode(records, codec));
  }
  void LoseTheBeginning(int32_t partition) override {
    for (int i = 0; i < 10; ++i) Produce(partition, {{.key = {}, .value = "kept or not"}}, "none");
    log.DeleteBefore(partition, 5);
  }
  void GoAway() override { log.SetStopped(true); }
  void ComeBack() override { log.SetStopped(false); }
};

std::unique_ptr<SourceWorld> MakeEmbeddedWorld() {
  return std::make_unique<EmbeddedWorld>();
}

INSTANTIATE_TEST_SUITE_P(Embedded, SourceContract, ::testing::Values(&MakeEmbeddedWorld));

constexpr uint64_t kMaxBytes = 1 << 20;

class EmbeddedSource : public ::testing::Test {
 protected:
  std::string Batch(int count, const std::string& codec = "none") {
    return Encode(std::vector<ProducedRecord>(size_t(count), {.key = {}, .value = "v"}), codec);
  }
  testing::MemoryLog log_{2};
  std::unique_ptr<Source> source_ = MakeEmbeddedSource(log_);
};

TEST_F(EmbeddedSource, PassesOffsetsWithoutRecords) {
  log_.Append(0, Batch(3));
  log_.Append(0, Batch(2), /*gap=*/10);
  ASSERT_TRUE(source_->Seek(0, 0).ok());
  const auto run = source_->Poll(kMaxBytes, 0);
  ASSERT_TRUE(run.ok() && *run);
  EXPECT_EQ((*run)->records.size(), 5u);
  EXPECT_EQ((*run)->records[3].offset, 13);
  EXPECT_EQ((*run)->next_offset, 15);
}

TEST_F(EmbeddedSource, ControlBatchesMoveThePositionOnly) {
  std::string marker = Batch(1);
  marker[22] |= 32;  // attributes: a control batch
  const uint32_t crc = record::Crc32c(std::string_view(marker).substr(21));
  for (int i = 0; i < 4; ++i) marker[size_t(17 + i)] = char(crc >> (24 - 8 * i));
  log_.Append(0, marker);
  ASSERT_TRUE(source_->Seek(0, 0).ok());
  const auto run = source_->Poll(kMaxBytes, 0);
  ASSERT_TRUE(run.ok() && *run);
  EXPECT_TRUE((*run)->records.empty());
  EXPECT_EQ((*run)->next_offset, 1);
}

TEST_F(EmbeddedSource, ACorruptBatchComesAfterTheGoodOnesAndNamesItsPlace) {
  for (const char* codec : {"none", "lz4"}) {
    testing::MemoryLog log(1);
    const auto source = MakeEmbeddedSource(log);
    log.Append(0, Batch(7, codec));
    std::string bad = Batch(3, codec);
    bad.back() ^= 1;
    log.Append(0, bad);
    ASSERT_TRUE(source->Seek(0, 0).ok());
    const auto run = source->Poll(kMaxBytes, 0);
    ASSERT_TRUE(run.ok() && *run);
    EXPECT_EQ((*run)->next_offset, 7);
    for (int i = 0; i < 2; ++i) {
      const auto failed = source->Poll(kMaxBytes, 0);
      ASSERT_TRUE(failed.Is(ErrorCode::kCorruption)) << codec;
      EXPECT_NE(failed.error().ToString().find("partition 0, offset 7"), std::string::npos)
          << failed.error().ToString();
    }
  }
}

TEST_F(EmbeddedSource, EveryCutOfABatchIsCorruption) {
  const std::string whole = Batch(3, "lz4");
  for (size_t size = 1; size < whole.size(); ++size) {
    testing::MemoryLog log(1);
    const auto source = MakeEmbeddedSource(log);
    log.AppendRaw(0, whole.substr(0, size), 0, 2);
    ASSERT_TRUE(source->Seek(0, 0).ok());
    EXPECT_TRUE(source->Poll(kMaxBytes, 0).Is(ErrorCode::kCorruption)) << size;
  }
}

TEST_F(EmbeddedSource, ABatchBelowThePositionIsCorruptionNotAnEndlessLoop) {
  log_.AppendRaw(0, Batch(3), 0, 9);  // its header says 0 to 2
  ASSERT_TRUE(source_->Seek(0, 5).ok());
  EXPECT_TRUE(source_->Poll(kMaxBytes, 0).Is(ErrorCode::kCorruption));
}

TEST_F(EmbeddedSource, ReadsInPiecesNoMatterHowSmallItsRunsAre) {
  for (int i = 0; i < 20; ++i) log_.Append(0, Batch(10, "lz4"));
  ASSERT_TRUE(source_->Seek(0, 0).ok());
  for (int i = 0; i < 20; ++i) {
    const auto run = source_->Poll(/*max_bytes=*/1, 0);
    ASSERT_TRUE(run.ok() && *run);
    EXPECT_EQ((*run)->records.size(), 10u);
  }
  EXPECT_FALSE((*source_->Poll(1, 0)).has_value());
}

TEST_F(EmbeddedSource, NoSuchPartition) {
  EXPECT_TRUE(source_->Seek(7, 0).Is(ErrorCode::kNotFound));
}

}  // namespace
}  // namespace tarn::stream
