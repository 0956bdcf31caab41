#include "kafka_messages/create_topics.h"

#include <algorithm>

#include "broker/handlers/apis_internal.h"
#include "broker/handlers/config_entries_internal.h"

namespace tarn::broker {

namespace {

// The number of partitions asked for, from a count or from replica assignments; the error is a Kafka code with its
// words.
int16_t CheckPlacement(const BrokerContext& context, const CreateTopicsRequest::CreatableTopic& asked,
                       int32_t& partitions, std::string& message) {
  partitions = asked.num_partitions;
  if (!asked.assignments.empty()) {
    partitions = int32_t(asked.assignments.size());
    for (const auto& assignment : asked.assignments) {
      if (assignment.broker_ids == std::vector<int32_t>{kNodeId} && assignment.partition_index >= 0 &&
          assignment.partition_index < partitions)
        continue;
      message = "this cluster has one broker, " + std::to_string(kNodeId) + ": every partition is assigned to it alone";
      return kafka_error::kInvalidReplicaAssignment;
    }
  } else if (asked.replication_factor != 1 && asked.replication_factor != -1) {
    message = "the replication factor is 1: this cluster has one broker";
    return kafka_error::kInvalidReplicationFactor;
  }
  if (partitions == -1) partitions = context.options.default_partitions;
  if (partitions >= 1) return kafka_error::kNone;
  message = "a topic has at least one partition";
  return kafka_error::kInvalidPartitions;
}

// `code` becomes the Kafka code of the error returned.
Status CreateOrCheck(BrokerContext& context, const NewTopic& topic, bool validate_only, int16_t& code) {
  code = kafka_error::kInvalidTopic;
  TARN_TRY(CheckTopicName(topic.name));
  code = kafka_error::kInvalidConfig;
  TARN_TRY(LogOptionsOf(topic.config, context.options.log_defaults).status());
  code = kafka_error::kTopicAlreadyExists;
  if (context.topics.Find(topic.name) != nullptr) {
    return Error(ErrorCode::kAlreadyExists, "topic '" + topic.name + "' already exists");
  }
  code = kafka_error::kNone;
  if (validate_only) return Ok();
  const auto created = context.topics.Create(topic);
  if (created.ok()) return Ok();
  code = created.Is(ErrorCode::kInvalidArgument) ? kafka_error::kInvalidPartitions : ToKafkaError(created.error());
  return created.error();
}

void CreateTopic(BrokerContext& context, const CreateTopicsRequest::CreatableTopic& asked, bool validate_only,
                 CreateTopicsResponse::CreatableTopicResult& to) {
  to.name = asked.name;
  to.error_message.reset();
  NewTopic topic;
  topic.name = to.name;
  std::string message;
  to.error_code = CheckPlacement(context, asked, topic.partitions, message);
  if (to.error_code != kafka_error::kNone) {
    to.error_message = message;
    return;
  }
  for (const auto& config : asked.configs) {
    if (config.value) topic.config[std::string(config.name)] = *config.value;
  }
  if (const Status status = CreateOrCheck(context, topic, validate_only, to.error_code); !status.ok()) {
    to.error_message = status.error().ToString();
    return;
  }
  to.num_partitions = topic.partitions;
  to.replication_factor = 1;
  for (ConfigEntry& entry : TopicConfigEntries(topic.config, context.options.log_defaults)) {
    to.configs->push_back(
        {.name = std::move(entry.name), .value = std::move(entry.value), .config_source = int8_t(entry.source)});
  }
}

CreateTopicsResponse CreateTopics(BrokerContext& context, const CreateTopicsRequest& request, int) {
  CreateTopicsResponse response;
  for (const auto& topic : request.topics)
    CreateTopic(context, topic, request.validate_only, response.topics.emplace_back());
  return response;
}

}  // namespace

const Api kCreateTopicsApi =
    AnsweredAtOnce<CreateTopicsRequest, CreateTopicsResponse>("CreateTopics", {2, 6}, &CreateTopics);

}  // namespace tarn::broker
