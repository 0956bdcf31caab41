#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "broker/topic_config.h"

// topics.json, version 1: which topics there are. Frozen.
//   {"version": 1,
//    "topics":   [{"name": "…", "id": "<UUID>", "partitions": 3, "config": {"retention.ms": "…"}}, …],
//    "deleting": [{"name": "…", "partitions": 3}, …]}      gone by name, their folders not yet

namespace tarn::broker {

struct TopicEntry {
  std::string name;
  std::string id;
  int32_t partitions = 0;
  TopicConfig config;
};

struct DeletingEntry {
  std::string name;
  int32_t partitions = 0;
};

struct TopicsFile {
  std::vector<TopicEntry> topics;
  std::vector<DeletingEntry> deleting;
};

// Empty when there is no file. kCorruption.
Result<TopicsFile> ReadTopicsFile(FileSystem& file_system, const std::string& directory);
// Durable when it returns.
Status WriteTopicsFile(FileSystem& file_system, const std::string& directory, const TopicsFile& file);

}  // namespace tarn::broker
