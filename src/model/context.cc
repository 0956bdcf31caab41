#include "model/context_internal.h"

#include <map>

namespace tarn::model {
namespace {

using jinja::Arguments;
using jinja::Dict;
using jinja::Runtime;
using jinja::Value;

Error Invalid(std::string message) {
  return Error(ErrorCode::kInvalidArgument, std::move(message));
}

Result<std::string> TextArgument(std::string_view function, const Value& value) {
  if (!value.IsString()) return Invalid(std::string(function) + "() needs a text, not " + value.TypeName());
  return value.as_string();
}

// An object with methods: adapter, exceptions, config.
class Methods : public jinja::Object {
 public:
  Methods(std::string name, std::map<std::string, Value, std::less<>> methods)
      : name_(std::move(name)), methods_(std::move(methods)) {}
  std::string type_name() const override { return name_; }
  std::optional<Value> Attribute(std::string_view name) override {
    const auto found = methods_.find(name);
    if (found == methods_.end()) return std::nullopt;
    return found->second;
  }

 private:
  std::string name_;
  std::map<std::string, Value, std::less<>> methods_;
};

// {{ config(materialized='table', …) }}, config.get('x'), config.require('x').
class ConfigObject final : public Methods {
 public:
  explicit ConfigObject(RenderTarget& target)
      : Methods("config",
                {{"get", Value::Of("config.get",
                                   [&target](Runtime&, const Arguments& arguments) { return Get(target, arguments); })},
                 {"require",
                  Value::Of("config.require",
                            [&target](Runtime&, const Arguments& arguments) { return Require(target, arguments); })}}),
        target_(target) {}

  bool callable() const override { return true; }
  Result<Value> Call(Runtime&, const Arguments& arguments) override {
    std::vector<std::pair<std::string, Value>> settings = arguments.keyword;
    for (const Value& positional : arguments.positional) {
      if (!positional.IsDict()) return Invalid("config() takes name=value pairs or one dict");
      for (const auto& [key, value] : positional.dict().entries()) {
        if (!key.IsString()) return Invalid("a name in config() must be a text");
        settings.emplace_back(key.as_string(), value);
      }
    }
    for (const auto& [key, value] : settings) TARN_TRY(target_.SetConfig(key, value));
    return Value("");
  }

 private:
  static Result<Value> Get(RenderTarget& target, const Arguments& arguments) {
    TARN_ASSIGN_OR_RETURN(const auto bound, arguments.Bind("config.get", {"name", "default", "validator"}, 1));
    TARN_ASSIGN_OR_RETURN(const std::string name, TextArgument("config.get", bound[0]));
    if (const Value* found = target.config().values.Find(std::string_view(name))) return found->DeepCopy();
    return bound[1].IsUndefined() ? Value::None() : bound[1];
  }
  static Result<Value> Require(RenderTarget& target, const Arguments& arguments) {
    TARN_ASSIGN_OR_RETURN(const auto bound, arguments.Bind("config.require", {"name", "validator"}, 1));
    TARN_ASSIGN_OR_RETURN(const std::string name, TextArgument("config.require", bound[0]));
    if (const Value* found = target.config().values.Find(std::string_view(name))) return found->DeepCopy();
    return Invalid("the config '" + name + "' is required and not set");
  }

  RenderTarget& target_;
};

Result<Value> CallRef(RenderTarget& target, const ProjectData& project, Runtime& runtime, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const auto bound, arguments.Bind("ref", {"package_or_name", "name"}, 1));
  TARN_ASSIGN_OR_RETURN(std::string name, TextArgument("ref", bound[0]));
  if (!bound[1].IsUndefined()) {
    if (name != project.config.name) {
      return Invalid("there is no package '" + name + "'; this project is '" + project.config.name + "'" +
                     DidYouMean(name, {project.config.name}));
    }
    TARN_ASSIGN_OR_RETURN(name, TextArgument("ref", bound[1]));
  }
  return target.Ref(name, runtime.Position());
}

Result<Value> CallSource(RenderTarget& target, Runtime& runtime, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const auto bound, arguments.Bind("source", {"source", "table"}, 2));
  TARN_ASSIGN_OR_RETURN(const std::string source, TextArgument("source", bound[0]));
  TARN_ASSIGN_OR_RETURN(const std::string table, TextArgument("source", bound[1]));
  return target.FindSource(source, table, runtime.Position());
}

