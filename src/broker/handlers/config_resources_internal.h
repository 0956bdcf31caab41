#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "broker/handlers/api_internal.h"

namespace tarn::broker {

// Resource types of the config APIs. Spec: KIP-133.
inline constexpr int8_t kTopicResource = 2;
inline constexpr int8_t kBrokerResource = 4;

struct AlterOutcome {
  int16_t error = 0;
  std::optional<std::string> message;
};

// Replaces a topic's own settings by what `change` makes of them. `change` returns the name of a setting that it could
// not change, or empty.
AlterOutcome AlterTopicConfig(BrokerContext& context, int8_t resource_type, const std::string& name, bool validate_only,
                              const std::function<std::string(std::map<std::string, std::string>&)>& change);

}  // namespace tarn::broker
