#include "broker/partition_log.h"

#include <atomic>
#include <filesystem>

#include <unistd.h>

#include <gtest/gtest.h>

#include "broker/log/log_threads.h"
#include "broker/testing/log_fixture.h"

namespace tarn::broker {
namespace {

using PartitionLogTest = LogTest;

// Small segments and a dense index, so that a test of some kilobytes meets many of both.
LogOptions SmallSegments() {
  return {.segment_bytes = 2000, .index_interval_bytes = 300};
}

TEST(PartitionLogOnDisk, AppendsReadsAndComesBack) {
  char folder[] = "/tmp/tarn-log-XXXXXX";
  ASSERT_NE(::mkdtemp(folder), nullptr);
  for (int round = 0; round < 3; ++round) {
    auto log = OpenPartitionLog(PosixFileSystem(), SystemClock(), std::string(folder) + "/t-0", SmallSegments());
    ASSERT_TRUE(log.ok()) << log.error().ToString();
    EXPECT_EQ((*log)->high_watermark(), round * 5);
    const auto outcome = AppendNow(**log, MakeBatch(std::string(900, 'a'), 2) + MakeBatch("world", 3));
    ASSERT_TRUE(outcome.ok()) << outcome.error().ToString();
    EXPECT_EQ(outcome->base_offset, round * 5);
    const auto read = (*log)->Read(round * 5 + 3, 1);
    ASSERT_TRUE(read.ok()) << read.error().ToString();
    EXPECT_EQ(read->bytes.substr(16), MakeBatch("world", 3).substr(16));
    EXPECT_EQ(read->next_offset, round * 5 + 5);
    if (round != 1) {
      ASSERT_TRUE((*log)->Close().ok());
    }
  }
  std::filesystem::remove_all(folder);
}

TEST_F(PartitionLogTest, ReadsWholeBatchesFromEveryOffsetWithEveryLimit) {
  Open(SmallSegments());
  std::vector<std::pair<Offset, size_t>> batches;  // last offset, size
  for (int i = 0; i < 60; ++i) {
    const std::string batch = MakeBatch(std::string(size_t(i * 37 % 700), 'x'), 1 + i % 4);
    AppendOk(batch);
    batches.emplace_back(log_->high_watermark() - 1, batch.size());
  }
  ASSERT_GT(FilesEndingIn(".log").size(), 5u);
  for (int reopened = 0; reopened < 3; ++reopened) {
    ledger_.Check(*log_);
    for (Offset offset = 0; offset < log_->high_watermark(); ++offset) {
      for (const uint64_t max_bytes : {uint64_t(0), uint64_t(100), uint64_t(500), uint64_t(1500), UINT64_MAX}) {
        const auto read = log_->Read(offset, max_bytes);
        ASSERT_TRUE(read.ok()) << read.error().ToString();
        const auto header = record::ParseBatchHeader(read->bytes);
        ASSERT_TRUE(header.ok());
        ASSERT_LE(header->base_offset, offset);
        ASSERT_GE(header->last_offset(), offset);
        ASSERT_LE(read->bytes.size(), std::max<uint64_t>(max_bytes, header->total_size()));
        ASSERT_GT(read->next_offset, offset);
      }
    }
    if (reopened == 0) {
      ASSERT_TRUE(log_->Close().ok());
    }
    Open(SmallSegments());
  }
}

TEST_F(PartitionLogTest, RefusesWhatIsNoGoodBatchAndStoresNothingOfIt) {
  Open({.max_message_bytes = 5000});
  const std::string good = MakeBatch("good");
  std::string flipped = good;
  flipped.back() ^= 1;
  std::string miscounted = MakeBatch("a", 2);
  miscounted[60] = 1;
  record::StampLogAppendTime(miscounted.data(), miscounted.size(), 1);
  std::string control = good;
  control[22] = char(control[22] | 32);
  record::StampLogAppendTime(control.data(), control.size(), 1);
  EXPECT_TRUE(Append("").Is(ErrorCode::kInvalidArgument));
  EXPECT_TRUE(Append(good + flipped).Is(ErrorCode::kCorruption));
  EXPECT_TRUE(Append(good.substr(0, good.size() - 1)).Is(ErrorCode::kCorruption));
  EXPECT_TRUE(Append(good + good.substr(0, 30)).Is(ErrorCode::kCorruption));
  EXPECT_TRUE(Append(good + miscounted).Is(ErrorCode::kInvalidArgument));
  EXPECT_TRUE(Append(control).Is(ErrorCode::kInvalidArgument));
  EXPECT_TRUE(Append(MakeBatch(std::string(6000, 'x'))).Is(ErrorCode::kResourceExhausted));
  EXPECT_EQ(log_->high_watermark(), 0);
  EXPECT_EQ(log_->size_bytes(), 0u);
  EXPECT_EQ(AppendOk(good), 0);
}

TEST_F(PartitionLogTest, ReadsOutsideTheLogAreOutOfRange) {
  Open();
  AppendOk(MakeBatch("a", 3));
  EXPECT_TRUE(log_->Read(-1, 100).Is(ErrorCode::kOutOfRange));
  EXPECT_TRUE(log_->Read(4, 100).Is(ErrorCode::kOutOfRange));
  const auto end = log_->Read(3, 100);
  ASSERT_TRUE(end.ok());
  EXPECT_TRUE(end->bytes.empty());
  EXPECT_EQ(end->next_offset, 3);
}

TEST_F(PartitionLogTest, FindsTheFirstRecordOfATime) {
  Open(SmallSegments());
  const record::Compression codecs[] = {record::Compression::kNone, record::Compression::kGzip,
                                        record::Compression::kSnappy, record::Compression::kLz4,
                                        record::Compression::kZstd};
  for (int i = 0; i < 40; ++i)
    AppendOk(MakeBatch(std::string(200, char('a' + i % 26)), 5, {.compression = codecs[i % 5]}, 1000 + 10 * i));
  ASSERT_GT(FilesEndingIn(".log").size(), 2u);
  for (int i = 0; i < 40; ++i) {
    for (int record = 0; record < 5; ++record) {
      const auto found = log_->FindTimestamp(1000 + 10 * i + record);
      ASSERT_TRUE(found.ok()) << found.error().ToString();
      ASSERT_EQ(found->offset, 5 * i + record);
      ASSERT_EQ(found->timestamp_ms, 1000 + 10 * i + record);
    }
    ASSERT_EQ(log_->FindTimestamp(1000 + 10 * i - 3)->offset, 5 * i);  // between two batches
  }
  EXPECT_EQ(log_->FindTimestamp(0)->offset, 0);
  EXPECT_EQ(log_->FindTimestamp(1395)->offset, -1);
  AppendOk(MakeBatch("late", 1, {}, 7));
  EXPECT_EQ(log_->MaxTimestamp()->timestamp_ms, 1394);
  EXPECT_EQ(log_->MaxTimestamp()->offset, 199);
}

TEST_F(PartitionLogTest, LogAppendTimeReplacesTheProducersTime) {
  Open({.log_append_time = true});
  const std::string batch = MakeBatch("a", 2);
  const auto outcome = AppendNow(*log_, batch);
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome->log_append_time_ms, clock_.NowMillis());
  const auto read = log_->Read(0, 1000);
  const auto header = record::ParseBatchHeader(read->bytes);
  EXPECT_TRUE(header->log_append_time());
  EXPECT_EQ(header->max_timestamp, clock_.NowMillis());
  EXPECT_TRUE(record::CheckBatch(read->bytes, *header).ok());
  EXPECT_EQ(log_->FindTimestamp(clock_.NowMillis())->offset, 0);
}

TEST_F(PartitionLogTest, ARepeatedBatchIsAnsweredWithItsFirstOffset) {
  Open(SmallSegments());
  EXPECT_EQ(AppendOk(ProducerBatch(1, 0, 0, 3)), 0);
  EXPECT_EQ(AppendOk(ProducerBatch(1, 0, 3, 2)), 3);
  EXPECT_EQ(AppendNow(*log_, ProducerBatch(1, 0, 0, 3))->base_offset, 0);
  EXPECT_EQ(AppendNow(*log_, ProducerBatch(1, 0, 3, 2))->base_offset, 3);
  EXPECT_TRUE(Append(ProducerBatch(1, 0, 9)).Is(ErrorCode::kOutOfRange));
  EXPECT_EQ(AppendOk(ProducerBatch(1, 1, 0)), 5);
  EXPECT_TRUE(Append(ProducerBatch(1, 0, 5)).Is(ErrorCode::kFenced));
  EXPECT_EQ(log_->high_watermark(), 6);
}

// Both copies arrive before the first is synced.
TEST_F(PartitionLogTest, ARepeatedBatchInOneGroupIsStoredOnce) {
  Open();
  std::promise<void> go;
  std::shared_future<void> gate = go.get_future();
  fs_.SetHook([gate](DiskOperation operation, const std::string&) {
    if (operation == DiskOperation::kSync) gate.wait();
    return Ok();
  });
  auto first = AppendSoon(*log_, MakeBatch("hold the writer"));
  auto once = AppendSoon(*log_, ProducerBatch(1, 0, 0));
  auto again = AppendSoon(*log_, ProducerBatch(1, 0, 0));
  go.set_value();
  EXPECT_EQ(first.get()->base_offset, 0);
  EXPECT_EQ(once.get()->base_offset, 1);
  EXPECT_EQ(again.get()->base_offset, 1);
  EXPECT_EQ(log_->high_watermark(), 2);
}

TEST_F(PartitionLogTest, ProducersAreKnownAfterEveryKindOfRestart) {
  for (const bool clean : {true, false}) {
    for (const std::string_view damaged : {"", ".snapshot", ".index"}) {
      fs_.SetHook(nullptr);
      ASSERT_TRUE(fs_.RemoveTree(kFolder).ok());
      Open(SmallSegments());
      for (int i = 0; i < 60; ++i) ASSERT_EQ(AppendNow(*log_, ProducerBatch(1, 0, i))->base_offset, i);
      ASSERT_GT(FilesEndingIn(".log").size(), 1u);
      if (clean) {
        ASSERT_TRUE(log_->Close().ok());
      }
      log_.reset();
      if (!clean) fs_.Crash();
      if (!damaged.empty())
        for (const std::string& path : FilesEndingIn(damaged)) fs_.SetContent(path, "damaged");
      Open(SmallSegments());
      EXPECT_EQ(AppendNow(*log_, ProducerBatch(1, 0, 58))->base_offset, 58) << clean << damaged;
      EXPECT_TRUE(Append(ProducerBatch(1, 0, 61)).Is(ErrorCode::kOutOfRange)) << clean << damaged;
      EXPECT_EQ(AppendNow(*log_, ProducerBatch(1, 0, 60))->base_offset, 60) << clean << damaged;
    }
  }
}

TEST_F(PartitionLogTest, IdleProducersAreForgotten) {
  Open();
  AppendOk(ProducerBatch(1, 5, 0));
  EXPECT_TRUE(Append(ProducerBatch(1, 4, 0)).Is(ErrorCode::kFenced));
  clock_.Advance(Micros(86'400'001) * 1000);
  EXPECT_TRUE(Append(ProducerBatch(1, 4, 7)).ok());
}

TEST_F(PartitionLogTest, RollsByTime) {
  Open({.segment_ms = 1000});
  AppendOk(MakeBatch("a"));
  clock_.Advance(999'000);
  AppendOk(MakeBatch("b"));
  EXPECT_EQ(FilesEndingIn(".log").size(), 1u);
  clock_.Advance(1'000);
  AppendOk(MakeBatch("c"));
  EXPECT_EQ(FilesEndingIn(".log").size(), 2u);
  ledger_.Check(*log_);
}

TEST_F(PartitionLogTest, RetentionBySizeDropsTheOldestSegments) {
  LogOptions options = SmallSegments();
  options.retention_bytes = 5000;
  Open(options);
  for (int i = 0; i < 40; ++i) AppendOk(MakeBatch(std::string(400, 'x')));
  ASSERT_GT(log_->size_bytes(), 15'000u);
  ASSERT_TRUE(log_->ApplyRetention().ok());
  EXPECT_LT(log_->size_bytes(), 7'000u);
  EXPECT_GE(log_->size_bytes(), 5'000u);
  const Offset start = log_->log_start_offset();
  EXPECT_GT(start, 0);
  EXPECT_TRUE(log_->Read(start - 1, 100).Is(ErrorCode::kOutOfRange));
  ledger_.Check(*log_);
  log_.reset();
  fs_.Crash();
  Open(options);
  EXPECT_EQ(log_->log_start_offset(), start);
  ledger_.Check(*log_);
}

TEST_F(PartitionLogTest, RetentionByTimeKeepsTheActiveSegment) {
  LogOptions options = SmallSegments();
  options.retention_ms = 1000;
  Open(options);
  for (int i = 0; i < 20; ++i) AppendOk(MakeBatch(std::string(400, 'x'), 1, {}, clock_.NowMillis()));
  ASSERT_TRUE(log_->ApplyRetention().ok());
  EXPECT_EQ(log_->log_start_offset(), 0);
  clock_.Advance(1'001'000);
  ASSERT_TRUE(log_->ApplyRetention().ok());
  EXPECT_EQ(FilesEndingIn(".log").size(), 1u);
  EXPECT_GT(log_->high_watermark(), log_->log_start_offset());
  ledger_.Check(*log_);
}

TEST_F(PartitionLogTest, DeleteRecordsMovesTheStartForGood) {
  Open(SmallSegments());
  for (int i = 0; i < 20; ++i) AppendOk(MakeBatch(std::string(400, 'x'), 2));
  const size_t segments = FilesEndingIn(".log").size();
  EXPECT_TRUE(log_->DeleteRecordsBefore(41).Is(ErrorCode::kOutOfRange));
  ASSERT_TRUE(log_->DeleteRecordsBefore(21).ok());  // within a batch
  EXPECT_LT(FilesEndingIn(".log").size(), segments);
  for (int reopened = 0; reopened < 3; ++reopened) {
    EXPECT_EQ(log_->log_start_offset(), 21);
    EXPECT_TRUE(log_->Read(20, 100).Is(ErrorCode::kOutOfRange));
    EXPECT_EQ(record::ParseBatchHeader(log_->Read(21, 100)->bytes)->base_offset, 20);
    EXPECT_EQ(log_->FindTimestamp(0)->offset, 21);
    if (reopened == 0) {
      ASSERT_TRUE(log_->Close().ok());
    }
    log_.reset();
    fs_.Crash();
    Open(SmallSegments());
  }
  ASSERT_TRUE(log_->DeleteRecordsBefore(40).ok());
  EXPECT_TRUE(log_->Read(40, 100)->bytes.empty());
  EXPECT_EQ(AppendOk(MakeBatch("next")), 40);
}

TEST_F(PartitionLogTest, WakesWaitersOnceTheirDataIsThere) {
  Open();
  std::atomic<int> at_zero = 0, at_five = 0, cancelled = 0, late = 0;
  log_->WaitForData(0, [&] { ++at_zero; });
  log_->WaitForData(5, [&] { ++at_five; });
  log_->CancelWait(log_->WaitForData(0, [&] { ++cancelled; }));
  EXPECT_EQ(at_zero, 0);
  AppendOk(MakeBatch("a", 3));
  EXPECT_EQ(at_zero, 1);  // before the append is answered
  EXPECT_EQ(at_five, 0);
  log_->WaitForData(2, [&] { ++late; });
  EXPECT_EQ(late, 1);
  AppendOk(MakeBatch("b", 3));
  EXPECT_EQ(at_five, 1);
  EXPECT_EQ(at_zero, 1);
  std::atomic<int> at_close = 0;
  log_->WaitForData(100, [&] { ++at_close; });
  ASSERT_TRUE(log_->Close().ok());
  EXPECT_EQ(at_close, 1);
  EXPECT_EQ(cancelled, 0);
}

TEST_F(PartitionLogTest, AppendsThatWaitShareOneSync) {
  Open();
  std::promise<void> syncing, go;
  std::shared_future<void> gate = go.get_future();
  std::atomic<int> syncs = 0;
  fs_.SetHook([&](DiskOperation operation, const std::string&) {
    if (operation != DiskOperation::kSync) return Ok();
    if (++syncs == 1) {
      syncing.set_value();
      gate.wait();
    }
    return Ok();
  });
  std::vector<std::future<Result<AppendOutcome>>> appends;
  appends.push_back(AppendSoon(*log_, MakeBatch("first")));
  syncing.get_future().wait();
  for (int i = 0; i < 100; ++i) appends.push_back(AppendSoon(*log_, MakeBatch("waiting")));
  EXPECT_EQ(log_->high_watermark(), 0);  // not readable before it is durable
  go.set_value();
  for (size_t i = 0; i < appends.size(); ++i) EXPECT_EQ(appends[i].get()->base_offset, Offset(i));
  EXPECT_EQ(syncs, 2);
  fs_.SetHook(nullptr);
}

TEST_F(PartitionLogTest, PartitionsSyncSideBySide) {
  LogThreads threads(3);
  std::mutex mutex;
  std::condition_variable all_here;
  int here = 0;
  std::vector<std::unique_ptr<PartitionLog>> logs;
  for (int i = 0; i < 3; ++i)
    logs.push_back(std::move(*OpenPartitionLog(fs_, clock_, "/data/t-" + std::to_string(i), {}, &threads)));
  fs_.SetHook([&](DiskOperation operation, const std::string&) -> Status {
    if (operation != DiskOperation::kSync) return Ok();
    std::unique_lock lock(mutex);
    ++here;
    all_here.notify_all();
    // Goes on only once all three are within their sync.
    return all_here.wait_for(lock, std::chrono::seconds(60), [&] { return here == 3; })
               ? Ok()
               : Status(Error(ErrorCode::kIoError, "alone"));
  });
  std::vector<std::future<Result<AppendOutcome>>> appends;
  for (const auto& log : logs) appends.push_back(AppendSoon(*log, MakeBatch("a")));
  for (auto& append : appends) EXPECT_TRUE(append.get().ok());
}

TEST_F(PartitionLogTest, ACleanOpenReadsNoBatchesAndAnUncleanOneOnlyTheLastSegment) {
  Open(SmallSegments());
  for (int i = 0; i < 40; ++i) AppendOk(MakeBatch(std::string(400, 'x')));
  ASSERT_TRUE(log_->Close().ok());
  log_.reset();
  std::mutex mutex;
  std::vector<std::string> reads;
  fs_.SetHook([&](DiskOperation operation, const std::string& path) {
    std::lock_guard lock(mutex);
    if (operation == DiskOperation::kRead && path.ends_with(".log")) reads.push_back(path);
    return Ok();
  });
  Open(SmallSegments());
  EXPECT_EQ(reads.size(), 1u);  // the first batch's time
  ledger_.Check(*log_);
  AppendOk(MakeBatch("more"));
  log_.reset();
  fs_.Crash();
  reads.clear();
  Open(SmallSegments());
  for (const std::string& path : reads) EXPECT_EQ(path, FilesEndingIn(".log").back());
  ledger_.Check(*log_);
}

TEST_F(PartitionLogTest, MissingAndDamagedIndexesAreMadeAnew) {
  for (const size_t keep : {size_t(0), size_t(60)}) {  // no header; a header with damaged entries
    ASSERT_TRUE(fs_.RemoveTree(kFolder).ok());
    ledger_.Clear();
    Open(SmallSegments());
    for (int i = 0; i < 40; ++i) AppendOk(MakeBatch(std::string(400, char('a' + i % 26)), 1, {}, 1000 + i));
    ASSERT_TRUE(log_->Close().ok());
    log_.reset();
    const auto indexes = FilesEndingIn(".index");
    ASSERT_GT(indexes.size(), 5u);
    for (const std::string& path : indexes) fs_.SetContent(path, fs_.Content(path).substr(0, keep));
    Open(SmallSegments());
    ledger_.Check(*log_);
    for (int i = 0; i < 40; ++i) EXPECT_EQ(log_->FindTimestamp(1000 + i)->offset, i);
  }
}

TEST_F(PartitionLogTest, ADamagedClosedSegmentIsAnErrorThatNamesIt) {
  Open(SmallSegments());
  for (int i = 0; i < 40; ++i) AppendOk(MakeBatch(std::string(400, 'x')));
  log_.reset();
  const std::string path = FilesEndingIn(".log")[2];
  const std::string content = fs_.Content(path);
  fs_.SetContent(path, content.substr(0, content.size() - 1));
  const auto opened = OpenPartitionLog(fs_, clock_, kFolder, SmallSegments());
  ASSERT_TRUE(opened.Is(ErrorCode::kCorruption));
  EXPECT_NE(opened.error().ToString().find("/data/t-0"), std::string::npos);
  EXPECT_NE(opened.error().ToString().find("segment "), std::string::npos);
  EXPECT_EQ(fs_.Content(path).size(), content.size() - 1);  // nothing was cut
}

TEST_F(PartitionLogTest, AClosedLogAnswersUnavailable) {
  Open();
  AppendOk(MakeBatch("a"));
  ASSERT_TRUE(log_->Close().ok());
  ASSERT_TRUE(log_->Close().ok());
  EXPECT_TRUE(Append(MakeBatch("b")).Is(ErrorCode::kUnavailable));
  EXPECT_TRUE(log_->Read(0, 100).Is(ErrorCode::kUnavailable));
}

}  // namespace
}  // namespace tarn::broker
