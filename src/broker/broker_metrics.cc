#include "broker/broker_metrics_internal.h"

#include <algorithm>

#include "broker/handlers/api_internal.h"

namespace tarn::broker {

BrokerMetrics::BrokerMetrics(Metrics& metrics)
    : metrics_(metrics),
      refused_(metrics.GetCounter("tarn_kafka_refused_requests_total",
                                  "requests that had no answer but a closed connection")),
      received_(metrics.GetCounter("tarn_kafka_received_bytes_total", "bytes of requests")),
      sent_(metrics.GetCounter("tarn_kafka_sent_bytes_total", "bytes of answers")),
      connections_(metrics.GetGauge("tarn_kafka_connections", "open connections")),
      in_flight_(metrics.GetGauge("tarn_kafka_in_flight_bytes", "requests read and not answered")) {
  for (const Api* api : AllApis()) {
    TARN_CHECK(size_t(api->key) < kKeys);
    requests_[size_t(api->key)] =
        &metrics.GetCounter("tarn_kafka_requests_total", "requests by API", {{"api", std::string(api->name)}});
  }
  metrics.GetGauge("kafka_brokers", "brokers of the cluster").Set(1);
}

void BrokerMetrics::CountRequest(std::string_view frame) {
  if (frame.size() < 2) return;
  const size_t key = size_t(uint8_t(frame[0])) << 8 | uint8_t(frame[1]);
  if (key < kKeys && requests_[key] != nullptr) requests_[key]->Add();
}

void BrokerMetrics::Refresh(const Topics& topics, const GroupCoordinator& groups, const net::FrameServer& server) {
  received_.Add(double(server.bytes_received() - last_received_));
  last_received_ = server.bytes_received();
  sent_.Add(double(server.bytes_sent() - last_sent_));
  last_sent_ = server.bytes_sent();
  connections_.Set(server.connections());
  in_flight_.Set(double(server.in_flight_bytes()));
  RefreshTopics(topics);
  RefreshGroups(topics, groups);
}

void BrokerMetrics::RefreshTopics(const Topics& topics) {
  for (const auto& topic : topics.List()) {
    metrics_.GetGauge("kafka_topic_partitions", "partitions of a topic", {{"topic", topic->name}})
        .Set(double(topic->partitions.size()));
    for (size_t i = 0; i < topic->partitions.size(); ++i) {
      const MetricLabels labels = {{"topic", topic->name}, {"partition", std::to_string(i)}};
      const PartitionLog& log = *topic->partitions[i];
      metrics_.GetGauge("kafka_topic_partition_current_offset", "end of a partition", labels)
          .Set(double(log.high_watermark()));
      metrics_.GetGauge("kafka_topic_partition_oldest_offset", "start of a partition", labels)
          .Set(double(log.log_start_offset()));
    }
  }
}

void BrokerMetrics::RefreshGroups(const Topics& topics, const GroupCoordinator& groups) {
  for (const GroupListing& group : groups.List()) {
    for (const auto& [at, committed] : groups.offsets().List(group.id)) {
      const auto topic = topics.Find(at.topic);
      if (topic == nullptr || topic->id != committed.topic_id || size_t(at.partition) >= topic->partitions.size())
        continue;
      const MetricLabels labels = {
          {"consumergroup", group.id}, {"topic", at.topic}, {"partition", std::to_string(at.partition)}};
      const Offset end = topic->partitions[size_t(at.partition)]->high_watermark();
      metrics_.GetGauge("kafka_consumergroup_current_offset", "committed offset of a group", labels)
          .Set(double(committed.offset));
      metrics_.GetGauge("kafka_consumergroup_lag", "records between a group's committed offset and the end", labels)
          .Set(double(std::max<Offset>(end - committed.offset, 0)));
    }
  }
}

}  // namespace tarn::broker