Result<Value> CallVar(const ProjectData& project, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const auto bound, arguments.Bind("var", {"name", "default"}, 1));
  TARN_ASSIGN_OR_RETURN(const std::string name, TextArgument("var", bound[0]));
  const auto found = project.config.vars.find(name);
  if (found != project.config.vars.end()) return found->second.DeepCopy();
  if (!bound[1].IsUndefined()) return bound[1];
  std::vector<std::string> names;
  for (const auto& [known, value] : project.config.vars) names.push_back(known);
  return Invalid("the variable '" + name +
                 "' is not set; give it with --vars, under vars: in dbt_project.yml, or as var('" + name +
                 "', default)" + DidYouMean(name, names));
}

Result<Value> CallEnvVar(const ProjectData& project, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const auto bound, arguments.Bind("env_var", {"name", "default"}, 1));
  TARN_ASSIGN_OR_RETURN(const std::string name, TextArgument("env_var", bound[0]));
  if (project.options.environment) {
    if (const auto value = project.options.environment(name)) return Value(*value);
  }
  if (!bound[1].IsUndefined()) return bound[1];
  return Invalid("the environment variable '" + name + "' is not set; set it, or write env_var('" + name +
                 "', default)");
}

Result<Value> CallChangedPartitions(RenderTarget& target, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const auto bound, arguments.Bind("changed_partitions", {"relation", "since", "until"}, 1));
  const Relation* relation =
      bound[0].kind() == Value::Kind::kObject ? dynamic_cast<const Relation*>(bound[0].object().get()) : nullptr;
  if (relation == nullptr) return Invalid("changed_partitions() needs a source() or ref(), not " + bound[0].TypeName());
  const auto bound_or_none = [](const Value& value) { return value.IsUndefined() ? Value::None() : value; };
  return target.ChangedPartitions(*relation, bound_or_none(bound[1]), bound_or_none(bound[2]));
}

Value TargetValue(const ProjectData& project) {
  return Dict({{"name", project.options.target},
               {"target_name", project.options.target},
               {"profile_name", project.config.profile},
               {"schema", project.default_schema},
               {"database", "lake"},
               {"type", "duckdb"},
               {"threads", 1}});
}

Value ModelValue(const Node& node, const NodeConfig& config) {
  jinja::List tags;
  for (const std::string& tag : config.tags) tags.push_back(tag);
  return Dict({{"name", node.info.name},
               {"alias", config.alias.value_or(node.info.name)},
               {"unique_id", node.info.unique_id},
               {"resource_type", node.IsModel() ? "model" : "test"},
               {"schema", node.info.name_space},
               {"database", "lake"},
               {"path", node.package_path},
               {"original_file_path", node.info.file},
               {"tags", std::move(tags)},
               {"config", Value(config.values).DeepCopy()}});
}

Value ExceptionsValue(RenderTarget& target) {
  const auto raise = Value::Of("raise_compiler_error", [](Runtime&, const Arguments& arguments) -> Result<Value> {
    TARN_ASSIGN_OR_RETURN(const auto bound, arguments.Bind("raise_compiler_error", {"message"}, 1));
    TARN_ASSIGN_OR_RETURN(const std::string message, bound[0].ToString());
    return Invalid(message);
  });
  const auto warn = Value::Of("warn", [&target](Runtime& runtime, const Arguments& arguments) -> Result<Value> {
    TARN_ASSIGN_OR_RETURN(const auto bound, arguments.Bind("warn", {"message"}, 1));
    TARN_ASSIGN_OR_RETURN(const std::string message, bound[0].ToString());
    target.Log(runtime.Position() + ": " + message, true);
    return Value("");
  });
  return Value(std::make_shared<Methods>(
      "exceptions", std::map<std::string, Value, std::less<>>{{"raise_compiler_error", raise}, {"warn", warn}}));
}

