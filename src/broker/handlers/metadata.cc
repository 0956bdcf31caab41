#include "kafka_messages/metadata.h"

#include "broker/handlers/apis_internal.h"
#include "broker/topic_ids.h"

namespace tarn::broker {

namespace {

void Describe(const Topic& topic, MetadataResponse::MetadataResponseTopic& to) {
  to.name = topic.name;
  to.topic_id = TopicIdBytes(topic.id);
  for (size_t i = 0; i < topic.partitions.size(); ++i) {
    auto& partition = to.partitions.emplace_back();
    partition.partition_index = int32_t(i);
    partition.leader_id = kNodeId;
    partition.leader_epoch = kLeaderEpoch;
    partition.replica_nodes = partition.isr_nodes = {kNodeId};
  }
}

void DescribeAsked(BrokerContext& context, const MetadataRequest& request,
                   const MetadataRequest::MetadataRequestTopic& asked, MetadataResponse::MetadataResponseTopic& to) {
  if (!asked.name) {
    to.name.reset();
    to.topic_id = asked.topic_id;
    for (const auto& topic : context.topics.List()) {
      if (TopicIdBytes(topic->id) == asked.topic_id) return Describe(*topic, to);
    }
    to.error_code = kafka_error::kUnknownTopicId;
    return;
  }
  const auto topic = FindOrCreateTopic(context, std::string(*asked.name), request.allow_auto_topic_creation);
  if (topic.ok()) return Describe(*topic.value(), to);
  to.name = std::string(*asked.name);
  to.error_code = topic.Is(ErrorCode::kInvalidArgument) ? kafka_error::kInvalidTopic : ToKafkaError(topic.error());
}

MetadataResponse Metadata(BrokerContext& context, const MetadataRequest& request, int version) {
  MetadataResponse response;
  auto& broker = response.brokers.emplace_back();
  broker.node_id = kNodeId;
  broker.host = context.host;
  broker.port = context.port;
  response.cluster_id = context.cluster_id;
  response.controller_id = kNodeId;
  // Null asks for all topics, empty for none; version 0 has no null and its empty means all.
  const bool all = !request.topics || (version == 0 && request.topics->empty());
  if (all) {
    for (const auto& topic : context.topics.List()) Describe(*topic, response.topics.emplace_back());
    return response;
  }
  for (const auto& asked : *request.topics) DescribeAsked(context, request, asked, response.topics.emplace_back());
  return response;
}

}  // namespace

const Api kMetadataApi = AnsweredAtOnce<MetadataRequest, MetadataResponse>("Metadata", {0, 12}, &Metadata);

}  // namespace tarn::broker
