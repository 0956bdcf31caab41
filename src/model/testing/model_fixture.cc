#include "model/testing/model_fixture.h"

#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include "base/file_system.h"
#include "table/open_table.h"

namespace tarn::model::testing {
namespace {

template <typename T>
T Must(Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.error().ToString());
  return std::move(result).value();
}

void Must(Status status) {
  if (!status.ok()) throw std::runtime_error(status.error().ToString());
}

}  // namespace

TemporaryFolder::TemporaryFolder() {
  std::string pattern = std::filesystem::temp_directory_path() / "tarn-model-XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void TemporaryFolder::Write(const std::string& file, const std::string& content) const {
  const std::string path = path_ + "/" + file;
  Must(PosixFileSystem().CreateDirectories(ParentPath(path)));
  Must(WriteFileDurably(PosixFileSystem(), path, content));
}

void TemporaryFolder::Remove(const std::string& file) const {
  Must(PosixFileSystem().Remove(path_ + "/" + file));
}

TestLake::TestLake(const std::string& directory) {
  Must(PosixFileSystem().CreateDirectories(directory));
  store_ = Must(storage::OpenLocalObjectStore(PosixFileSystem(), directory + "/store"));
  database_ = Must(engine::Database::Open({.memory_limit_bytes = uint64_t(512) << 20, .threads = 2}));
  Must(database_->MountStore("lake", *store_));
  const auto context = [this] {
    return table::TableContext{.clock = clock_,
                               .logger = NullLogger(),
                               .random = Random::FromEntropy(),
                               .database = database_.get(),
                               .scheme = "lake"};
  };
  catalog_ = Must(catalog::OpenCatalog(
      {.path = directory + "/catalog.sqlite"}, *store_, clock_,
      {.open = [this, context](const std::string& location) -> Result<std::shared_ptr<table::Table>> {
         TARN_ASSIGN_OR_RETURN(auto table, table::OpenTable(*store_, location, context()));
         return std::shared_ptr<table::Table>(std::move(table));
       },
       .create = [this, context](const std::string& location,
                                 const table::TableOptions& options) -> Result<std::shared_ptr<table::Table>> {
         TARN_ASSIGN_OR_RETURN(auto table, table::CreateTable(*store_, location, options, context()));
         return std::shared_ptr<table::Table>(std::move(table));
       }}));
  lake_ = Must(lake::Lake::Attach({}, {.database = *database_,
                                       .store = *store_,
                                       .catalog = *catalog_,
                                       .clock = clock_,
                                       .logger = NullLogger(),
                                       .random = Random::FromEntropy()}));
}

TestLake::~TestLake() = default;

std::string TestLake::Sql(const std::string& statement) {
  const auto connection = Must(lake_->Connect());
  const auto rows = connection->QueryText(statement);
  EXPECT_TRUE(rows.ok()) << statement << "\n" << (rows.ok() ? "" : rows.error().ToString());
  std::string text;
  if (!rows.ok()) return "error";
  for (const auto& row : *rows) {
    if (!text.empty()) text += ";";
    for (size_t i = 0; i < row.size(); ++i) text += (i == 0 ? "" : ",") + row[i].value_or("NULL");
  }
  return text;
}

std::unique_ptr<Project> LoadProject(const std::string& folder, std::map<std::string, std::string> vars) {
  return Must(Project::Load(PosixFileSystem(), {.directory = folder, .vars = std::move(vars)}));
}

BuildReport BuildProject(const std::string& folder, TestLake& lake, const BuildOptions& options,
                         std::map<std::string, std::string> vars) {
  return Must(LoadProject(folder, std::move(vars))->Build(lake.context(), options, {}));
}

std::string Describe(const BuildReport& report) {
  std::string text;
  for (const NodeResult& node : report.nodes) {
    if (!node.message.empty()) text += node.unique_id + ": " + node.message + "\n";
  }
  if (!report.publication.ok()) text += report.publication.error().ToString() + "\n";
  return text;
}

const NodeResult& FindNode(const BuildReport& report, const std::string& name) {
  for (const NodeResult& node : report.nodes) {
    if (node.name == name) return node;
  }
  throw std::runtime_error("no result of " + name);
}

}  // namespace tarn::model::testing
