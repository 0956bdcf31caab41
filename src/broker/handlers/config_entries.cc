#include "broker/handlers/config_entries_internal.h"

#include <algorithm>

namespace tarn::broker {

namespace {

ConfigType TypeOf(const std::string& name, const std::string& value) {
  if (name == "cleanup.policy") return ConfigType::kList;
  if (value == "true" || value == "false") return ConfigType::kBoolean;
  const bool number = !value.empty() && std::all_of(value.begin() + (value[0] == '-' ? 1 : 0), value.end(),
                                                    [](char c) { return c >= '0' && c <= '9'; });
  if (!number) return ConfigType::kString;
  const bool is_int = name.ends_with(".bytes") && name != "retention.bytes";
  return is_int || name == "min.insync.replicas" ? ConfigType::kInt : ConfigType::kLong;
}

}  // namespace

std::vector<ConfigEntry> TopicConfigEntries(const TopicConfig& config, const LogOptions& defaults) {
  std::vector<ConfigEntry> entries;
  for (const auto& [name, value] : EffectiveTopicConfig(config, defaults)) {
    entries.push_back({.name = name,
                       .type = TypeOf(name, value),
                       .value = value,
                       .source = config.contains(name) ? ConfigSource::kTopic : ConfigSource::kDefault});
  }
  return entries;
}

}  // namespace tarn::broker
