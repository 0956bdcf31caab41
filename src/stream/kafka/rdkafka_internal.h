#pragma once

#include <librdkafka/rdkafka.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

// What the wrappers around librdkafka share: owners of its handles and the translation of its errors.

namespace tarn::stream::kafka {

template <auto Destroy>
struct RdDeleter {
  template <typename T>
  void operator()(T* handle) const {
    Destroy(handle);
  }
};

using RdKafka = std::unique_ptr<rd_kafka_t, RdDeleter<rd_kafka_destroy>>;
using RdConf = std::unique_ptr<rd_kafka_conf_t, RdDeleter<rd_kafka_conf_destroy>>;
using RdQueue = std::unique_ptr<rd_kafka_queue_t, RdDeleter<rd_kafka_queue_destroy>>;
using RdEvent = std::unique_ptr<rd_kafka_event_t, RdDeleter<rd_kafka_event_destroy>>;
using RdMessage = std::unique_ptr<rd_kafka_message_t, RdDeleter<rd_kafka_message_destroy>>;
using RdPartitionList =
    std::unique_ptr<rd_kafka_topic_partition_list_t, RdDeleter<rd_kafka_topic_partition_list_destroy>>;

// Ours for an error of librdkafka or of a broker. `text` may be null.
Error ToError(rd_kafka_resp_err_t code, const char* text = nullptr);

// kInvalidArgument: an unknown property or a bad value, as librdkafka words it.
Result<RdConf> MakeConf(const std::vector<std::pair<std::string, std::string>>& properties);
// Consumes the configuration.
Result<RdKafka> MakeClient(rd_kafka_type_t type, RdConf conf);

}  // namespace tarn::stream::kafka
