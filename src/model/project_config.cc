#include <algorithm>
#include <set>

#include "model/context_internal.h"
#include "model/load_internal.h"

// dbt_project.yml, and profiles.yml as far as it names a schema.

namespace tarn::model {
namespace {

const std::vector<std::string> kProjectKeys = {
    "name", "version", "config-version", "profile", "model-paths", "test-paths", "macro-paths", "vars", "models",
    "tests", "data_tests",
    // Known to dbt, without effect here.
    "seed-paths", "analysis-paths", "snapshot-paths", "docs-paths", "asset-paths", "target-path", "log-path",
    "packages-install-path", "clean-targets", "require-dbt-version", "query-comment", "dispatch", "quoting", "flags",
    "seeds", "snapshots", "sources", "exposures", "metrics", "semantic-models", "saved-queries", "unit_tests",
    "restrict-access", "dbt-cloud", "on-run-start", "on-run-end"};

Error At(const std::string& file, const YamlNode& node, std::string_view what) {
  return YamlError(file, node.line, node.column, what);
}

Result<std::vector<std::string>> ReadPaths(const std::string& file, const std::string& key, const YamlNode& node) {
  std::vector<std::string> paths;
  if (node.kind != YamlNode::Kind::kSequence) return At(file, node, key + " must be a list of folders");
  for (const YamlNode& item : node.items) {
    std::string path = item.text;
    while (path.ends_with('/')) path.pop_back();
    const bool leaves =
        path.starts_with('/') || path == ".." || path.starts_with("../") || path.find("/../") != std::string::npos;
    if (item.kind != YamlNode::Kind::kScalar || path.empty() || leaves) {
      return At(file, item, key + " must name folders within the project");
    }
    paths.push_back(path);
  }
  return paths;
}

bool IsProjectName(std::string_view name) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  return name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") ==
         std::string_view::npos;
}

// `vars:` holds variables, and variables of one project under its name.
void ReadVars(const YamlNode& vars, ProjectConfig& config) {
  for (const auto& [key, value] : vars.entries) {
    if (key == config.name && value.kind == YamlNode::Kind::kMapping) continue;
    config.vars[key] = ToValue(value);
  }
  const YamlNode* own = vars.Find(config.name);
  if (own == nullptr || own->kind != YamlNode::Kind::kMapping) return;
  for (const auto& [key, value] : own->entries) config.vars[key] = ToValue(value);
}

Status ReadKey(const std::string& key, const YamlNode& value, ProjectConfig& config) {
  if (key == "model-paths") {
    TARN_ASSIGN_OR_RETURN(config.model_paths, ReadPaths(config.file, key, value));
  } else if (key == "test-paths") {
    TARN_ASSIGN_OR_RETURN(config.test_paths, ReadPaths(config.file, key, value));
  } else if (key == "macro-paths") {
    TARN_ASSIGN_OR_RETURN(config.macro_paths, ReadPaths(config.file, key, value));
  } else if (key == "profile") {
    config.profile = value.text;
  } else if (key == "models") {
    config.models = value;
  } else if (key == "tests" || key == "data_tests") {
    config.tests = value;
  } else if ((key == "on-run-start" || key == "on-run-end") && !value.IsNull() &&
             !(value.items.empty() && value.text.empty())) {
    return At(config.file, value, key + " is not supported");
  }
  return Ok();
}

}  // namespace

Result<ProjectConfig> ReadProjectConfig(FileSystem& file_system, const ProjectOptions& options) {
  ProjectConfig config;
  auto text = ReadFile(file_system, options.directory + "/" + config.file, 16 << 20);
  if (text.Is(ErrorCode::kNotFound)) {
    return Error(ErrorCode::kInvalidArgument,
                 "no dbt_project.yml in " + options.directory + "; `tarn init` writes one");
  }
  if (!text.ok()) return std::move(text).error();
  TARN_ASSIGN_OR_RETURN(const YamlNode root, ParseYaml(*text, config.file));
  if (root.kind != YamlNode::Kind::kMapping)
    return YamlError(config.file, 1, 1, "a mapping with at least `name` is expected");
  const YamlNode* name = root.Find("name");
  if (name == nullptr || !IsProjectName(name->text)) {
    return At(config.file, name != nullptr ? *name : root,
              "`name` must be letters, digits and underscores, not beginning with a digit");
  }
  config.name = name->text;
  config.profile = config.name;
  for (size_t i = 0; i < root.entries.size(); ++i) {
    const auto& [key, value] = root.entries[i];
    if (std::find(kProjectKeys.begin(), kProjectKeys.end(), key) == kProjectKeys.end()) {
      return YamlError(config.file, root.entry_positions[i].first, root.entry_positions[i].second,
                       "unknown key '" + key + "'" + DidYouMean(key, kProjectKeys));
    }
    TARN_TRY(ReadKey(key, value, config));
  }
  if (const YamlNode* vars = root.Find("vars"); vars != nullptr && !vars->IsNull()) {
    if (vars->kind != YamlNode::Kind::kMapping) return At(config.file, *vars, "vars must be a mapping");
    ReadVars(*vars, config);
  }
  for (const auto& [key, value] : options.vars) {
    TARN_ASSIGN_OR_RETURN(const YamlNode parsed, ParseYaml(value, "--vars " + key));
    config.vars[key] = ToValue(parsed);
  }
  return config;
}

