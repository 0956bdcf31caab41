#include "kafka_messages/offset_fetch.h"

#include "broker/handlers/apis_internal.h"

namespace tarn::broker {

namespace {

// The offset if it was committed for the topic as it is now, not for one of the same name that was deleted.
CommittedOffset Current(const BrokerContext& context, const GroupPartition& at,
                        const std::optional<CommittedOffset>& committed) {
  const auto topic = context.topics.Find(at.topic);
  if (!committed || topic == nullptr || topic->id != committed->topic_id) return {};
  return *committed;
}

template <typename PartitionAnswer>
PartitionAnswer ToAnswer(int32_t partition, const CommittedOffset& committed) {
  PartitionAnswer to;
  to.partition_index = partition;
  to.committed_offset = committed.offset;
  to.committed_leader_epoch = committed.leader_epoch;
  to.metadata = committed.metadata;
  return to;
}

// `asked`: topics with partitions; null asks for all that the group has committed.
template <typename TopicAnswer, typename PartitionAnswer, typename AskedTopics>
std::vector<TopicAnswer> FetchGroup(const BrokerContext& context, const std::string& group, const AskedTopics& asked) {
  std::vector<TopicAnswer> topics;
  if (!asked) {
    for (const auto& [at, committed] : context.groups.offsets().List(group)) {
      const CommittedOffset current = Current(context, at, committed);
      if (current.offset < 0) continue;
      if (topics.empty() || topics.back().name != at.topic) topics.emplace_back().name = at.topic;
      topics.back().partitions.push_back(ToAnswer<PartitionAnswer>(at.partition, current));
    }
    return topics;
  }
  for (const auto& topic : *asked) {
    auto& to = topics.emplace_back();
    to.name = topic.name;
    for (int32_t partition : topic.partition_indexes) {
      const GroupPartition at{.topic = to.name, .partition = partition};
      to.partitions.push_back(
          ToAnswer<PartitionAnswer>(partition, Current(context, at, context.groups.offsets().Find(group, at))));
    }
  }
  return topics;
}

OffsetFetchResponse FetchOffsets(BrokerContext& context, const OffsetFetchRequest& request, int version) {
  OffsetFetchResponse response;
  if (version < 8) {
    response.topics =
        FetchGroup<OffsetFetchResponse::OffsetFetchResponseTopic, OffsetFetchResponse::OffsetFetchResponsePartition>(
            context, std::string(request.group_id), request.topics);
    return response;
  }
  for (const auto& group : request.groups) {
    auto& to = response.groups.emplace_back();
    to.group_id = group.group_id;
    to.topics =
        FetchGroup<OffsetFetchResponse::OffsetFetchResponseTopics, OffsetFetchResponse::OffsetFetchResponsePartitions>(
            context, to.group_id, group.topics);
  }
  return response;
}

}  // namespace

const Api kOffsetFetchApi =
    AnsweredAtOnce<OffsetFetchRequest, OffsetFetchResponse>("OffsetFetch", {1, 8}, &FetchOffsets);

}  // namespace tarn::broker
