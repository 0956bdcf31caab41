#include "kafka_messages/create_partitions.h"

#include "broker/handlers/apis_internal.h"

namespace tarn::broker {

namespace {

void Grow(BrokerContext& context, const CreatePartitionsRequest::CreatePartitionsTopic& asked, bool validate_only,
          CreatePartitionsResponse::CreatePartitionsTopicResult& to) {
  to.name = asked.name;
  const auto topic = context.topics.Find(to.name);
  if (topic == nullptr) {
    to.error_code = kafka_error::kUnknownTopicOrPartition;
    return;
  }
  if (size_t(std::max(asked.count, 0)) <= topic->partitions.size()) {
    to.error_code = kafka_error::kInvalidPartitions;
    to.error_message = "the topic has " + std::to_string(topic->partitions.size()) +
                       " partitions already, not fewer than " + std::to_string(asked.count);
    return;
  }
  if (validate_only) return;
  const Status status = context.topics.AddPartitions(to.name, asked.count);
  if (status.ok()) return;
  to.error_code =
      status.Is(ErrorCode::kInvalidArgument) ? kafka_error::kInvalidPartitions : ToKafkaError(status.error());
  to.error_message = status.error().ToString();
}

CreatePartitionsResponse CreatePartitions(BrokerContext& context, const CreatePartitionsRequest& request, int) {
  CreatePartitionsResponse response;
  for (const auto& topic : request.topics) Grow(context, topic, request.validate_only, response.results.emplace_back());
  return response;
}

}  // namespace

const Api kCreatePartitionsApi =
    AnsweredAtOnce<CreatePartitionsRequest, CreatePartitionsResponse>("CreatePartitions", {0, 3}, &CreatePartitions);

}  // namespace tarn::broker