Result<std::string> ReadDefaultSchema(FileSystem& file_system, const ProjectOptions& options,
                                      const ProjectConfig& config) {
  const std::string file = "profiles.yml";
  auto text = ReadFile(file_system, options.directory + "/" + file, 16 << 20);
  if (text.Is(ErrorCode::kNotFound)) return config.name;
  if (!text.ok()) return std::move(text).error();
  TARN_ASSIGN_OR_RETURN(const YamlNode root, ParseYaml(*text, file));
  const YamlNode* profile = root.Find(config.profile);
  if (profile == nullptr) {
    std::vector<std::string> names;
    for (const auto& [name, value] : root.entries) names.push_back(name);
    return YamlError(file, 1, 1, "there is no profile '" + config.profile + "'" + DidYouMean(config.profile, names));
  }
  const YamlNode* outputs = profile->Find("outputs");
  const YamlNode* target = outputs == nullptr ? nullptr : outputs->Find(options.target);
  const YamlNode* schema = target == nullptr ? nullptr : target->Find("schema");
  return schema == nullptr || schema->text.empty() ? config.name : schema->text;
}

Status ApplyYamlConfigs(const ProjectData& project, NodeKind kind, const std::string& file,
                        const std::vector<std::pair<std::string, YamlNode>>& configs, NodeConfig& config) {
  const jinja::Globals globals = MakeYamlGlobals(project);
  const jinja::Context context{.globals = &globals, .library = &project.macros};
  for (const auto& [key, value] : configs) {
    const std::string where = file + ":" + std::to_string(value.line) + ":" + std::to_string(value.column);
    jinja::Value setting = ToValue(value);
    // A test's `where` may ask for more than YAML knows; it is rendered with the test.
    if (!(kind == NodeKind::kTest && key == "where")) {
      TARN_ASSIGN_OR_RETURN(setting, EvaluateYamlValue(setting, context, where));
    }
    Status applied = ApplyConfig(kind, key, setting, config);
    if (!applied.ok()) return Error(applied.error().code(), where + ": " + applied.error().message());
  }
  return Ok();
}

namespace {

// An entry of a config tree is a setting ("+materialized: table", or without the plus when it is a config's name and no
// mapping) or a folder.
bool IsSetting(NodeKind kind, const std::string& key, const YamlNode& value) {
  return key.starts_with('+') || (IsConfigName(kind, key) && value.kind != YamlNode::Kind::kMapping);
}

std::vector<std::string> SplitPath(const std::string& path) {
  std::vector<std::string> parts;
  size_t begin = 0;
  while (begin <= path.size()) {
    const size_t end = std::min(path.find('/', begin), path.size());
    parts.push_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

const YamlNode& Tree(const ProjectData& project, NodeKind kind) {
  return kind == NodeKind::kModel ? project.config.models : project.config.tests;
}

Status ApplySettings(const ProjectData& project, NodeKind kind, const YamlNode& tree, NodeConfig& config) {
  std::vector<std::pair<std::string, YamlNode>> settings;
  for (const auto& [key, value] : tree.entries) {
    if (IsSetting(kind, key, value)) settings.emplace_back(key.starts_with('+') ? key.substr(1) : key, value);
  }
  return ApplyYamlConfigs(project, kind, project.config.file, settings, config);
}

Status CheckFolders(const std::string& file, NodeKind kind, const YamlNode& tree, const std::string& prefix,
                    const std::set<std::string>& known) {
  for (size_t i = 0; i < tree.entries.size(); ++i) {
    const auto& [key, value] = tree.entries[i];
    if (IsSetting(kind, key, value)) continue;
    const std::string path = prefix.empty() ? key : prefix + "/" + key;
    if (!known.contains(path)) {
      std::vector<std::string> names;
      for (const std::string& name : known) {
        if (name.size() > prefix.size() && name.starts_with(prefix))
          names.push_back(name.substr(prefix.empty() ? 0 : prefix.size() + 1));
      }
      return YamlError(file, tree.entry_positions[i].first, tree.entry_positions[i].second,
                       "'" + key + "' is neither a config (those begin with +) nor a folder or file of the project's" +
                           DidYouMean(key, names));
    }
    TARN_TRY(CheckFolders(file, kind, value, path, known));
  }
  return Ok();
}

}  // namespace

Status ApplyConfigTree(const ProjectData& project, NodeKind kind, const std::string& package_path, NodeConfig& config) {
  const YamlNode* tree = &Tree(project, kind);
  TARN_TRY(ApplySettings(project, kind, *tree, config));
  tree = tree->Find(project.config.name);
  if (tree == nullptr) return Ok();
  TARN_TRY(ApplySettings(project, kind, *tree, config));
  for (std::string part : SplitPath(package_path)) {
    if (part.ends_with(".sql")) part.resize(part.size() - 4);
    tree = tree->Find(part);
    if (tree == nullptr) break;
    TARN_TRY(ApplySettings(project, kind, *tree, config));
  }
  return Ok();
}

Status CheckConfigTree(const ProjectData& project, NodeKind kind, const std::vector<ProjectFile>& files) {
  std::set<std::string> known = {project.config.name};
  for (const ProjectFile& file : files) {
    std::string path = project.config.name;
    for (std::string part : SplitPath(file.Below())) {
      if (part.ends_with(".sql")) part.resize(part.size() - 4);
      path += "/" + part;
      known.insert(path);
    }
  }
  return CheckFolders(project.config.file, kind, Tree(project, kind), "", known);
}

}  // namespace tarn::model
