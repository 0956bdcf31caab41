#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "broker/broker.h"
#include "cli/project_file.h"
#include "stream/dead_letter_topic.h"
#include "stream/source.h"

// The role of the event log as the platform uses it: Tarn's own in this process, or any other Kafka.

namespace tarn::cli {

// Thread-safe. Sources and dead-letter topics must not outlive it.
class EventLog {
 public:
  virtual ~EventLog() = default;

  virtual bool embedded() const = 0;
  // Where clients reach it: "127.0.0.1:9092".
  virtual std::string address() const = 0;
  // Creates the topics that are not there. kUnavailable: it does not answer; try again.
  virtual Status EnsureTopics(const std::vector<TopicSpec>& topics) = 0;
  virtual Result<std::unique_ptr<stream::Source>> OpenSource(const std::string& topic) = 0;
  virtual Result<std::unique_ptr<stream::DeadLetterTopic>> OpenDeadLetterTopic(const std::string& topic) = 0;
  // Why it is not healthy, or empty.
  virtual std::string Problem() = 0;
  virtual void Stop() = 0;
};

Result<std::unique_ptr<EventLog>> StartEmbeddedLog(broker::BrokerOptions options,
                                                   broker::BrokerDependencies dependencies);
Result<std::unique_ptr<EventLog>> ConnectKafka(const std::string& bootstrap);

}  // namespace tarn::cli
