#include "kafka_messages/leave_group.h"

#include "broker/handlers/apis_internal.h"

namespace tarn::broker {

namespace {

LeaveGroupResponse LeaveGroup(BrokerContext& context, const LeaveGroupRequest& request, int version) {
  LeaveGroupResponse response;
  const std::string group(request.group_id);
  if (version < 3) {
    response.error_code = context.groups.Leave(group, std::string(request.member_id), std::nullopt);
    return response;
  }
  for (const auto& member : request.members) {
    const std::string member_id(member.member_id);
    const auto instance_id = ToOptionalString(member.group_instance_id);
    response.members.push_back({.member_id = member_id,
                                .group_instance_id = instance_id,
                                .error_code = context.groups.Leave(group, member_id, instance_id)});
  }
  return response;
}

}  // namespace

const Api kLeaveGroupApi = AnsweredAtOnce<LeaveGroupRequest, LeaveGroupResponse>("LeaveGroup", {0, 5}, &LeaveGroup);

}  // namespace tarn::broker
