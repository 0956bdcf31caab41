#include "table/delta/actions.h"

#include <simdjson.h>

#include "table/delta/json_text.h"
#include "table/delta/schema_json.h"
#include "table/delta/statistics.h"

namespace tarn::table::delta {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

bool IsAbsent(const simdjson::simdjson_result<element>& value) {
  return value.error() != simdjson::SUCCESS || value.is_null();
}

class Reader {
 public:
  Reader(const std::string& origin, const std::string& base_location)
      : origin_(origin), base_location_(base_location) {}

  void SetLine(size_t line) { line_ = line; }

  Error Bad(std::string_view what) const {
    return Error(ErrorCode::kCorruption, origin_ + ", line " + std::to_string(line_) + ": " + std::string(what));
  }
  Error Unsupported(std::string_view what) const {
    return Error(ErrorCode::kUnsupported, origin_ + ", line " + std::to_string(line_) + ": " + std::string(what));
  }
  Error Expected(std::string_view field, std::string_view type) const {
    return Bad("expected " + std::string(type) + " '" + std::string(field) + "'");
  }

  Result<std::string> Text(const element& json, std::string_view field) const {
    std::string_view text;
    if (json[field].get(text) != simdjson::SUCCESS) return Expected(field, "a string");
    return std::string(text);
  }
  Result<std::optional<std::string>> OptionalText(const element& json, std::string_view field) const {
    if (IsAbsent(json[field])) return std::optional<std::string>();
    TARN_ASSIGN_OR_RETURN(std::string text, Text(json, field));
    return std::optional<std::string>(std::move(text));
  }
  Result<int64_t> Number(const element& json, std::string_view field) const {
    int64_t number = 0;
    if (json[field].get(number) == simdjson::SUCCESS) return number;
    // Some writers put whole numbers as 1.7e12.
    double real = 0;
    if (json[field].get(real) == simdjson::SUCCESS && real > -9e18 && real < 9e18) return int64_t(real);
    return Expected(field, "a whole number");
  }
  Result<std::optional<int64_t>> OptionalNumber(const element& json, std::string_view field) const {
    if (IsAbsent(json[field])) return std::optional<int64_t>();
    TARN_ASSIGN_OR_RETURN(const int64_t number, Number(json, field));
    return std::optional<int64_t>(number);
  }
  Result<bool> Flag(const element& json, std::string_view field, bool fallback) const {
    if (IsAbsent(json[field])) return fallback;
    bool flag = false;
    if (json[field].get(flag) != simdjson::SUCCESS) return Expected(field, "a boolean");
    return flag;
  }
  Result<std::map<std::string, std::optional<std::string>>> NullableMap(const element& json,
                                                                        std::string_view field) const {
    object members;
    if (json[field].get(members) != simdjson::SUCCESS) return Expected(field, "an object");
    std::map<std::string, std::optional<std::string>> map;
    for (const auto& [key, value] : members) {
      std::string_view text;
      if (value.is_null())
        map[std::string(key)] = std::nullopt;
      else if (value.get(text) == simdjson::SUCCESS)
        map[std::string(key)] = std::string(text);
      else
        return Expected(std::string(field) + "." + std::string(key), "a string or null");
    }
    return map;
  }
  // Values of other types as their JSON text; nulls are left out.
  Result<StringMap> LooseMap(const element& json, std::string_view field) const {
    StringMap map;
    if (IsAbsent(json[field])) return map;
    object members;
    if (json[field].get(members) != simdjson::SUCCESS) return Expected(field, "an object");
    for (const auto& [key, value] : members) {
      std::string_view text;
      if (value.is_null()) continue;
      map[std::string(key)] = value.get(text) == simdjson::SUCCESS ? std::string(text) : simdjson::minify(value);
    }
    return map;
  }
  Result<std::vector<std::string>> TextList(const element& json, std::string_view field) const {
    simdjson::dom::array items;
    if (json[field].get(items) != simdjson::SUCCESS) return Expected(field, "an array");
    std::vector<std::string> list;
    for (const element item : items) {
      std::string_view text;
      if (item.get(text) != simdjson::SUCCESS) return Expected(field, "an array of strings");
      list.emplace_back(text);
    }
    return list;
  }
  Result<std::optional<std::vector<std::string>>> OptionalTextList(const element& json, std::string_view field) const {
    if (IsAbsent(json[field])) return std::optional<std::vector<std::string>>();
    TARN_ASSIGN_OR_RETURN(auto list, TextList(json, field));
    return std::optional<std::vector<std::string>>(std::move(list));
  }
  // The empty string is null ("Partition Value Serialization").
  Result<PartitionValues> Partitions(const element& json) const {
    TARN_ASSIGN_OR_RETURN(PartitionValues values, NullableMap(json, "partitionValues"));
    for (auto& [column, value] : values)
      if (value && value->empty()) value.reset();
    return values;
  }

