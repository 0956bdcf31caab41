#include "kafka_messages/list_offsets.h"

#include "broker/handlers/apis_internal.h"

namespace tarn::broker {

namespace {

// Special timestamps. Spec: ListOffsets, KIP-79 and KIP-734.
constexpr int64_t kLatest = -1;
constexpr int64_t kEarliest = -2;
constexpr int64_t kMaxTimestamp = -3;

// -1 and -1 when no record has such a timestamp.
Result<TimestampAndOffset> Find(PartitionLog& log, int64_t timestamp) {
  if (timestamp == kLatest) return TimestampAndOffset{.timestamp_ms = -1, .offset = log.high_watermark()};
  if (timestamp == kEarliest) return TimestampAndOffset{.timestamp_ms = -1, .offset = log.log_start_offset()};
  if (timestamp == kMaxTimestamp) return log.MaxTimestamp();
  if (timestamp < 0) return Error(ErrorCode::kUnsupported, "unknown special timestamp: " + std::to_string(timestamp));
  return log.FindTimestamp(timestamp);
}

ListOffsetsResponse ListOffsets(BrokerContext& context, const ListOffsetsRequest& request, int) {
  ListOffsetsResponse response;
  for (const auto& topic : request.topics) {
    auto& answered = response.topics.emplace_back();
    answered.name = topic.name;
    for (const auto& partition : topic.partitions) {
      auto& to = answered.partitions.emplace_back();
      to.partition_index = partition.partition_index;
      const auto log = FindPartition(context, topic.name, partition.partition_index);
      if (log == nullptr) {
        to.error_code = kafka_error::kUnknownTopicOrPartition;
        continue;
      }
      const auto found = Find(*log, partition.timestamp);
      if (!found.ok()) {
        to.error_code = ToKafkaError(found.error());
        continue;
      }
      to.timestamp = found.value().timestamp_ms;
      to.offset = found.value().offset;
      to.leader_epoch = kLeaderEpoch;
    }
  }
  return response;
}

}  // namespace

const Api kListOffsetsApi =
    AnsweredAtOnce<ListOffsetsRequest, ListOffsetsResponse>("ListOffsets", {1, 7}, &ListOffsets);

}  // namespace tarn::broker
