#include <algorithm>
#include <filesystem>
#include <set>
#include <thread>

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/failpoint.h"
#include "base/file_system.h"
#include "storage/object_stores.h"
#include "table/delta/delta_log.h"
#include "table/open_table.h"

// Delta tables whose log is damaged, raced for, or cut off in the middle of a commit. No DuckDB: logs of JSON alone.

namespace tarn::table {
namespace {

class DeltaFaultsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = ::testing::TempDir() + "tarn_delta_faults_" + std::to_string(::getpid()) + "_" +
            ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(root_);
    store_ = std::move(*storage::OpenLocalObjectStore(PosixFileSystem(), root_));
    const TableOptions options{.schema = {{{.name = "id", .type = engine::DataType::Of(engine::TypeKind::kInt64)}}}};
    const auto table = CreateTable(*store_, "t", options, Context(1));
    ASSERT_TRUE(table.ok()) << table.error().ToString();
  }
  void TearDown() override {
    ASSERT_TRUE(SetFailpoints("").ok());
    std::filesystem::remove_all(root_);
  }
  TableContext Context(uint64_t seed) { return {.clock = SystemClock(), .logger = *logger_, .random = Random(seed)}; }
  std::unique_ptr<Table> Open(uint64_t seed) {
    auto table = OpenTable(*store_, "t", Context(seed));
    EXPECT_TRUE(table.ok()) << table.error().ToString();
    return std::move(*table);
  }
  static TableChange Append(Table& table, Random& random) {
    DataFile file{.path = table.NewDataFilePath({}), .size = 100, .record_count = 1};
    return {.commit_id = MakeUuid(random), .operation = "WRITE", .added_files = {std::move(file)}};
  }
  static std::string LogKey(int version) {
    const std::string digits = std::to_string(version);
    return "t/_delta_log/" + std::string(20 - digits.size(), '0') + digits + ".json";
  }

  std::string root_;
  std::unique_ptr<Logger> logger_ = MakeLogger({.level = LogLevel::kError});
  std::unique_ptr<storage::ObjectStore> store_;
};

// A cut within a line is corruption and names the file. A cut between lines leaves a shorter entry that is legal JSON:
// Delta's log has no mark of an entry's end, which is why entries appear whole or not at all.
TEST_F(DeltaFaultsTest, EveryByteCutOfTheNewestEntryWithinALineIsCorruption) {
  Random random(2);
  const auto table = Open(3);
  ASSERT_TRUE(table->CommitTable(Append(*table, random)).ok());
  const std::string whole = *store_->Get(LogKey(1));
  const TableContext context = Context(4);
  size_t refused = 0;
  for (size_t cut = 1; cut < whole.size(); cut++) {
    ASSERT_TRUE(store_->Put(LogKey(1), whole.substr(0, cut)).ok());
    const auto state = delta::DeltaLog(*store_, "t", context).Load(std::nullopt);
    if (whole[cut - 1] == '\n' || whole[cut] == '\n') continue;
    ASSERT_TRUE(state.Is(ErrorCode::kCorruption)) << "cut at " << cut;
    ASSERT_NE(state.error().ToString().find("00000000000000000001.json"), std::string::npos)
        << state.error().ToString();
    refused++;
  }
  EXPECT_GT(refused, 100U);
}

TEST_F(DeltaFaultsTest, CommitsOfManyWritersAllLandOnVersionsOfTheirOwn) {
  constexpr int kWriters = 6, kCommits = 10;
  std::vector<std::vector<TableVersion>> versions(kWriters);
  std::vector<std::thread> writers;
  for (int w = 0; w < kWriters; w++) {
    writers.emplace_back([&, w] {
      const auto table = Open(100 + static_cast<uint64_t>(w));
      Random random(200 + static_cast<uint64_t>(w));
      for (int i = 0; i < kCommits; i++) {
        const auto version = table->CommitTable(Append(*table, random));
        ASSERT_TRUE(version.ok()) << version.error().ToString();
        versions[static_cast<size_t>(w)].push_back(*version);
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  std::set<TableVersion> all;
  for (const auto& mine : versions) {
    EXPECT_TRUE(std::is_sorted(mine.begin(), mine.end()));
    all.insert(mine.begin(), mine.end());
  }
  EXPECT_EQ(all.size(), size_t{kWriters * kCommits});
  EXPECT_EQ(*all.rbegin(), kWriters * kCommits);
  EXPECT_EQ((*Open(5)->Latest())->files.size(), size_t{kWriters * kCommits});
}

// The store puts the entry and loses its answer: the commit finds its own id in the log and does not write twice.
TEST_F(DeltaFaultsTest, ALostReplyOfACommitIsReadBack) {
  const auto table = Open(6);
  Random random(7);
  ASSERT_TRUE(SetFailpoints("storage.put_if_absent.after_link=lost@1").ok());
  const auto version = table->CommitTable(Append(*table, random));
  ASSERT_TRUE(version.ok()) << version.error().ToString();
  EXPECT_EQ(*version, 1);
  EXPECT_EQ((*Open(8)->Latest())->files.size(), 1U);
  EXPECT_TRUE(store_->Head(LogKey(2)).Is(ErrorCode::kNotFound));
}

TEST_F(DeltaFaultsTest, AFailureBeforeThePutLeavesTheTableAsItWas) {
  const auto table = Open(12);
  Random random(13);
  for (const std::string point : {"delta.commit.before_put", "storage.put_if_absent.before_link"}) {
    const TableChange change = Append(*table, random);
    ASSERT_TRUE(SetFailpoints(point + "=error").ok());
    EXPECT_FALSE(table->CommitTable(change).ok()) << point;
    ASSERT_TRUE(SetFailpoints("").ok());
    EXPECT_TRUE((*Open(14)->Latest())->files.empty()) << point;
  }
  ASSERT_TRUE(table->Latest().ok());
  EXPECT_EQ(*table->CommitTable(Append(*table, random)), 1);
}

TEST_F(DeltaFaultsTest, AMissingEntryBetweenOthersIsCorruptionAndNamed) {
  const auto table = Open(9);
  Random random(10);
  for (int i = 0; i < 3; i++) ASSERT_TRUE(table->CommitTable(Append(*table, random)).ok());
  ASSERT_TRUE(store_->Delete(LogKey(2)).ok());
  const TableContext context = Context(11);
  const auto state = delta::DeltaLog(*store_, "t", context).Load(std::nullopt);
  ASSERT_TRUE(state.Is(ErrorCode::kCorruption));
  EXPECT_NE(state.error().ToString().find("00000000000000000002.json"), std::string::npos);
}

}  // namespace
}  // namespace tarn::table
