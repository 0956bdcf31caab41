#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/logging.h"
#include "base/metrics.h"
#include "base/random.h"
#include "engine/database.h"
#include "table/table.h"

// The door to tables: finds out the format of what lies at a location.

namespace tarn::table {

// What a table works with; all references outlive it.
struct TableContext {
  Clock& clock;
  Logger& logger;
  Random random;  // the table's own: Random::FromEntropy(), or a fork of the run's
  // Reads and writes Parquet checkpoints, with the table's store mounted as `scheme`. Without it no checkpoint is
  // written, and a table whose log begins with one is kUnsupported.
  engine::Database* database = nullptr;
  std::string scheme;
  Metrics* metrics = nullptr;
};

// Opens the table at `location` (a key prefix without trailing slash). kNotFound: there is none.
// Further errors as Table::Latest.
Result<std::unique_ptr<Table>> OpenTable(storage::ObjectStore& store, const std::string& location,
                                         TableContext context);

// Creates an empty table durably: version 0. kAlreadyExists; kInvalidArgument: the schema, naming the column;
// kUnsupported: a type that the format does not have, or the format.
Result<std::unique_ptr<Table>> CreateTable(storage::ObjectStore& store, const std::string& location,
                                           const TableOptions& options, TableContext context,
                                           const std::string& format = "delta");

}  // namespace tarn::table
