#include "kafka_messages/list_transactions.h"

#include "broker/handlers/apis_internal.h"

namespace tarn::broker {

namespace {

ListTransactionsResponse ListTransactions(BrokerContext&, const ListTransactionsRequest&, int) {
  return {};
}

}  // namespace

const Api kListTransactionsApi =
    AnsweredAtOnce<ListTransactionsRequest, ListTransactionsResponse>("ListTransactions", {0, 0}, &ListTransactions);

}  // namespace tarn::broker
