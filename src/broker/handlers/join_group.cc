#include "kafka_messages/join_group.h"

#include "broker/handlers/apis_internal.h"

namespace tarn::broker {

namespace {

using JoinExchange = Exchange<JoinGroupRequest, JoinGroupResponse>;

void Answer(JoinExchange& exchange, JoinResult result) {
  JoinGroupResponse response;
  response.error_code = result.error;
  response.generation_id = result.generation;
  if (result.error == kafka_error::kNone) {
    response.protocol_type = result.protocol_type;
    response.protocol_name = result.protocol;
  } else if (exchange.version() >= 7) {
    response.protocol_name.reset();
  }
  response.leader = std::move(result.leader);
  response.member_id = std::move(result.member_id);
  for (auto& member : result.members) {
    response.members.push_back({.member_id = std::move(member.member_id),
                                .group_instance_id = std::move(member.instance_id),
                                .metadata = std::move(member.metadata)});
  }
  exchange.Reply(std::move(response));
}

void JoinGroup(BrokerContext& context, std::shared_ptr<JoinExchange> exchange) {
  const JoinGroupRequest& request = exchange->request;
  JoinRequest join;
  join.member_id = request.member_id;
  join.instance_id = ToOptionalString(request.group_instance_id);
  join.client_id = exchange->client_id();
  join.client_host = "/" + exchange->client_host();
  join.session_timeout = Micros(request.session_timeout_ms) * 1000;
  // Version 0 has no rebalance timeout of its own.
  join.rebalance_timeout =
      request.rebalance_timeout_ms < 0 ? join.session_timeout : Micros(request.rebalance_timeout_ms) * 1000;
  join.protocol_type = request.protocol_type;
  for (const auto& protocol : request.protocols) join.protocols.emplace_back(protocol.name, protocol.metadata);
  join.gets_member_id_first = exchange->version() >= 4;
  context.groups.Join(std::string(request.group_id), std::move(join),
                      [exchange](JoinResult result) { Answer(*exchange, std::move(result)); });
}

}  // namespace

const Api kJoinGroupApi = AnsweredLater<JoinGroupRequest, JoinGroupResponse>("JoinGroup", {0, 7}, &JoinGroup);

}  // namespace tarn::broker
