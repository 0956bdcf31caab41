#include <unistd.h>

#include <cstdio>
#include <ctime>

#include "cli/commands/commands.h"
#include "cli/exit_codes.h"
#include "cli/live_view.h"
#include "cli/one_off.h"
#include "model/project.h"

namespace tarn::cli {
namespace {

struct Outcome {
  const char* word;
  const char* color;
};
Outcome OutcomeOf(model::NodeOutcome outcome) {
  switch (outcome) {
    case model::NodeOutcome::kSuccess:
      return {"OK", "\033[32m"};
    case model::NodeOutcome::kPass:
      return {"PASS", "\033[32m"};
    case model::NodeOutcome::kWarn:
      return {"WARN", "\033[33m"};
    case model::NodeOutcome::kFail:
      return {"FAIL", "\033[31m"};
    case model::NodeOutcome::kError:
      return {"ERROR", "\033[31m"};
    case model::NodeOutcome::kSkipped:
      return {"SKIP", "\033[33m"};
  }
  return {"", ""};
}

const char* MaterializationName(model::Materialization materialization) {
  switch (materialization) {
    case model::Materialization::kView:
      return "view";
    case model::Materialization::kTable:
      return "table";
    case model::Materialization::kIncremental:
      return "incremental";
    case model::Materialization::kEphemeral:
      return "ephemeral";
  }
  return "";
}

// The lines that dbt users know: "12:00:01  3 of 14 OK table model clickstream.product_performance ... [120 rows in
// 0.04 s]".
class BuildConsole {
 public:
  BuildConsole(const model::Project& project, Clock& clock)
      : project_(project), clock_(clock), color_(OutputOptionsFor(stdout).color) {}

  void Node(const model::NodeResult& result) {
    ++done_;
    const Outcome outcome = OutcomeOf(result.outcome);
    ++counts_[size_t(result.outcome)];
    std::string what = "test " + result.name;
    if (result.kind == model::NodeKind::kModel) what = ModelLabel(result);
    std::string line = std::to_string(done_) + "  " + what + " ";
    while (line.size() < 76) line += '.';
    std::string detail = FormatSeconds(double(result.duration) / 1e6);
    if (result.outcome == model::NodeOutcome::kSkipped)
      detail = "";
    else if (result.kind == model::NodeKind::kTest && result.rows > 0)
      detail = GroupDigits(result.rows) + " rows, " + detail;
    else if (result.kind == model::NodeKind::kModel && result.rows > 0)
      detail = GroupDigits(result.rows) + " rows in " + detail;
    std::printf("%s  %s %s%s%s%s\n", Now().c_str(), line.c_str(), color_ ? outcome.color : "", outcome.word,
                color_ ? "\033[0m" : "", detail.empty() ? "" : (" [" + detail + "]").c_str());
    std::fflush(stdout);
    if (!result.message.empty() && result.outcome != model::NodeOutcome::kSuccess &&
        result.outcome != model::NodeOutcome::kPass)
      failures_.push_back(result);
  }

  // What failed, with its reason, and how it went altogether.
  void End(const model::BuildReport& report, Micros duration, bool tests_only) {
    for (const model::NodeResult& failure : failures_) {
      std::fprintf(stderr, "\n%s %s\n  %s\n", OutcomeOf(failure.outcome).word, failure.name.c_str(),
                   failure.message.c_str());
      if (!failure.failures_sql.empty() && failure.outcome != model::NodeOutcome::kError)
        std::fprintf(stderr, "  its rows: %s\n", failure.failures_sql.c_str());
    }
    const auto count = [&](model::NodeOutcome outcome) { return counts_[size_t(outcome)]; };
    const auto passed = count(model::NodeOutcome::kSuccess) + count(model::NodeOutcome::kPass);
    std::printf("\n%s  pass %d, warn %d, fail %d, error %d, skip %d, of %d in %s\n", Now().c_str(), passed,
                count(model::NodeOutcome::kWarn), count(model::NodeOutcome::kFail), count(model::NodeOutcome::kError),
                count(model::NodeOutcome::kSkipped), done_, FormatSeconds(double(duration) / 1e6).c_str());
    if (tests_only) return;
    std::string versions;
    for (const auto& [table, version] : report.versions)
      versions += (versions.empty() ? "" : ", ") + table + " version " + std::to_string(version);
    if (report.published)
      std::printf("%s  published%s\n", Now().c_str(), versions.empty() ? "" : (": " + versions).c_str());
    else
      std::printf("%s  nothing was published: readers see what they saw before\n", Now().c_str());
  }

