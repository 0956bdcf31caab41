#pragma once

#include <memory>
#include <optional>
#include <string>

#include "model/jinja/template.h"
#include "model/jinja/value.h"
#include "model/node_internal.h"

// What templates of a project can call: ref, source, config, var, env_var, this, target, is_incremental, … README.md
// lists them.

namespace tarn::model {

// What ref() and source() give: a table or view by its full name, or an ephemeral model by its CTE's name. Prints as
// SQL.
class Relation final : public jinja::Object {
 public:
  Relation(catalog::TableName table, std::string unique_id)
      : table_(std::move(table)), unique_id_(std::move(unique_id)) {}
  static std::shared_ptr<Relation> Ephemeral(const Node& node);

  const catalog::TableName& table() const { return table_; }
  const std::string& unique_id() const { return unique_id_; }  // empty: no node of the project
  std::string Sql() const;

  std::string type_name() const override { return "relation"; }
  std::optional<jinja::Value> Attribute(std::string_view name) override;
  std::string ToString() override { return Sql(); }
  bool Equals(Object& other) override;

 private:
  catalog::TableName table_;
  std::string unique_id_;
  bool ephemeral_ = false;
};

// What a render does when its template asks. The parse collects, a build answers. Used by one render at a time; errors
// get the template's position from the engine.
class RenderTarget {
 public:
  virtual ~RenderTarget() = default;
  virtual bool executing() const = 0;
  virtual Result<jinja::Value> Ref(const std::string& name, const std::string& position) = 0;
  virtual Result<jinja::Value> FindSource(const std::string& source, const std::string& table,
                                          const std::string& position) = 0;
  virtual Status SetConfig(const std::string& key, const jinja::Value& value) = 0;
  virtual const NodeConfig& config() const = 0;
  virtual bool IsIncremental() = 0;
  virtual Result<jinja::Value> ChangedPartitions(const Relation& relation, const jinja::Value& from,
                                                 const jinja::Value& to) = 0;
  virtual Result<jinja::Value> RunQuery(const std::string& sql) = 0;
  virtual Result<jinja::Value> FindRelation(const catalog::TableName& table) = 0;
  virtual void Log(const std::string& message, bool warn) = 0;
};

// The names that a node's template sees. Project and target outlive every render with them.
jinja::Globals MakeGlobals(const ProjectData& project, const Node& node, RenderTarget& target);
// Those that YAML values see: var, env_var, target.
jinja::Globals MakeYamlGlobals(const ProjectData& project);

// A string of a YAML file as dbt reads it: "{{ … }}" evaluated, and so a bare ref(…), source(…), var(…) or env_var(…);
// other values as they are. `where` begins the errors.
Result<jinja::Value> EvaluateYamlValue(const jinja::Value& value, const jinja::Context& context,
                                       const std::string& where);

// The macro of a generic test: the project's, else the built-in one; nothing if there is none.
std::optional<jinja::Value> FindTestMacro(const ProjectData& project, const std::string& name);
std::vector<std::string> TestNames(const ProjectData& project);

// The macros and tests that come with Tarn, in Jinja.
std::string_view BuiltInMacros();

// Renders a node's SQL: of a generic test, by calling its macro.
Result<std::string> RenderNode(const ProjectData& project, const Node& node, RenderTarget& target);

}  // namespace tarn::model
