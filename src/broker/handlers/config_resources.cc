#include "broker/handlers/config_resources_internal.h"

#include "broker/topic_config.h"

namespace tarn::broker {

AlterOutcome AlterTopicConfig(BrokerContext& context, int8_t resource_type, const std::string& name, bool validate_only,
                              const std::function<std::string(std::map<std::string, std::string>&)>& change) {
  if (resource_type != kTopicResource) {
    return {kafka_error::kInvalidRequest, "only the settings of topics can be changed while the broker runs"};
  }
  const auto topic = context.topics.Find(name);
  if (topic == nullptr) return {kafka_error::kUnknownTopicOrPartition, "no topic '" + name + "'"};
  std::map<std::string, std::string> config = topic->config;
  if (const std::string failed = change(config); !failed.empty()) {
    return {kafka_error::kInvalidConfig, "cannot change " + failed + " in this way"};
  }
  if (const auto checked = LogOptionsOf(config, context.options.log_defaults); !checked.ok()) {
    return {kafka_error::kInvalidConfig, checked.error().ToString()};
  }
  if (validate_only) return {};
  const Status status = context.topics.SetConfig(name, config);
  if (status.ok()) return {};
  return {status.Is(ErrorCode::kInvalidArgument) ? kafka_error::kInvalidConfig : ToKafkaError(status.error()),
          status.error().ToString()};
}

}  // namespace tarn::broker
