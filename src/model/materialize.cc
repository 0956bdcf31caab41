#include "base/failpoint.h"
#include "model/build_internal.h"

// What becomes of a model's SELECT: a view, a table, rows of a table.

namespace tarn::model {
namespace {

bool IsTable(const Node& node) {
  return node.config.materialization == Materialization::kTable ||
         node.config.materialization == Materialization::kIncremental;
}

}  // namespace

Status BuildRun::RunModel(const Node& node, NodeResult& result) {
  TARN_FAILPOINT("model.build.before_model");
  switch (node.config.materialization) {
    case Materialization::kView:
      TARN_TRY(BuildView(node));
      break;
    case Materialization::kTable:
      TARN_TRY(BuildTable(node, result));
      break;
    case Materialization::kIncremental:
      TARN_TRY(BuildIncremental(node, result));
      break;
    case Materialization::kEphemeral:  // lives in those that refer to it
      break;
  }
  result.outcome = NodeOutcome::kSuccess;
  return Ok();
}

Status BuildRun::MakeRoom(const Node& node, bool for_view) {
  const catalog::TableName name = node.table();
  const bool in_the_way = for_view ? context_.catalog.GetTable(name).ok() : context_.catalog.GetView(name).ok();
  if (!in_the_way) return Ok();
  if (!options_.full_refresh) {
    const std::string now = for_view ? "table" : "view", then = for_view ? "view" : "table";
    return Error(ErrorCode::kFailedPrecondition, name.ToString() + " is a " + now + " and the model makes a " + then +
                                                     "; --full-refresh drops it first");
  }
  return connection_->Execute((for_view ? "DROP TABLE " : "DROP VIEW ") + Relation(name, "").Sql());
}

Status BuildRun::BuildView(const Node& node) {
  TARN_ASSIGN_OR_RETURN(const RenderedNode rendered, Render(session(), node, /*incremental=*/false));
  TARN_TRY(MakeRoom(node, /*for_view=*/true));
  return connection_->Execute("CREATE OR REPLACE VIEW " + Relation(node.table(), "").Sql() + " AS\n" + rendered.sql);
}

Status BuildRun::BuildTable(const Node& node, NodeResult& result) {
  TARN_ASSIGN_OR_RETURN(const RenderedNode rendered, Render(session(), node, /*incremental=*/false));
  TARN_TRY(MakeRoom(node, /*for_view=*/false));
  return WriteRows(node, rendered, lake::LakeWriteMode::kCreateOrReplace, result);
}

Status BuildRun::BuildIncremental(const Node& node, NodeResult& result) {
  const bool is_there = context_.catalog.GetTable(node.table()).ok();
  if (is_there && !node.config.full_refresh.value_or(options_.full_refresh)) {
    TARN_ASSIGN_OR_RETURN(const RenderedNode rendered, Render(session(), node, /*incremental=*/true));
    TARN_ASSIGN_OR_RETURN(const bool full, NeedsFullBuild(node, rendered));
    if (!full) {
      if (rendered.asks_for_changes && rendered.changed.empty()) {
        result.message = "no partition has changed";
        return Ok();
      }
      const bool appends = node.config.Strategy() == IncrementalStrategy::kAppend;
      return WriteRows(node, rendered,
                       appends ? lake::LakeWriteMode::kAppend : lake::LakeWriteMode::kOverwritePartitions, result);
    }
  }
  return BuildTable(node, result);
}

Result<bool> BuildRun::NeedsFullBuild(const Node& node, const RenderedNode& rendered) {
  if (rendered.changes_unknown) return true;
  TARN_ASSIGN_OR_RETURN(const catalog::CatalogMoment moment, context_.catalog.Now());
  TARN_ASSIGN_OR_RETURN(const auto snapshot, context_.catalog.Resolve(node.table(), moment));
  if (snapshot->partition_columns != node.config.partition_by) return true;
  TARN_ASSIGN_OR_RETURN(const auto old_columns,
                        DescribeColumns(*connection_, "SELECT * FROM " + Relation(node.table(), "").Sql()));
  TARN_ASSIGN_OR_RETURN(const auto new_columns, DescribeColumns(*connection_, rendered.sql));
  if (old_columns == new_columns) return false;
  if (node.config.fail_on_schema_change) {
    return Error(ErrorCode::kFailedPrecondition, "the model's columns differ from those of " + node.table().ToString() +
                                                     ", and on_schema_change is fail");
  }
  return true;
}

Status BuildRun::WriteRows(const Node& node, const RenderedNode& rendered, lake::LakeWriteMode mode,
                           NodeResult& result) {
  lake::LakeWrite write{.table = node.table(),
                        .select_sql = rendered.sql,
                        .mode = mode,
                        .partition_columns = node.config.partition_by,
                        .operation = "MODEL " + node.info.name};
  if (mode == lake::LakeWriteMode::kOverwritePartitions) {
    // A changed partition of the source that yields no row any more must not stay in the table.
    for (const PartitionValues& values : rendered.changed) {
      bool fits = values.size() == node.config.partition_by.size();
      for (const std::string& column : node.config.partition_by) fits = fits && values.contains(column);
      if (fits) write.also_replaced.push_back(values);
    }
  }
  // A back-fill of a range leaves what changed outside of it to the next build.
  if (!rendered.bounded) {
    TARN_ASSIGN_OR_RETURN(write.progress, ReadProgress(node));
  }
  TARN_ASSIGN_OR_RETURN(result.rows, context_.lake.WriteTable(*connection_, write));
  return Ok();
}

void BuildRun::AddUpstreamTables(const Node& node, std::set<catalog::TableName>& tables) const {
  for (const std::string& id : node.upstream) {
    if (const auto source = project_.sources.find(id); source != project_.sources.end()) {
      tables.insert(source->second.table);
    } else if (const Node* model = project_.FindNode(id)) {
      if (IsTable(*model)) {
        tables.insert(model->table());
      } else {
        AddUpstreamTables(*model, tables);
      }
    }
  }
}

Result<std::map<std::string, int64_t>> BuildRun::ReadProgress(const Node& node) {
  std::set<catalog::TableName> tables;
  AddUpstreamTables(node, tables);
  std::map<std::string, int64_t> progress;
  for (const catalog::TableName& table : tables) {
    if (!context_.catalog.GetTable(table).ok()) continue;  // a source that is a view
    TARN_ASSIGN_OR_RETURN(const auto version, ReadTableVersion(*connection_, table));
    // Of a model that this build has written too, the version before: what is published now counts as changed next
    // time.
    if (version) progress[ProgressKey(table)] = *version;
  }
  return progress;
}

}  // namespace tarn::model
