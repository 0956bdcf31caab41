#include "kafka_messages/describe_cluster.h"

#include "broker/handlers/apis_internal.h"

namespace tarn::broker {

namespace {

DescribeClusterResponse DescribeCluster(BrokerContext& context, const DescribeClusterRequest& request, int) {
  DescribeClusterResponse response;
  response.endpoint_type = request.endpoint_type;
  response.cluster_id = context.cluster_id;
  response.controller_id = kNodeId;
  auto& broker = response.brokers.emplace_back();
  broker.broker_id = kNodeId;
  broker.host = context.host;
  broker.port = context.port;
  return response;
}

}  // namespace

const Api kDescribeClusterApi =
    AnsweredAtOnce<DescribeClusterRequest, DescribeClusterResponse>("DescribeCluster", {0, 1}, &DescribeCluster);

}  // namespace tarn::broker
