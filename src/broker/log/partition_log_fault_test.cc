#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "base/failpoint.h"
#include "broker/testing/log_fixture.h"

// The partition log on a disk that fails. The rule everywhere: what was acknowledged is there after the next open.

namespace tarn::broker {
namespace {

using PartitionLogFaultTest = LogTest;

LogOptions SmallSegments() {
  return {.segment_bytes = 2000, .index_interval_bytes = 300};
}

// Off again at the end, whatever the test does.
struct Failpoint {
  explicit Failpoint(const std::string& settings) { EXPECT_TRUE(SetFailpoints(settings).ok()); }
  ~Failpoint() { EXPECT_TRUE(SetFailpoints("").ok()); }
};

TEST_F(PartitionLogFaultTest, EveryByteCutOfTheTailReopensToAPrefix) {
  Open();
  std::vector<uint64_t> ends{0};
  for (int i = 0; i < 8; ++i) {
    AppendOk(MakeBatch(std::string(size_t(10 * i), 'x'), 1 + i % 3));
    ends.push_back(log_->size_bytes());
  }
  log_.reset();
  const std::string path = FilesEndingIn(".log").back();
  const std::string whole = fs_.Content(path);
  for (size_t size = 0; size <= whole.size(); ++size) {
    fs_.SetContent(path, whole.substr(0, size));
    Open();
    const uint64_t expected = *std::prev(std::upper_bound(ends.begin(), ends.end(), size));
    ASSERT_EQ(log_->size_bytes(), expected) << size;
    ASSERT_EQ(fs_.Content(path), whole.substr(0, expected)) << size;
    const Offset end = log_->high_watermark();
    ASSERT_EQ(AppendNow(*log_, MakeBatch("goes on"))->base_offset, end);
    log_.reset();
  }
}

TEST_F(PartitionLogFaultTest, EveryDamagedByteOfTheTailCutsAtItsBatch) {
  Open();
  for (int i = 0; i < 4; ++i) AppendOk(MakeBatch(std::string(20, 'x')));
  const uint64_t batch_size = log_->size_bytes() / 4;
  log_.reset();
  const std::string path = FilesEndingIn(".log").back();
  const std::string whole = fs_.Content(path);
  for (size_t at = 0; at < whole.size(); ++at) {
    if (at % batch_size >= 12 && at % batch_size < 16) continue;  // leader epoch: neither covered nor used
    std::string damaged = whole;
    damaged[at] = char(damaged[at] ^ 0x10);
    fs_.SetContent(path, damaged);
    Open();
    ASSERT_EQ(log_->high_watermark(), Offset(at / batch_size)) << at;
    log_.reset();
  }
}

// Appenders, small segments, retention; the power goes off at a random change of the disk. Seeds are the test's name in
// a failure.
TEST(PartitionLogPowerCut, LosesNothingThatWasAcknowledged) {
  for (uint64_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    FaultyFileSystem fs(seed);
    FakeClock clock;
    Ledger ledger;
    Random random(seed);
    for (int life = 0; life < 4; ++life) {
      auto opened = OpenPartitionLog(fs, clock, "/data/t-0", SmallSegments());
      ASSERT_TRUE(opened.ok()) << opened.error().ToString();
      std::unique_ptr<PartitionLog> log = std::move(*opened);
      ledger.Check(*log);
      if (::testing::Test::HasFatalFailure()) return;
      // From here on every change fails, as on a machine that is going down; then the power is gone.
      const uint64_t last = fs.changes() + random.Below(60);
      fs.SetHook([&fs, last](DiskOperation operation, const std::string&) -> Status {
        if (operation == DiskOperation::kRead || fs.changes() < last) return Ok();
        return Error(ErrorCode::kIoError, "going down");
      });
      std::vector<std::thread> appenders;
      std::atomic<bool> stopped = false;
      for (int i = 0; i < 3; ++i) {
        appenders.emplace_back([&, i] {
          for (int n = 0; n < 30 && !stopped; ++n) {
            const std::string batch = MakeBatch(std::string(size_t(100 * i + n), char('a' + n % 26)), 1 + n % 3);
            const auto outcome = AppendNow(*log, batch);
            if (outcome.ok())
              ledger.Add(outcome->base_offset, batch);
            else
              stopped = true;
          }
        });
      }
      for (std::thread& appender : appenders) appender.join();
      if (random.Chance(0.3)) (void)log->DeleteRecordsBefore(log->high_watermark() / 2).ok();
      if (random.Chance(0.3)) (void)log->Close().ok();
      log.reset();
      fs.SetHook(nullptr);
      fs.Crash();
    }
    EXPECT_GT(ledger.size(), 0u);
  }
}

// The first, second, third … change of the disk fails, until the whole scenario passes untouched.
TEST(PartitionLogFaults, EveryFailingChangeKeepsWhatWasAcknowledged) {
  for (const ErrorCode code : {ErrorCode::kIoError, ErrorCode::kResourceExhausted}) {
    for (uint64_t n = 1;; ++n) {
      SCOPED_TRACE("change " + std::to_string(n));
      FaultyFileSystem fs(n);
      FakeClock clock;
      Ledger ledger;
      fs.FailChange(n, code);
      bool untouched = true;
      {
        auto log = OpenPartitionLog(fs, clock, "/data/t-0", SmallSegments());
        untouched &= log.ok();
        for (int i = 0; i < 12 && log.ok(); ++i) {
          const std::string batch = MakeBatch(std::string(500, 'x'));
          const auto outcome = AppendNow(**log, batch);
          if (outcome.ok()) ledger.Add(outcome->base_offset, batch);
          untouched &= outcome.ok();
        }
        if (log.ok()) untouched &= (*log)->DeleteRecordsBefore(std::min<Offset>(5, (*log)->high_watermark())).ok();
        if (log.ok()) untouched &= (*log)->Close().ok();
      }
      fs.FailChange(0);
      fs.Crash();
      auto log = OpenPartitionLog(fs, clock, "/data/t-0", SmallSegments());
      ASSERT_TRUE(log.ok()) << log.error().ToString();
      ledger.Check(**log);
      if (::testing::Test::HasFatalFailure()) return;
      ASSERT_TRUE(AppendNow(**log, MakeBatch("goes on")).ok());
      if (untouched) {
        EXPECT_EQ(ledger.size(), 12u);
        EXPECT_GT(n, 40u);
        break;
      }
    }
  }
}

TEST_F(PartitionLogFaultTest, AFailedSyncStopsThePartition) {
  Open();
  AppendOk(MakeBatch("before"));
  std::atomic<bool> failing = true;
  fs_.SetHook([&](DiskOperation operation, const std::string&) -> Status {
    if (operation == DiskOperation::kSync && failing) return Error(ErrorCode::kIoError, "bad sector");
    return Ok();
  });
  EXPECT_EQ(log_->Problem(), "");
  EXPECT_TRUE(Append(MakeBatch("lost")).Is(ErrorCode::kIoError));
  failing = false;  // the kernel says so after it has dropped the pages
  EXPECT_TRUE(Append(MakeBatch("refused")).Is(ErrorCode::kIoError));
  EXPECT_NE(log_->Problem().find("bad sector"), std::string::npos);
  EXPECT_EQ(log_->high_watermark(), 1);
  EXPECT_TRUE(log_->Read(0, 100).ok());
  EXPECT_TRUE(log_->Close().Is(ErrorCode::kIoError));
  log_.reset();
  fs_.Crash();
  Open();
  ledger_.Check(*log_);
  EXPECT_EQ(log_->Problem(), "");
  EXPECT_TRUE(Append(MakeBatch("again")).ok());
}

TEST_F(PartitionLogFaultTest, AFullDiskRefusesStoresNothingAndRecovers) {
  Open();
  AppendOk(ProducerBatch(1, 0, 0));
  fs_.SetCapacity(log_->size_bytes() + 100);
  EXPECT_TRUE(Append(MakeBatch(std::string(5000, 'x'))).Is(ErrorCode::kResourceExhausted));
  EXPECT_TRUE(Append(ProducerBatch(1, 0, 1, 200)).Is(ErrorCode::kResourceExhausted));
  EXPECT_EQ(log_->high_watermark(), 1);
  EXPECT_EQ(fs_.Content(FilesEndingIn(".log").back()).size(), log_->size_bytes());
  EXPECT_EQ(log_->Problem(), "");
  fs_.SetCapacity(UINT64_MAX);
  EXPECT_EQ(AppendOk(ProducerBatch(1, 0, 1, 200)), 1);  // no gap: the refused one was not noted
  ledger_.Check(*log_);
  log_.reset();
  fs_.Crash();
  Open();
  ledger_.Check(*log_);
}

TEST_F(PartitionLogFaultTest, EveryFailpointKeepsWhatWasAcknowledged) {
  for (const std::string name :
       {"broker.append.before_write", "broker.append.after_write", "broker.append.before_sync",
        "broker.append.after_sync", "broker.roll.before_index", "broker.roll.before_create", "broker.roll.before_sync",
        "broker.roll.after_sync", "broker.retention.before_start", "broker.retention.after_start",
        "broker.retention.before_remove", "broker.close.before_mark"}) {
    SCOPED_TRACE(name);
    ASSERT_TRUE(fs_.RemoveTree(kFolder).ok());
    ledger_.Clear();
    Open(SmallSegments());
    int failed = 0;
    {
      Failpoint failpoint(name + "=error@2");
      for (int i = 0; i < 20; ++i) failed += Append(MakeBatch(std::string(500, 'x'))).ok() ? 0 : 1;
      for (int i = 0; i < 4; ++i)
        failed += log_->DeleteRecordsBefore(std::min<Offset>(3 * i, log_->high_watermark())).ok() ? 0 : 1;
      failed += log_->Close().ok() ? 0 : 1;
      if (name != "broker.close.before_mark") {
        EXPECT_GT(failed, 0);
      }
      log_.reset();
    }
    fs_.Crash();
    Open(SmallSegments());
    ledger_.Check(*log_);
    EXPECT_TRUE(Append(MakeBatch("goes on")).ok());
  }
}

TEST_F(PartitionLogFaultTest, RecoveryThatFailsChangesNothingAndMayBeTriedAgain) {
  Open();
  for (int i = 0; i < 5; ++i) AppendOk(MakeBatch("a"));
  log_.reset();
  const std::string path = FilesEndingIn(".log").back();
  fs_.SetContent(path, fs_.Content(path) + "torn");
  for (const std::string name : {"broker.recover.before_cut", "broker.recover.before_unmark"}) {
    Failpoint failpoint(name + "=error");
    EXPECT_TRUE(OpenPartitionLog(fs_, clock_, kFolder, {}).Is(ErrorCode::kIoError)) << name;
    fs_.Crash();
  }
  Open();
  ledger_.Check(*log_);
}

// A disk that cannot be read is no torn tail.
TEST_F(PartitionLogFaultTest, AReadErrorDuringRecoveryCutsNothing) {
  Open();
  for (int i = 0; i < 5; ++i) AppendOk(MakeBatch("a"));
  log_.reset();
  fs_.SetHook([](DiskOperation operation, const std::string& path) -> Status {
    if (operation == DiskOperation::kRead && path.ends_with(".log")) return Error(ErrorCode::kIoError, "bad sector");
    return Ok();
  });
  EXPECT_TRUE(OpenPartitionLog(fs_, clock_, kFolder, {}).Is(ErrorCode::kIoError));
  fs_.SetHook(nullptr);
  Open();
  ledger_.Check(*log_);
}

}  // namespace
}  // namespace tarn::broker
