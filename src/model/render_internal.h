#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/database.h"
#include "model/context_internal.h"
#include "model/node_internal.h"

// Rendering for a build: with a connection, inside its transaction.

namespace tarn::model {

// What a render may ask. All outlive it.
struct RenderSession {
  const ProjectData& project;
  engine::Connection& connection;  // its transaction is open
  catalog::Catalog& catalog;
  Logger& logger;
};

// A partition's values by column; absent: NULL.
using PartitionValues = std::map<std::string, std::optional<std::string>>;

struct RenderedNode {
  std::string sql;  // one statement, CTEs of ephemeral models included
  // What changed_partitions() was asked and told.
  bool asks_for_changes = false;
  bool bounded = false;          // a back-fill of a given range: what changed outside of it stays to be done
  bool changes_unknown = false;  // only a full build is right; `sql` must not be run
  std::set<PartitionValues> changed;
};

// `incremental`: what is_incremental() answers. Errors name file, line and column.
Result<RenderedNode> Render(const RenderSession& session, const Node& node, bool incremental);

// The progress of a table's reader: how far `target` has taken the commits of `source`; nothing: never.
std::string ProgressKey(const catalog::TableName& source);

// Names and types of a SELECT's columns.
Result<std::vector<std::pair<std::string, std::string>>> DescribeColumns(engine::Connection& connection,
                                                                         const std::string& sql);
// The version of a table that the transaction sees; nothing while it has none.
Result<std::optional<int64_t>> ReadTableVersion(engine::Connection& connection, const catalog::TableName& table);

}  // namespace tarn::model