 private:
  std::string Now() const {
    const std::string timestamp = FormatTimestamp(clock_.Now());
    return timestamp.substr(11, 8);
  }
  std::string ModelLabel(const model::NodeResult& result) const {
    for (const model::NodeInfo& node : project_.nodes())
      if (node.unique_id == result.unique_id)
        return std::string(MaterializationName(node.materialization)) + " model " + node.name_space + "." + node.name;
    return "model " + result.name;
  }

  const model::Project& project_;
  Clock& clock_;
  const bool color_;
  int done_ = 0;
  int counts_[6] = {};
  std::vector<model::NodeResult> failures_;
};

Result<std::unique_ptr<model::Project>> LoadModels(const ModelOptions& options, const Place& place) {
  model::ProjectOptions project{.directory = place.project.directory, .environment = EnvironmentVariable};
  for (const std::string& variable : options.vars) {
    const size_t equals = variable.find('=');
    if (equals == std::string::npos)
      return Error(ErrorCode::kInvalidArgument, "--vars " + variable + ": must be NAME=VALUE");
    project.vars[variable.substr(0, equals)] = variable.substr(equals + 1);
  }
  return model::Project::Load(PosixFileSystem(), project);
}

Result<Place> FindProjectData(const PlaceOptions& options) {
  TARN_TRY(FindPlace(options, true));
  return FindData(options);
}

Result<bool> Build(const ModelOptions& options) {
  Clock& clock = SystemClock();
  TARN_ASSIGN_OR_RETURN(const Place place, FindProjectData(options.place));
  TARN_ASSIGN_OR_RETURN(const auto project, LoadModels(options, place));
  TARN_ASSIGN_OR_RETURN(const auto one_off, OneOff::Open(place));
  BuildConsole console(*project, clock);
  const Micros started = clock.Steady();
  TARN_ASSIGN_OR_RETURN(const model::BuildReport report,
                        project->Build({.lake = one_off->house().lake(),
                                        .catalog = one_off->house().catalog(),
                                        .clock = clock,
                                        .logger = one_off->logger()},
                                       {.select = options.select,
                                        .exclude = options.exclude,
                                        .full_refresh = options.full_refresh,
                                        .tests_only = options.tests_only,
                                        .fail_fast = options.fail_fast},
                                       [&](const model::NodeResult& result) { console.Node(result); }));
  console.End(report, clock.Steady() - started, options.tests_only);
  return report.ok();
}

Status Compile(const ModelOptions& options) {
  TARN_ASSIGN_OR_RETURN(const Place place, FindProjectData(options.place));
  TARN_ASSIGN_OR_RETURN(const auto project, LoadModels(options, place));
  TARN_ASSIGN_OR_RETURN(const auto one_off, OneOff::Open(place));
  bool found = false;
  for (const model::NodeInfo& node : project->nodes()) {
    if (options.select.empty() ? node.kind != model::NodeKind::kModel
                               : node.name != options.select && node.unique_id != options.select)
      continue;
    found = true;
    TARN_ASSIGN_OR_RETURN(const std::string sql,
                          project->Compile(node.unique_id, {.lake = one_off->house().lake(),
                                                            .catalog = one_off->house().catalog(),
                                                            .clock = SystemClock(),
                                                            .logger = one_off->logger()}));
    std::printf("-- %s (%s)\n%s\n\n", node.unique_id.c_str(), node.file.c_str(), sql.c_str());
  }
  if (!found) return Error(ErrorCode::kNotFound, "the project has no model or test named '" + options.select + "'");
  return Ok();
}

}  // namespace

int RunBuild(const ModelOptions& options) {
  const auto passed = Build(options);
  if (!passed.ok()) return Finish(passed.error());
  return *passed ? kExitDone : kExitFailed;
}

int RunCompile(const ModelOptions& options) {
  return Finish(Compile(options));
}

}  // namespace tarn::cli
