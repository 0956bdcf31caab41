#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "model/node_internal.h"

// The steps of reading a project (Project::Load), in their order.

namespace tarn::model {

// One file below a folder of the project.
struct ProjectFile {
  std::string path;    // from the project: "models/marts/x.sql"
  std::string folder;  // the configured folder: "models"
  std::string Below() const { return path.substr(folder.size() + 1); }
  std::string Stem() const;
};

// All files with one of the endings below the folders, sorted; a folder that is not there has none. Hidden ones are
// left out.
Result<std::vector<ProjectFile>> ListProjectFiles(FileSystem& file_system, const std::string& directory,
                                                  const std::vector<std::string>& folders,
                                                  const std::vector<std::string>& endings);

// dbt_project.yml; vars of the options over its own.
Result<ProjectConfig> ReadProjectConfig(FileSystem& file_system, const ProjectOptions& options);
// `schema` of the target in profiles.yml beside it, if there is one; else the project's name.
Result<std::string> ReadDefaultSchema(FileSystem& file_system, const ProjectOptions& options,
                                      const ProjectConfig& config);

// What schema YAML says of one model: applied once its SQL file is known.
struct ModelPatch {
  std::string name;
  std::string file;
  int line = 0;
  int column = 0;
  std::vector<std::pair<std::string, YamlNode>> configs;  // values carry their positions
};

// A test as declared, before its target is known to exist.
struct DeclaredTest {
  GenericTest test;  // `target` is a model's name or a source's unique id
  std::string name;  // given by hand, or empty
  bool on_source = false;
  std::string file;
  int line = 0;
  int column = 0;
  std::vector<std::pair<std::string, YamlNode>> configs;
};

struct Properties {
  std::vector<ModelPatch> models;
  std::vector<DeclaredTest> tests;
};

// Reads one schema YAML file into `properties` and the project's sources.
Status ReadSchemaYaml(const std::string& text, const std::string& file, ProjectData& project, Properties& properties);

// Applies the settings of a YAML mapping to a node; strings are evaluated as templates.
Status ApplyYamlConfigs(const ProjectData& project, NodeKind kind, const std::string& file,
                        const std::vector<std::pair<std::string, YamlNode>>& configs, NodeConfig& config);
// The settings of dbt_project.yml's `models:` or `tests:` tree for a file at `package_path`, outermost first.
Status ApplyConfigTree(const ProjectData& project, NodeKind kind, const std::string& package_path, NodeConfig& config);
// Whether every folder that the trees name is there.
Status CheckConfigTree(const ProjectData& project, NodeKind kind, const std::vector<ProjectFile>& files);

// A node, with what its template asked for while it was rendered for the first time.
struct ParsedNode {
  Node node;
  struct Reference {
    bool is_source = false;
    std::string first;   // model, or source
    std::string second;  // the source's table
    std::string position;
  };
  std::vector<Reference> references;
};
// Renders without executing: fills references, config and namespace.
Status ParseNode(const ProjectData& project, ParsedNode& parsed);

// Turns the references into edges, finds cycles, and puts the nodes into graph order (a test as soon as all it looks at
// is there) into `project`.
Status BuildGraph(std::vector<ParsedNode> parsed, ProjectData& project);

}  // namespace tarn::model
