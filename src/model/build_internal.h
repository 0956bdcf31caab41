#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "model/node_internal.h"
#include "model/project.h"
#include "model/render_internal.h"

namespace tarn::model {

// One run of Project::Build: all in one transaction of the lake. Used once, by one thread.
//
// Rules: 1. A model runs after all it refers to and after their tests. 2. A model that failed blocks whatever refers to
// it; a failed test blocks the models that refer to what it looked at, not the other tests. 3. Anything failed:
// ROLLBACK, nothing is published.
class BuildRun {
 public:
  using OnNode = std::function<void(const NodeResult&)>;
  BuildRun(const ProjectData& project, const BuildContext& context, const BuildOptions& options, const OnNode& on_node)
      : project_(project), context_(context), options_(options), on_node_(on_node) {}

  Result<BuildReport> Run();

 private:
  // Opens the transaction and notes the sources' versions.
  Status Begin(const std::set<std::string>& selected);
  NodeResult RunNode(const Node& node);
  // Why the node cannot run; nothing when it can.
  std::optional<std::string> Blocked(const Node& node) const;
  void NoteFailure(const Node& node, NodeOutcome outcome);
  void Finish();
  Status Commit();

  // materialize.cc
  Status RunModel(const Node& node, NodeResult& result);
  Status BuildView(const Node& node);
  Status BuildTable(const Node& node, NodeResult& result);
  Status BuildIncremental(const Node& node, NodeResult& result);
  // Whether only a full build is right: asked for, no table yet, other columns or partitions.
  Result<bool> NeedsFullBuild(const Node& node, const RenderedNode& rendered);
  Status WriteRows(const Node& node, const RenderedNode& rendered, lake::LakeWriteMode mode, NodeResult& result);
  // The tables that a model reads, through views and ephemeral models, with the versions the transaction sees.
  Result<std::map<std::string, int64_t>> ReadProgress(const Node& node);
  void AddUpstreamTables(const Node& node, std::set<catalog::TableName>& tables) const;
  // Makes room where a table has to become a view or a view a table.
  Status MakeRoom(const Node& node, bool for_view);

  // A test's query, its count of failing rows and its outcome.
  Status RunTest(const Node& node, NodeResult& result);
  Result<std::vector<std::string>> ReadFailingRows(const std::string& sql);

  RenderSession session() { return {project_, *connection_, context_.catalog, context_.logger}; }

  const ProjectData& project_;
  const BuildContext& context_;
  const BuildOptions& options_;
  const OnNode& on_node_;
  std::unique_ptr<engine::Connection> connection_;
  BuildReport report_;
  std::map<std::string, std::string> failed_;   // models that failed or were skipped -> why
  std::map<std::string, std::string> doubted_;  // models and sources with a failed test -> the test
  std::optional<std::string> stopped_;          // why nothing more can run
};

}  // namespace tarn::model
