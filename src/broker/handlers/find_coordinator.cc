#include "kafka_messages/find_coordinator.h"

#include "broker/handlers/apis_internal.h"

namespace tarn::broker {

namespace {

constexpr int8_t kGroupKey = 0;
// Of all errors the one that every client takes as final: librdkafka asks again forever after INVALID_REQUEST.
constexpr int16_t kNoTransactions = kafka_error::kTransactionalIdAuthorizationFailed;

FindCoordinatorResponse FindCoordinator(BrokerContext& context, const FindCoordinatorRequest& request, int version) {
  FindCoordinatorResponse response;
  const bool known = request.key_type == kGroupKey;
  std::optional<std::string> message;
  if (!known) message = "transactions are not supported";
  const int16_t error = known ? kafka_error::kNone : kNoTransactions;
  if (version < 4) {
    response.error_code = error;
    response.error_message = message;
    response.node_id = known ? kNodeId : -1;
    response.host = known ? context.host : "";
    response.port = known ? context.port : -1;
    return response;
  }
  for (std::string_view key : request.coordinator_keys) {
    auto& to = response.coordinators.emplace_back();
    to.key = key;
    to.error_code = error;
    to.error_message = message;
    to.node_id = known ? kNodeId : -1;
    to.host = known ? context.host : "";
    to.port = known ? context.port : -1;
  }
  return response;
}

}  // namespace

const Api kFindCoordinatorApi =
    AnsweredAtOnce<FindCoordinatorRequest, FindCoordinatorResponse>("FindCoordinator", {0, 4}, &FindCoordinator);

}  // namespace tarn::broker
