#include <gtest/gtest.h>

#include "base/testing/faulty_file_system.h"
#include "storage/object_stores.h"
#include "table/open_table.h"

// Delta tables on a disk that fills up, fails at any operation, and loses power.

namespace tarn::table {
namespace {

constexpr uint64_t kNoLimit = UINT64_MAX;
const std::string kLog = "/data/store/t/_delta_log";

std::unique_ptr<storage::ObjectStore> OpenStore(FileSystem& fs) {
  auto store = storage::OpenLocalObjectStore(fs, "/data/store");
  EXPECT_TRUE(store.ok()) << store.error().ToString();
  return std::move(*store);
}

TableContext Context(uint64_t seed) {
  return {.clock = SystemClock(), .logger = NullLogger(), .random = Random(seed)};
}

std::unique_ptr<Table> Create(storage::ObjectStore& store) {
  auto table = CreateTable(
      store, "t", {.schema = {{{.name = "id", .type = engine::DataType::Of(engine::TypeKind::kInt64)}}}}, Context(1));
  EXPECT_TRUE(table.ok()) << table.error().ToString();
  return std::move(*table);
}

std::unique_ptr<Table> Open(storage::ObjectStore& store) {
  auto table = OpenTable(store, "t", Context(2));
  EXPECT_TRUE(table.ok()) << table.error().ToString();
  return std::move(*table);
}

TableChange Append(Table& table, Random& random) {
  return {.commit_id = MakeUuid(random),
          .operation = "WRITE",
          .added_files = {{.path = table.NewDataFilePath({}), .size = 100, .record_count = 1}}};
}

TEST(DeltaDisk, AFullOneTakesNoCommitAndTheSameChangeLandsOnceThereIsRoom) {
  FaultyFileSystem fs;
  const auto store = OpenStore(fs);
  const auto table = Create(*store);
  Random random(3);
  ASSERT_TRUE(table->CommitTable(Append(*table, random)).ok());
  const TableChange change = Append(*table, random);
  uint64_t used = 0;
  const auto before = *fs.List(kLog);
  for (const FileInfo& file : before) used += file.size;
  // Room for nothing, then for a part of the entry.
  for (const uint64_t room : {0, 10, 200}) {
    fs.SetCapacity(used + room);
    const auto refused = table->CommitTable(change);
    ASSERT_TRUE(refused.Is(ErrorCode::kResourceExhausted));
    EXPECT_EQ((*table->Latest())->version, 1);
    fs.SetCapacity(kNoLimit);
    const auto another_store = OpenStore(fs);
    EXPECT_EQ((*Open(*another_store)->Latest())->version, 1);
  }
  const auto landed = table->CommitTable(change);
  ASSERT_TRUE(landed.ok()) << landed.error().ToString();
  EXPECT_EQ(*landed, 2);
  EXPECT_EQ((*Open(*store)->Latest())->files.size(), 2u);
  const auto after = *fs.List(kLog);
  for (const FileInfo& file : after) EXPECT_TRUE(file.name.ends_with(".json")) << file.name;
}

// Whatever operation of a commit fails: what was acknowledged is there after a power cut, what was refused is not, and
// the next commit lands.
TEST(DeltaDisk, ACommitHoldsItsWordWhateverOperationFails) {
  int acknowledged = 0, refused = 0;
  for (uint64_t n = 1;; ++n) {
    SCOPED_TRACE("operation " + std::to_string(n));
    FaultyFileSystem fs(n);
    Random random(n);
    TableChange change;
    bool ok = false, may_be_there = false;
    uint64_t changes = 0;
    {
      const auto store = OpenStore(fs);
      const auto table = Create(*store);
      ASSERT_TRUE(table->CommitTable(Append(*table, random)).ok());
      change = Append(*table, random);
      const uint64_t before = fs.changes();
      fs.FailChange(n);
      const auto version = table->CommitTable(change);
      changes = fs.changes() - before;
      fs.FailChange(0);
      ok = version.ok();
      may_be_there = version.Is(ErrorCode::kOutcomeUnknown);
      if (!ok && !may_be_there) {
        EXPECT_FALSE(table->FindCommit(change.commit_id, 1)->has_value());
      }
    }
    fs.Crash();
    const auto store = OpenStore(fs);
    const auto table = Open(*store);
    const bool there = table->FindCommit(change.commit_id, 1)->has_value();
    EXPECT_TRUE(may_be_there || there == ok);
    acknowledged += ok ? 1 : 0;
    refused += !ok && !may_be_there ? 1 : 0;
    const auto next = table->CommitTable(Append(*table, random));
    ASSERT_TRUE(next.ok()) << next.error().ToString();
    EXPECT_EQ(*next, there ? 3 : 2);
    if (n > changes) break;
  }
  EXPECT_GT(acknowledged, 0);
  EXPECT_GT(refused, 1);
}

}  // namespace
}  // namespace tarn::table