  // Decodes once, and turns an absolute path below the table's folder into a relative one.
  Result<std::string> Path(const std::string& log_path, bool& absolute) const {
    auto decoded = UriDecodePath(log_path);
    if (!decoded.ok()) return Bad(decoded.error().message());
    std::string path = std::move(*decoded);
    const size_t colon = path.find(':');
    const bool has_scheme = colon != path.npos && path.find('/') > colon && path.compare(colon, 2, ":/") == 0;
    absolute = has_scheme || path.starts_with('/');
    if (!absolute) return path;
    if (path.starts_with("file:")) path.erase(0, 5);
    if (const size_t slashes = path.find_first_not_of('/'); slashes != path.npos && slashes > 1)
      path.erase(0, slashes - 1);
    if (!base_location_.empty() && path.starts_with(base_location_ + "/")) {
      absolute = false;
      return path.substr(base_location_.size() + 1);
    }
    return path;
  }

  Status ReadAdd(const element& json, LogEntry& entry) const {
    auto add = std::make_shared<AddFile>();
    TARN_ASSIGN_OR_RETURN(add->log_path, Text(json, "path"));
    bool absolute = false;
    TARN_ASSIGN_OR_RETURN(add->path, Path(add->log_path, absolute));
    if (absolute) return Unsupported("a data file outside of the table's folder: " + add->log_path);
    if (const Status checked = storage::CheckKey(add->path); !checked.ok())
      return Bad("data file: " + checked.error().message());
    TARN_ASSIGN_OR_RETURN(add->partition_values, Partitions(json));
    TARN_ASSIGN_OR_RETURN(const int64_t size, Number(json, "size"));
    if (size < 0) return Expected("size", "a number that is not negative,");
    add->size = uint64_t(size);
    TARN_ASSIGN_OR_RETURN(const int64_t modified, Number(json, "modificationTime"));
    if (modified > INT64_MAX / 1000 || modified < INT64_MIN / 1000)
      return Expected("modificationTime", "milliseconds in");
    add->modified = modified * 1000;
    TARN_ASSIGN_OR_RETURN(add->data_change, Flag(json, "dataChange", true));
    if (!IsAbsent(json["deletionVector"])) return Unsupported("table feature deletionVectors");
    TARN_ASSIGN_OR_RETURN(auto stats, OptionalText(json, "stats"));
    add->stats = stats.value_or("");
    if (!IsAbsent(json["tags"])) {
      TARN_ASSIGN_OR_RETURN(add->tags, NullableMap(json, "tags"));
    }
    entry.adds.push_back(std::move(add));
    return Ok();
  }

  Status ReadRemove(const element& json, LogEntry& entry) const {
    auto remove = std::make_shared<RemoveFile>();
    TARN_ASSIGN_OR_RETURN(remove->log_path, Text(json, "path"));
    bool absolute = false;
    TARN_ASSIGN_OR_RETURN(remove->path, Path(remove->log_path, absolute));
    TARN_ASSIGN_OR_RETURN(remove->deletion_timestamp, OptionalNumber(json, "deletionTimestamp"));
    TARN_ASSIGN_OR_RETURN(remove->data_change, Flag(json, "dataChange", true));
    if (!IsAbsent(json["deletionVector"])) return Unsupported("table feature deletionVectors");
    if (!IsAbsent(json["partitionValues"])) {
      TARN_ASSIGN_OR_RETURN(remove->partition_values, Partitions(json));
    }
    TARN_ASSIGN_OR_RETURN(remove->size, OptionalNumber(json, "size"));
    entry.removes.push_back(std::move(remove));
    return Ok();
  }

