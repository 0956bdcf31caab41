#include "table/delta/commit_builder.h"

#include <algorithm>
#include <charconv>
#include <set>

#include <strings.h>

#include "table/delta/protocol_check.h"
#include "table/delta/schema_json.h"
#include "table/delta/statistics.h"

namespace tarn::table::delta {
namespace {

constexpr std::string_view kEngine = "Tarn/0.1.0";

Error Invalid(const std::string& message) {
  return Error(ErrorCode::kInvalidArgument, message);
}

PartitionValues WithoutEmpty(PartitionValues values) {
  for (auto& [column, value] : values)
    if (value && value->empty()) value.reset();
  return values;
}

Status CheckPartitionValues(const PartitionValues& values, const std::vector<std::string>& columns,
                            const std::string& what) {
  bool same = values.size() == columns.size();
  for (const std::string& column : columns) same = same && values.contains(column);
  if (same) return Ok();
  std::string list;
  for (const std::string& column : columns) list += (list.empty() ? "" : ", ") + column;
  return Invalid(what + ": its partition values must name exactly the partition columns (" + list + ")");
}

Status CheckNames(const engine::Schema& schema) {
  std::vector<std::string> seen;
  if (schema.fields.empty()) return Invalid("a table needs a column");
  for (const engine::Field& field : schema.fields) {
    // What Parquet files without column mapping cannot carry between engines.
    if (field.name.empty() || field.name.find_first_of(" ,;{}()\n\t=") != field.name.npos)
      return Invalid("column '" + field.name +
                     "': a name must not be empty or hold any of \" ,;{}()\\n\\t=\"; give it an alias");
    for (const std::string& other : seen)
      if (strcasecmp(other.c_str(), field.name.c_str()) == 0)
        return Invalid("column '" + field.name + "' is there twice");
    seen.push_back(field.name);
  }
  return Ok();
}

Status CheckPartitionColumns(const std::vector<std::string>& columns, const engine::Schema& schema) {
  for (const std::string& column : columns) {
    const auto field =
        std::find_if(schema.fields.begin(), schema.fields.end(), [&](const auto& f) { return f.name == column; });
    if (field == schema.fields.end()) return Invalid("partition column '" + column + "' is not in the schema");
    if (field->type.fields) return Invalid("partition column '" + column + "' must not be a struct, list or map");
    if (std::count(columns.begin(), columns.end(), column) > 1)
      return Invalid("partition column '" + column + "' is there twice");
  }
  if (!columns.empty() && columns.size() == schema.fields.size())
    return Invalid("not every column can be a partition column");
  return Ok();
}

// New files must be readable beside the old ones: columns stay, new ones are nullable.
Status CheckEvolution(const engine::Schema& before, const engine::Schema& after) {
  for (const engine::Field& old : before.fields) {
    const int index = after.IndexOf(old.name);
    if (index < 0) return Invalid("cannot evolve the schema: column '" + old.name + "' would be dropped");
    const engine::Field& field = after.fields[size_t(index)];
    if (!(field.type == old.type))
      return Invalid("cannot evolve the schema: column '" + old.name + "' would change from " + old.type.ToString() +
                     " to " + field.type.ToString());
    if (old.nullable && !field.nullable)
      return Invalid("cannot evolve the schema: column '" + old.name + "' would become NOT NULL");
  }
  for (const engine::Field& field : after.fields)
    if (before.IndexOf(field.name) < 0 && !field.nullable)
      return Invalid("cannot evolve the schema: the new column '" + field.name + "' is NOT NULL");
  return Ok();
}

bool HasTimestampNtz(const std::vector<engine::Field>& fields) {
  return std::any_of(fields.begin(), fields.end(), [](const engine::Field& field) {
    return field.type.kind == engine::TypeKind::kTimestampNtz ||
           (field.type.fields && HasTimestampNtz(*field.type.fields));
  });
}

// What a table needs for TIMESTAMP columns without a zone (PROTOCOL.md, "Timestamp without timezone").
Protocol TimestampNtzProtocol() {
  return {3, 7, std::vector<std::string>{"timestampNtz"},
          std::vector<std::string>{"timestampNtz", "appendOnly", "invariants"}};
}

// A protocol that TimestampNtzProtocol() includes: an upgrade takes nothing from it.
bool IsPlainProtocol(const Protocol& protocol) {
  return protocol.reader == 1 && protocol.writer <= 2;
}

bool LacksTimestampNtz(const engine::Schema& schema, const Protocol& protocol) {
  const auto& features = protocol.writer_features;
  return HasTimestampNtz(schema.fields) &&
         !(features && std::find(features->begin(), features->end(), "timestampNtz") != features->end());
}

Status CheckProperties(const StringMap& properties) {
  for (const auto& [key, value] : properties) {
    const bool asks = (key.starts_with("delta.enable") && value == "true") || key.starts_with("delta.feature.");
    if (asks) return Error(ErrorCode::kUnsupported, "table property " + key + " = " + value);
  }
  return Ok();
}

void AddRemove(const DataFile& file, bool data_change, int64_t now_ms, LogEntry& entry) {
  auto remove = std::make_shared<RemoveFile>();
  remove->path = file.path;
  remove->log_path = static_cast<const AddFile&>(file).log_path;
  remove->deletion_timestamp = now_ms;
  remove->data_change = data_change;
  remove->partition_values = file.partition_values;
  remove->size = int64_t(file.size);
  entry.removes.push_back(std::move(remove));
}

// The table's metadata after the change, if it changes.
Result<std::optional<Metadata>> NewMetadata(const TableChange& change, const DeltaState& state) {
  if (!change.new_schema && !change.new_properties && !change.new_partition_columns) return std::optional<Metadata>();
  Metadata metadata = *state.metadata;
  if (change.new_partition_columns) {
    if (change.mode != WriteMode::kOverwrite)
      return Invalid("the partition columns change only when all rows are overwritten");
    metadata.partition_columns = *change.new_partition_columns;
    TARN_TRY(
        CheckPartitionColumns(metadata.partition_columns, change.new_schema ? *change.new_schema : metadata.schema));
  }
  if (change.new_properties) {
    TARN_TRY(CheckProperties(*change.new_properties));
    metadata.configuration = *change.new_properties;
  }
  if (change.new_schema) {
    TARN_TRY(CheckNames(*change.new_schema));
    TARN_TRY(CheckPartitionColumns(metadata.partition_columns, *change.new_schema));
    if (change.mode != WriteMode::kOverwrite) TARN_TRY(CheckEvolution(metadata.schema, *change.new_schema));
    if (LacksTimestampNtz(*change.new_schema, *state.protocol) && !IsPlainProtocol(*state.protocol))
      return Error(ErrorCode::kUnsupported, "a TIMESTAMP column in a table whose protocol lacks timestampNtz");
    TARN_ASSIGN_OR_RETURN(metadata.schema_string, FormatSchema(*change.new_schema));
    metadata.schema = *change.new_schema;
  }
  TARN_TRY(CheckWritable(*state.protocol, metadata));
  return std::optional<Metadata>(std::move(metadata));
}

Status CheckProgress(const TableChange& change, const DeltaState& state) {
  for (const ProgressStep& step : change.progress) {
    const auto found = state.transactions.find(step.application_id);
    const std::optional<int64_t> stored =
        found == state.transactions.end() ? std::nullopt : std::optional<int64_t>(found->second.version);
    if (stored == step.expected) continue;
    const auto text = [](std::optional<int64_t> value) { return value ? std::to_string(*value) : std::string("none"); };
    return Error(ErrorCode::kFenced, "progress of " + step.application_id + " is " + text(stored) + ", expected " +
                                         text(step.expected) + ": another writer has advanced it");
  }
  return Ok();
}

void AddRemovals(const TableChange& change, const DeltaState& state, int64_t now_ms, LogEntry& entry) {
  if (change.mode == WriteMode::kOverwrite) {
    for (const auto& file : state.snapshot.files) AddRemove(*file, change.data_change, now_ms, entry);
  } else if (change.mode == WriteMode::kOverwritePartitions) {
    std::set<PartitionValues> replaced;
    for (const auto& values : change.overwritten_partitions) replaced.insert(WithoutEmpty(values));
    for (const auto& file : state.snapshot.files)
      if (replaced.contains(file->partition_values)) AddRemove(*file, change.data_change, now_ms, entry);
  }
  std::set<std::string> done;
  for (const auto& remove : entry.removes) done.insert(remove->path);
  for (const std::string& path : change.removed_paths)
    if (done.insert(path).second) AddRemove(*state.snapshot.files.Find(path), change.data_change, now_ms, entry);
}

}  // namespace

Status CheckShape(const TableChange& change) {
  if (change.commit_id.empty()) return Invalid("a change needs a commit id");
  std::set<std::string_view> paths, applications;
  for (const DataFile& file : change.added_files) {
    if (const Status checked = storage::CheckKey(file.path); !checked.ok())
      return Invalid("added file: " + checked.error().message());
    if (file.path.starts_with("_delta_log/")) return Invalid("added file '" + file.path + "' lies in the log's folder");
    if (!paths.insert(file.path).second) return Invalid("added file '" + file.path + "' is there twice");
  }
  for (const ProgressStep& step : change.progress) {
    if (step.application_id.empty()) return Invalid("a progress step needs an application id");
    if (!applications.insert(step.application_id).second)
      return Invalid("progress of " + step.application_id + " is there twice");
  }
  return Ok();
}

bool IsPlainAppend(const TableChange& change) {
  return change.mode == WriteMode::kAppend && change.removed_paths.empty() && change.data_change &&
         !change.new_schema && !change.new_partition_columns && !change.new_properties;
}

Status CheckConflicts(const TableChange& change, const DeltaState& state, const std::vector<LogEntry>& between) {
  if (!change.read_version) return Ok();
  const auto conflict = [&](std::string_view what) {
    return Error(ErrorCode::kConflict,
                 "since version " + std::to_string(*change.read_version) + " another commit " + std::string(what));
  };
  if (*change.read_version > state.snapshot.version)
    return Invalid("read_version " + std::to_string(*change.read_version) + " is after the newest, " +
                   std::to_string(state.snapshot.version));
  if (state.metadata_version > *change.read_version)
    return conflict("changed the table's schema, properties or protocol");
  if (change.mode == WriteMode::kAppend) return Ok();
  std::set<PartitionValues> replaced;
  for (const auto& values : change.overwritten_partitions) replaced.insert(WithoutEmpty(values));
  const auto touches = [&](bool data_change, const PartitionValues* values) {
    if (!data_change) return false;  // The same rows, moved.
    return change.mode == WriteMode::kOverwrite || values == nullptr || replaced.contains(*values);
  };
  for (const LogEntry& entry : between) {
    for (const auto& add : entry.adds)
      if (touches(add->data_change, &add->partition_values)) return conflict("added " + add->path);
    for (const auto& remove : entry.removes)
      if (touches(remove->data_change, remove->partition_values ? &*remove->partition_values : nullptr))
        return conflict("removed " + remove->path);
  }
  return Ok();
}

Status AddChange(const TableChange& change, const DeltaState& state, int64_t now_ms, LogEntry& entry) {
  TARN_TRY(CheckWritable(*state.protocol, *state.metadata));
  TARN_TRY(CheckProgress(change, state));
  TARN_ASSIGN_OR_RETURN(const std::optional<Metadata> metadata, NewMetadata(change, state));
  const Metadata& current = metadata ? *metadata : *state.metadata;
  for (const auto& values : change.overwritten_partitions)
    TARN_TRY(CheckPartitionValues(values, current.partition_columns, "overwritten partition"));
  for (const std::string& path : change.removed_paths)
    if (!state.snapshot.files.Find(path))
      return Error(ErrorCode::kConflict, "the file to remove is no longer in the table: " + path);

  std::vector<std::shared_ptr<const AddFile>> adds;
  std::set<PartitionValues> replaced;
  for (const auto& values : change.overwritten_partitions) replaced.insert(WithoutEmpty(values));
  for (const DataFile& file : change.added_files) {
    TARN_TRY(CheckPartitionValues(file.partition_values, current.partition_columns, "added file '" + file.path + "'"));
    if (state.snapshot.files.Find(file.path))
      return Error(ErrorCode::kAlreadyExists, "the file is in the table already: " + file.path);
    auto add = std::make_shared<AddFile>();
    static_cast<DataFile&>(*add) = file;
    add->log_path = UriEncodePath(file.path);
    add->partition_values = WithoutEmpty(file.partition_values);
    if (change.mode == WriteMode::kOverwritePartitions && !replaced.contains(add->partition_values))
      return Invalid("added file '" + file.path + "' lies in a partition that is not overwritten");
    if (add->modified == 0) add->modified = now_ms * 1000;
    add->data_change = change.data_change;
    add->stats = FormatStatistics(*add, current.schema);
    adds.push_back(std::move(add));
  }
  LogEntry removals;
  AddRemovals(change, state, now_ms, removals);
  const auto append_only = current.configuration.find("delta.appendOnly");
  if (append_only != current.configuration.end() && append_only->second == "true" && change.data_change &&
      !removals.removes.empty())
    return Error(ErrorCode::kFailedPrecondition, "the table is append-only (delta.appendOnly = true)");

  if (metadata) entry.metadata = metadata;
  if (metadata && LacksTimestampNtz(metadata->schema, *state.protocol)) entry.protocol = TimestampNtzProtocol();
  for (const ProgressStep& step : change.progress)
    entry.transactions.push_back({step.application_id, step.next, now_ms});
  std::move(removals.removes.begin(), removals.removes.end(), std::back_inserter(entry.removes));
  std::move(adds.begin(), adds.end(), std::back_inserter(entry.adds));
  return Ok();
}

CommitInfo MakeCommitInfo(const std::vector<const TableChange*>& changes, int64_t now_ms) {
  CommitInfo info;
  info.timestamp = now_ms;
  info.engine = kEngine;
  info.operation = changes.front()->operation;
  const WriteMode mode = changes.front()->mode;
  info.parameters["mode"] = mode == WriteMode::kAppend ? "Append" : "Overwrite";
  for (const TableChange* change : changes) {
    info.commit_ids.push_back(change->commit_id);
    for (const auto& [name, value] : change->metrics) {
      std::string& sum = info.metrics[name];
      int64_t before = 0, more = 0;
      const bool numbers = std::from_chars(sum.data(), sum.data() + sum.size(), before).ec == std::errc() &&
                           std::from_chars(value.data(), value.data() + value.size(), more).ec == std::errc();
      sum = numbers ? std::to_string(before + more) : value;
    }
  }
  return info;
}

Result<LogEntry> MakeFirstEntry(const TableOptions& options, const std::string& table_id, const std::string& commit_id,
                                int64_t now_ms) {
  TARN_TRY(CheckNames(options.schema));
  TARN_TRY(CheckPartitionColumns(options.partition_columns, options.schema));
  TARN_TRY(CheckProperties(options.properties));
  LogEntry entry;
  Metadata metadata;
  metadata.id = table_id;
  TARN_ASSIGN_OR_RETURN(metadata.schema_string, FormatSchema(options.schema));
  metadata.schema = options.schema;
  metadata.partition_columns = options.partition_columns;
  metadata.configuration = options.properties;
  metadata.created_time = now_ms;
  Protocol protocol;
  if (HasTimestampNtz(options.schema.fields)) protocol = TimestampNtzProtocol();
  TARN_TRY(CheckWritable(protocol, metadata));
  entry.metadata = std::move(metadata);
  entry.protocol = std::move(protocol);
  CommitInfo info;
  info.timestamp = now_ms;
  info.engine = kEngine;
  info.operation = "CREATE TABLE";
  info.commit_ids = {commit_id};
  info.action_count = 2;
  entry.commit_info = std::move(info);
  return entry;
}

}  // namespace tarn::table::delta
