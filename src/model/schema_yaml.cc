#include <algorithm>

#include "model/load_internal.h"

// Schema YAML: what `version: 2` files say of models, sources and their tests.

namespace tarn::model {
namespace {

using Names = std::vector<std::string>;

const Names kTopKeys = {"version", "models", "sources",
                        // Described by dbt, not read here.
                        "macros", "seeds", "snapshots", "analyses", "exposures", "groups", "data_tests", "tests",
                        "metrics", "semantic_models", "saved_queries", "unit_tests"};
const Names kModelKeys = {
    "name",   "description", "columns",     "tests", "data_tests",     "config",           "tags",      "meta", "docs",
    "access", "contract",    "constraints", "group", "latest_version", "deprecation_date", "time_spine"};
const Names kColumnKeys = {"name",  "description", "tests", "data_tests", "data_type",  "meta",
                           "quote", "constraints", "tags",  "config",     "granularity"};
const Names kSourceKeys = {"name",     "description",     "schema",          "tables",    "tags",
                           "config",   "tests",           "data_tests",      "meta",      "database",
                           "loader",   "loaded_at_field", "loaded_at_query", "freshness", "quoting",
                           "overrides"};
const Names kTableKeys = {"name",      "description", "identifier", "columns", "tests",           "data_tests",
                          "tags",      "config",      "meta",       "loader",  "loaded_at_field", "loaded_at_query",
                          "freshness", "external",    "quoting"};

// Reads one file; every step is told where it is by the node it looks at.
class SchemaReader {
 public:
  SchemaReader(const std::string& file, ProjectData& project, Properties& properties)
      : file_(file), project_(project), properties_(properties) {}

  Status Read(const YamlNode& root) {
    if (root.IsNull()) return Ok();
    TARN_TRY(CheckKeys(root, "a schema file", kTopKeys));
    if (const YamlNode* unit_tests = root.Find("unit_tests"); unit_tests != nullptr && !unit_tests->items.empty()) {
      return At(*unit_tests, "unit_tests are not supported");
    }
    TARN_TRY(ForEach(root, "models", [this](const YamlNode& model) { return ReadModel(model); }));
    return ForEach(root, "sources", [this](const YamlNode& source) { return ReadSource(source); });
  }

 private:
  Error At(const YamlNode& node, std::string_view what) const { return YamlError(file_, node.line, node.column, what); }

  Status CheckKeys(const YamlNode& node, const std::string& what, const Names& known) const {
    if (node.kind != YamlNode::Kind::kMapping) return At(node, what + " must be a mapping");
    for (size_t i = 0; i < node.entries.size(); ++i) {
      const std::string& key = node.entries[i].first;
      if (std::find(known.begin(), known.end(), key) != known.end()) continue;
      return YamlError(file_, node.entry_positions[i].first, node.entry_positions[i].second,
                       "unknown key '" + key + "' of " + what + DidYouMean(key, known));
    }
    return Ok();
  }

  template <typename Visit>
  Status ForEach(const YamlNode& node, std::string_view key, Visit visit) const {
    const YamlNode* list = node.Find(key);
    if (list == nullptr || list->IsNull()) return Ok();
    if (list->kind != YamlNode::Kind::kSequence) return At(*list, std::string(key) + " must be a list");
    for (const YamlNode& item : list->items) TARN_TRY(visit(item));
    return Ok();
  }

  Result<std::string> Name(const YamlNode& node, const std::string& what) const {
    const YamlNode* name = node.Find("name");
    if (name == nullptr || name->kind != YamlNode::Kind::kScalar || name->text.empty())
      return At(node, what + " needs a name");
    return name->text;
  }

  Status ReadModel(const YamlNode& model) {
    TARN_TRY(CheckKeys(model, "a model", kModelKeys));
    TARN_ASSIGN_OR_RETURN(const std::string name, Name(model, "a model"));
    ModelPatch patch{.name = name, .file = file_, .line = model.line, .column = model.column};
    if (const YamlNode* tags = model.Find("tags")) patch.configs.emplace_back("tags", *tags);
    if (const YamlNode* config = model.Find("config")) {
      TARN_TRY(AddConfigs(*config, patch.configs));
    }
    properties_.models.push_back(std::move(patch));
    return ReadTests(model, name, false);
  }

  Status AddConfigs(const YamlNode& config, std::vector<std::pair<std::string, YamlNode>>& configs) const {
    if (config.kind != YamlNode::Kind::kMapping) return At(config, "config must be a mapping");
    configs.insert(configs.end(), config.entries.begin(), config.entries.end());
    return Ok();
  }

