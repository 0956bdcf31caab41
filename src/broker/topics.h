#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/logging.h"
#include "base/random.h"
#include "base/result.h"
#include "broker/partition_log.h"

// The topics of this broker and their partition logs: what lies on disk, by name.

namespace tarn::broker {

// One topic as it is now. Immutable but for what the logs do; a deleted topic's logs are closed and answer
// kUnavailable.
struct Topic {
  std::string name;
  std::string id;                             // a UUID; another one when the topic is created again
  std::map<std::string, std::string> config;  // what was set, under Kafka's names
  std::vector<std::shared_ptr<PartitionLog>> partitions;
};

struct NewTopic {
  std::string name;
  int32_t partitions = 1;
  std::map<std::string, std::string> config;  // the keys of broker/topic_config.h
};

// Thread-safe. Outlives every use of the logs that it hands out. Folders under `directory`: one a partition
// ("clickstream-events-0"), and topics.json, replaced durably.
class Topics {
 public:
  virtual ~Topics() = default;

  // Durable when it returns. kAlreadyExists; kInvalidArgument: name, count or a config key or value, naming it.
  virtual Result<std::shared_ptr<const Topic>> Create(const NewTopic& topic) = 0;
  // Removes the name durably, then the files; what a crash leaves of them goes at the next open. kNotFound.
  virtual Status Delete(const std::string& name) = 0;
  // Until it has `count` of them. Durable when it returns. kNotFound; kInvalidArgument: not more than there are.
  virtual Status AddPartitions(const std::string& name, int32_t count) = 0;
  // Replaces all that was set. Durable when it returns, and in force for what comes then. kNotFound; kInvalidArgument.
  virtual Status SetConfig(const std::string& name, const std::map<std::string, std::string>& config) = 0;
  // Null when absent.
  virtual std::shared_ptr<const Topic> Find(const std::string& name) const = 0;
  // By name.
  virtual std::vector<std::shared_ptr<const Topic>> List() const = 0;
  // Retention of every partition; called about every half minute by the broker.
  virtual void ApplyRetention() = 0;
  // Syncs and closes every log.
  virtual Status Close() = 0;
};

// Opens every log, in parallel. A partition that cannot be opened is an error that names its folder.
Result<std::unique_ptr<Topics>> OpenTopics(FileSystem& file_system, Clock& clock, Random random, Logger& logger,
                                           const std::string& directory, const LogOptions& defaults);

}  // namespace tarn::broker
