#include "stream/source_contract.h"

namespace tarn::stream {
namespace {

TEST_P(SourceContract, TellsTheTopicsIdentityAndRanges) {
  const auto id = source_.TopicId();
  ASSERT_TRUE(id.ok()) << id.error().ToString();
  EXPECT_FALSE(id->empty());
  EXPECT_EQ(*source_.TopicId(), *id);
  Produce(1, 0, 5);
  const auto partitions = source_.Partitions();
  ASSERT_TRUE(partitions.ok()) << partitions.error().ToString();
  ASSERT_EQ(partitions->size(), 3u);
  EXPECT_EQ(partitions->at(0).end, 0);
  EXPECT_EQ(partitions->at(1).begin, 0);
  EXPECT_EQ(partitions->at(1).end, 5);
}

TEST_P(SourceContract, ReadsEachPartitionFromItsOffsetInOrder) {
  for (int batch = 0; batch < 4; ++batch)
    for (int32_t partition = 0; partition < 3; ++partition) Produce(partition, 10 * batch, 10);
  Seek({{0, 0}, {1, 13}, {2, 40}});
  const Read read = PollCount(40 + 27);
  EXPECT_EQ(read.records.at(0), Values(0, 40));
  EXPECT_EQ(read.records.at(1), Values(13, 40)) << "from the middle of a batch";
  EXPECT_FALSE(read.records.contains(2));
  EXPECT_EQ(read.next.at(0), 40);
  EXPECT_EQ(read.next.at(1), 40);
}

TEST_P(SourceContract, ReadsEveryCodec) {
  int next = 0;
  for (const std::string codec : {"none", "gzip", "snappy", "lz4", "zstd"}) {
    Produce(0, next, 20, codec);
    next += 20;
  }
  Seek({{0, 0}});
  EXPECT_EQ(PollCount(100).records.at(0), Values(0, 100));
}

TEST_P(SourceContract, PartitionsThatWereNotSoughtAreNotRead) {
  Produce(0, 0, 5);
  Produce(1, 0, 5);
  Seek({{1, 0}});
  EXPECT_EQ(PollCount(5).records.count(0), 0u);
}

TEST_P(SourceContract, TellsNullFromEmptyAndKeepsKeysAndTimes) {
  world_->Produce(0,
                  {{.key = "k", .value = "", .timestamp_ms = 1'700'000'000'001},
                   {.key = "", .value = {}, .timestamp_ms = 1'700'000'000'002},
                   {.key = {}, .value = "v", .timestamp_ms = 1'700'000'000'003}},
                  "none");
  Seek({{0, 0}});
  std::vector<std::string> found;
  for (int idle = 0; found.size() < 3 && idle < kPatience; ++idle) {
    const auto run = source_.Poll(kMaxBytes, kTimeout);
    ASSERT_TRUE(run.ok());
    if (!*run) continue;
    for (const auto& record : (*run)->records)
      found.push_back(std::string(record.key.value_or("-")) + "|" + std::string(record.value.value_or("-")) + "|" +
                      std::to_string(record.timestamp_ms % 10));
  }
  EXPECT_THAT(found, testing::ElementsAre("k||1", "|-|2", "-|v|3"));
}

// simdjson reads past the end of a text; the memory there must be the run's.
TEST_P(SourceContract, EveryValueHasReadableBytesBehindItAsLongAsItsRunLives) {
  for (const std::string codec : {"none", "lz4"}) Produce(0, 0, 50, codec);
  Seek({{0, 0}});
  std::vector<SourceRun> runs;
  size_t count = 0;
  for (int idle = 0; count < 100 && idle < kPatience; ++idle) {
    auto run = source_.Poll(kMaxBytes, kTimeout);
    ASSERT_TRUE(run.ok());
    if (!*run) continue;
    count += (*run)->records.size();
    runs.push_back(std::move(**run));
  }
  ASSERT_EQ(count, 100u);
  for (const SourceRun& run : runs) {
    uint64_t held = 0;
    for (const auto& buffer : run.buffers) held += buffer->size();
    EXPECT_GE(run.bytes, held);
    for (const SourceRecord& record : run.records) {
      EXPECT_TRUE(record.value->starts_with("value "));
      const char* end = record.value->data() + record.value->size() + 64;
      EXPECT_TRUE(std::ranges::any_of(run.buffers, [&](const auto& buffer) {
        return record.value->data() >= buffer->data() && end <= buffer->data() + buffer->size();
      }));
    }
  }
}

TEST_P(SourceContract, PartitionsAreServedInTurn) {
  for (int batch = 0; batch < 50; ++batch) Produce(0, 100 * batch, 100);
  Produce(1, 0, 1);
  Produce(2, 0, 1);
  Seek({{0, 0}, {1, 0}, {2, 0}});
  const Read read = PollUntil([](const Read& r) { return r.records.size() == 3; }, /*max_bytes=*/2'000);
  EXPECT_LT(read.records.at(0).size(), 5'000u) << "a long partition must not keep the others waiting";
}

TEST_P(SourceContract, RunsAreOfAboutTheSizeAskedFor) {
  const std::string value(1'000, 'x');
  for (int batch = 0; batch < 20; ++batch)
    world_->Produce(0, std::vector<ProducedRecord>(50, {.key = {}, .value = value}), "none");
  Seek({{0, 0}});
  size_t count = 0;
  for (int idle = 0; count < 1'000 && idle < kPatience; ++idle) {
    const auto run = source_.Poll(200'000, kTimeout);
    ASSERT_TRUE(run.ok());
    if (!*run) continue;
    count += (*run)->records.size();
    EXPECT_LE((*run)->records.size(), 300u);
  }
  EXPECT_EQ(count, 1'000u);
}

TEST_P(SourceContract, NothingThereIsNoErrorAndWhatComesLaterIsRead) {
  Produce(0, 0, 3);
  Seek({{0, 3}});
  const auto run = source_.Poll(kMaxBytes, 10'000);
  ASSERT_TRUE(run.ok()) << run.error().ToString();
  EXPECT_FALSE(run->has_value());
  Produce(0, 3, 2);
  EXPECT_EQ(PollCount(2).records.at(0), Values(3, 5));
}

TEST_P(SourceContract, ASoughtPartitionIsReadAgain) {
  Produce(0, 0, 20);
  Produce(0, 20, 20);
  Produce(1, 0, 10);
  Seek({{0, 0}, {1, 0}});
  PollCount(50);
  Seek({{0, 5}});
  const Read read = PollCount(35);
  EXPECT_EQ(read.records.at(0), Values(5, 40));
  EXPECT_FALSE(read.records.contains(1)) << "other partitions go on where they were";
  Seek({{0, 30}});
  EXPECT_EQ(PollCount(10).records.at(0), Values(30, 40));
}

TEST_P(SourceContract, AnOffsetThatIsNotThereIsRefused) {
  Produce(0, 0, 5);
  EXPECT_TRUE(source_.Seek(0, 6).Is(ErrorCode::kOutOfRange));
  EXPECT_TRUE(source_.Seek(0, -1).Is(ErrorCode::kOutOfRange));
  EXPECT_TRUE(source_.Seek(0, 5).ok()) << "the end is a position";
  world_->LoseTheBeginning(1);
  const auto partitions = source_.Partitions();
  ASSERT_TRUE(partitions.ok());
  ASSERT_GT(partitions->at(1).begin, 0);
  EXPECT_TRUE(source_.Seek(1, partitions->at(1).begin - 1).Is(ErrorCode::kOutOfRange));
  EXPECT_TRUE(source_.Seek(1, partitions->at(1).begin).ok());
}

// Retention overtakes a reader: it must hear of it, and never be moved to another offset silently.
TEST_P(SourceContract, APositionLostWhileReadingIsAnErrorUntilSoughtAgain) {
  Seek({{0, 0}});
  world_->GoAway();
  (void)source_.Poll(kMaxBytes, 10'000);
  world_->ComeBack();
  world_->LoseTheBeginning(0);
  ErrorCode code = ErrorCode::kUnavailable;
  bool read_something = false;
  for (int i = 0; i < kPatience && code == ErrorCode::kUnavailable; ++i) {
    const auto run = source_.Poll(kMaxBytes, kTimeout);
    if (!run.ok()) code = run.error().code();
    // A body may have read ahead of the loss. That is in order, too, as long as it is from the beginning.
    if (run.ok() && *run && !(*run)->records.empty()) {
      read_something = (*run)->records.front().offset == 0;
      EXPECT_TRUE(read_something);
      break;
    }
  }
  if (read_something) return;
  EXPECT_EQ(code, ErrorCode::kOutOfRange);
  EXPECT_TRUE(source_.Poll(kMaxBytes, kTimeout).Is(ErrorCode::kOutOfRange)) << "it stays an error";
  const auto partitions = source_.Partitions();
  ASSERT_TRUE(partitions.ok());
  Seek({{0, partitions->at(0).begin}});
  const Read read = PollCount(1);
  EXPECT_EQ(read.records.at(0).front().first, partitions->at(0).begin);
}

TEST_P(SourceContract, ASourceThatWentAwaySaysSoAndGoesOnWhereItWas) {
  Produce(0, 0, 10);
  Seek({{0, 0}});
  PollCount(10);
  world_->GoAway();
  bool unavailable = false;
  for (int i = 0; i < kPatience && !unavailable; ++i)
    unavailable = source_.Poll(kMaxBytes, kTimeout).Is(ErrorCode::kUnavailable);
  EXPECT_TRUE(unavailable);
  EXPECT_TRUE(source_.Partitions().Is(ErrorCode::kUnavailable));
  world_->ComeBack();
  Produce(0, 10, 10);
  EXPECT_EQ(PollCount(10).records.at(0), Values(10, 20));
}

}  // namespace
}  // namespace tarn::stream
