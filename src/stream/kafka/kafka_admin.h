#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

// Topics of any Kafka: create, delete, list, describe, first and last offsets.

namespace tarn::stream::kafka {

struct NewTopic {
  std::string name;
  int partitions = 1;
  int replication_factor = 1;
  std::map<std::string, std::string> config;  // retention.ms, …
};

struct TopicPartitionInfo {
  int32_t partition = 0;
  int32_t leader = -1;
  std::vector<int32_t> replicas;  // the first is the preferred leader
  std::vector<int32_t> in_sync_replicas;
};

struct TopicInfo {
  std::string name;
  std::vector<TopicPartitionInfo> partitions;
};

struct PartitionOffsets {
  int64_t begin = 0;  // the first offset that is kept
  int64_t end = 0;    // one past the last readable record
};

// Thread-safe. Every call blocks for at most `timeout` and fails with kUnavailable when no broker answers.
class KafkaAdmin {
 public:
  // Connects lazily. kInvalidArgument.
  static Result<std::unique_ptr<KafkaAdmin>> Make(const std::string& bootstrap, Micros timeout = 10'000'000);
  virtual ~KafkaAdmin() = default;

  // kAlreadyExists; kInvalidArgument: name, counts or config.
  virtual Status CreateTopic(const NewTopic& topic) = 0;
  // kNotFound.
  virtual Status DeleteTopic(const std::string& name) = 0;
  // By name. Internal topics ("__…") are included.
  virtual Result<std::vector<TopicInfo>> ListTopics() = 0;
  // kNotFound. Never creates the topic.
  virtual Result<TopicInfo> DescribeTopic(const std::string& name) = 0;
  // The topic's settings that the broker reports. kNotFound.
  virtual Result<std::map<std::string, std::string>> TopicConfig(const std::string& name) = 0;
  // First and last offsets of each partition. kNotFound.
  virtual Result<std::map<int32_t, PartitionOffsets>> Offsets(const std::string& topic) = 0;
  virtual Result<std::string> ClusterId() = 0;
};

}  // namespace tarn::stream::kafka
