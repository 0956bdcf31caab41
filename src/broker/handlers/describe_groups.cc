#include "kafka_messages/describe_groups.h"

#include "broker/handlers/apis_internal.h"

namespace tarn::broker {

namespace {

DescribeGroupsResponse DescribeGroups(BrokerContext& context, const DescribeGroupsRequest& request, int) {
  DescribeGroupsResponse response;
  for (std::string_view id : request.groups) {
    auto& to = response.groups.emplace_back();
    to.group_id = id;
    GroupDescription group = context.groups.Describe(to.group_id);
    to.group_state = GroupStateName(group.state);
    to.protocol_type = group.protocol_type;
    to.protocol_data = group.protocol;
    for (auto& member : group.members) {
      to.members.push_back({.member_id = std::move(member.member_id),
                            .group_instance_id = std::move(member.instance_id),
                            .client_id = std::move(member.client_id),
                            .client_host = std::move(member.client_host),
                            .member_metadata = std::move(member.metadata),
                            .member_assignment = std::move(member.assignment)});
    }
  }
  return response;
}

}  // namespace

const Api kDescribeGroupsApi =
    AnsweredAtOnce<DescribeGroupsRequest, DescribeGroupsResponse>("DescribeGroups", {0, 5}, &DescribeGroups);

}  // namespace tarn::broker