Value AdapterValue(const ProjectData& project, RenderTarget& target) {
  const auto quote = Value::Of("adapter.quote", [](Runtime&, const Arguments& arguments) -> Result<Value> {
    TARN_ASSIGN_OR_RETURN(const auto bound, arguments.Bind("adapter.quote", {"identifier"}, 1));
    TARN_ASSIGN_OR_RETURN(const std::string name, TextArgument("adapter.quote", bound[0]));
    return Value(engine::QuoteIdentifier(name));
  });
  const auto get_relation =
      Value::Of("adapter.get_relation", [&target](Runtime&, const Arguments& arguments) -> Result<Value> {
        TARN_ASSIGN_OR_RETURN(const auto bound,
                              arguments.Bind("adapter.get_relation", {"database", "schema", "identifier"}, 3));
        TARN_ASSIGN_OR_RETURN(const std::string schema, TextArgument("adapter.get_relation", bound[1]));
        TARN_ASSIGN_OR_RETURN(const std::string identifier, TextArgument("adapter.get_relation", bound[2]));
        return target.FindRelation({.name_space = schema, .name = identifier});
      });
  const auto dispatch =
      Value::Of("adapter.dispatch", [&project](Runtime&, const Arguments& arguments) -> Result<Value> {
        TARN_ASSIGN_OR_RETURN(const auto bound,
                              arguments.Bind("adapter.dispatch", {"macro_name", "macro_namespace"}, 1));
        TARN_ASSIGN_OR_RETURN(const std::string name, TextArgument("adapter.dispatch", bound[0]));
        for (const char* prefix : {"duckdb__", "default__"}) {
          if (auto macro = project.macros.Find(prefix + name)) return *macro;
        }
        return Invalid("adapter.dispatch: there is neither a macro duckdb__" + name + " nor default__" + name);
      });
  return Value(std::make_shared<Methods>(
      "adapter", std::map<std::string, Value, std::less<>>{
                     {"quote", quote}, {"get_relation", get_relation}, {"dispatch", dispatch}}));
}

void AddOutput(RenderTarget& target, jinja::Globals& globals) {
  globals["log"] = Value::Of("log", [&target](Runtime&, const Arguments& arguments) -> Result<Value> {
    TARN_ASSIGN_OR_RETURN(const auto bound, arguments.Bind("log", {"message", "info"}, 1));
    TARN_ASSIGN_OR_RETURN(const std::string message, bound[0].ToString());
    target.Log(message, false);
    return Value("");
  });
  globals["run_query"] = Value::Of("run_query", [&target](Runtime&, const Arguments& arguments) -> Result<Value> {
    TARN_ASSIGN_OR_RETURN(const auto bound, arguments.Bind("run_query", {"sql"}, 1));
    TARN_ASSIGN_OR_RETURN(const std::string sql, TextArgument("run_query", bound[0]));
    return target.RunQuery(sql);
  });
}

// "ref('x')" as the whole text: dbt evaluates it where a test's argument is expected.
bool IsBareCall(std::string_view text) {
  const auto trim = [](std::string_view word) {
    const size_t begin = word.find_first_not_of(" \t\n"), end = word.find_last_not_of(" \t\n");
    return begin == std::string_view::npos ? std::string_view() : word.substr(begin, end - begin + 1);
  };
  text = trim(text);
  const size_t open = text.find('(');
  if (open == std::string_view::npos || !text.ends_with(')')) return false;
  const std::string_view name = trim(text.substr(0, open));
  return name == "ref" || name == "source" || name == "var" || name == "env_var";
}

}  // namespace

std::shared_ptr<Relation> Relation::Ephemeral(const Node& node) {
  auto relation =
      std::make_shared<Relation>(catalog::TableName{.name = "__dbt__cte__" + node.info.name}, node.info.unique_id);
  relation->ephemeral_ = true;
  return relation;
}

