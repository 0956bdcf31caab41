#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/yaml.h"
#include "catalog/catalog.h"
#include "model/jinja/template.h"
#include "model/jinja/value.h"
#include "model/project.h"

// What a project is made of once it is read. Plain data, immutable after loading.

namespace tarn::model {

// What an incremental model does with its rows when its table is there.
enum class IncrementalStrategy { kAppend, kOverwritePartitions };

// A model's or test's configuration: dbt_project.yml, then schema YAML, then {{ config() }}; the later wins, tags add
// up.
struct NodeConfig {
  bool enabled = true;
  std::set<std::string> tags;
  jinja::Dict values;  // everything as it was written: config.get(), model.config

  // Models.
  Materialization materialization = Materialization::kView;
  std::optional<std::string> name_space;  // config `schema`, as is
  std::optional<std::string> alias;
  std::vector<std::string> partition_by;
  std::optional<IncrementalStrategy> strategy;
  // As configured, else insert_overwrite when there are partitions to overwrite.
  IncrementalStrategy Strategy() const {
    return strategy.value_or(partition_by.empty() ? IncrementalStrategy::kAppend
                                                  : IncrementalStrategy::kOverwritePartitions);
  }
  std::optional<bool> full_refresh;  // true: always; false: never, whatever --full-refresh says
  bool fail_on_schema_change = false;

  // Tests.
  bool only_warns = false;
  std::optional<std::string> where;
  std::optional<int64_t> limit;
  std::string count = "count(*)";  // dbt's fail_calc
  std::string warn_if = "!= 0";
  std::string error_if = "!= 0";
};

// Applies one configuration. kInvalidArgument, kUnsupported: the message does not say where.
Status ApplyConfig(NodeKind kind, const std::string& key, const jinja::Value& value, NodeConfig& config);
bool IsConfigName(NodeKind kind, std::string_view key);

struct Source {
  std::string unique_id;  // "source.clickstream.clickstream.clickstream_events_delta"
  std::string source_name;
  std::string table_name;
  catalog::TableName table;
  std::set<std::string> tags;
  std::string file;
};

// A test that schema YAML declares on a model or source: a call of a {% test %} macro.
struct GenericTest {
  std::string macro;   // without "test_"
  std::string target;  // unique id of a model or source
  std::optional<std::string> column;
  jinja::Dict arguments;  // strings in it are templates, as dbt reads them
};

struct Node {
  NodeInfo info;
  NodeConfig config;
  std::string package_path;                    // of the file below its models or tests folder: "marts/x.sql"
  std::string position;                        // "models/schema.yml:7:9"; of SQL files "models/a.sql"
  std::shared_ptr<const jinja::Template> sql;  // of a model or singular test
  std::optional<GenericTest> generic;
  std::set<std::string> upstream;  // = info.depends_on

  bool IsModel() const { return info.kind == NodeKind::kModel; }
  catalog::TableName table() const { return {.name_space = info.name_space, .name = config.alias.value_or(info.name)}; }
};

struct ProjectConfig {
  std::string name;
  std::string profile;
  std::vector<std::string> model_paths = {"models"};
  std::vector<std::string> test_paths = {"tests"};
  std::vector<std::string> macro_paths = {"macros"};
  std::map<std::string, jinja::Value> vars;
  YamlNode models;  // the config trees
  YamlNode tests;
  std::string file = "dbt_project.yml";
};

// A whole project.
struct ProjectData {
  ProjectConfig config;
  ProjectOptions options;
  std::string default_schema;
  jinja::MacroLibrary macros;             // the project's, and ours as package "dbt"
  std::map<std::string, Source> sources;  // by unique id
  std::vector<Node> nodes;                // in graph order
  std::map<std::string, size_t> index;    // unique id -> place in `nodes`
  std::vector<NodeInfo> infos;

  const Node* FindNode(const std::string& unique_id) const;
  // The model of that name, or null.
  const Node* FindModel(std::string_view name) const;
  std::vector<std::string> ModelNames() const;
  const Source* FindSource(std::string_view source, std::string_view table) const;
};

// ", did you mean 'x'?" or nothing.
std::string DidYouMean(std::string_view word, const std::vector<std::string>& candidates);

// What an unknown ref() or source() says.
Error UnknownModel(const ProjectData& project, std::string_view name);
Error UnknownSource(const ProjectData& project, std::string_view source, std::string_view table);

// YAML as template values: plain scalars typed, strings as they are.
jinja::Value ToValue(const YamlNode& node);

}  // namespace tarn::model
