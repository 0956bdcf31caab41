#include "kafka_messages/delete_topics.h"

#include "broker/handlers/apis_internal.h"

namespace tarn::broker {

namespace {

DeleteTopicsResponse DeleteTopics(BrokerContext& context, const DeleteTopicsRequest& request, int) {
  DeleteTopicsResponse response;
  for (std::string_view name : request.topic_names) {
    auto& to = response.responses.emplace_back();
    to.name = name;
    const Status status = context.topics.Delete(to.name);
    if (status.ok()) continue;
    to.error_code = ToKafkaError(status.error());
    to.error_message = status.error().ToString();
  }
  return response;
}

}  // namespace

const Api kDeleteTopicsApi =
    AnsweredAtOnce<DeleteTopicsRequest, DeleteTopicsResponse>("DeleteTopics", {1, 5}, &DeleteTopics);

}  // namespace tarn::broker
