#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/logging.h"
#include "base/metrics.h"
#include "catalog/catalog.h"
#include "engine/database.h"
#include "lake/lake.h"
#include "storage/object_store.h"

// The tables of a data directory in SQL: object store, engine, catalog and lake. What `tarn up` and every command with
// SQL stand on.

namespace tarn::cli {

// What is passed in from outside; outlives whoever gets it.
struct Surroundings {
  FileSystem& file_system;
  Clock& clock;
  Logger& logger;
  Metrics& metrics;
};

struct LakehouseOptions {
  std::string data_dir;
  uint64_t engine_memory_bytes = 0;
  int engine_threads = 0;
  std::string compression = "zstd";
};

// The scheme under which the store is mounted in the engine: "lake://lake/clickstream/…".
inline constexpr char kStoreScheme[] = "lake";

// Thread-safe: all its parts are.
class Lakehouse {
 public:
  // Creates what is absent.
  static Result<std::unique_ptr<Lakehouse>> Open(const LakehouseOptions& options, const Surroundings& surroundings);

  storage::ObjectStore& store() { return *store_; }
  engine::Database& database() { return *database_; }
  catalog::Catalog& catalog() { return *catalog_; }
  lake::Lake& lake() { return *lake_; }

 private:
  std::unique_ptr<storage::ObjectStore> store_;
  std::unique_ptr<engine::Database> database_;
  std::unique_ptr<catalog::Catalog> catalog_;
  std::unique_ptr<lake::Lake> lake_;
};

}  // namespace tarn::cli
