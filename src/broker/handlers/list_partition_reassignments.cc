#include "kafka_messages/list_partition_reassignments.h"

#include "broker/handlers/apis_internal.h"

namespace tarn::broker {

namespace {

ListPartitionReassignmentsResponse ListPartitionReassignments(BrokerContext&, const ListPartitionReassignmentsRequest&,
                                                              int) {
  ListPartitionReassignmentsResponse response;
  response.error_message.reset();
  return response;
}

}  // namespace

const Api kListPartitionReassignmentsApi =
    AnsweredAtOnce<ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse>(
        "ListPartitionReassignments", {0, 0}, &ListPartitionReassignments);

}  // namespace tarn::broker