  Status ReadSource(const YamlNode& source) {
    TARN_TRY(CheckKeys(source, "a source", kSourceKeys));
    TARN_ASSIGN_OR_RETURN(const std::string name, Name(source, "a source"));
    const YamlNode* schema = source.Find("schema");
    const std::string name_space = schema != nullptr ? schema->text : name;
    std::set<std::string> tags = Tags(source);
    return ForEach(source, "tables", [&](const YamlNode& table) -> Status {
      TARN_TRY(CheckKeys(table, "a source's table", kTableKeys));
      TARN_ASSIGN_OR_RETURN(const std::string table_name, Name(table, "a source's table"));
      const YamlNode* identifier = table.Find("identifier");
      Source read{.unique_id = "source." + project_.config.name + "." + name + "." + table_name,
                  .source_name = name,
                  .table_name = table_name,
                  .table = {.name_space = name_space, .name = identifier != nullptr ? identifier->text : table_name},
                  .tags = tags,
                  .file = file_};
      read.tags.merge(Tags(table));
      const std::string id = read.unique_id;
      if (!project_.sources.emplace(id, std::move(read)).second) {
        return At(table, "the source '" + name + "." + table_name + "' is declared twice");
      }
      return ReadTests(table, id, true);
    });
  }

  static std::set<std::string> Tags(const YamlNode& node) {
    std::set<std::string> tags;
    if (const YamlNode* listed = node.Find("tags")) {
      if (!listed->text.empty()) tags.insert(listed->text);
      for (const YamlNode& tag : listed->items) tags.insert(tag.text);
    }
    return tags;
  }

  // The tests of a model or source table and of its columns.
  Status ReadTests(const YamlNode& node, const std::string& target, bool on_source) {
    TARN_TRY(ReadTestLists(node, target, on_source, std::nullopt));
    return ForEach(node, "columns", [&](const YamlNode& column) -> Status {
      TARN_TRY(CheckKeys(column, "a column", kColumnKeys));
      TARN_ASSIGN_OR_RETURN(const std::string name, Name(column, "a column"));
      return ReadTestLists(column, target, on_source, name);
    });
  }

  Status ReadTestLists(const YamlNode& node, const std::string& target, bool on_source,
                       const std::optional<std::string>& column) {
    for (const char* key : {"tests", "data_tests"}) {
      TARN_TRY(ForEach(node, key, [&](const YamlNode& test) -> Status {
        TARN_ASSIGN_OR_RETURN(DeclaredTest declared, ReadTest(test));
        declared.test.target = target;
        declared.test.column = column;
        declared.on_source = on_source;
        properties_.tests.push_back(std::move(declared));
        return Ok();
      }));
    }
    return Ok();
  }

  // "- unique", "- accepted_values: {values: […]}", or "- {name: …, test_name: unique, …}".
  Result<DeclaredTest> ReadTest(const YamlNode& node) const {
    DeclaredTest declared{.file = file_, .line = node.line, .column = node.column};
    if (node.kind == YamlNode::Kind::kScalar) {
      declared.test.macro = node.text;
      return declared;
    }
    if (node.kind != YamlNode::Kind::kMapping || node.entries.empty()) {
      return At(node, "a test is a name, or a name with a mapping of its arguments");
    }
    const YamlNode* settings = &node;
    if (const YamlNode* test_name = node.Find("test_name")) {
      declared.test.macro = test_name->text;
    } else {
      if (node.entries.size() != 1)
        return At(node.entries[1].second, "the arguments of a test belong below its name, indented");
      declared.test.macro = node.entries[0].first;
      settings = &node.entries[0].second;
      if (!settings->IsNull() && settings->kind != YamlNode::Kind::kMapping)
        return At(*settings, "a test's arguments must be a mapping");
    }
    for (const auto& [key, value] : settings->entries) TARN_TRY(ReadTestSetting(key, value, declared));
    return declared;
  }

  Status ReadTestSetting(const std::string& key, const YamlNode& value, DeclaredTest& declared) const {
    if (key == "test_name" || key == "description") return Ok();
    if (key == "name") {
      declared.name = value.text;
    } else if (key == "config") {
      TARN_TRY(AddConfigs(value, declared.configs));
    } else if (key == "arguments") {
      if (value.kind != YamlNode::Kind::kMapping) return At(value, "arguments must be a mapping");
      for (const auto& [name, argument] : value.entries)
        declared.test.arguments.Set(std::string_view(name), ToValue(argument));
    } else if (IsConfigName(NodeKind::kTest, key)) {
      declared.configs.emplace_back(key, value);
    } else {
      declared.test.arguments.Set(std::string_view(key), ToValue(value));
    }
    return Ok();
  }

  const std::string& file_;
  ProjectData& project_;
  Properties& properties_;
};

}  // namespace

Status ReadSchemaYaml(const std::string& text, const std::string& file, ProjectData& project, Properties& properties) {
  TARN_ASSIGN_OR_RETURN(const YamlNode root, ParseYaml(text, file));
  return SchemaReader(file, project, properties).Read(root);
}

}  // namespace tarn::model
