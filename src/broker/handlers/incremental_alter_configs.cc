#include "kafka_messages/incremental_alter_configs.h"

#include "broker/handlers/apis_internal.h"
#include "broker/handlers/config_resources_internal.h"

namespace tarn::broker {

namespace {

// Spec: KIP-339.
enum class Operation : int8_t { kSet = 0, kDelete = 1, kAppend = 2, kSubtract = 3 };

IncrementalAlterConfigsResponse IncrementalAlterConfigs(BrokerContext& context,
                                                        const IncrementalAlterConfigsRequest& request, int) {
  IncrementalAlterConfigsResponse response;
  for (const auto& resource : request.resources) {
    auto& to = response.responses.emplace_back();
    to.resource_type = resource.resource_type;
    to.resource_name = resource.resource_name;
    const auto change = [&](std::map<std::string, std::string>& config) {
      for (const auto& entry : resource.configs) {
        const std::string name(entry.name);
        if (Operation(entry.config_operation) == Operation::kSet && entry.value) {
          config[name] = *entry.value;
        } else if (Operation(entry.config_operation) == Operation::kDelete) {
          config.erase(name);
        } else {
          return name;  // no setting of ours is a list that can grow or shrink
        }
      }
      return std::string();
    };
    AlterOutcome outcome = AlterTopicConfig(context, to.resource_type, to.resource_name, request.validate_only, change);
    to.error_code = outcome.error;
    to.error_message = std::move(outcome.message);
  }
  return response;
}

}  // namespace

const Api kIncrementalAlterConfigsApi = AnsweredAtOnce<IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse>(
    "IncrementalAlterConfigs", {0, 1}, &IncrementalAlterConfigs);

}  // namespace tarn::broker
