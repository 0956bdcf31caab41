#include "kafka_messages/delete_groups.h"

#include "broker/handlers/apis_internal.h"

namespace tarn::broker {

namespace {

using DeleteExchange = Exchange<DeleteGroupsRequest, DeleteGroupsResponse>;

void DeleteGroups(BrokerContext& context, std::shared_ptr<DeleteExchange> exchange) {
  const auto& names = exchange->request.groups_names;
  auto response = std::make_shared<DeleteGroupsResponse>();
  response->results.resize(names.size());
  auto countdown =
      std::make_shared<Countdown>(names.size() + 1, [exchange, response] { exchange->Reply(std::move(*response)); });
  for (size_t i = 0; i < names.size(); ++i) {
    auto& to = response->results[i];
    to.group_id = names[i];
    context.groups.Delete(to.group_id, [&to, countdown](int16_t error) {
      to.error_code = error;
      countdown->Done();
    });
  }
  countdown->Done();
}

}  // namespace

const Api kDeleteGroupsApi =
    AnsweredLater<DeleteGroupsRequest, DeleteGroupsResponse>("DeleteGroups", {0, 2}, &DeleteGroups);

}  // namespace tarn::broker
