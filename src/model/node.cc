#include "model/node_internal.h"

#include <algorithm>
#include <cctype>
#include <span>

namespace tarn::model {
namespace {

using jinja::Value;

constexpr std::string_view kModelConfigs[] = {
    "materialized", "schema", "alias", "tags", "enabled", "partition_by", "incremental_strategy", "full_refresh",
    "on_schema_change",
    // Known to dbt, without effect here.
    "meta", "docs", "description", "contract", "persist_docs", "grants", "group", "access", "event_time", "database",
    "quoting", "packages",
    // Known to dbt; refused, because leaving them out would change what a build does.
    "unique_key", "pre_hook", "post_hook", "pre-hook", "post-hook", "incremental_predicates", "sql_header"};
constexpr std::string_view kRefused[] = {
    "unique_key", "pre_hook", "post_hook", "pre-hook", "post-hook", "incremental_predicates", "sql_header"};
constexpr std::string_view kTestConfigs[] = {
    "severity", "where",          "limit",  "fail_calc",         "warn_if",     "error_if", "tags",     "enabled",
    "meta",     "store_failures", "schema", "store_failures_as", "description", "alias",    "database", "group"};

bool Contains(std::span<const std::string_view> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

Error Wrong(const std::string& key, std::string_view expected, const Value& value) {
  const auto shown = value.Repr();
  return Error(ErrorCode::kInvalidArgument, "config '" + key + "' must be " + std::string(expected) + ", not " +
                                                (shown.ok() ? *shown : value.TypeName()));
}

Result<std::string> Text(const std::string& key, const Value& value) {
  if (!value.IsString() || value.as_string().empty()) return Wrong(key, "a text", value);
  return value.as_string();
}

Result<bool> Flag(const std::string& key, const Value& value) {
  if (value.kind() != Value::Kind::kBool) return Wrong(key, "true or false", value);
  return value.as_bool();
}

// One text or a list of texts.
Result<std::vector<std::string>> Texts(const std::string& key, const Value& value) {
  std::vector<std::string> texts;
  if (value.IsString()) return std::vector<std::string>{value.as_string()};
  if (!value.IsSequence()) return Wrong(key, "a text or a list of texts", value);
  for (const Value& item : value.items()) {
    if (!item.IsString()) return Wrong(key, "a text or a list of texts", value);
    texts.push_back(item.as_string());
  }
  return texts;
}

// One of the listed words, by its place.
Result<size_t> Choice(const std::string& key, const Value& value, const std::vector<std::string>& words) {
  TARN_ASSIGN_OR_RETURN(const std::string word, Text(key, value));
  const auto found = std::find(words.begin(), words.end(), word);
  if (found != words.end()) return size_t(found - words.begin());
  std::string listed;
  for (const std::string& w : words) listed += (listed.empty() ? "" : ", ") + w;
  return Error(ErrorCode::kInvalidArgument,
               "config '" + key + "' is '" + word + "'; it may be " + listed + DidYouMean(word, words));
}

Status ApplyModelConfig(const std::string& key, const Value& value, NodeConfig& config) {
  if (key == "materialized") {
    if (value.IsString() && value.as_string() == "materialized_view") {
      return Error(ErrorCode::kUnsupported, "materialized_view is not supported; use incremental");
    }
    TARN_ASSIGN_OR_RETURN(const size_t choice, Choice(key, value, {"view", "table", "incremental", "ephemeral"}));
    config.materialization = Materialization(choice);
  } else if (key == "schema") {
    TARN_ASSIGN_OR_RETURN(config.name_space, Text(key, value));
  } else if (key == "alias") {
    TARN_ASSIGN_OR_RETURN(config.alias, Text(key, value));
  } else if (key == "partition_by") {
    const Value* field = value.IsDict() ? value.dict().Find(std::string_view("field"))
                                        : &value;  // BigQuery's spelling: {field: date, …}
    if (field == nullptr) return Wrong(key, "a column, a list of columns, or {field: column}", value);
    TARN_ASSIGN_OR_RETURN(config.partition_by, Texts(key, *field));
  } else if (key == "incremental_strategy") {
    if (value.IsString() &&
        (value.as_string() == "merge" || value.as_string() == "delete+insert" || value.as_string() == "microbatch")) {
      return Error(ErrorCode::kUnsupported,
                   "the strategy " + value.as_string() + " is not supported; use append or insert_overwrite");
    }
    TARN_ASSIGN_OR_RETURN(const size_t choice, Choice(key, value, {"append", "insert_overwrite"}));
    config.strategy = choice == 0 ? IncrementalStrategy::kAppend : IncrementalStrategy::kOverwritePartitions;
  } else if (key == "full_refresh") {
    if (value.IsNone()) return Ok();
    TARN_ASSIGN_OR_RETURN(config.full_refresh, Flag(key, value));
  } else if (key == "on_schema_change") {
    TARN_ASSIGN_OR_RETURN(const size_t choice,
                          Choice(key, value, {"ignore", "fail", "append_new_columns", "sync_all_columns"}));
    config.fail_on_schema_change = choice == 1;
  } else if (Contains(kRefused, key) && value.Truth()) {
    return Error(ErrorCode::kUnsupported, "config '" + key + "' is not supported");
  }
  return Ok();
}

Status ApplyTestConfig(const std::string& key, const Value& value, NodeConfig& config) {
  if (key == "severity") {
    TARN_ASSIGN_OR_RETURN(std::string word, Text(key, value));
    for (char& c : word) c = char(std::tolower(static_cast<unsigned char>(c)));
    TARN_ASSIGN_OR_RETURN(const size_t choice, Choice(key, Value(word), {"error", "warn"}));
    config.only_warns = choice == 1;
  } else if (key == "where") {
    if (value.IsNone()) return Ok();
    TARN_ASSIGN_OR_RETURN(config.where, Text(key, value));
  } else if (key == "limit") {
    if (!value.IsInteger() || value.as_int() < 0) return Wrong(key, "a number of rows", value);
    config.limit = value.as_int();
  } else if (key == "fail_calc") {
    TARN_ASSIGN_OR_RETURN(config.count, Text(key, value));
  } else if (key == "warn_if") {
    TARN_ASSIGN_OR_RETURN(config.warn_if, Text(key, value));
  } else if (key == "error_if") {
    TARN_ASSIGN_OR_RETURN(config.error_if, Text(key, value));
  }
  return Ok();
}

std::span<const std::string_view> ConfigNames(NodeKind kind) {
  if (kind == NodeKind::kModel) return kModelConfigs;
  return kTestConfigs;
}

}  // namespace

bool IsConfigName(NodeKind kind, std::string_view key) {
  return Contains(ConfigNames(kind), key);
}

Status ApplyConfig(NodeKind kind, const std::string& key, const Value& value, NodeConfig& config) {
  const auto names = ConfigNames(kind);
  if (!Contains(names, key)) {
    return Error(
        ErrorCode::kInvalidArgument,
        "unknown config '" + key + "'" + DidYouMean(key, std::vector<std::string>(names.begin(), names.end())));
  }
  if (key == "enabled") {
    TARN_ASSIGN_OR_RETURN(config.enabled, Flag(key, value));
  } else if (key == "tags") {
    TARN_ASSIGN_OR_RETURN(const auto tags, Texts(key, value));
    config.tags.insert(tags.begin(), tags.end());
  } else if (kind == NodeKind::kModel) {
    TARN_TRY(ApplyModelConfig(key, value, config));
  } else {
    TARN_TRY(ApplyTestConfig(key, value, config));
  }
  config.values.Set(std::string_view(key), value);
  return Ok();
}

const Node* ProjectData::FindNode(const std::string& unique_id) const {
  const auto found = index.find(unique_id);
  return found == index.end() ? nullptr : &nodes[found->second];
}

const Node* ProjectData::FindModel(std::string_view name) const {
  return FindNode("model." + config.name + "." + std::string(name));
}

std::vector<std::string> ProjectData::ModelNames() const {
  std::vector<std::string> names;
  for (const Node& node : nodes) {
    if (node.IsModel()) names.push_back(node.info.name);
  }
  return names;
}

const Source* ProjectData::FindSource(std::string_view source, std::string_view table) const {
  const auto found = sources.find("source." + config.name + "." + std::string(source) + "." + std::string(table));
  return found == sources.end() ? nullptr : &found->second;
}

std::string DidYouMean(std::string_view word, const std::vector<std::string>& candidates) {
  const auto nearest = NearestWord(word, candidates);
  return nearest ? ", did you mean '" + *nearest + "'?" : "";
}

Error UnknownModel(const ProjectData& project, std::string_view name) {
  return Error(ErrorCode::kInvalidArgument,
               "there is no model '" + std::string(name) + "'" + DidYouMean(name, project.ModelNames()));
}

Error UnknownSource(const ProjectData& project, std::string_view source, std::string_view table) {
  std::vector<std::string> names;
  for (const auto& [id, known] : project.sources) names.push_back(known.source_name + "." + known.table_name);
  const std::string name = std::string(source) + "." + std::string(table);
  return Error(ErrorCode::kInvalidArgument, "there is no source '" + name + "'" + DidYouMean(name, names));
}

Value ToValue(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return Value::None();
    case YamlNode::Kind::kScalar:
      if (const auto flag = node.AsBool()) return Value(*flag);
      if (const auto number = node.AsInt()) return Value(*number);
      if (const auto number = node.AsDouble()) return Value(*number);
      return Value(node.text);
    case YamlNode::Kind::kSequence: {
      jinja::List items;
      for (const YamlNode& item : node.items) items.push_back(ToValue(item));
      return Value(std::move(items));
    }
    case YamlNode::Kind::kMapping: {
      jinja::Dict entries;
      for (const auto& [key, value] : node.entries) entries.Set(std::string_view(key), ToValue(value));
      return Value(std::move(entries));
    }
  }
  return Value::None();
}

}  // namespace tarn::model
