#include "base/failpoint.h"
#include "model/build_internal.h"
#include "model/project_internal.h"

namespace tarn::model {

bool BuildReport::ok() const {
  for (const NodeResult& node : nodes) {
    if (node.outcome == NodeOutcome::kFail || node.outcome == NodeOutcome::kError) return false;
  }
  return publication.ok();
}

Result<BuildReport> BuildRun::Run() {
  TARN_ASSIGN_OR_RETURN(const std::set<std::string> selected, Select(project_, options_.select, options_.exclude));
  TARN_TRY(Begin(selected));
  for (const Node& node : project_.nodes) {
    if (!selected.contains(node.info.unique_id) || (options_.tests_only && node.IsModel())) continue;
    report_.nodes.push_back(RunNode(node));
    if (on_node_) on_node_(report_.nodes.back());
  }
  Finish();
  return std::move(report_);
}

Status BuildRun::Begin(const std::set<std::string>& selected) {
  std::set<std::string> sources;
  for (const Node& node : project_.nodes) {
    if (!selected.contains(node.info.unique_id)) continue;
    for (const std::string& id : node.upstream) {
      if (project_.sources.contains(id)) sources.insert(id);
    }
    // A namespace is no part of a publication; an empty one harms nobody.
    if (node.IsModel() && !options_.tests_only && node.config.materialization != Materialization::kEphemeral) {
      TARN_TRY(context_.catalog.CreateNamespace(node.info.name_space));
    }
  }
  TARN_ASSIGN_OR_RETURN(connection_, context_.lake.Connect());
  TARN_TRY(connection_->Execute("BEGIN"));
  for (const std::string& id : sources) {
    const Source& source = project_.sources.at(id);
    if (!context_.catalog.GetTable(source.table).ok()) continue;  // who reads it will say so
    TARN_ASSIGN_OR_RETURN(const auto version, ReadTableVersion(*connection_, source.table));
    if (version) report_.source_versions[source.table.ToString()] = *version;
  }
  return Ok();
}

std::optional<std::string> BuildRun::Blocked(const Node& node) const {
  if (stopped_) return *stopped_;
  for (const std::string& id : node.upstream) {
    if (const auto failed = failed_.find(id); failed != failed_.end()) return failed->second;
    const auto doubted = doubted_.find(id);
    if (node.IsModel() && doubted != doubted_.end()) return "the test " + doubted->second + " failed on " + id;
  }
  return std::nullopt;
}

NodeResult BuildRun::RunNode(const Node& node) {
  NodeResult result{.unique_id = node.info.unique_id, .name = node.info.name, .kind = node.info.kind};
  const Micros start = context_.clock.Steady();
  if (const auto reason = Blocked(node)) {
    result.message = "skipped: " + *reason;
    if (node.IsModel()) failed_.emplace(node.info.unique_id, node.info.unique_id + " was skipped");
    return result;
  }
  const Status done = node.IsModel() ? RunModel(node, result) : RunTest(node, result);
  if (!done.ok()) {
    result.outcome = NodeOutcome::kError;
    // Errors of templates begin with their position.
    const std::string text = done.error().ToString();
    result.message = text.starts_with(node.info.file + ":") ? text : node.position + ": " + text;
  }
  result.duration = context_.clock.Steady() - start;
  NoteFailure(node, result.outcome);
  return result;
}

void BuildRun::NoteFailure(const Node& node, NodeOutcome outcome) {
  if (outcome != NodeOutcome::kError && outcome != NodeOutcome::kFail) return;
  if (node.IsModel()) {
    failed_.emplace(node.info.unique_id, node.info.unique_id + " failed");
  } else {
    for (const std::string& id : node.upstream) doubted_.emplace(id, node.info.name);
  }
  if (options_.fail_fast) stopped_ = "stopped at the first failure, " + node.info.unique_id;
  // DuckDB gives up a transaction at some errors; then nothing after can be known.
  if (outcome == NodeOutcome::kError && !connection_->Execute("SELECT 1").ok()) {
    stopped_ = "the error of " + node.info.unique_id + " ended the transaction";
  }
}

void BuildRun::Finish() {
  bool failed = options_.tests_only || stopped_.has_value();
  for (const NodeResult& node : report_.nodes) {
    failed = failed || node.outcome == NodeOutcome::kFail || node.outcome == NodeOutcome::kError;
  }
  if (!failed) {
    report_.publication = Commit();
    return;
  }
  if (const Status rolled_back = connection_->Execute("ROLLBACK"); !rolled_back.ok()) {
    context_.logger.Warn("model", "rollback failed", {{"error", rolled_back.error().ToString()}});
  }
}

Status BuildRun::Commit() {
  if (Status passed = PassFailpoint("model.build.before_commit"); !passed.ok()) {
    (void)connection_->Execute("ROLLBACK");
    return passed;
  }
  Status committed = connection_->Execute("COMMIT");
  if (!committed.ok()) return std::move(committed).error().WithContext("publishing the build");
  report_.published = true;
  report_.versions = context_.lake.LastCommit(*connection_);
  return PassFailpoint("model.build.after_commit");
}

Status BuildRun::RunTest(const Node& node, NodeResult& result) {
  TARN_ASSIGN_OR_RETURN(const RenderedNode rendered, Render(session(), node, /*incremental=*/false));
  result.failures_sql = rendered.sql;
  const NodeConfig& config = node.config;
  std::string failing = "(\n" + rendered.sql + "\n)";
  if (config.limit) failing = "(select * from " + failing + " limit " + std::to_string(*config.limit) + ")";
  const auto when = [&](const std::string& condition) { return "(" + config.count + ") " + condition; };
  TARN_ASSIGN_OR_RETURN(const auto rows,
                        connection_->QueryText("select " + config.count + ", " + when(config.warn_if) + ", " +
                                               when(config.error_if) + " from " + failing + " as tarn_failing_rows"));
  const auto& row = rows.at(0);
  const std::string count = row[0].value_or("0");
  result.rows = std::strtoull(count.c_str(), nullptr, 10);
  const bool fails = row[2] == "true" && !config.only_warns;
  const bool warns = row[1] == "true" || row[2] == "true";
  result.outcome = fails ? NodeOutcome::kFail : warns ? NodeOutcome::kWarn : NodeOutcome::kPass;
  if (result.outcome != NodeOutcome::kPass) {
    TARN_ASSIGN_OR_RETURN(result.failing_rows, ReadFailingRows(rendered.sql));
    result.message =
        node.position + ": " + node.info.name + ": " + count + (count == "1" ? " failing row" : " failing rows");
  }
  return Ok();
}

// What a test found may never be published, so it is kept here.
Result<std::vector<std::string>> BuildRun::ReadFailingRows(const std::string& sql) {
  TARN_ASSIGN_OR_RETURN(const auto rows, connection_->QueryText("select tarn_failing_row::varchar from (\n" + sql +
                                                                "\n) as tarn_failing_row limit 20"));
  std::vector<std::string> texts;
  for (const auto& row : rows) texts.push_back(row.at(0).value_or("NULL"));
  return texts;
}

}  // namespace tarn::model
