#include <algorithm>
#include <cctype>
#include <cstdio>

#include "model/context_internal.h"
#include "model/load_internal.h"
#include "model/project_internal.h"

// Project::Load: files -> macros, sources, models, tests -> first render -> graph.

namespace tarn::model {
namespace {

constexpr uint64_t kSourceFileBytesMax = 16 << 20;

// The first render of a node: nothing is executed; what it refers to and how it configures itself is collected.
class ParseTarget final : public RenderTarget {
 public:
  ParseTarget(const ProjectData& project, ParsedNode& parsed) : project_(project), parsed_(parsed) {}

  bool executing() const override { return false; }
  Result<jinja::Value> Ref(const std::string& name, const std::string& position) override {
    parsed_.references.push_back({.first = name, .position = position});
    return jinja::Value(
        std::make_shared<Relation>(catalog::TableName{.name_space = project_.default_schema, .name = name}, ""));
  }
  Result<jinja::Value> FindSource(const std::string& source, const std::string& table,
                                  const std::string& position) override {
    const Source* found = project_.FindSource(source, table);
    if (found == nullptr) return UnknownSource(project_, source, table);
    parsed_.references.push_back({.is_source = true, .first = source, .second = table, .position = position});
    return jinja::Value(std::make_shared<Relation>(found->table, found->unique_id));
  }
  Status SetConfig(const std::string& key, const jinja::Value& value) override {
    return ApplyConfig(parsed_.node.info.kind, key, value, parsed_.node.config);
  }
  const NodeConfig& config() const override { return parsed_.node.config; }
  bool IsIncremental() override { return false; }
  Result<jinja::Value> ChangedPartitions(const Relation&, const jinja::Value&, const jinja::Value&) override {
    return jinja::Value("NULL");
  }
  Result<jinja::Value> RunQuery(const std::string&) override { return jinja::Value::None(); }
  Result<jinja::Value> FindRelation(const catalog::TableName&) override { return jinja::Value::None(); }
  void Log(const std::string&, bool) override {}