  Status ReadMetadata(const element& json, LogEntry& entry) const {
    if (entry.metadata) return Bad("a second metaData in one commit");
    Metadata metadata;
    TARN_ASSIGN_OR_RETURN(metadata.id, Text(json, "id"));
    TARN_ASSIGN_OR_RETURN(metadata.name, OptionalText(json, "name"));
    TARN_ASSIGN_OR_RETURN(metadata.description, OptionalText(json, "description"));
    element format;
    if (json["format"].get(format) == simdjson::SUCCESS && !format.is_null()) {
      TARN_ASSIGN_OR_RETURN(metadata.provider, Text(format, "provider"));
      TARN_ASSIGN_OR_RETURN(metadata.format_options, LooseMap(format, "options"));
    }
    if (metadata.provider != "parquet") return Unsupported("data files of format " + metadata.provider);
    TARN_ASSIGN_OR_RETURN(metadata.schema_string, Text(json, "schemaString"));
    if (!IsAbsent(json["partitionColumns"])) {
      TARN_ASSIGN_OR_RETURN(metadata.partition_columns, TextList(json, "partitionColumns"));
    }
    TARN_ASSIGN_OR_RETURN(metadata.configuration, LooseMap(json, "configuration"));
    TARN_ASSIGN_OR_RETURN(metadata.created_time, OptionalNumber(json, "createdTime"));
    auto schema = ParseSchema(metadata.schema_string);
    if (!schema.ok()) return std::move(schema).error().WithContext(origin_ + ", line " + std::to_string(line_));
    metadata.schema = std::move(*schema);
    for (const std::string& column : metadata.partition_columns)
      if (metadata.schema.IndexOf(column) < 0) return Bad("the schema lacks the partition column '" + column + "'");
    entry.metadata = std::move(metadata);
    return Ok();
  }

  Status ReadProtocol(const element& json, LogEntry& entry) const {
    if (entry.protocol) return Bad("a second protocol in one commit");
    Protocol protocol;
    TARN_ASSIGN_OR_RETURN(protocol.reader, Number(json, "minReaderVersion"));
    TARN_ASSIGN_OR_RETURN(protocol.writer, Number(json, "minWriterVersion"));
    TARN_ASSIGN_OR_RETURN(protocol.reader_features, OptionalTextList(json, "readerFeatures"));
    TARN_ASSIGN_OR_RETURN(protocol.writer_features, OptionalTextList(json, "writerFeatures"));
    entry.protocol = std::move(protocol);
    return Ok();
  }

  Status ReadTransaction(const element& json, LogEntry& entry) const {
    Transaction transaction;
    TARN_ASSIGN_OR_RETURN(transaction.application_id, Text(json, "appId"));
    TARN_ASSIGN_OR_RETURN(transaction.version, Number(json, "version"));
    TARN_ASSIGN_OR_RETURN(transaction.last_updated, OptionalNumber(json, "lastUpdated"));
    entry.transactions.push_back(std::move(transaction));
    return Ok();
  }

  // Free-form provenance: what is not as expected is passed over.
  void ReadCommitInfo(const element& json, LogEntry& entry) const {
    CommitInfo info;
    std::string_view text;
    int64_t number = 0;
    if (json["timestamp"].get(number) == simdjson::SUCCESS) info.timestamp = number;
    if (json["operation"].get(text) == simdjson::SUCCESS) info.operation = std::string(text);
    if (json["engineInfo"].get(text) == simdjson::SUCCESS) info.engine = std::string(text);
    if (auto metrics = LooseMap(json, "operationMetrics"); metrics.ok()) info.metrics = std::move(*metrics);
    if (auto parameters = LooseMap(json, "operationParameters"); parameters.ok())
      info.parameters = std::move(*parameters);
    if (auto ids = TextList(json, "commitIds"); ids.ok())
      info.commit_ids = std::move(*ids);
    else if (json["txnId"].get(text) == simdjson::SUCCESS)
      info.commit_ids.emplace_back(text);
    if (json["actionCount"].get(number) == simdjson::SUCCESS && info.engine.starts_with("Tarn"))
      info.action_count = number;
    entry.commit_info = std::move(info);
  }

