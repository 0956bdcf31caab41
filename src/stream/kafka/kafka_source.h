#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/result.h"
#include "stream/source.h"

namespace tarn::stream::kafka {

struct KafkaSourceOptions {
  std::string bootstrap;
  std::string topic;
  uint64_t queue_bytes_max = uint64_t(32) << 20;  // librdkafka's prefetch, all partitions together
  Micros request_timeout = 5'000'000;
  std::map<std::string, std::string> properties;  // librdkafka's own, applied last
};

// One topic of any Kafka, read by librdkafka with assign and seek: the group's offsets are never used. Only committed
// transactions are read. Payloads are copied into padded buffers of their own.
//
// TopicId is "<cluster id>/<topic>/<topic's UUID>". Brokers before Kafka 2.8 have no such ids, and over TLS or SASL
// they are not asked for: then it ends after the name, and a topic that was deleted and created again is noticed by its
// offsets only.
Result<std::unique_ptr<Source>> MakeKafkaSource(const KafkaSourceOptions& options);

}  // namespace tarn::stream::kafka
