#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "cli/project_file.h"

// Where a command works: the project, the data directory, the ports.

namespace tarn::cli {

// --project and --data-dir as given; empty: the default.
struct PlaceOptions {
  std::string project;   // default: the working directory
  std::string data_dir;  // default: PROJECT/.tarn
};

struct Place {
  ProjectFile project;
  bool has_project_file = false;
  std::string data_dir;  // absolute
};

// Reads tarn.yml. `needs_project` false: without one, defaults are used.
Result<Place> FindPlace(const PlaceOptions& options, bool needs_project);

// As FindPlace, and the data directory is there. kNotFound says how to make it.
Result<Place> FindData(const PlaceOptions& options);

// A port moved by TARN_PORT_OFFSET. kInvalidArgument: the variable is no number, or the sum is no port.
Result<uint16_t> OffsetPort(uint16_t port);

std::optional<std::string> EnvironmentVariable(const std::string& name);

// Where commands find the log: `bootstrap` when given, else the running `tarn up`'s, else KAFKA_BOOTSTRAP_SERVERS, else
// what tarn.yml says, else the default port.
Result<std::string> FindKafka(const std::string& bootstrap, const Place& place);

}  // namespace tarn::cli
