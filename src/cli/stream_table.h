#pragma once

#include <memory>

#include "base/result.h"
#include "catalog/catalog.h"
#include "cli/project_file.h"
#include "engine/database.h"
#include "table/table.h"

// The tables that a stream writes, created at its first start.

namespace tarn::cli {

struct StreamTables {
  std::shared_ptr<table::Table> table;
  std::shared_ptr<table::Table> dead_letters;
};

// Opens the stream's tables in `name_space`; creates those that are not there, the main one with the columns of the
// stream's SQL. kInvalidArgument: the SQL, with its place in it.
Result<StreamTables> OpenStreamTables(const StreamSpec& spec, const std::string& name_space, catalog::Catalog& catalog,
                                      engine::Database& database);

}  // namespace tarn::cli
