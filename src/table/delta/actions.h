#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "storage/object_stores.h"
#include "table/data_path.h"
#include "table/table.h"

// The actions of a Delta log and their JSON (PROTOCOL.md, "Actions").

namespace tarn::table::delta {

using StringMap = std::map<std::string, std::string>;

// `add`. The base's path is decoded; log_path is how the log spells it.
struct AddFile : DataFile {
  std::string log_path;
  bool data_change = true;
  std::string stats;  // JSON text as logged; empty: none
  std::map<std::string, std::optional<std::string>> tags;
};

// `remove`, and the tombstone that stays of it.
struct RemoveFile {
  std::string path;  // decoded
  std::string log_path;
  std::optional<int64_t> deletion_timestamp;  // ms
  bool data_change = true;
  std::optional<PartitionValues> partition_values;
  std::optional<int64_t> size;
};

struct Metadata {
  std::string id;
  std::optional<std::string> name, description;
  std::string provider = "parquet";
  StringMap format_options;
  std::string schema_string;
  std::vector<std::string> partition_columns;
  StringMap configuration;
  std::optional<int64_t> created_time;
  engine::Schema schema;  // of schema_string

  bool operator==(const Metadata&) const = default;
};

struct Protocol {
  int64_t reader = 1;
  int64_t writer = 2;
  std::optional<std::vector<std::string>> reader_features, writer_features;

  bool operator==(const Protocol&) const = default;
};

// `txn`.
struct Transaction {
  std::string application_id;
  int64_t version = 0;
  std::optional<int64_t> last_updated;  // ms

  bool operator==(const Transaction&) const = default;
};

// `commitInfo`. Ours carries the commit ids of all changes that share the entry, and the number of its actions, by
// which a reader notices a file that was cut at the end of a line.
struct CommitInfo {
  std::optional<int64_t> timestamp;  // ms
  std::string operation;
  std::string engine;
  std::vector<std::string> commit_ids;
  StringMap metrics;
  StringMap parameters;
  std::optional<int64_t> action_count;
};

// The actions of one log file, or of one checkpoint.
struct LogEntry {
  std::vector<std::shared_ptr<const AddFile>> adds;
  std::vector<std::shared_ptr<const RemoveFile>> removes;
  std::optional<Metadata> metadata;
  std::optional<Protocol> protocol;
  std::vector<Transaction> transactions;
  std::optional<CommitInfo> commit_info;
  size_t action_count = 0;  // without commitInfo
};

// Reads the lines of a log file. `origin` is its name, for messages; `base_location` is where the table's folder is for
// other programs, so that absolute paths into it are recognised. kCorruption: origin, line and what was expected.
// kUnsupported: a feature that shows in an action (deletion vectors, absolute paths elsewhere). Unknown actions and
// fields are passed over.
Result<LogEntry> ParseLogEntry(std::string_view text, const std::string& origin, const std::string& base_location);

// One action a line, each with its newline.
void AppendAction(std::string& out, const AddFile& add);
void AppendAction(std::string& out, const RemoveFile& remove);
void AppendAction(std::string& out, const Metadata& metadata);
void AppendAction(std::string& out, const Protocol& protocol);
void AppendAction(std::string& out, const Transaction& transaction);
void AppendAction(std::string& out, const CommitInfo& info);

// The lines of `entry`, commitInfo first.
std::string FormatLogEntry(const LogEntry& entry);

}  // namespace tarn::table::delta