  Status ReadLine(const element& json, LogEntry& entry) const {
    object members;
    if (json.get(members) != simdjson::SUCCESS) return Bad("expected a JSON object");
    for (const auto& [name, value] : members) {
      if (value.is_null()) continue;
      if (!value.is_object()) return Expected(name, "an object");
      if (name == "commitInfo") {
        ReadCommitInfo(value, entry);
        continue;
      }
      ++entry.action_count;
      if (name == "add")
        TARN_TRY(ReadAdd(value, entry));
      else if (name == "remove")
        TARN_TRY(ReadRemove(value, entry));
      else if (name == "metaData")
        TARN_TRY(ReadMetadata(value, entry));
      else if (name == "protocol")
        TARN_TRY(ReadProtocol(value, entry));
      else if (name == "txn")
        TARN_TRY(ReadTransaction(value, entry));
      else if (name == "sidecar" || name == "checkpointMetadata")
        return Unsupported("table feature v2Checkpoint");
    }
    return Ok();
  }

 private:
  const std::string& origin_;
  const std::string& base_location_;
  size_t line_ = 0;
};

void AppendMember(std::string& out, std::string_view name, std::string_view text) {
  out += ",\"";
  out += name;
  out += "\":";
  AppendJsonString(out, text);
}

template <typename Map>
void AppendMap(std::string& out, std::string_view name, const Map& map) {
  out += ",\"";
  out += name;
  out += "\":{";
  bool first = true;
  for (const auto& [key, value] : map) {
    if (!first) out += ',';
    first = false;
    AppendJsonString(out, key);
    out += ':';
    if constexpr (std::is_same_v<Map, StringMap>)
      AppendJsonString(out, value);
    else if (value)
      AppendJsonString(out, *value);
    else
      out += "null";
  }
  out += '}';
}

void AppendList(std::string& out, std::string_view name, const std::vector<std::string>& list) {
  out += ",\"";
  out += name;
  out += "\":[";
  for (size_t i = 0; i < list.size(); ++i) {
    if (i > 0) out += ',';
    AppendJsonString(out, list[i]);
  }
  out += ']';
}

}  // namespace

