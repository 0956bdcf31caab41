#include "broker/topic_config.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

#include "base/yaml.h"

namespace tarn::broker {
namespace {

Error Invalid(const std::string& what) {
  return Error(ErrorCode::kInvalidArgument, what);
}

// A number that a key sets, with its bounds.
struct NumberKey {
  std::string_view name;
  int64_t min;
  int64_t max;
  int64_t (*get)(const LogOptions&);
  void (*set)(LogOptions&, int64_t);
};

constexpr int64_t kInt32Max = std::numeric_limits<int32_t>::max();
constexpr int64_t kInt64Max = std::numeric_limits<int64_t>::max();

constexpr NumberKey kNumbers[] = {
    {"index.interval.bytes", 0, kInt32Max, [](const LogOptions& o) { return int64_t(o.index_interval_bytes); },
     [](LogOptions& o, int64_t v) { o.index_interval_bytes = uint64_t(v); }},
    {"max.message.bytes", 0, kInt32Max, [](const LogOptions& o) { return int64_t(o.max_message_bytes); },
     [](LogOptions& o, int64_t v) { o.max_message_bytes = uint64_t(v); }},
    {"retention.bytes", -1, kInt64Max, [](const LogOptions& o) { return o.retention_bytes; },
     [](LogOptions& o, int64_t v) { o.retention_bytes = v; }},
    {"retention.ms", -1, kInt64Max, [](const LogOptions& o) { return o.retention_ms; },
     [](LogOptions& o, int64_t v) { o.retention_ms = v; }},
    {"segment.bytes", 1024, kInt32Max, [](const LogOptions& o) { return int64_t(o.segment_bytes); },
     [](LogOptions& o, int64_t v) { o.segment_bytes = uint64_t(v); }},
    {"segment.ms", 1, kInt64Max, [](const LogOptions& o) { return o.segment_ms; },
     [](LogOptions& o, int64_t v) { o.segment_ms = v; }},
};

// Keys that clients set out of habit and of which we have one behaviour: only that value is taken.
struct FixedKey {
  std::string_view name;
  std::string_view value;
};
constexpr FixedKey kFixed[] = {
    {"cleanup.policy", "delete"},
    {"compression.type", "producer"},
    {"flush.messages", "1"},
    {"min.insync.replicas", "1"},
    {"unclean.leader.election.enable", "false"},
};

constexpr std::string_view kTimestampType = "message.timestamp.type";
constexpr std::string_view kCreateTime = "CreateTime";
constexpr std::string_view kLogAppendTime = "LogAppendTime";

std::vector<std::string> KnownKeys() {
  std::vector<std::string> keys{std::string(kTimestampType)};
  for (const NumberKey& key : kNumbers) keys.emplace_back(key.name);
  for (const FixedKey& key : kFixed) keys.emplace_back(key.name);
  return keys;
}

Status SetNumber(const NumberKey& key, const std::string& value, LogOptions& options) {
  int64_t number = 0;
  const char* const end = value.data() + value.size();
  const auto [at, error] = std::from_chars(value.data(), end, number);
  if (error != std::errc() || at != end || number < key.min || number > key.max)
    return Invalid("topic config " + std::string(key.name) + ": '" + value + "' is no whole number from " +
                   std::to_string(key.min) + " to " + std::to_string(key.max));
  key.set(options, number);
  return Ok();
}

Status SetOne(const std::string& name, const std::string& value, LogOptions& options) {
  for (const NumberKey& key : kNumbers)
    if (key.name == name) return SetNumber(key, value, options);
  for (const FixedKey& key : kFixed) {
    if (key.name != name) continue;
    return key.value == value ? Ok()
                              : Status(Invalid("topic config " + name + ": only '" + std::string(key.value) +
                                               "' is supported, not '" + value + "'"));
  }
  if (name == kTimestampType) {
    if (value != kCreateTime && value != kLogAppendTime)
      return Invalid("topic config " + name + ": '" + value + "' is neither CreateTime nor LogAppendTime");
    options.log_append_time = value == kLogAppendTime;
    return Ok();
  }
  const std::optional<std::string> nearest = NearestWord(name, KnownKeys());
  return Invalid("unknown topic config '" + name + "'" + (nearest ? "; did you mean " + *nearest + "?" : ""));
}

}  // namespace

Result<LogOptions> LogOptionsOf(const TopicConfig& config, const LogOptions& defaults) {
  LogOptions options = defaults;
  for (const auto& [name, value] : config) TARN_TRY(SetOne(name, value, options));
  return options;
}

TopicConfig EffectiveTopicConfig(const TopicConfig& config, const LogOptions& defaults) {
  const auto set = LogOptionsOf(config, defaults);
  const LogOptions& options = set.ok() ? *set : defaults;
  TopicConfig effective;
  for (const NumberKey& key : kNumbers) effective[std::string(key.name)] = std::to_string(key.get(options));
  for (const FixedKey& key : kFixed) effective[std::string(key.name)] = std::string(key.value);
  effective[std::string(kTimestampType)] = options.log_append_time ? kLogAppendTime : kCreateTime;
  return effective;
}

Status CheckTopicName(std::string_view name) {
  const bool legal = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  });
  if (name.empty() || name.size() > 249 || !legal || name == "." || name == "..")
    return Invalid("topic name '" + std::string(name.substr(0, 300)) +
                   "': expected 1 to 249 of letters, digits, '.', '_' and '-'");
  return Ok();
}

}  // namespace tarn::broker
