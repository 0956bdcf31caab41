#include "kafka_messages/offset_delete.h"

#include "broker/handlers/apis_internal.h"

namespace tarn::broker {

namespace {

using DeleteExchange = Exchange<OffsetDeleteRequest, OffsetDeleteResponse>;

void DeleteOffsets(BrokerContext& context, std::shared_ptr<DeleteExchange> exchange) {
  auto response = std::make_shared<OffsetDeleteResponse>();
  std::vector<GroupPartition> removed;
  for (const auto& topic : exchange->request.topics) {
    auto& answered = response->topics.emplace_back();
    answered.name = topic.name;
    for (const auto& partition : topic.partitions) {
      answered.partitions.push_back({.partition_index = partition.partition_index, .error_code = kafka_error::kNone});
      removed.push_back({.topic = answered.name, .partition = partition.partition_index});
    }
  }
  context.groups.RemoveOffsets(std::string(exchange->request.group_id), std::move(removed),
                               [exchange, response](int16_t error) {
                                 response->error_code = error;
                                 if (error != kafka_error::kNone) response->topics.clear();
                                 exchange->Reply(std::move(*response));
                               });
}

}  // namespace

const Api kOffsetDeleteApi =
    AnsweredLater<OffsetDeleteRequest, OffsetDeleteResponse>("OffsetDelete", {0, 0}, &DeleteOffsets);

}  // namespace tarn::broker