 private:
  const ProjectData& project_;
  ParsedNode& parsed_;
};

Status AddMacroFile(FileSystem& file_system, const std::string& directory, const ProjectFile& file,
                    ProjectData& project) {
  TARN_ASSIGN_OR_RETURN(const std::string text,
                        ReadFile(file_system, directory + "/" + file.path, kSourceFileBytesMax));
  TARN_ASSIGN_OR_RETURN(const auto parsed, jinja::Template::Parse(text, file.path));
  return project.macros.Add(parsed, project.config.name);
}

Status LoadMacros(FileSystem& file_system, const std::string& directory, ProjectData& project) {
  TARN_ASSIGN_OR_RETURN(const auto built_in, jinja::Template::Parse(BuiltInMacros(), "tarn's built-in macros"));
  TARN_TRY(project.macros.Add(built_in, "dbt", /*global=*/false));
  std::vector<std::string> folders = project.config.macro_paths;
  for (const std::string& tests : project.config.test_paths) folders.push_back(tests + "/generic");
  TARN_ASSIGN_OR_RETURN(const auto files, ListProjectFiles(file_system, directory, folders, {".sql"}));
  for (const ProjectFile& file : files) TARN_TRY(AddMacroFile(file_system, directory, file, project));
  return Ok();
}

// What all SQL files become first.
Result<ParsedNode> ReadSqlNode(FileSystem& file_system, const ProjectData& project, const ProjectFile& file,
                               NodeKind kind) {
  ParsedNode parsed;
  Node& node = parsed.node;
  TARN_ASSIGN_OR_RETURN(const std::string text,
                        ReadFile(file_system, project.options.directory + "/" + file.path, kSourceFileBytesMax));
  node.info.kind = kind;
  node.info.name = file.Stem();
  node.info.unique_id = (kind == NodeKind::kModel ? "model." : "test.") + project.config.name + "." + node.info.name;
  node.info.file = file.path;
  node.package_path = file.Below();
  node.position = file.path;
  TARN_ASSIGN_OR_RETURN(node.sql, jinja::Template::Parse(text, file.path));
  TARN_TRY(ApplyConfigTree(project, kind, node.package_path, node.config));
  return parsed;
}

// Letters, digits and underscores of whatever a test was given, as dbt names tests.
void AddToName(const jinja::Value& value, std::string& name) {
  if (value.IsSequence()) {
    for (const jinja::Value& item : value.items()) AddToName(item, name);
    return;
  }
  const auto text = value.ToString();
  if (!text.ok()) return;
  name += "__";
  for (const char c : *text) name += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
}

std::string TestName(const DeclaredTest& declared, const std::string& target_name) {
  if (!declared.name.empty()) return declared.name;
  std::string name = declared.test.macro + "_" + target_name;
  if (declared.test.column) name += "_" + *declared.test.column;
  for (const auto& [key, value] : declared.test.arguments.entries()) AddToName(value, name);
  constexpr size_t kNameMax = 63;  // dbt's, PostgreSQL's for identifiers
  if (name.size() <= kNameMax) return name;
  // Shortened names stay apart by a hash of the whole (FNV-1a).
  uint64_t hash = 14695981039346656037u;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(hash));
  return name.substr(0, kNameMax - 17) + "_" + digits;
}

Status CheckTestArguments(const ProjectData& project, const DeclaredTest& declared) {
  const auto at = [&](std::string_view what) { return YamlError(declared.file, declared.line, declared.column, what); };
  if (!FindTestMacro(project, declared.test.macro)) {
    return at("there is no test '" + declared.test.macro + "'" + DidYouMean(declared.test.macro, TestNames(project)));
  }
  const bool own = project.macros.Find("test_" + declared.test.macro).has_value();
  for (const auto& macro : project.macros.Macros(own ? "" : "dbt")) {
    if (macro.name != "test_" + declared.test.macro) continue;
    for (const auto& [key, value] : declared.test.arguments.entries()) {
      const auto& names = macro.parameters;
      if (std::find(names.begin(), names.end(), key.as_string()) != names.end()) continue;
      return at("the test '" + declared.test.macro + "' has no argument '" + key.as_string() + "'" +
                DidYouMean(key.as_string(), names));
    }
  }
  return Ok();
}

Result<ParsedNode> MakeGenericTest(const ProjectData& project, const DeclaredTest& declared) {
  TARN_TRY(CheckTestArguments(project, declared));
  ParsedNode parsed;
  Node& node = parsed.node;
  std::string target_name = declared.test.target;
  node.generic = declared.test;
  if (declared.on_source) {
    const Source& source = project.sources.at(declared.test.target);
    target_name = "source_" + source.source_name + "_" + source.table_name;
  } else {
    node.generic->target = "model." + project.config.name + "." + declared.test.target;
  }
  node.info.kind = NodeKind::kTest;
  node.info.name = TestName(declared, target_name);
  node.info.unique_id = "test." + project.config.name + "." + node.info.name;
  node.info.file = declared.file;
  node.position = declared.file + ":" + std::to_string(declared.line) + ":" + std::to_string(declared.column);
  TARN_TRY(ApplyConfigTree(project, NodeKind::kTest, "", node.config));
  TARN_TRY(ApplyYamlConfigs(project, NodeKind::kTest, declared.file, declared.configs, node.config));
  return parsed;
}

Status ApplyPatches(const ProjectData& project, const Properties& properties, std::vector<ParsedNode>& models) {
  std::map<std::string, const ModelPatch*> seen;
  for (const ModelPatch& patch : properties.models) {
    const auto at = [&](std::string_view what) { return YamlError(patch.file, patch.line, patch.column, what); };
    const auto model =
        std::find_if(models.begin(), models.end(), [&](const ParsedNode& m) { return m.node.info.name == patch.name; });
    if (model == models.end()) {
      std::vector<std::string> names;
      for (const ParsedNode& m : models) names.push_back(m.node.info.name);
      return at("there is no model '" + patch.name + "'" + DidYouMean(patch.name, names));
    }
    const auto [before, added] = seen.emplace(patch.name, &patch);
    if (!added) {
      return at("the model '" + patch.name + "' is described twice, first at " + before->second->file + ":" +
                std::to_string(before->second->line));
    }
    TARN_TRY(ApplyYamlConfigs(project, NodeKind::kModel, patch.file, patch.configs, model->node.config));
  }
  return Ok();
}

Status CheckModel(const Node& node) {
  if (node.config.Strategy() == IncrementalStrategy::kOverwritePartitions && node.config.partition_by.empty()) {
    return Error(ErrorCode::kInvalidArgument,
                 node.position + ": insert_overwrite needs partition_by, the columns whose values it replaces");
  }
  return Ok();
}

// Where a model lives: config `schema` as it is, else the target's.
void PlaceModel(const ProjectData& project, Node& node) {
  node.info.name_space = node.config.name_space.value_or(project.default_schema);
  node.info.materialization = node.config.materialization;
}

class Loader {
 public:
  Loader(FileSystem& file_system, const ProjectOptions& options) : file_system_(file_system), options_(options) {}

  Result<std::unique_ptr<ProjectData>> Load() {
    project_->options = options_;
    TARN_ASSIGN_OR_RETURN(project_->config, ReadProjectConfig(file_system_, options_));
    TARN_ASSIGN_OR_RETURN(project_->default_schema, ReadDefaultSchema(file_system_, options_, project_->config));
    TARN_TRY(LoadMacros(file_system_, options_.directory, *project_));
    TARN_TRY(LoadSchemaFiles());
    TARN_TRY(LoadModels());
    TARN_TRY(LoadSingularTests());
    for (const DeclaredTest& declared : properties_.tests) {
      TARN_ASSIGN_OR_RETURN(ParsedNode test, MakeGenericTest(*project_, declared));
      parsed_.push_back(std::move(test));
    }
    for (ParsedNode& parsed : parsed_) TARN_TRY(ParseNode(*project_, parsed));
    TARN_TRY(BuildGraph(std::move(parsed_), *project_));
    return std::move(project_);
  }

