#include "lake/testing/lake_world.h"

#include "base/file_system.h"
#include "base/logging.h"
#include "catalog/open_catalog.h"
#include "storage/object_stores.h"
#include "table/open_table.h"

namespace tarn::lake {
namespace {

std::unique_ptr<engine::Database> OpenDatabase(const engine::DatabaseOptions& options, storage::ObjectStore& store) {
  auto database = Must(engine::Database::Open(options));
  if (const Status mounted = database->MountStore("lake", store); !mounted.ok())
    throw std::runtime_error(mounted.error().ToString());
  return database;
}

}  // namespace

LakeWorld::LakeWorld(std::string root_folder, Clock& world_clock, engine::DatabaseOptions options,
                     LakeOptions lake_options)
    : root(std::move(root_folder)),
      clock(world_clock),
      store(std::make_unique<CountingStore>(Must(storage::OpenLocalObjectStore(PosixFileSystem(), root + "/store")))),
      database(OpenDatabase(options, *store)),
      catalog(OpenAnotherCatalog()),
      lake(Must(Lake::Attach(std::move(lake_options), {.database = *database,
                                                       .store = *store,
                                                       .catalog = *catalog,
                                                       .clock = clock,
                                                       .logger = NullLogger(),
                                                       .random = Random::FromEntropy()}))) {}

std::unique_ptr<catalog::Catalog> LakeWorld::OpenAnotherCatalog() {
  const auto context = [this] {
    return table::TableContext{.clock = clock,
                               .logger = NullLogger(),
                               .random = Random::FromEntropy(),
                               .database = database.get(),
                               .scheme = "lake"};
  };
  return Must(catalog::OpenCatalog(
      {.path = root + "/catalog.sqlite"}, *store, clock,
      {.open = [this, context](const std::string& location) -> Result<std::shared_ptr<table::Table>> {
         TARN_ASSIGN_OR_RETURN(auto table, table::OpenTable(*store, location, context()));
         return std::shared_ptr<table::Table>(std::move(table));
       },
       .create = [this, context](const std::string& location,
                                 const table::TableOptions& table_options) -> Result<std::shared_ptr<table::Table>> {
         TARN_ASSIGN_OR_RETURN(auto table, table::CreateTable(*store, location, table_options, context()));
         return std::shared_ptr<table::Table>(std::move(table));
       }}));
}

std::string RowsOf(engine::Connection& connection, const std::string& sql) {
  const auto rows = connection.QueryText(sql);
  if (!rows.ok()) return "error: " + rows.error().ToString();
  std::string out;
  for (const auto& row : *rows) {
    if (!out.empty()) out += ';';
    for (size_t i = 0; i < row.size(); ++i) out += (i > 0 ? "," : "") + row[i].value_or("NULL");
  }
  return out;
}

}  // namespace tarn::lake