void AppendJsonString(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += "\\u00";
      out += kHex[c >> 4];
      out += kHex[c & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

Result<LogEntry> ParseLogEntry(std::string_view text, const std::string& origin, const std::string& base_location) {
  LogEntry entry;
  Reader reader(origin, base_location);
  simdjson::dom::parser parser;
  size_t line = 0;
  bool any = false;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view content = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    reader.SetLine(++line);
    if (content.ends_with('\r')) content.remove_suffix(1);
    if (content.find_first_not_of(" \t") == content.npos) continue;
    any = true;
    element json;
    if (const auto error = parser.parse(content.data(), content.size()).get(json); error != simdjson::SUCCESS)
      return reader.Bad(std::string("expected a JSON object: ") + simdjson::error_message(error));
    TARN_TRY(reader.ReadLine(json, entry));
  }
  reader.SetLine(std::max<size_t>(line, 1));
  if (!any) return reader.Bad("expected at least one action, the file is empty");
  if (entry.commit_info && entry.commit_info->action_count &&
      *entry.commit_info->action_count != int64_t(entry.action_count))
    return reader.Bad("expected " + std::to_string(*entry.commit_info->action_count) + " actions, found " +
                      std::to_string(entry.action_count) + ": the file was cut");
  return entry;
}

void AppendAction(std::string& out, const AddFile& add) {
  out += "{\"add\":{\"path\":";
  AppendJsonString(out, add.log_path);
  AppendMap(out, "partitionValues", add.partition_values);
  out += ",\"size\":" + std::to_string(add.size);
  out += ",\"modificationTime\":" + std::to_string(add.modified / 1000);
  out += add.data_change ? ",\"dataChange\":true" : ",\"dataChange\":false";
  if (!add.stats.empty()) AppendMember(out, "stats", add.stats);
  if (!add.tags.empty()) AppendMap(out, "tags", add.tags);
  out += "}}\n";
}

void AppendAction(std::string& out, const RemoveFile& remove) {
  out += "{\"remove\":{\"path\":";
  AppendJsonString(out, remove.log_path);
  if (remove.deletion_timestamp) out += ",\"deletionTimestamp\":" + std::to_string(*remove.deletion_timestamp);
  out += remove.data_change ? ",\"dataChange\":true" : ",\"dataChange\":false";
  // "extendedFileMetadata" says that partitionValues and size are there.
  const bool extended = remove.partition_values.has_value() && remove.size.has_value();
  out += extended ? ",\"extendedFileMetadata\":true" : ",\"extendedFileMetadata\":false";
  if (remove.partition_values) AppendMap(out, "partitionValues", *remove.partition_values);
  if (remove.size) out += ",\"size\":" + std::to_string(*remove.size);
  out += "}}\n";
}

void AppendAction(std::string& out, const Metadata& metadata) {
  out += "{\"metaData\":{\"id\":";
  AppendJsonString(out, metadata.id);
  if (metadata.name) AppendMember(out, "name", *metadata.name);
  if (metadata.description) AppendMember(out, "description", *metadata.description);
  out += ",\"format\":{\"provider\":";
  AppendJsonString(out, metadata.provider);
  AppendMap(out, "options", metadata.format_options);
  out += '}';
  AppendMember(out, "schemaString", metadata.schema_string);
  AppendList(out, "partitionColumns", metadata.partition_columns);
  AppendMap(out, "configuration", metadata.configuration);
  if (metadata.created_time) out += ",\"createdTime\":" + std::to_string(*metadata.created_time);
  out += "}}\n";
}

void AppendAction(std::string& out, const Protocol& protocol) {
  out += "{\"protocol\":{\"minReaderVersion\":" + std::to_string(protocol.reader);
  out += ",\"minWriterVersion\":" + std::to_string(protocol.writer);
  if (protocol.reader_features) AppendList(out, "readerFeatures", *protocol.reader_features);
  if (protocol.writer_features) AppendList(out, "writerFeatures", *protocol.writer_features);
  out += "}}\n";
}

void AppendAction(std::string& out, const Transaction& transaction) {
  out += "{\"txn\":{\"appId\":";
  AppendJsonString(out, transaction.application_id);
  out += ",\"version\":" + std::to_string(transaction.version);
  if (transaction.last_updated) out += ",\"lastUpdated\":" + std::to_string(*transaction.last_updated);
  out += "}}\n";
}

void AppendAction(std::string& out, const CommitInfo& info) {
  out += "{\"commitInfo\":{\"timestamp\":" + std::to_string(info.timestamp.value_or(0));
  AppendMember(out, "operation", info.operation);
  AppendMap(out, "operationParameters", info.parameters);
  AppendMap(out, "operationMetrics", info.metrics);
  AppendMember(out, "engineInfo", info.engine);
  if (!info.commit_ids.empty()) AppendMember(out, "txnId", info.commit_ids.front());
  AppendList(out, "commitIds", info.commit_ids);
  if (info.action_count) out += ",\"actionCount\":" + std::to_string(*info.action_count);
  out += "}}\n";
}

std::string FormatLogEntry(const LogEntry& entry) {
  std::string out;
  if (entry.commit_info) AppendAction(out, *entry.commit_info);
  if (entry.protocol) AppendAction(out, *entry.protocol);
  if (entry.metadata) AppendAction(out, *entry.metadata);
  for (const Transaction& transaction : entry.transactions) AppendAction(out, transaction);
  for (const auto& remove : entry.removes) AppendAction(out, *remove);
  for (const auto& add : entry.adds) AppendAction(out, *add);
  return out;
}

}  // namespace tarn::table::delta
