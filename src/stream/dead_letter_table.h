#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "engine/database.h"
#include "stream/batch_relation.h"
#include "stream/dead_letter_topic.h"
#include "stream/parquet_writer.h"
#include "table/table.h"

namespace tarn::stream {

// Offsets of one topic, by partition: [from, to).
using OffsetRanges = std::map<int32_t, std::pair<int64_t, int64_t>>;

// Files of the dead-letter table: written, and read back. Commits are its caller's. Thread-compatible.
class DeadLetterTable {
 public:
  // All references outlive it. kInvalidArgument: the table is not one of dead letters.
  static Result<std::unique_ptr<DeadLetterTable>> Make(engine::Database& database, table::Table& table, Clock& clock,
                                                       const std::string& stream, ParquetWriter::Options options);

  // As ParquetWriter::Write.
  Status Write(const std::vector<DeadLetter>& letters, std::vector<table::DataFile>& files);
  // Letters of the topic within `ranges` that failed at or after `since`, in order of partition and offset.
  Result<std::vector<DeadLetter>> Read(const table::Snapshot& snapshot, const std::string& topic,
                                       const OffsetRanges& ranges, Micros since);
  ParquetWriter& writer() { return *writer_; }

 private:
  DeadLetterTable(table::Table& table, std::string store_scheme)
      : table_(table), store_scheme_(std::move(store_scheme)) {}

  table::Table& table_;
  const std::string store_scheme_;
  std::unique_ptr<engine::Connection> connection_;
  std::unique_ptr<BatchRelation> relation_;
  std::unique_ptr<ParquetWriter> writer_;
};

// "read_parquet([…])" over data files of a table.
std::string ReadParquetSql(const std::string& store_scheme, const std::string& location,
                           const std::vector<std::string>& paths);

}  // namespace tarn::stream
