#include "kafka_messages/init_producer_id.h"

#include "broker/handlers/apis_internal.h"

namespace tarn::broker {

namespace {

InitProducerIdResponse InitProducerId(BrokerContext& context, const InitProducerIdRequest& request, int) {
  InitProducerIdResponse response;
  response.producer_epoch = -1;
  if (request.transactional_id) {
    // Transactions are not supported; FindCoordinator, which comes first, says so in words.
    response.error_code = kafka_error::kTransactionalIdAuthorizationFailed;
    return response;
  }
  // A producer that lost its way (KIP-360) gets a fresh id as well: nothing ties an idempotent producer to its old one.
  const auto id = context.producer_ids.Next();
  if (!id.ok()) {
    context.logger.Error("broker", "cannot give out a producer id", {{"error", id.error().ToString()}});
    response.error_code = kafka_error::kCoordinatorNotAvailable;
    return response;
  }
  response.producer_id = id.value();
  response.producer_epoch = 0;
  return response;
}

}  // namespace

const Api kInitProducerIdApi =
    AnsweredAtOnce<InitProducerIdRequest, InitProducerIdResponse>("InitProducerId", {0, 4}, &InitProducerId);

}  // namespace tarn::broker
