#include <gtest/gtest.h>

#include <filesystem>

#include "base/failpoint.h"
#include "base/file_system.h"
#include "storage/object_stores.h"
#include "table/delta/delta_table.h"

namespace tarn::table {
namespace {

using engine::DataType;
using engine::TypeKind;

class DeltaTableTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = ::testing::TempDir() + "tarn_delta_" + std::to_string(::getpid()) + "_" +
            ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(root_);
    auto store = storage::OpenLocalObjectStore(PosixFileSystem(), root_);
    ASSERT_TRUE(store.ok()) << store.error().ToString();
    store_ = std::move(*store);
    auto database = engine::Database::Open({.threads = 1});
    ASSERT_TRUE(database.ok()) << database.error().ToString();
    database_ = std::move(*database);
    ASSERT_TRUE(database_->MountStore("lake", *store_).ok());
  }
  void TearDown() override {
    ASSERT_TRUE(SetFailpoints("").ok());
    database_.reset();
    std::filesystem::remove_all(root_);
  }

  TableContext Context() {
    return {
        .clock = clock_, .logger = *logger_, .random = random_.Fork(), .database = database_.get(), .scheme = "lake"};
  }
  TableOptions Options() {
    return {.schema = {{{.name = "date", .type = DataType::Of(TypeKind::kDate)},
                        {.name = "id", .type = DataType::Of(TypeKind::kInt64)},
                        {.name = "name", .type = DataType::Of(TypeKind::kString)}}},
            .partition_columns = {"date"}};
  }
  DataFile File(Table& table, const std::string& date, int64_t id) {
    const PartitionValues values{{"date", date}};
    DataFile file{.path = table.NewDataFilePath(values), .partition_values = values, .size = 100, .record_count = 1};
    file.statistics["id"] = {.min = std::to_string(id), .max = std::to_string(id), .null_count = 0};
    return file;
  }
  TableChange Append(Table& table, const std::string& date = "2026-11-24", int64_t id = 1) {
    return {.commit_id = MakeUuid(random_), .operation = "WRITE", .added_files = {File(table, date, id)}};
  }
  std::unique_ptr<Table> Create() {
    auto table = CreateTable(*store_, "sales/orders", Options(), Context());
    EXPECT_TRUE(table.ok()) << table.error().ToString();
    return std::move(*table);
  }
  std::unique_ptr<Table> Open() {
    auto table = OpenTable(*store_, "sales/orders", Context());
    EXPECT_TRUE(table.ok()) << table.error().ToString();
    return std::move(*table);
  }
  static std::vector<std::string> Paths(const Snapshot& snapshot) {
    std::vector<std::string> paths;
    for (const auto& file : snapshot.files) paths.push_back(file->path);
    return paths;
  }

  std::string root_;
  std::unique_ptr<Logger> logger_ = MakeLogger({.level = LogLevel::kError});
  Random random_{7};
  Clock& clock_ = SystemClock();
  std::unique_ptr<storage::ObjectStore> store_;
  std::unique_ptr<engine::Database> database_;
};

TEST_F(DeltaTableTest, AppendsAreReadBackByAnotherObject) {
  const auto table = Create();
  const auto version = table->CommitTable(Append(*table));
  ASSERT_TRUE(version.ok()) << version.error().ToString();
  EXPECT_EQ(*version, 1);
  const auto snapshot = *Open()->Latest();
  ASSERT_EQ(snapshot->files.size(), 1u);
  EXPECT_EQ(snapshot->files[0]->statistics.at("id").min, "1");
  EXPECT_EQ(snapshot->files[0]->record_count, 1);
  EXPECT_TRUE(snapshot->files[0]->path.starts_with("date=2026-11-24/part-"));
  EXPECT_TRUE(CreateTable(*store_, "sales/orders", Options(), Context()).Is(ErrorCode::kAlreadyExists));
}

TEST_F(DeltaTableTest, CheckpointHoldsWhatReplayGives) {
  const auto table = Create();
  for (int i = 0; i < 25; ++i) {
    TableChange change = Append(*table, "2026-11-2" + std::to_string(i % 3), i);
    change.progress = {{"topic-" + std::to_string(i % 2), i < 2 ? std::nullopt : std::optional<int64_t>(i - 2), i}};
    if (i == 13) {
      change.mode = WriteMode::kOverwritePartitions;
      change.overwritten_partitions = {{{"date", "2026-11-21"}}};
    }
    const auto version = table->CommitTable(change);
    ASSERT_TRUE(version.ok()) << version.error().ToString();
  }
  ASSERT_TRUE(store_->Head("sales/orders/_delta_log/00000000000000000020.checkpoint.parquet").ok());
  for (TableVersion version : {20, 22, 25}) {
    const auto with = Open()->AtVersion(version);
    ASSERT_TRUE(with.ok()) << with.error().ToString();
    TableContext context = Context();
    context.database = nullptr;
    const delta::DeltaLog log(*store_, "sales/orders", context);
    const auto without = log.Load(version);
    ASSERT_TRUE(without.ok()) << without.error().ToString();
    EXPECT_EQ(Paths(**with), Paths((*without)->snapshot));
    EXPECT_EQ((*with)->progress, (*without)->snapshot.progress);
    EXPECT_EQ((*with)->schema, (*without)->snapshot.schema);
    EXPECT_EQ((*with)->table_id, (*without)->snapshot.table_id);
    for (size_t i = 0; i < (*with)->files.size(); ++i) {
      EXPECT_EQ((*with)->files[i]->partition_values, (*without)->snapshot.files[i]->partition_values);
      EXPECT_EQ((*with)->files[i]->statistics.at("id").max, (*without)->snapshot.files[i]->statistics.at("id").max);
    }
  }
}

}  // namespace
}  // namespace tarn::table
