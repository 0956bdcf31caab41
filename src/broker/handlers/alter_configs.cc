#include "kafka_messages/alter_configs.h"

#include "broker/handlers/apis_internal.h"
#include "broker/handlers/config_resources_internal.h"

namespace tarn::broker {

namespace {

AlterConfigsResponse AlterConfigs(BrokerContext& context, const AlterConfigsRequest& request, int) {
  AlterConfigsResponse response;
  for (const auto& resource : request.resources) {
    auto& to = response.responses.emplace_back();
    to.resource_type = resource.resource_type;
    to.resource_name = resource.resource_name;
    // All settings at once: what is not named returns to its default.
    const auto replace = [&](std::map<std::string, std::string>& config) {
      config.clear();
      for (const auto& entry : resource.configs) {
        if (entry.value) config[std::string(entry.name)] = *entry.value;
      }
      return std::string();
    };
    AlterOutcome outcome =
        AlterTopicConfig(context, to.resource_type, to.resource_name, request.validate_only, replace);
    to.error_code = outcome.error;
    to.error_message = std::move(outcome.message);
  }
  return response;
}

}  // namespace

const Api kAlterConfigsApi =
    AnsweredAtOnce<AlterConfigsRequest, AlterConfigsResponse>("AlterConfigs", {0, 2}, &AlterConfigs);

}  // namespace tarn::broker
