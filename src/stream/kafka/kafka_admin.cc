#include "stream/kafka/kafka_admin.h"

#include <algorithm>
#include <cstdlib>

#include "stream/kafka/rdkafka_internal.h"

namespace tarn::stream::kafka {

namespace {

using RdNewTopic = std::unique_ptr<rd_kafka_NewTopic_t, RdDeleter<rd_kafka_NewTopic_destroy>>;
using RdDeleteTopic = std::unique_ptr<rd_kafka_DeleteTopic_t, RdDeleter<rd_kafka_DeleteTopic_destroy>>;
using RdConfigResource = std::unique_ptr<rd_kafka_ConfigResource_t, RdDeleter<rd_kafka_ConfigResource_destroy>>;
using RdAdminOptions = std::unique_ptr<rd_kafka_AdminOptions_t, RdDeleter<rd_kafka_AdminOptions_destroy>>;
using RdMetadata = std::unique_ptr<const rd_kafka_metadata_t, RdDeleter<rd_kafka_metadata_destroy>>;

Status TopicResult(const rd_kafka_topic_result_t* const* results, size_t count) {
  for (size_t i = 0; i < count; ++i)
    if (const auto code = rd_kafka_topic_result_error(results[i]); code != RD_KAFKA_RESP_ERR_NO_ERROR)
      return ToError(code, rd_kafka_topic_result_error_string(results[i]))
          .WithContext(std::string("topic ") + rd_kafka_topic_result_name(results[i]));
  return Ok();
}

TopicInfo ToTopicInfo(const rd_kafka_metadata_topic_t& topic) {
  TopicInfo info{.name = topic.topic, .partitions = {}};
  for (int i = 0; i < topic.partition_cnt; ++i) {
    const auto& partition = topic.partitions[i];
    info.partitions.push_back({.partition = partition.id,
                               .leader = partition.leader,
                               .replicas = {partition.replicas, partition.replicas + partition.replica_cnt},
                               .in_sync_replicas = {partition.isrs, partition.isrs + partition.isr_cnt}});
  }
  std::ranges::sort(info.partitions, {}, &TopicPartitionInfo::partition);
  return info;
}

class RdKafkaAdmin final : public KafkaAdmin {
 public:
  RdKafkaAdmin(RdKafka client, int timeout_ms) : client_(std::move(client)), timeout_ms_(timeout_ms) {}

  Status CreateTopic(const NewTopic& topic) override {
    char problem[512] = "";
    const RdNewTopic request(rd_kafka_NewTopic_new(topic.name.c_str(), topic.partitions, topic.replication_factor,
                                                   problem, sizeof(problem)));
    if (!request) return Error(ErrorCode::kInvalidArgument, "topic " + topic.name + ": " + problem);
    for (const auto& [name, value] : topic.config)
      rd_kafka_NewTopic_set_config(request.get(), name.c_str(), value.c_str());
    rd_kafka_NewTopic_t* requests[] = {request.get()};
    TARN_ASSIGN_OR_RETURN(const RdEvent event, Ask(RD_KAFKA_ADMIN_OP_CREATETOPICS, [&](auto* options, auto* queue) {
                            rd_kafka_CreateTopics(client_.get(), requests, 1, options, queue);
                          }));
    size_t count = 0;
    const auto* results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
    return TopicResult(results, count);
  }

  Status DeleteTopic(const std::string& name) override {
    const RdDeleteTopic request(rd_kafka_DeleteTopic_new(name.c_str()));
    rd_kafka_DeleteTopic_t* requests[] = {request.get()};
    TARN_ASSIGN_OR_RETURN(const RdEvent event, Ask(RD_KAFKA_ADMIN_OP_DELETETOPICS, [&](auto* options, auto* queue) {
                            rd_kafka_DeleteTopics(client_.get(), requests, 1, options, queue);
                          }));
    size_t count = 0;
    const auto* results = rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event.get()), &count);
    return TopicResult(results, count);
  }

  Result<std::vector<TopicInfo>> ListTopics() override {
    TARN_ASSIGN_OR_RETURN(const RdMetadata metadata, Metadata());
    std::vector<TopicInfo> topics;
    for (int i = 0; i < metadata->topic_cnt; ++i) topics.push_back(ToTopicInfo(metadata->topics[i]));
    std::ranges::sort(topics, {}, &TopicInfo::name);
    return topics;
  }

