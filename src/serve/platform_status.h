#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "stream/stream.h"

// What a running Tarn tells about itself, to /healthz, /api/v1/status, `tarn status` and the live view.

namespace tarn::serve {

struct StreamView {
  std::string name;
  std::string topic;
  std::string table;  // "clickstream.clickstream_events_delta"
  std::string dead_letter_table;
  stream::StreamStatus status;
};

struct GeneratorView {
  std::string name;
  std::string topic;
  uint64_t produced = 0;  // since this process began
  std::string problem;    // why it does not produce now, or empty
};

struct MemoryView {
  uint64_t resident_bytes = 0;
  uint64_t peak_bytes = 0;
  uint64_t engine_bytes = 0;  // held by DuckDB
  uint64_t budget_bytes = 0;
};

struct PlatformStatus {
  std::string project;
  std::string version;
  std::string data_directory;
  int64_t pid = 0;
  Micros started_at = 0;
  Micros uptime = 0;
  std::string kafka_address;  // of the log: ours, or the other Kafka's
  bool kafka_is_embedded = true;
  std::string http_address;
  std::vector<std::string> problems;  // empty: healthy
  MemoryView memory;
  std::vector<StreamView> streams;
  std::vector<GeneratorView> generators;
};

// The document of GET /api/v1/status.
std::string StatusJson(const PlatformStatus& status);
// The document of GET /healthz.
std::string HealthJson(const PlatformStatus& status);

}  // namespace tarn::serve
