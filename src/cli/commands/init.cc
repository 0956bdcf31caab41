#include <cctype>
#include <cstdio>
#include <filesystem>

#include "base/file_system.h"
#include "cli/commands/commands.h"
#include "cli/exit_codes.h"
#include "cli/project_template.h"

namespace tarn::cli {
namespace {

// A name that SQL takes without quotes.
std::string NameOf(const std::string& directory) {
  std::error_code ignored;
  std::filesystem::path path =
      std::filesystem::weakly_canonical(std::filesystem::absolute(directory, ignored), ignored);
  if (path.filename().empty()) path = path.parent_path();
  std::string name;
  for (const char c : path.filename().string())
    name += std::isalnum(static_cast<unsigned char>(c)) ? char(std::tolower(static_cast<unsigned char>(c))) : '_';
  if (name.empty() || std::isdigit(static_cast<unsigned char>(name[0]))) name = "p" + name;
  return name;
}

Status Run(const InitOptions& options) {
  FileSystem& files = PosixFileSystem();
  const std::string name = NameOf(options.directory);
  const auto content = ProjectTemplate(name);
  for (const auto& [path, text] : content)
    if (files.Stat(options.directory + "/" + path).ok())
      return Error(ErrorCode::kAlreadyExists, options.directory + "/" + path + " exists: nothing was written");
  for (const auto& [path, text] : content) {
    const std::string target = options.directory + "/" + path;
    TARN_TRY(files.CreateDirectories(ParentPath(target)));
    TARN_TRY(WriteFileDurably(files, target, text));
  }
  std::printf("project %s in %s:\n", name.c_str(), options.directory.c_str());
  for (const auto& [path, text] : content) std::printf("  %s\n", path.c_str());
  const std::string place = options.directory == "." ? "" : " " + options.directory;
  std::printf("next: tarn up%s\n", place.c_str());
  return Ok();
}

}  // namespace

int RunInit(const InitOptions& options) {
  return Finish(Run(options));
}

}  // namespace tarn::cli
