#pragma once

#include <memory>
#include <set>
#include <string>

#include "model/node_internal.h"

namespace tarn::model {

// Project::Load's work.
Result<std::unique_ptr<ProjectData>> LoadProjectData(FileSystem& file_system, const ProjectOptions& options);
std::unique_ptr<Project> MakeProject(std::unique_ptr<ProjectData> data);

// The unique ids (models, tests and sources) that --select and --exclude leave; an empty `select` is everything. A test
// is selected by its own name, or when anything it looks at is. kInvalidArgument: a word that matches nothing.
Result<std::set<std::string>> Select(const ProjectData& project, const std::string& select, const std::string& exclude);

}  // namespace tarn::model