std::string Relation::Sql() const {
  if (ephemeral_) return table_.name;
  return engine::QuoteIdentifier(table_.name_space) + "." + engine::QuoteIdentifier(table_.name);
}

std::optional<Value> Relation::Attribute(std::string_view name) {
  if (name == "name" || name == "identifier" || name == "table") return Value(table_.name);
  if (name == "schema") return Value(table_.name_space);
  if (name == "database") return Value("lake");
  return std::nullopt;
}

bool Relation::Equals(Object& other) {
  const auto* relation = dynamic_cast<const Relation*>(&other);
  return relation != nullptr && relation->table_ == table_ && relation->ephemeral_ == ephemeral_;
}

jinja::Globals MakeYamlGlobals(const ProjectData& project) {
  jinja::Globals globals;
  globals["var"] =
      Value::Of("var", [&project](Runtime&, const Arguments& arguments) { return CallVar(project, arguments); });
  globals["env_var"] =
      Value::Of("env_var", [&project](Runtime&, const Arguments& arguments) { return CallEnvVar(project, arguments); });
  globals["target"] = TargetValue(project);
  globals["project_name"] = Value(project.config.name);
  return globals;
}

jinja::Globals MakeGlobals(const ProjectData& project, const Node& node, RenderTarget& target) {
  jinja::Globals globals = MakeYamlGlobals(project);
  globals["ref"] = Value::Of("ref", [&target, &project](Runtime& runtime, const Arguments& arguments) {
    return CallRef(target, project, runtime, arguments);
  });
  globals["source"] = Value::Of("source", [&target](Runtime& runtime, const Arguments& arguments) {
    return CallSource(target, runtime, arguments);
  });
  globals["changed_partitions"] = Value::Of("changed_partitions", [&target](Runtime&, const Arguments& arguments) {
    return CallChangedPartitions(target, arguments);
  });
  globals["is_incremental"] =
      Value::Of("is_incremental", [&target](Runtime&, const Arguments& arguments) -> Result<Value> {
        TARN_TRY(arguments.Bind("is_incremental", {}));
        return Value(target.IsIncremental());
      });
  globals["config"] = Value(std::make_shared<ConfigObject>(target));
  globals["this"] = Value(std::make_shared<Relation>(node.table(), node.info.unique_id));
  globals["model"] = ModelValue(node, target.config());
  globals["execute"] = Value(target.executing());
  globals["exceptions"] = ExceptionsValue(target);
  globals["adapter"] = AdapterValue(project, target);
  AddOutput(target, globals);
  return globals;
}

Result<Value> EvaluateYamlValue(const Value& value, const jinja::Context& context, const std::string& where) {
  if (value.IsSequence()) {
    jinja::List items;
    for (const Value& item : value.items()) {
      TARN_ASSIGN_OR_RETURN(Value evaluated, EvaluateYamlValue(item, context, where));
      items.push_back(std::move(evaluated));
    }
    return Value(std::move(items));
  }
  if (value.IsDict()) {
    Dict entries;
    for (const auto& [key, item] : value.dict().entries()) {
      TARN_ASSIGN_OR_RETURN(Value evaluated, EvaluateYamlValue(item, context, where));
      TARN_TRY(entries.Set(key, std::move(evaluated)));
    }
    return Value(std::move(entries));
  }
  if (!value.IsString()) return value;
  std::string text = value.as_string();
  if (IsBareCall(text)) {
    text = "{{ " + text + " }}";
  } else if (text.find("{{") == std::string::npos && text.find("{%") == std::string::npos) {
    return value;
  }
  TARN_ASSIGN_OR_RETURN(const auto parsed, jinja::Template::Parse(text, where));
  return parsed->Evaluate(context);
}

std::optional<Value> FindTestMacro(const ProjectData& project, const std::string& name) {
  if (auto own = project.macros.Find("test_" + name)) return own;
  return project.macros.Find("test_" + name, "dbt");
}

