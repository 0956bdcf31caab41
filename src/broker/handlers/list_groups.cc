#include "kafka_messages/list_groups.h"

#include <algorithm>

#include "broker/handlers/apis_internal.h"

namespace tarn::broker {

namespace {

ListGroupsResponse ListGroups(BrokerContext& context, const ListGroupsRequest& request, int) {
  ListGroupsResponse response;
  for (GroupListing& group : context.groups.List()) {
    const std::string_view state = GroupStateName(group.state);
    const auto& wanted = request.states_filter;
    if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), state) == wanted.end()) continue;
    response.groups.push_back({.group_id = std::move(group.id),
                               .protocol_type = std::move(group.protocol_type),
                               .group_state = std::string(state)});
  }
  return response;
}

}  // namespace

const Api kListGroupsApi = AnsweredAtOnce<ListGroupsRequest, ListGroupsResponse>("ListGroups", {0, 4}, &ListGroups);

}  // namespace tarn::broker
