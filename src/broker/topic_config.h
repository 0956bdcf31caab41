#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "broker/partition_log.h"

// A topic's settings under Kafka's names. Spec: Kafka documentation, "Topic Configs".

namespace tarn::broker {

using TopicConfig = std::map<std::string, std::string>;

// The defaults with what the topic sets. kInvalidArgument: an unknown key (with the nearest known one) or a value that
// it cannot have.
Result<LogOptions> LogOptionsOf(const TopicConfig& config, const LogOptions& defaults);

// Every key with the value in force, for DescribeConfigs. Requires: a config that LogOptionsOf takes.
TopicConfig EffectiveTopicConfig(const TopicConfig& config, const LogOptions& defaults);

// kInvalidArgument: not one to 249 of letters, digits, '.', '_' and '-', or "." or "..".
Status CheckTopicName(std::string_view name);

}  // namespace tarn::broker
