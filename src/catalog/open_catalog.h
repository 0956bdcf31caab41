#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/logging.h"
#include "catalog/catalog.h"

// The catalog that comes with Tarn: one SQLite file.

namespace tarn::catalog {

// How the catalog opens and creates tables at a location of its store; thread-safe.
struct TableFactory {
  // kNotFound: no table there.
  std::function<Result<std::shared_ptr<table::Table>>(const std::string& location)> open;
  // kAlreadyExists: a table is there.
  std::function<Result<std::shared_ptr<table::Table>>(const std::string& location, const table::TableOptions& options)>
      create;
};

struct CatalogOptions {
  std::string path;                    // the SQLite file; its folder exists
  std::string tables_prefix = "lake";  // new tables are at <prefix>/<namespace>/<table>
};

// Opens or creates the file and finishes what a dead process left half done. `store`, `clock` and `logger` outlive the
// catalog. Several processes may have one file open. kFailedPrecondition: the file is of a newer version; it is left
// untouched.
Result<std::unique_ptr<Catalog>> OpenCatalog(const CatalogOptions& options, storage::ObjectStore& store, Clock& clock,
                                             TableFactory factory, Logger& logger = NullLogger());

}  // namespace tarn::catalog
