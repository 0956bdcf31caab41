#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "engine/schema.h"
#include "storage/object_store.h"
#include "table/path_map.h"

// One table of an open format, without saying which: snapshots, files, commits. Delta stands behind it (table/delta);
// Iceberg and Hudi have the same door. Callers never see a format's own types.

namespace tarn::table {

// A table's version: Delta's log version. -1 is "no version yet".
using TableVersion = int64_t;

// Bounds and counts of one column of one file, values as text in the engine's SQL spelling (timestamps ISO 8601 UTC).
// An absent bound says nothing; a present one is never too tight.
struct ColumnStatistics {
  std::optional<std::string> min;
  std::optional<std::string> max;
  std::optional<int64_t> null_count;
  // Floating point: whether the column holds NaN, which min and max leave out. Unknown counts as "it may": no bounds
  // are kept.
  std::optional<bool> has_nan;
};

struct DataFile {
  std::string path;  // relative to the table's location, as on disk (decoded)
  std::map<std::string, std::optional<std::string>> partition_values;  // absent value: NULL
  uint64_t size = 0;
  Micros modified = 0;
  int64_t record_count = -1;                           // physical rows; -1: unknown
  std::map<std::string, ColumnStatistics> statistics;  // by column name; nested columns "a.b"
};

// The live files of a snapshot: immutable, iterated and indexed like a vector; a commit's list shares all but the
// touched chunks.
using FileList = PathMap<DataFile>;

// The state of a table at one version. Immutable; shared by readers.
struct Snapshot {
  TableVersion version = -1;
  Micros committed_at = 0;
  std::string table_id;
  engine::Schema schema;
  std::vector<std::string> partition_columns;
  std::map<std::string, std::string> properties;
  // Progress kept with the data: application id -> its last version (Delta `txn`). Sources' offsets live here.
  std::map<std::string, int64_t> progress;
  FileList files;  // sorted by path
};

// How one progress entry moves in a commit. The commit compares `expected` (absent: no entry yet) with the table before
// it writes `next`; on a difference somebody else has advanced it, and the commit fails with kFenced.
struct ProgressStep {
  std::string application_id;
  std::optional<int64_t> expected;
  int64_t next = 0;
};

enum class WriteMode {
  kAppend,               // adds files; never conflicts with other appends
  kOverwrite,            // replaces all rows
  kOverwritePartitions,  // replaces the rows of `overwritten_partitions`, whether or not files are added to them
};

// What one commit does. Its identity is made once, before the first send, and is written inside the commit.
struct TableChange {
  std::string commit_id;  // a UUID; the same for every try
  std::string operation;  // "STREAMING UPDATE", "WRITE", "CREATE TABLE AS SELECT", …
  WriteMode mode = WriteMode::kAppend;
  std::vector<DataFile> added_files;
  // kOverwritePartitions: the replaced partitions' values, in partition column order.
  std::vector<std::map<std::string, std::optional<std::string>>> overwritten_partitions;
  std::vector<ProgressStep> progress;
  // The version that the change was computed from. For overwrites every commit after it that touched what they replace
  // is kConflict; absent: the newest at commit time.
  std::optional<TableVersion> read_version;
  std::optional<engine::Schema> new_schema;  // evolve: the whole new schema
  // With kOverwrite only.
  std::optional<std::vector<std::string>> new_partition_columns;
  std::optional<std::map<std::string, std::string>> new_properties;
  std::map<std::string, std::string> metrics;  // shown in history: rows, bytes, duplicates, …
  bool data_change = true;                     // false: the same rows, moved (compaction)
  std::vector<std::string> removed_paths;      // files to remove by name (compaction); still live or kConflict
};

// One entry of a table's history, newest first in Table::History.
struct HistoryEntry {
  TableVersion version = 0;
  Micros committed_at = 0;
  std::string operation;
  std::string commit_id;  // empty when another engine wrote it without one
  std::string engine;     // who wrote it, as the commit says
  std::map<std::string, std::string> metrics;
};

struct TableOptions {
  engine::Schema schema;
  std::vector<std::string> partition_columns;
  std::map<std::string, std::string> properties;
};

// Thread-safe. Opened by OpenTable or CreateTable (table/open_table.h) on an ObjectStore that outlives it. Several
// Table objects, processes and engines may work on one location at once.
class Table {
 public:
  virtual ~Table() = default;

  virtual const std::string& location() const = 0;  // key prefix in the store, without a trailing slash
  virtual std::string_view format() const = 0;      // "delta"
  virtual storage::ObjectStore& store() const = 0;

  // The newest version, refreshed from storage by reading only what is new. kNotFound: no table there; kCorruption:
  // names file and line; kUnsupported: names the reader feature.
  virtual Result<std::shared_ptr<const Snapshot>> Latest() = 0;
  // kNotFound: never written or no longer reconstructable; the message tells the versions that are.
  virtual Result<std::shared_ptr<const Snapshot>> AtVersion(TableVersion version) = 0;
  // The newest version committed at or before `time`. kNotFound when `time` is before the first that is left.
  virtual Result<std::shared_ptr<const Snapshot>> AtTime(Micros time) = 0;
  virtual Result<std::vector<HistoryEntry>> History(size_t limit) = 0;

  // Commits durably and returns the new version. Retries lost races itself where the change allows it, and settles
  // unknown outcomes by looking for its commit_id. Many threads' appends may share one log entry (group commit). On an
  // error the change is not in the table, except kOutcomeUnknown: storage could not be read back; the object refuses
  // further commits until Latest() succeeds. Errors worth branching on: kConflict, kFenced, kOutcomeUnknown.
  virtual Result<TableVersion> CommitTable(const TableChange& change) = 0;
  // The version that carries this commit id among those after `after`, if any: for recovery.
  virtual Result<std::optional<TableVersion>> FindCommit(const std::string& commit_id, TableVersion after) = 0;

  // The partitions whose rows the commits in (after, until] changed, distinct; the same rows moved (data_change false)
  // do not count. Absent: the history no longer tells.
  virtual Result<std::optional<std::vector<std::map<std::string, std::optional<std::string>>>>> ChangedPartitions(
      TableVersion after, TableVersion until) = 0;

  // Where a new data file of a partition belongs, relative to the location:
  // "date=2026-11-24/part-00000-<uuid>.zstd.parquet".
  virtual std::string NewDataFilePath(const std::map<std::string, std::optional<std::string>>& partition_values) = 0;
};

}  // namespace tarn::table
