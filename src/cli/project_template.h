#pragma once

#include <string>
#include <utility>
#include <vector>

namespace tarn::cli {

// The files of a new project: path within it, content.
std::vector<std::pair<std::string, std::string>> ProjectTemplate(const std::string& name);

}  // namespace tarn::cli
