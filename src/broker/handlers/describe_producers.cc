#include "kafka_messages/describe_producers.h"

#include "broker/handlers/apis_internal.h"

namespace tarn::broker {

namespace {

// Transactions are what this API is asked for; without them every existing partition answers that it has none under
// way.
DescribeProducersResponse DescribeProducers(BrokerContext& context, const DescribeProducersRequest& request, int) {
  DescribeProducersResponse response;
  for (const auto& topic : request.topics) {
    auto& answered = response.topics.emplace_back();
    answered.name = topic.name;
    for (int32_t index : topic.partition_indexes) {
      auto& to = answered.partitions.emplace_back();
      to.partition_index = index;
      if (FindPartition(context, topic.name, index) == nullptr) to.error_code = kafka_error::kUnknownTopicOrPartition;
    }
  }
  return response;
}

}  // namespace

const Api kDescribeProducersApi = AnsweredAtOnce<DescribeProducersRequest, DescribeProducersResponse>(
    "DescribeProducers", {0, 0}, &DescribeProducers);

}  // namespace tarn::broker
