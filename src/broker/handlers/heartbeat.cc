#include "kafka_messages/heartbeat.h"

#include "broker/handlers/apis_internal.h"

namespace tarn::broker {

namespace {

HeartbeatResponse Heartbeat(BrokerContext& context, const HeartbeatRequest& request, int) {
  HeartbeatResponse response;
  response.error_code = context.groups.Heartbeat(std::string(request.group_id), std::string(request.member_id),
                                                 ToOptionalString(request.group_instance_id), request.generation_id);
  return response;
}

}  // namespace

const Api kHeartbeatApi = AnsweredAtOnce<HeartbeatRequest, HeartbeatResponse>("Heartbeat", {0, 4}, &Heartbeat);

}  // namespace tarn::broker
