#include "kafka_messages/offset_for_leader_epoch.h"

#include "broker/handlers/apis_internal.h"

namespace tarn::broker {

namespace {

OffsetForLeaderEpochResponse OffsetForLeaderEpoch(BrokerContext& context, const OffsetForLeaderEpochRequest& request,
                                                  int) {
  OffsetForLeaderEpochResponse response;
  for (const auto& topic : request.topics) {
    auto& answered = response.topics.emplace_back();
    answered.topic = topic.topic;
    for (const auto& partition : topic.partitions) {
      auto& to = answered.partitions.emplace_back();
      to.partition = partition.partition;
      const auto log = FindPartition(context, topic.topic, partition.partition);
      if (log == nullptr) {
        to.error_code = kafka_error::kUnknownTopicOrPartition;
      } else if (partition.current_leader_epoch > kLeaderEpoch) {
        to.error_code = kafka_error::kUnknownLeaderEpoch;
      } else if (partition.leader_epoch == kLeaderEpoch) {
        // There is one epoch, and it ends where the log does.
        to.leader_epoch = kLeaderEpoch;
        to.end_offset = log->high_watermark();
      }
    }
  }
  return response;
}

}  // namespace

const Api kOffsetForLeaderEpochApi = AnsweredAtOnce<OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse>(
    "OffsetForLeaderEpoch", {2, 4}, &OffsetForLeaderEpoch);

}  // namespace tarn::broker
