#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "engine/database.h"
#include "table/table.h"

namespace tarn::stream {

// Writes the rows of a SELECT as data files of a table, one for each partition that occurs. Thread-compatible.
class ParquetWriter {
 public:
  struct Options {
    std::string store_scheme;
    std::string compression = "zstd";
    uint64_t row_group_rows = 30'720;
  };
  // All references outlive it.
  ParquetWriter(engine::Connection& connection, table::Table& table, Clock& clock, Options options)
      : connection_(connection), table_(table), clock_(clock), options_(std::move(options)) {}

  // `select_sql` yields the columns of `snapshot`'s schema with their types, in any order. It runs once for every
  // partition, and once before: it must give the same rows each time. Appends to `files` one by one, so that after a
  // failure they tell what may be there. Durable when it returns.
  // kInvalidArgument: NULL in a column that takes none, or rows that differ from run to run.
  Status Write(const std::string& select_sql, const table::Snapshot& snapshot, std::vector<table::DataFile>& files);

  // Deletes files that no commit names.
  void DeleteFiles(const std::vector<table::DataFile>& files);

 private:
  struct Partition {
    table::DataFile file;
    std::string filter;  // SQL, empty without partition columns
    int64_t rows = -1;   // expected; -1: unknown
  };
  Result<std::vector<Partition>> Partitions(const std::string& select_sql, const table::Snapshot& snapshot);
  Status Copy(const std::string& select_sql, const table::Snapshot& snapshot, Partition& partition);

  engine::Connection& connection_;
  table::Table& table_;
  Clock& clock_;
  const Options options_;
};

}  // namespace tarn::stream
