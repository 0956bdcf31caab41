#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/logging.h"
#include "base/random.h"
#include "base/result.h"
#include "catalog/catalog.h"
#include "engine/database.h"
#include "storage/object_store.h"

// The catalog as a DuckDB catalog: its tables and views in SQL, with time travel and writes.
//
//   SELECT … FROM clickstream.t AT (VERSION => 3)     and AT (TIMESTAMP => …)
//   INSERT INTO, CREATE TABLE [AS] … [PARTITIONED BY (…)], CREATE OR REPLACE TABLE, DROP TABLE, CREATE VIEW, CREATE
//   SCHEMA … tarn_table_version('ns.t') BIGINT                  the version that this transaction sees
//   tarn_table_progress('ns.t', 'application id')      BIGINT or NULL
//   tarn_changed_partitions('ns.t', since_version)     table function: the distinct partition values (one column a
//   partition
//                                                      column) of files added by commits after that version; every live
//                                                      partition when the history no longer reaches that far
//
// A DuckDB transaction is a transaction here: its reads see one CatalogMoment and one snapshot a table, and its own
// writes; COMMIT publishes all its writes together (Catalog::Publish), ROLLBACK leaves nothing.

namespace tarn::lake {

struct LakeOptions {
  std::string name = "lake";          // of the attached DuckDB database
  std::string store_scheme = "lake";  // under which the tables' store is mounted in the database
  std::string compression = "zstd";
  uint64_t target_file_bytes = uint64_t(128) << 20;
};

struct LakeDependencies {
  engine::Database& database;   // with `store` mounted under store_scheme
  storage::ObjectStore& store;  // of the catalog's tables
  catalog::Catalog& catalog;
  Clock& clock;
  Logger& logger;
  Random random;
};

// How WriteTable's rows meet those that are there.
enum class LakeWriteMode {
  kCreateOrReplace,  // a new table, or all rows of one of the same schema and partitioning; else its schema is evolved
  kAppend,
  kOverwritePartitions,  // replaces the partitions that occur in the rows, and `also_replaced`
};

struct LakeWrite {
  catalog::TableName table;
  std::string select_sql;  // run on the transaction's own connection
  LakeWriteMode mode = LakeWriteMode::kAppend;
  std::vector<std::string> partition_columns;  // of a table that is created
  std::vector<std::string> not_null_columns;   // of a table that is created
  std::vector<std::map<std::string, std::optional<std::string>>> also_replaced;
  std::map<std::string, int64_t> progress;  // entries to set with the commit, compared with what the transaction read
  std::string operation = "WRITE";
};

// Owned by cli/assemble.cc or a test; the dependencies outlive it. Thread-safe.
class Lake {
 public:
  // Registers the storage extension and functions in the database and attaches the catalog.
  static Result<std::unique_ptr<Lake>> Attach(LakeOptions options, LakeDependencies dependencies);
  virtual ~Lake() = default;

  // A session whose default database is the lake.
  virtual Result<std::unique_ptr<engine::Connection>> Connect() = 0;

  // Within the open transaction of a connection made by Connect(): writes the rows of a SELECT into files and adds them
  // to what COMMIT will publish; later statements of the transaction see them. Returns the number of rows. Requires:
  // BEGIN was executed. kInvalidArgument: the rows do not fit the table; kNotFound.
  virtual Result<uint64_t> WriteTable(engine::Connection& connection, const LakeWrite& write) = 0;
  // The versions that the transaction's COMMIT gave the tables it wrote, of the last COMMIT on this connection that
  // wrote something.
  virtual std::map<std::string, table::TableVersion> LastCommit(engine::Connection& connection) = 0;
};

}  // namespace tarn::lake
