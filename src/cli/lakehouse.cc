#include "cli/lakehouse.h"

#include "base/random.h"
#include "catalog/open_catalog.h"
#include "storage/object_stores.h"
#include "table/open_table.h"

namespace tarn::cli {
namespace {

// How the catalog opens and creates tables.
catalog::TableFactory MakeTableFactory(storage::ObjectStore& store, engine::Database& database,
                                       const Surroundings& around) {
  const auto context = [&database, around] {
    return table::TableContext{.clock = around.clock,
                               .logger = around.logger,
                               .random = Random::FromEntropy(),
                               .database = &database,
                               .scheme = kStoreScheme,
                               .metrics = &around.metrics};
  };
  using Opened = Result<std::shared_ptr<table::Table>>;
  return {.open = [&store, context](const std::string& location) -> Opened {
            TARN_ASSIGN_OR_RETURN(auto table, table::OpenTable(store, location, context()));
            return std::shared_ptr<table::Table>(std::move(table));
          },
          .create = [&store, context](const std::string& location, const table::TableOptions& options) -> Opened {
            TARN_ASSIGN_OR_RETURN(auto table, table::CreateTable(store, location, options, context()));
            return std::shared_ptr<table::Table>(std::move(table));
          }};
}

}  // namespace

Result<std::unique_ptr<Lakehouse>> Lakehouse::Open(const LakehouseOptions& options, const Surroundings& around) {
  auto house = std::make_unique<Lakehouse>();
  const std::string spill = options.data_dir + "/tmp";
  TARN_TRY(around.file_system.CreateDirectories(spill));
  TARN_ASSIGN_OR_RETURN(house->store_, storage::OpenLocalObjectStore(around.file_system, options.data_dir));
  TARN_ASSIGN_OR_RETURN(house->database_, engine::Database::Open({.memory_limit_bytes = options.engine_memory_bytes,
                                                                  .threads = options.engine_threads,
                                                                  .temporary_directory = spill}));
  TARN_TRY(house->database_->MountStore(kStoreScheme, *house->store_));
  TARN_ASSIGN_OR_RETURN(
      house->catalog_,
      catalog::OpenCatalog({.path = options.data_dir + "/catalog.sqlite", .tables_prefix = "lake"}, *house->store_,
                           around.clock, MakeTableFactory(*house->store_, *house->database_, around), around.logger));
  TARN_ASSIGN_OR_RETURN(house->lake_,
                        lake::Lake::Attach({.store_scheme = kStoreScheme, .compression = options.compression},
                                           {.database = *house->database_,
                                            .store = *house->store_,
                                            .catalog = *house->catalog_,
                                            .clock = around.clock,
                                            .logger = around.logger,
                                            .random = Random::FromEntropy()}));
  return house;
}

}  // namespace tarn::cli
