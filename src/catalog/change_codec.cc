#include <nlohmann/json.hpp>

#include "catalog/change_codec_internal.h"

namespace tarn::catalog {
namespace {

using Json = nlohmann::json;
using PartitionValues = std::map<std::string, std::optional<std::string>>;

constexpr int kVersion = 1;

Json ToJson(const std::optional<std::string>& text) {
  return text ? Json(*text) : Json(nullptr);
}

std::optional<std::string> OptionalText(const Json& json) {
  return json.is_null() ? std::nullopt : std::optional<std::string>(json.get<std::string>());
}

Json ToJson(const PartitionValues& values) {
  Json json = Json::object();
  for (const auto& [column, value] : values) json[column] = ToJson(value);
  return json;
}

PartitionValues ToPartitionValues(const Json& json) {
  PartitionValues values;
  for (const auto& [column, value] : json.items()) values[column] = OptionalText(value);
  return values;
}

// Type kinds by name, so that a reordered enum does not change what lies on disk.
constexpr std::pair<engine::TypeKind, const char*> kKinds[] = {
    {engine::TypeKind::kBoolean, "boolean"},
    {engine::TypeKind::kInt8, "int8"},
    {engine::TypeKind::kInt16, "int16"},
    {engine::TypeKind::kInt32, "int32"},
    {engine::TypeKind::kInt64, "int64"},
    {engine::TypeKind::kFloat, "float"},
    {engine::TypeKind::kDouble, "double"},
    {engine::TypeKind::kDecimal, "decimal"},
    {engine::TypeKind::kString, "string"},
    {engine::TypeKind::kBinary, "binary"},
    {engine::TypeKind::kDate, "date"},
    {engine::TypeKind::kTimestamp, "timestamp"},
    {engine::TypeKind::kTimestampNtz, "timestamp_ntz"},
    {engine::TypeKind::kTime, "time"},
    {engine::TypeKind::kUuid, "uuid"},
    {engine::TypeKind::kStruct, "struct"},
    {engine::TypeKind::kList, "list"},
    {engine::TypeKind::kMap, "map"},
};

Json ToJson(const std::vector<engine::Field>& fields);

Json ToJson(const engine::DataType& type) {
  Json json;
  for (const auto& [kind, name] : kKinds)
    if (kind == type.kind) json["kind"] = name;
  if (type.kind == engine::TypeKind::kDecimal) {
    json["precision"] = type.precision;
    json["scale"] = type.scale;
  }
  if (type.fields) json["fields"] = ToJson(*type.fields);
  return json;
}

Json ToJson(const std::vector<engine::Field>& fields) {
  Json json = Json::array();
  for (const auto& field : fields) {
    Json metadata = Json::array();
    for (const auto& [key, value] : field.metadata) metadata.push_back({key, value});
    json.push_back(
        {{"name", field.name}, {"type", ToJson(field.type)}, {"nullable", field.nullable}, {"metadata", metadata}});
  }
  return json;
}

std::vector<engine::Field> ToFields(const Json& json) {
  std::vector<engine::Field> fields;
  for (const auto& item : json) {
    engine::Field field{.name = item.at("name"), .nullable = item.at("nullable")};
    const Json& type = item.at("type");
    const auto kind = type.at("kind").get<std::string>();
    bool known = false;
    for (const auto& [value, name] : kKinds) {
      if (kind != name) continue;
      field.type.kind = value;
      known = true;
    }
    if (!known) throw std::runtime_error("unknown type " + kind);
    field.type.precision = type.value("precision", uint8_t(0));
    field.type.scale = type.value("scale", uint8_t(0));
    if (type.contains("fields"))
      field.type.fields = std::make_shared<const std::vector<engine::Field>>(ToFields(type.at("fields")));
    for (const auto& pair : item.at("metadata")) field.metadata.emplace_back(pair.at(0), pair.at(1));
    fields.push_back(std::move(field));
  }
  return fields;
}

Json ToJson(const table::DataFile& file) {
  Json statistics = Json::object();
  for (const auto& [column, bounds] : file.statistics)
    statistics[column] = {ToJson(bounds.min), ToJson(bounds.max),
                          bounds.null_count ? Json(*bounds.null_count) : Json(nullptr)};
  return {{"path", file.path},
          {"partition_values", ToJson(file.partition_values)},
          {"size", file.size},
          {"modified", file.modified},
          {"records", file.record_count},
          {"statistics", statistics}};
}

table::DataFile ToDataFile(const Json& json) {
  table::DataFile file{.path = json.at("path"),
                       .partition_values = ToPartitionValues(json.at("partition_values")),
                       .size = json.at("size"),
                       .modified = json.at("modified"),
                       .record_count = json.at("records")};
  for (const auto& [column, bounds] : json.at("statistics").items()) {
    auto& out = file.statistics[column];
    out.min = OptionalText(bounds.at(0));
    out.max = OptionalText(bounds.at(1));
    if (!bounds.at(2).is_null()) out.null_count = bounds.at(2).get<int64_t>();
  }
  return file;
}

Json ToJson(const table::TableOptions& options) {
  return {{"schema", ToJson(options.schema.fields)},
          {"partition_columns", options.partition_columns},
          {"properties", options.properties}};
}

constexpr const char* kModes[] = {"append", "overwrite", "overwrite_partitions"};

PublishedChange Decode(const Json& json) {
  if (json.at("version") != kVersion) throw std::runtime_error("unknown version " + json.at("version").dump());
  PublishedChange published;
  auto& change = published.change;
  change.commit_id = json.at("commit_id");
  change.operation = json.at("operation");
  const auto mode = json.at("mode").get<std::string>();
  if (mode == kModes[0])
    change.mode = table::WriteMode::kAppend;
  else if (mode == kModes[1])
    change.mode = table::WriteMode::kOverwrite;
  else if (mode == kModes[2])
    change.mode = table::WriteMode::kOverwritePartitions;
  else
    throw std::runtime_error("unknown mode " + mode);
  for (const auto& file : json.at("added_files")) change.added_files.push_back(ToDataFile(file));
  for (const auto& values : json.at("overwritten_partitions"))
    change.overwritten_partitions.push_back(ToPartitionValues(values));
  for (const auto& step : json.at("progress")) {
    table::ProgressStep out{.application_id = step.at(0), .next = step.at(2)};
    if (!step.at(1).is_null()) out.expected = step.at(1).get<int64_t>();
    change.progress.push_back(std::move(out));
  }
  if (json.contains("read_version")) change.read_version = json.at("read_version").get<int64_t>();
  if (json.contains("new_schema")) change.new_schema = engine::Schema{ToFields(json.at("new_schema"))};
  if (json.contains("new_partition_columns"))
    change.new_partition_columns = json.at("new_partition_columns").get<std::vector<std::string>>();
  if (json.contains("new_properties"))
    change.new_properties = json.at("new_properties").get<std::map<std::string, std::string>>();
  change.metrics = json.at("metrics").get<std::map<std::string, std::string>>();
  change.data_change = json.at("data_change");
  change.removed_paths = json.at("removed_paths").get<std::vector<std::string>>();
  if (json.contains("create")) {
    const Json& create = json.at("create");
    published.create = table::TableOptions{.schema = {ToFields(create.at("schema"))},
                                           .partition_columns = create.at("partition_columns"),
                                           .properties = create.at("properties")};
  }
  return published;
}

}  // namespace

std::string EncodeChange(const PublishedChange& published) {
  const auto& change = published.change;
  Json json = {{"version", kVersion},
               {"commit_id", change.commit_id},
               {"operation", change.operation},
               {"mode", kModes[size_t(change.mode)]},
               {"added_files", Json::array()},
               {"overwritten_partitions", Json::array()},
               {"progress", Json::array()},
               {"metrics", change.metrics},
               {"data_change", change.data_change},
               {"removed_paths", change.removed_paths}};
  for (const auto& file : change.added_files) json["added_files"].push_back(ToJson(file));
  for (const auto& values : change.overwritten_partitions) json["overwritten_partitions"].push_back(ToJson(values));
  for (const auto& step : change.progress)
    json["progress"].push_back({step.application_id, step.expected ? Json(*step.expected) : Json(nullptr), step.next});
  if (change.read_version) json["read_version"] = *change.read_version;
  if (change.new_schema) json["new_schema"] = ToJson(change.new_schema->fields);
  if (change.new_partition_columns) json["new_partition_columns"] = *change.new_partition_columns;
  if (change.new_properties) json["new_properties"] = *change.new_properties;
  if (published.create) json["create"] = ToJson(*published.create);
  // Bytes that are not UTF-8 (paths of foreign writers) must not make a publication impossible.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<PublishedChange> DecodeChange(const std::string& text) {
  try {
    return Decode(Json::parse(text));
  } catch (const std::exception& exception) {
    return Error(ErrorCode::kCorruption, std::string("a planned change in the catalog: ") + exception.what());
  }
}

}  // namespace tarn::catalog
