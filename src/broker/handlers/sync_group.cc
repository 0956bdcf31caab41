#include "kafka_messages/sync_group.h"

#include "broker/handlers/apis_internal.h"

namespace tarn::broker {

namespace {

using SyncExchange = Exchange<SyncGroupRequest, SyncGroupResponse>;

void SyncGroup(BrokerContext& context, std::shared_ptr<SyncExchange> exchange) {
  const SyncGroupRequest& request = exchange->request;
  SyncRequest sync;
  sync.member_id = request.member_id;
  sync.instance_id = ToOptionalString(request.group_instance_id);
  sync.generation = request.generation_id;
  sync.protocol_type = ToOptionalString(request.protocol_type);
  sync.protocol = ToOptionalString(request.protocol_name);
  for (const auto& assignment : request.assignments)
    sync.assignments.emplace_back(assignment.member_id, assignment.assignment);
  context.groups.Sync(std::string(request.group_id), sync, [exchange](SyncResult result) {
    SyncGroupResponse response;
    response.error_code = result.error;
    if (result.error == kafka_error::kNone) {
      response.protocol_type = std::move(result.protocol_type);
      response.protocol_name = std::move(result.protocol);
    }
    response.assignment = std::move(result.assignment);
    exchange->Reply(std::move(response));
  });
}

}  // namespace

const Api kSyncGroupApi = AnsweredLater<SyncGroupRequest, SyncGroupResponse>("SyncGroup", {0, 5}, &SyncGroup);

}  // namespace tarn::broker
