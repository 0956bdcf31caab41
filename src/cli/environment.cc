#include "cli/environment.h"

#include <charconv>
#include <cstdlib>
#include <filesystem>

#include "cli/data_directory.h"

namespace tarn::cli {

std::optional<std::string> EnvironmentVariable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) return std::nullopt;
  return value;
}

Result<Place> FindPlace(const PlaceOptions& options, bool needs_project) {
  Place place;
  const std::string directory = options.project.empty() ? "." : options.project;
  auto project = LoadProjectFile(PosixFileSystem(), directory);
  place.has_project_file = project.ok();
  if (project.ok())
    place.project = std::move(*project);
  else if (needs_project || !project.Is(ErrorCode::kNotFound) || !options.project.empty())
    return std::move(project).error();
  std::error_code ignored;
  const std::string data_dir = options.data_dir.empty() ? directory + "/.tarn" : options.data_dir;
  place.data_dir = std::filesystem::weakly_canonical(std::filesystem::absolute(data_dir, ignored), ignored).string();
  return place;
}

Result<Place> FindData(const PlaceOptions& options) {
  TARN_ASSIGN_OR_RETURN(Place place, FindPlace(options, false));
  if (!PosixFileSystem().Stat(place.data_dir + "/catalog.sqlite").ok())
    return Error(ErrorCode::kNotFound, "no data in " + place.data_dir +
                                           ": `tarn up` makes it; or name another folder with --project or --data-dir");
  return place;
}

Result<uint16_t> OffsetPort(uint16_t port) {
  const std::string text = EnvironmentVariable("TARN_PORT_OFFSET").value_or("0");
  int offset = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), offset);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size())
    return Error(ErrorCode::kInvalidArgument, "TARN_PORT_OFFSET='" + text + "' is not a whole number");
  const int moved = int(port) + offset;
  if (moved < 1 || moved > 65535)
    return Error(ErrorCode::kInvalidArgument, "TARN_PORT_OFFSET=" + text + " moves port " + std::to_string(port) +
                                                  " to " + std::to_string(moved) + ", which is not a port");
  return uint16_t(moved);
}

Result<std::string> FindKafka(const std::string& bootstrap, const Place& place) {
  if (!bootstrap.empty()) return bootstrap;
  if (const auto holder = FindHolder(place.data_dir); holder && !holder->kafka_address.empty())
    return holder->kafka_address;
  if (const auto servers = EnvironmentVariable("KAFKA_BOOTSTRAP_SERVERS"); servers && !servers->empty())
    return *servers;
  if (!place.project.kafka.empty()) return place.project.kafka;
  TARN_ASSIGN_OR_RETURN(const uint16_t port, OffsetPort(place.project.kafka_port));
  return "127.0.0.1:" + std::to_string(port);
}

}  // namespace tarn::cli
