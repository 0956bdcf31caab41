#include "kafka_messages/delete_records.h"

#include "broker/handlers/apis_internal.h"

namespace tarn::broker {

namespace {

constexpr int64_t kToTheEnd = -1;

DeleteRecordsResponse DeleteRecords(BrokerContext& context, const DeleteRecordsRequest& request, int) {
  DeleteRecordsResponse response;
  for (const auto& topic : request.topics) {
    auto& answered = response.topics.emplace_back();
    answered.name = topic.name;
    for (const auto& partition : topic.partitions) {
      auto& to = answered.partitions.emplace_back();
      to.partition_index = partition.partition_index;
      to.low_watermark = -1;
      const auto log = FindPartition(context, topic.name, partition.partition_index);
      if (log == nullptr) {
        to.error_code = kafka_error::kUnknownTopicOrPartition;
        continue;
      }
      const Status status =
          log->DeleteRecordsBefore(partition.offset == kToTheEnd ? log->high_watermark() : partition.offset);
      to.error_code = status.ok() ? kafka_error::kNone : ToKafkaError(status.error());
      if (status.ok()) to.low_watermark = log->log_start_offset();
    }
  }
  return response;
}

}  // namespace

const Api kDeleteRecordsApi =
    AnsweredAtOnce<DeleteRecordsRequest, DeleteRecordsResponse>("DeleteRecords", {0, 2}, &DeleteRecords);

}  // namespace tarn::broker
