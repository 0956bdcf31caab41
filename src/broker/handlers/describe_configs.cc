#include "kafka_messages/describe_configs.h"

#include <algorithm>

#include "broker/handlers/apis_internal.h"
#include "broker/handlers/config_entries_internal.h"
#include "broker/handlers/config_resources_internal.h"

namespace tarn::broker {

namespace {

std::vector<ConfigEntry> BrokerConfigEntries(const BrokerOptions& o) {
  const auto entry = [](const char* name, ConfigType type, std::string value) {
    return ConfigEntry{.name = name,
                       .type = type,
                       .value = std::move(value),
                       .source = ConfigSource::kStaticBroker,
                       .read_only = true};
  };
  return {
      entry("auto.create.topics.enable", ConfigType::kBoolean, o.auto_create_topics ? "true" : "false"),
      entry("broker.id", ConfigType::kInt, std::to_string(kNodeId)),
      entry("default.replication.factor", ConfigType::kInt, "1"),
      entry("group.initial.rebalance.delay.ms", ConfigType::kInt,
            std::to_string(o.group_initial_rebalance_delay / 1000)),
      entry("log.retention.bytes", ConfigType::kLong, std::to_string(o.log_defaults.retention_bytes)),
      entry("log.retention.ms", ConfigType::kLong, std::to_string(o.log_defaults.retention_ms)),
      entry("log.segment.bytes", ConfigType::kInt, std::to_string(o.log_defaults.segment_bytes)),
      entry("message.max.bytes", ConfigType::kInt, std::to_string(o.log_defaults.max_message_bytes)),
      entry("num.partitions", ConfigType::kInt, std::to_string(o.default_partitions)),
  };
}

void Describe(BrokerContext& context, const DescribeConfigsRequest& request,
              const DescribeConfigsRequest::DescribeConfigsResource& asked,
              DescribeConfigsResponse::DescribeConfigsResult& to) {
  to.resource_type = asked.resource_type;
  to.resource_name = asked.resource_name;
  to.error_message.reset();
  std::vector<ConfigEntry> configs;
  if (asked.resource_type == kTopicResource) {
    const auto topic = context.topics.Find(to.resource_name);
    if (topic == nullptr) {
      to.error_code = kafka_error::kUnknownTopicOrPartition;
      to.error_message = "no topic '" + to.resource_name + "'";
      return;
    }
    configs = TopicConfigEntries(topic->config, context.options.log_defaults);
  } else if (asked.resource_type == kBrokerResource) {
    if (!to.resource_name.empty() && to.resource_name != std::to_string(kNodeId)) {
      to.error_code = kafka_error::kInvalidRequest;
      to.error_message = "no broker " + to.resource_name;
      return;
    }
    if (!to.resource_name.empty()) configs = BrokerConfigEntries(context.options);
  }
  for (const ConfigEntry& config : configs) {
    const auto& keys = asked.configuration_keys;
    if (keys && !keys->empty() && std::find(keys->begin(), keys->end(), config.name) == keys->end()) continue;
    auto& described = to.configs.emplace_back();
    described.name = config.name;
    described.value = config.value;
    described.read_only = config.read_only;
    described.config_source = int8_t(config.source);
    described.config_type = int8_t(config.type);
    described.documentation.reset();
    if (request.include_synonyms) {
      described.synonyms.push_back({.name = config.name, .value = config.value, .source = int8_t(config.source)});
    }
  }
}

DescribeConfigsResponse DescribeConfigs(BrokerContext& context, const DescribeConfigsRequest& request, int) {
  DescribeConfigsResponse response;
  for (const auto& resource : request.resources) Describe(context, request, resource, response.results.emplace_back());
  return response;
}

}  // namespace

const Api kDescribeConfigsApi =
    AnsweredAtOnce<DescribeConfigsRequest, DescribeConfigsResponse>("DescribeConfigs", {1, 4}, &DescribeConfigs);

}  // namespace tarn::broker