std::vector<std::string> TestNames(const ProjectData& project) {
  std::vector<std::string> names;
  for (const char* package : {"", "dbt"}) {
    for (const auto& macro : project.macros.Macros(package)) {
      if (macro.name.starts_with("test_")) names.push_back(macro.name.substr(5));
    }
  }
  return names;
}

std::string_view BuiltInMacros() {
  return R"jinja(
{% test unique(model, column_name) %}
select {{ column_name }} as unique_field, count(*) as n_records
from {{ model }}
where {{ column_name }} is not null
group by {{ column_name }}
having count(*) > 1
{% endtest %}

{% test not_null(model, column_name) %}
select * from {{ model }} where {{ column_name }} is null
{% endtest %}

{% test accepted_values(model, column_name, values, quote=True) %}
select {{ column_name }} as value_field, count(*) as n_records
from {{ model }}
where {{ column_name }} not in (
  {%- for value in values -%}
  {%- if not loop.first %}, {% endif -%}
  {%- if quote -%} '{{ (value | string) | replace("'", "''") }}' {%- else -%} {{ value }} {%- endif -%}
  {%- endfor -%}
)
group by {{ column_name }}
{% endtest %}

{% test relationships(model, column_name, to, field) %}
with child as (select {{ column_name }} as from_field from {{ model }} where {{ column_name }} is not null),
     parent as (select {{ field }} as to_field from {{ to }} where {{ field }} is not null)
select from_field from child where from_field not in (select to_field from parent)
{% endtest %}
)jinja";
}

namespace {

// The relation that a generic test looks at: its target, cut to `where` when there is one.
Result<Value> TestedRelation(const ProjectData& project, const Node& node, RenderTarget& target,
                             const jinja::Context& context) {
  const GenericTest& test = *node.generic;
  Value relation;
  if (const auto source = project.sources.find(test.target); source != project.sources.end()) {
    TARN_ASSIGN_OR_RETURN(relation,
                          target.FindSource(source->second.source_name, source->second.table_name, node.position));
  } else {
    TARN_ASSIGN_OR_RETURN(relation, target.Ref(test.target.substr(test.target.rfind('.') + 1), node.position));
  }
  if (!node.config.where) return relation;
  TARN_ASSIGN_OR_RETURN(const Value where, EvaluateYamlValue(*node.config.where, context, node.position));
  TARN_ASSIGN_OR_RETURN(const std::string condition, where.ToString());
  TARN_ASSIGN_OR_RETURN(const std::string name, relation.ToString());
  return Value("(select * from " + name + " where " + condition + ") dbt_subquery");
}

Result<std::string> RenderGenericTest(const ProjectData& project, const Node& node, RenderTarget& target,
                                      const jinja::Context& context) {
  const GenericTest& test = *node.generic;
  const auto macro = FindTestMacro(project, test.macro);
  if (!macro) return Error(ErrorCode::kInternal, "the test macro " + test.macro + " is gone");
  Arguments arguments;
  TARN_ASSIGN_OR_RETURN(Value relation, TestedRelation(project, node, target, context));
  arguments.keyword.emplace_back("model", std::move(relation));
  if (test.column) arguments.keyword.emplace_back("column_name", Value(*test.column));
  for (const auto& [key, value] : test.arguments.entries()) {
    TARN_ASSIGN_OR_RETURN(Value evaluated, EvaluateYamlValue(value, context, node.position));
    arguments.keyword.emplace_back(key.as_string(), std::move(evaluated));
  }
  auto text = jinja::CallMacro(*macro, arguments, context);
  if (!text.ok()) return std::move(text).error().WithContext(node.position);
  return text->ToString();
}

}  // namespace

Result<std::string> RenderNode(const ProjectData& project, const Node& node, RenderTarget& target) {
  const jinja::Globals globals = MakeGlobals(project, node, target);
  const jinja::Context context{.globals = &globals, .library = &project.macros};
  if (node.generic) return RenderGenericTest(project, node, target, context);
  return node.sql->Render(context);
}

}  // namespace tarn::model