 private:
  Status LoadSchemaFiles() {
    const auto& folders = project_->config.model_paths;
    TARN_ASSIGN_OR_RETURN(const auto files,
                          ListProjectFiles(file_system_, options_.directory, folders, {".yml", ".yaml"}));
    for (const ProjectFile& file : files) {
      TARN_ASSIGN_OR_RETURN(const std::string text,
                            ReadFile(file_system_, options_.directory + "/" + file.path, kSourceFileBytesMax));
      TARN_TRY(ReadSchemaYaml(text, file.path, *project_, properties_));
    }
    return Ok();
  }

  Status LoadModels() {
    TARN_ASSIGN_OR_RETURN(const auto files,
                          ListProjectFiles(file_system_, options_.directory, project_->config.model_paths, {".sql"}));
    TARN_TRY(CheckConfigTree(*project_, NodeKind::kModel, files));
    std::map<std::string, std::string> seen;
    for (const ProjectFile& file : files) {
      const auto [before, added] = seen.emplace(file.Stem(), file.path);
      if (!added) {
        return Error(ErrorCode::kInvalidArgument,
                     file.path + ": a model '" + file.Stem() + "' is there already: " + before->second);
      }
      TARN_ASSIGN_OR_RETURN(ParsedNode model, ReadSqlNode(file_system_, *project_, file, NodeKind::kModel));
      parsed_.push_back(std::move(model));
    }
    return ApplyPatches(*project_, properties_, parsed_);
  }

  Status LoadSingularTests() {
    TARN_ASSIGN_OR_RETURN(const auto files,
                          ListProjectFiles(file_system_, options_.directory, project_->config.test_paths, {".sql"}));
    TARN_TRY(CheckConfigTree(*project_, NodeKind::kTest, files));
    for (const ProjectFile& file : files) {
      if (file.Below().starts_with("generic/")) continue;
      TARN_ASSIGN_OR_RETURN(ParsedNode test, ReadSqlNode(file_system_, *project_, file, NodeKind::kTest));
      parsed_.push_back(std::move(test));
    }
    return Ok();
  }

  FileSystem& file_system_;
  const ProjectOptions& options_;
  std::unique_ptr<ProjectData> project_ = std::make_unique<ProjectData>();
  Properties properties_;
  std::vector<ParsedNode> parsed_;
};

Status ListBelow(FileSystem& file_system, const std::string& directory, const std::string& folder,
                 const std::string& path, int depth, const std::vector<std::string>& endings,
                 std::vector<ProjectFile>& files) {
  constexpr int kDepthMax = 32;  // a folder that links to itself ends here
  auto entries = file_system.List(directory + "/" + path);
  if (entries.Is(ErrorCode::kNotFound)) return Ok();
  if (!entries.ok()) return std::move(entries).error();
  std::sort(entries->begin(), entries->end(), [](const FileInfo& a, const FileInfo& b) { return a.name < b.name; });
  for (const FileInfo& entry : *entries) {
    if (entry.name.starts_with('.')) continue;
    const std::string below = path + "/" + entry.name;
    if (entry.is_directory) {
      if (depth >= kDepthMax) return Error(ErrorCode::kInvalidArgument, below + ": folders are nested too deeply");
      TARN_TRY(ListBelow(file_system, directory, folder, below, depth + 1, endings, files));
    } else if (std::any_of(endings.begin(), endings.end(),
                           [&](const std::string& ending) { return entry.name.ends_with(ending); })) {
      files.push_back({.path = below, .folder = folder});
    }
  }
  return Ok();
}

}  // namespace

std::string ProjectFile::Stem() const {
  const std::string name = path.substr(path.rfind('/') + 1);
  return name.substr(0, name.rfind('.'));
}

Result<std::vector<ProjectFile>> ListProjectFiles(FileSystem& file_system, const std::string& directory,
                                                  const std::vector<std::string>& folders,
                                                  const std::vector<std::string>& endings) {
  std::vector<ProjectFile> files;
  for (const std::string& folder : folders)
    TARN_TRY(ListBelow(file_system, directory, folder, folder, 0, endings, files));
  return files;
}

Status ParseNode(const ProjectData& project, ParsedNode& parsed) {
  ParseTarget target(project, parsed);
  // A model's place may depend on its own config(), and config() may ask for `this`: the place by the configs known so
  // far.
  if (parsed.node.IsModel()) PlaceModel(project, parsed.node);
  TARN_TRY(RenderNode(project, parsed.node, target));
  if (!parsed.node.IsModel()) return Ok();
  PlaceModel(project, parsed.node);
  return CheckModel(parsed.node);
}

Result<std::unique_ptr<ProjectData>> LoadProjectData(FileSystem& file_system, const ProjectOptions& options) {
  return Loader(file_system, options).Load();
}

}  // namespace tarn::model
