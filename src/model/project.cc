#include "model/build_internal.h"
#include "model/project_internal.h"

namespace tarn::model {
namespace {

class LoadedProject final : public Project {
 public:
  explicit LoadedProject(std::unique_ptr<ProjectData> data) : data_(std::move(data)) {}

  const std::string& name() const override { return data_->config.name; }
  const std::vector<NodeInfo>& nodes() const override { return data_->infos; }

  Result<std::string> Compile(const std::string& name, const BuildContext& context) override {
    const Node* node = Find(name);
    if (node == nullptr) {
      return Error(ErrorCode::kNotFound, "there is no model or test '" + name + "'" + DidYouMean(name, Names()));
    }
    TARN_ASSIGN_OR_RETURN(const auto connection, context.lake.Connect());
    TARN_TRY(connection->Execute("BEGIN"));
    const bool incremental =
        node->config.materialization == Materialization::kIncremental && context.catalog.GetTable(node->table()).ok();
    const RenderSession session{*data_, *connection, context.catalog, context.logger};
    auto rendered = Render(session, *node, incremental);
    if (rendered.ok() && rendered->changes_unknown) rendered = Render(session, *node, false);
    TARN_TRY(connection->Execute("ROLLBACK"));
    if (!rendered.ok()) return std::move(rendered).error();
    return std::move(rendered->sql);
  }

  Result<BuildReport> Build(const BuildContext& context, const BuildOptions& options,
                            const std::function<void(const NodeResult&)>& on_node) override {
    return BuildRun(*data_, context, options, on_node).Run();
  }

 private:
  const Node* Find(const std::string& name) const {
    if (const Node* node = data_->FindNode(name)) return node;
    if (const Node* model = data_->FindModel(name)) return model;
    return data_->FindNode("test." + data_->config.name + "." + name);
  }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const NodeInfo& node : data_->infos) names.push_back(node.name);
    return names;
  }

  const std::unique_ptr<const ProjectData> data_;
};

}  // namespace

Result<std::unique_ptr<Project>> Project::Load(FileSystem& file_system, const ProjectOptions& options) {
  TARN_ASSIGN_OR_RETURN(std::unique_ptr<ProjectData> data, LoadProjectData(file_system, options));
  return MakeProject(std::move(data));
}

std::unique_ptr<Project> MakeProject(std::unique_ptr<ProjectData> data) {
  return std::make_unique<LoadedProject>(std::move(data));
}

}  // namespace tarn::model