  // Asks for all topics: asking for one by name would create it where the broker creates topics by itself.
  Result<TopicInfo> DescribeTopic(const std::string& name) override {
    TARN_ASSIGN_OR_RETURN(const RdMetadata metadata, Metadata());
    for (int i = 0; i < metadata->topic_cnt; ++i)
      if (name == metadata->topics[i].topic) return ToTopicInfo(metadata->topics[i]);
    return Error(ErrorCode::kNotFound, "no topic " + name);
  }

  Result<std::map<std::string, std::string>> TopicConfig(const std::string& name) override {
    const RdConfigResource resource(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name.c_str()));
    rd_kafka_ConfigResource_t* resources[] = {resource.get()};
    TARN_ASSIGN_OR_RETURN(const RdEvent event, Ask(RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, [&](auto* options, auto* queue) {
                            rd_kafka_DescribeConfigs(client_.get(), resources, 1, options, queue);
                          }));
    size_t count = 0;
    const auto* results =
        rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event.get()), &count);
    std::map<std::string, std::string> config;
    for (size_t i = 0; i < count; ++i) {
      if (const auto code = rd_kafka_ConfigResource_error(results[i]); code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return ToError(code, rd_kafka_ConfigResource_error_string(results[i])).WithContext("topic " + name);
      size_t entry_count = 0;
      const auto* entries = rd_kafka_ConfigResource_configs(results[i], &entry_count);
      for (size_t e = 0; e < entry_count; ++e)
        if (const char* value = rd_kafka_ConfigEntry_value(entries[e]))
          config[rd_kafka_ConfigEntry_name(entries[e])] = value;
    }
    return config;
  }

  Result<std::map<int32_t, PartitionOffsets>> Offsets(const std::string& topic) override {
    TARN_ASSIGN_OR_RETURN(const TopicInfo info, DescribeTopic(topic));
    std::map<int32_t, PartitionOffsets> offsets;
    for (const auto& partition : info.partitions) {
      auto& range = offsets[partition.partition];
      const auto code = rd_kafka_query_watermark_offsets(client_.get(), topic.c_str(), partition.partition,
                                                         &range.begin, &range.end, timeout_ms_);
      if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return ToError(code).WithContext("offsets of " + topic + "/" + std::to_string(partition.partition));
    }
    return offsets;
  }

  Result<std::string> ClusterId() override {
    const std::unique_ptr<char, RdDeleter<[](char* text) { free(text); }>> id(
        rd_kafka_clusterid(client_.get(), timeout_ms_));
    if (!id) return Error(ErrorCode::kUnavailable, "no broker told the cluster's id");
    return std::string(id.get());
  }

 private:
  Result<RdMetadata> Metadata() {
    const rd_kafka_metadata_t* metadata = nullptr;
    const auto code = rd_kafka_metadata(client_.get(), /*all_topics=*/1, nullptr, &metadata, timeout_ms_);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return ToError(code).WithContext("asking for the list of topics");
    return RdMetadata(metadata);
  }

  template <typename Send>
  Result<RdEvent> Ask(rd_kafka_admin_op_t operation, Send send) {
    const RdAdminOptions options(rd_kafka_AdminOptions_new(client_.get(), operation));
    char problem[512];
    rd_kafka_AdminOptions_set_request_timeout(options.get(), timeout_ms_, problem, sizeof(problem));
    const RdQueue queue(rd_kafka_queue_new(client_.get()));
    send(options.get(), queue.get());
    RdEvent event(rd_kafka_queue_poll(queue.get(), timeout_ms_ + 1000));
    if (!event) return Error(ErrorCode::kUnavailable, "no broker answered in time");
    if (const auto code = rd_kafka_event_error(event.get()); code != RD_KAFKA_RESP_ERR_NO_ERROR)
      return ToError(code, rd_kafka_event_error_string(event.get()));
    return event;
  }

  const RdKafka client_;
  const int timeout_ms_;
};

}  // namespace

Result<std::unique_ptr<KafkaAdmin>> KafkaAdmin::Make(const std::string& bootstrap, Micros timeout) {
  TARN_ASSIGN_OR_RETURN(RdConf conf, MakeConf({{"bootstrap.servers", bootstrap},
                                               {"client.id", "tarn-admin"},
                                               {"reconnect.backoff.max.ms", "1000"},
                                               {"allow.auto.create.topics", "false"}}));
  TARN_ASSIGN_OR_RETURN(RdKafka client, MakeClient(RD_KAFKA_PRODUCER, std::move(conf)));
  return std::unique_ptr<KafkaAdmin>(std::make_unique<RdKafkaAdmin>(std::move(client), int(timeout / 1000)));
}

}  // namespace tarn::stream::kafka
