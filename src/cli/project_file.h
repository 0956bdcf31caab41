#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "engine/schema.h"
#include "generate/clickstream.h"
#include "stream/stream.h"

// tarn.yml: what a dbt project has no word for. README.md lists every key.

namespace tarn::cli {

struct TopicSpec {
  std::string name;
  int partitions = 1;
  std::map<std::string, std::string> config;  // under Kafka's names
};

struct StreamSpec {
  stream::StreamOptions options;  // name, topic, columns, model, intervals
  std::string table;              // in the project's namespace
  std::vector<std::string> partition_by;
  std::vector<std::string> not_null;  // columns of the table beside those that the input requires
  std::string dead_letter_topic;      // empty: the table alone
  std::string dead_letter_table;
};

struct GeneratorSpec {
  std::string name;
  std::string topic;
  generate::ClickstreamOptions options;
  double rate = 1;  // records a second; 0: as fast as possible
};

struct ProjectFile {
  std::string directory;  // that holds it
  std::string name;
  std::string name_space;
  std::string kafka;  // "host:port[,…]" of another Kafka; empty: the embedded log
  std::vector<TopicSpec> topics;
  std::vector<StreamSpec> streams;
  std::vector<GeneratorSpec> generators;
  uint16_t kafka_port = 9092;
  uint16_t http_port = 8080;
  uint64_t memory_bytes = 256'000'000;
  std::string compression = "zstd";  // of the Parquet files that SQL and models write
};

// kInvalidArgument: "tarn.yml:3:7: <what>", with the nearest right name. `file` is for messages, `directory` is kept.
Result<ProjectFile> ParseProjectFile(std::string_view text, const std::string& file, const std::string& directory);

// Reads DIRECTORY/tarn.yml. kNotFound: there is none; the message says how to make one.
Result<ProjectFile> LoadProjectFile(FileSystem& file_system, const std::string& directory);

}  // namespace tarn::cli
