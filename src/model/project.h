#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/logging.h"
#include "base/result.h"
#include "base/yaml.h"
#include "lake/lake.h"

// A dbt project: read, put in order, built.

namespace tarn::model {

struct ProjectOptions {
  std::string directory;                    // holds dbt_project.yml
  std::map<std::string, std::string> vars;  // --vars, over the project's own; values as YAML scalars
  std::string target = "dev";
  std::function<std::optional<std::string>(const std::string&)> environment;  // env_var()
};

enum class NodeKind { kModel, kTest };
enum class Materialization { kView, kTable, kIncremental, kEphemeral };

// One model or test, as it stands in the project.
struct NodeInfo {
  std::string unique_id;  // "model.clickstream.daily_user_activity", "test.clickstream.unique_stg_…"
  std::string name;
  NodeKind kind = NodeKind::kModel;
  Materialization materialization = Materialization::kView;
  std::string name_space;               // where the model lives in the catalog
  std::string file;                     // relative to the project
  std::vector<std::string> depends_on;  // unique ids of models and sources
};

enum class NodeOutcome { kSuccess, kPass, kWarn, kFail, kError, kSkipped };

struct NodeResult {
  std::string unique_id;
  std::string name;
  NodeKind kind = NodeKind::kModel;
  NodeOutcome outcome = NodeOutcome::kSkipped;
  std::string message;  // why it failed or was skipped; names file and line
  uint64_t rows = 0;    // written, or failing rows of a test
  Micros duration = 0;
  std::string failures_sql;  // a test's query; on what is published it may find other rows than the test did
  std::vector<std::string> failing_rows;  // the first twenty of them, as DuckDB prints a struct
};

struct BuildOptions {
  std::string select;  // --select; empty: everything
  std::string exclude;
  bool full_refresh = false;
  bool tests_only = false;  // `tarn test`
  bool fail_fast = false;
};

struct BuildReport {
  std::vector<NodeResult> nodes;  // in the order they ran
  bool published = false;         // all of it is visible; false: no table has changed (see `publication`)
  // Of the commit, when all nodes did well. kConflict: lost a race, build again. kOutcomeUnknown: the catalog's
  // recovery settles it.
  Status publication;
  std::map<std::string, table::TableVersion> versions;
  std::map<std::string, table::TableVersion> source_versions;  // what the sources stood at

  bool ok() const;  // no kFail and no kError, and the publication did not fail
};

// What a build works on; all outlive the call.
struct BuildContext {
  lake::Lake& lake;
  catalog::Catalog& catalog;
  Clock& clock;
  Logger& logger;
};

// Immutable once loaded; thread-safe.
class Project {
 public:
  // Reads and checks the whole project: dbt_project.yml, models, tests, macros, schema YAML. kInvalidArgument:
  // file:line:column, what is wrong, the nearest right name.
  static Result<std::unique_ptr<Project>> Load(FileSystem& file_system, const ProjectOptions& options);
  virtual ~Project() = default;

  virtual const std::string& name() const = 0;
  virtual const std::vector<NodeInfo>& nodes() const = 0;  // in graph order
  // Renders a model's or test's SQL as a build would run it now. kNotFound.
  virtual Result<std::string> Compile(const std::string& node, const BuildContext& context) = 0;

  // Builds the selected models and runs their tests in graph order in one transaction of the lake: a failed test stops
  // what depends on it, and if anything failed with severity error nothing is published. Otherwise all tables become
  // visible in one publication. `on_node` hears of each node as it ends. An error is returned only when nothing could
  // be run; what a node ran into is in the report.
  virtual Result<BuildReport> Build(const BuildContext& context, const BuildOptions& options,
                                    const std::function<void(const NodeResult&)>& on_node) = 0;
};

}  // namespace tarn::model
