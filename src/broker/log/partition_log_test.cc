#include "broker/partition_log.h"

#include <filesystem>
#include <future>

#include <unistd.h>

#include <gtest/gtest.h>

#include "record/record_batch.h"

namespace tarn::broker {
namespace {

// A folder of the test's own, gone at its end.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    char name[] = "/tmp/tarn-log-XXXXXX";
    path_ = ::mkdtemp(name);
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::string Batch(std::string_view value, int count = 1) {
  std::vector<record::NewRecord> records;
  for (int i = 0; i < count; ++i) records.push_back({.timestamp_ms = 1'700'000'000'000 + i, .value = value});
  return *record::EncodeBatch(records);
}

Result<AppendOutcome> AppendAndWait(PartitionLog& log, std::string batches) {
  std::promise<Result<AppendOutcome>> promise;
  log.Append(std::move(batches), [&](Result<AppendOutcome> outcome) { promise.set_value(std::move(outcome)); });
  return promise.get_future().get();
}

TEST(PartitionLogOnDisk, AppendsReadsAndComesBack) {
  TemporaryFolder folder;
  for (int round = 0; round < 3; ++round) {
    auto log = OpenPartitionLog(PosixFileSystem(), SystemClock(), folder.path() + "/t-0", {});
    ASSERT_TRUE(log.ok()) << log.error().ToString();
    EXPECT_EQ((*log)->high_watermark(), round * 5);
    const auto outcome = AppendAndWait(**log, Batch("hello", 2) + Batch("world", 3));
    ASSERT_TRUE(outcome.ok()) << outcome.error().ToString();
    EXPECT_EQ(outcome->base_offset, round * 5);
    const auto read = (*log)->Read(round * 5 + 3, 1);
    ASSERT_TRUE(read.ok()) << read.error().ToString();
    EXPECT_EQ(read->bytes.substr(61), Batch("world", 3).substr(61));
    EXPECT_EQ(read->next_offset, round * 5 + 5);
    if (round == 0) {
      ASSERT_TRUE((*log)->Close().ok());
    }
  }
}

}  // namespace
}  // namespace tarn::broker
