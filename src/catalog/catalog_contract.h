#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>

#include "catalog/catalog.h"

// What every catalog promises. A body instantiates the suite with a fixture's factory:
//   INSTANTIATE_TEST_SUITE_P(Sqlite, CatalogContract, testing::Values(&MakeMyWorld));

namespace tarn::catalog {

// A catalog with all it needs, and another handle of the same one, as another process has it.
struct CatalogWorld {
  virtual ~CatalogWorld() = default;
  virtual Catalog& catalog() = 0;
  virtual std::unique_ptr<Catalog> OpenAnother() = 0;
};

class CatalogContract : public testing::TestWithParam<std::unique_ptr<CatalogWorld> (*)()> {
 protected:
  static table::TableOptions Options() {
    return {.schema = {{{.name = "id", .type = engine::DataType::Of(engine::TypeKind::kInt64)}}}};
  }
  static PublishedChange Overwrite(const std::string& name, const std::string& commit_id,
                                   std::optional<int64_t> read = {}) {
    return {.table = {"gold", name},
            .change = {.commit_id = commit_id,
                       .operation = "WRITE",
                       .mode = table::WriteMode::kOverwrite,
                       .added_files = {{.path = commit_id + ".parquet", .record_count = 1}},
                       .read_version = read}};
  }
  static std::string OnlyFile(const Result<std::shared_ptr<const table::Snapshot>>& snapshot) {
    if (!snapshot.ok()) return snapshot.error().ToString();
    return (*snapshot)->files.size() == 1 ? (*snapshot)->files[0]->path
                                          : std::to_string((*snapshot)->files.size()) + " files";
  }
  std::unique_ptr<CatalogWorld> world_ = GetParam()();
  Catalog& catalog_ = world_->catalog();
};

TEST_P(CatalogContract, NamesCompareWithoutCaseAndAreKeptAsWritten) {
  ASSERT_TRUE(catalog_.CreateNamespace("Gold").ok());
  ASSERT_TRUE(catalog_.CreateNamespace("gold").ok());
  ASSERT_EQ(*catalog_.ListNamespaces(), std::vector<std::string>{"Gold"});
  ASSERT_TRUE(catalog_.CreateTable({"GOLD", "Daily"}, Options()).ok());
  EXPECT_TRUE(catalog_.CreateTable({"gold", "daily"}, Options()).Is(ErrorCode::kAlreadyExists));
  EXPECT_EQ(catalog_.GetTable({"gold", "DAILY"})->name.name, "Daily");
  EXPECT_TRUE(catalog_.CreateTable({"none", "t"}, Options()).Is(ErrorCode::kNotFound));
  EXPECT_TRUE(catalog_.CreateTable({"gold", "../t"}, Options()).Is(ErrorCode::kInvalidArgument));
}

TEST_P(CatalogContract, ANamespaceWithSomethingInItIsNotDropped) {
  ASSERT_TRUE(catalog_.CreateNamespace("gold").ok());
  ASSERT_TRUE(catalog_.CreateTable({"gold", "t"}, Options()).ok());
  ASSERT_TRUE(catalog_.CreateView({"gold", "v"}, "SELECT 1", false).ok());
  EXPECT_TRUE(catalog_.DropNamespace("gold").Is(ErrorCode::kFailedPrecondition));
  ASSERT_TRUE(catalog_.DropTable({"gold", "t"}, true).ok());
  EXPECT_TRUE(catalog_.DropNamespace("gold").Is(ErrorCode::kFailedPrecondition));
  ASSERT_TRUE(catalog_.DropView({"gold", "v"}).ok());
  EXPECT_TRUE(catalog_.DropNamespace("gold").ok());
  EXPECT_TRUE(catalog_.DropNamespace("gold").Is(ErrorCode::kNotFound));
}

TEST_P(CatalogContract, AMissingTableIsNamedWithTheNearest) {
  ASSERT_TRUE(catalog_.CreateNamespace("gold").ok());
  ASSERT_TRUE(catalog_.CreateTable({"gold", "daily_activity"}, Options()).ok());
  const auto missing = catalog_.LoadTable({"gold", "daily_activty"});
  ASSERT_TRUE(missing.Is(ErrorCode::kNotFound));
  EXPECT_NE(missing.error().message().find("gold.daily_activity"), std::string::npos);
}

TEST_P(CatalogContract, AViewIsReplacedOnlyWhenAskedAndNeverReplacesATable) {
  ASSERT_TRUE(catalog_.CreateNamespace("gold").ok());
  ASSERT_TRUE(catalog_.CreateView({"gold", "v"}, "SELECT 1", false).ok());
  EXPECT_TRUE(catalog_.CreateView({"gold", "V"}, "SELECT 2", false).Is(ErrorCode::kAlreadyExists));
  ASSERT_TRUE(catalog_.CreateView({"gold", "v"}, "SELECT 2", true).ok());
  EXPECT_EQ(catalog_.GetView({"gold", "v"})->sql, "SELECT 2");
  ASSERT_TRUE(catalog_.CreateTable({"gold", "t"}, Options()).ok());
  EXPECT_TRUE(catalog_.CreateView({"gold", "t"}, "SELECT 2", true).Is(ErrorCode::kAlreadyExists));
  EXPECT_TRUE(catalog_.CreateTable({"gold", "v"}, Options()).Is(ErrorCode::kAlreadyExists));
}

TEST_P(CatalogContract, ADroppedTableLeavesItsNameFree) {
  ASSERT_TRUE(catalog_.CreateNamespace("gold").ok());
  ASSERT_TRUE(catalog_.CreateTable({"gold", "t"}, Options()).ok());
  ASSERT_TRUE(catalog_.DropTable({"gold", "t"}, false).ok());
  EXPECT_TRUE(catalog_.LoadTable({"gold", "t"}).Is(ErrorCode::kNotFound));
  // The files are somebody's still: the new table gets another folder.
  ASSERT_TRUE(catalog_.CreateTable({"gold", "t"}, Options()).ok());
  EXPECT_NE(catalog_.GetTable({"gold", "t"})->location, "lake/gold/t");
  ASSERT_TRUE(catalog_.DropTable({"gold", "t"}, true).ok());
  EXPECT_TRUE(catalog_.DropTable({"gold", "t"}, true).Is(ErrorCode::kNotFound));
}

TEST_P(CatalogContract, AMomentSeesBothTablesFromOneSideOfAPublication) {
  ASSERT_TRUE(catalog_.CreateNamespace("gold").ok());
  ASSERT_TRUE(catalog_.CreateTable({"gold", "a"}, Options()).ok());
  ASSERT_TRUE(catalog_.CreateTable({"gold", "b"}, Options()).ok());
  ASSERT_TRUE(catalog_.Publish({Overwrite("a", "one"), Overwrite("b", "one")}).ok());
  const auto before = *catalog_.Now();
  const auto versions = catalog_.Publish({Overwrite("a", "two"), Overwrite("b", "two")});
  ASSERT_TRUE(versions.ok());
  EXPECT_EQ(*versions, (std::vector<table::TableVersion>{2, 2}));
  ASSERT_TRUE(catalog_.Publish({Overwrite("b", "three")}).ok());
  EXPECT_EQ(OnlyFile(catalog_.Resolve({"gold", "a"}, before)), "one.parquet");
  EXPECT_EQ(OnlyFile(catalog_.Resolve({"gold", "b"}, before)), "one.parquet");
  const auto another = world_->OpenAnother();
  EXPECT_EQ(OnlyFile(another->Resolve({"gold", "a"}, *another->Now())), "two.parquet");
  EXPECT_EQ(OnlyFile(another->Resolve({"gold", "b"}, *another->Now())), "three.parquet");
}

TEST_P(CatalogContract, ADirectCommitIsSeenAtTheHead) {
  ASSERT_TRUE(catalog_.CreateNamespace("gold").ok());
  const auto table = catalog_.CreateTable({"gold", "a"}, Options());
  const auto moment = *catalog_.Now();
  ASSERT_TRUE((*table)->CommitTable(Overwrite("a", "direct").change).ok());
  EXPECT_EQ(OnlyFile(catalog_.Resolve({"gold", "a"}, moment)), "direct.parquet");
}

TEST_P(CatalogContract, AConflictLeavesNoTableChanged) {
  ASSERT_TRUE(catalog_.CreateNamespace("gold").ok());
  ASSERT_TRUE(catalog_.CreateTable({"gold", "a"}, Options()).ok());
  ASSERT_TRUE(catalog_.CreateTable({"gold", "b"}, Options()).ok());
  ASSERT_TRUE(catalog_.Publish({Overwrite("b", "theirs")}).ok());
  // b was read before theirs.
  EXPECT_TRUE(catalog_.Publish({Overwrite("a", "ours"), Overwrite("b", "ours", 0)}).Is(ErrorCode::kConflict));
  EXPECT_EQ(OnlyFile(catalog_.Resolve({"gold", "a"}, *catalog_.Now())), "0 files");
  EXPECT_EQ(OnlyFile(catalog_.Resolve({"gold", "b"}, *catalog_.Now())), "theirs.parquet");
  EXPECT_TRUE(catalog_.Publish({Overwrite("a", "ours"), Overwrite("b", "ours", 1)}).ok());
}

TEST_P(CatalogContract, ATableCreatedInAPublicationAppearsWithIt) {
  ASSERT_TRUE(catalog_.CreateNamespace("gold").ok());
  ASSERT_TRUE(catalog_.CreateTable({"gold", "a"}, Options()).ok());
  auto created = Overwrite("new", "one");
  created.create = Options();
  ASSERT_TRUE(catalog_.Publish({Overwrite("a", "one"), created}).ok());
  EXPECT_EQ(OnlyFile(catalog_.Resolve({"gold", "new"}, *catalog_.Now())), "one.parquet");
  // Not by one who read before it was there; and not twice.
  EXPECT_TRUE(catalog_.Resolve({"gold", "new"}, {0}).Is(ErrorCode::kNotFound));
  EXPECT_TRUE(catalog_.Publish({Overwrite("a", "two"), created}).Is(ErrorCode::kAlreadyExists));
  EXPECT_EQ(OnlyFile(catalog_.Resolve({"gold", "a"}, *catalog_.Now())), "one.parquet");
}

}  // namespace tarn::catalog
