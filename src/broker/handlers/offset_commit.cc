#include "kafka_messages/offset_commit.h"

#include "broker/handlers/apis_internal.h"

namespace tarn::broker {

namespace {

using CommitExchange = Exchange<OffsetCommitRequest, OffsetCommitResponse>;

// offset.metadata.max.bytes, Kafka's value.
constexpr size_t kMetadataMax = 4096;

int16_t Check(const BrokerContext& context, std::string_view topic,
              const OffsetCommitRequest::OffsetCommitRequestPartition& partition) {
  if (FindPartition(context, topic, partition.partition_index) == nullptr) return kafka_error::kUnknownTopicOrPartition;
  if (partition.committed_metadata.value_or("").size() > kMetadataMax) return kafka_error::kOffsetMetadataTooLarge;
  return kafka_error::kNone;
}

void CommitOffsets(BrokerContext& context, std::shared_ptr<CommitExchange> exchange) {
  const OffsetCommitRequest& request = exchange->request;
  auto response = std::make_shared<OffsetCommitResponse>();
  GroupOffsets offsets;
  for (const auto& topic : request.topics) {
    auto& answered = response->topics.emplace_back();
    answered.name = topic.name;
    const auto known = context.topics.Find(answered.name);
    for (const auto& partition : topic.partitions) {
      const int16_t error = Check(context, topic.name, partition);
      answered.partitions.push_back({.partition_index = partition.partition_index, .error_code = error});
      if (error != kafka_error::kNone) continue;
      offsets[{.topic = answered.name, .partition = partition.partition_index}] = {
          .offset = partition.committed_offset,
          .leader_epoch = partition.committed_leader_epoch,
          .metadata = std::string(partition.committed_metadata.value_or("")),
          .topic_id = known ? known->id : "",
          .committed_ms = context.clock.NowMillis()};
    }
  }
  const GroupCoordinator::Committer who{.member_id = std::string(request.member_id),
                                        .instance_id = ToOptionalString(request.group_instance_id),
                                        .generation = request.generation_id_or_member_epoch};
  context.groups.CommitOffsets(std::string(request.group_id), who, std::move(offsets),
                               [exchange, response](int16_t error) {
                                 for (auto& topic : response->topics) {
                                   for (auto& partition : topic.partitions) {
                                     if (partition.error_code == kafka_error::kNone) partition.error_code = error;
                                   }
                                 }
                                 exchange->Reply(std::move(*response));
                               });
}

}  // namespace

const Api kOffsetCommitApi =
    AnsweredLater<OffsetCommitRequest, OffsetCommitResponse>("OffsetCommit", {2, 8}, &CommitOffsets);

}  // namespace tarn::broker
