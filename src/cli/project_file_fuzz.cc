#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "cli/project_file.h"

// Any bytes as tarn.yml: a project, or an error that names the file and the place.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto project = tarn::cli::ParseProjectFile({reinterpret_cast<const char*>(data), size}, "tarn.yml", ".");
  if (!project.ok() && project.error().message().rfind("tarn.yml:", 0) != 0) std::abort();
  return 0;
}
