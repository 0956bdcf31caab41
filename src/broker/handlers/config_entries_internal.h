#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "broker/topic_config.h"

namespace tarn::broker {

// Numbers as on the wire. Spec: DescribeConfigs, KIP-569.
enum class ConfigType : int8_t { kBoolean = 1, kString = 2, kInt = 3, kLong = 5, kList = 7 };
enum class ConfigSource : int8_t { kTopic = 1, kStaticBroker = 4, kDefault = 5 };

// One setting as admin clients list it.
struct ConfigEntry {
  std::string name;
  ConfigType type = ConfigType::kString;
  std::string value;
  ConfigSource source = ConfigSource::kDefault;
  bool read_only = false;
};

// Every setting of a topic that sets `config` itself, in the order of their names.
std::vector<ConfigEntry> TopicConfigEntries(const TopicConfig& config, const LogOptions& defaults);

}  // namespace tarn::broker
