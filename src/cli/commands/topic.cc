#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/exit_codes.h"
#include "stream/kafka/kafka_admin.h"
#include "stream/kafka/kafka_source.h"

namespace tarn::cli {
namespace {

using Json = nlohmann::ordered_json;
using stream::kafka::KafkaAdmin;

void PrintJson(const Json& json) {
  std::printf("%s\n", json.dump(-1, ' ', false, Json::error_handler_t::replace).c_str());
}

Result<uint64_t> CountRecords(KafkaAdmin& admin, const std::string& topic) {
  TARN_ASSIGN_OR_RETURN(const auto offsets, admin.Offsets(topic));
  uint64_t records = 0;
  for (const auto& [partition, range] : offsets) records += uint64_t(range.end - range.begin);
  return records;
}

Status List(KafkaAdmin& admin, bool json) {
  TARN_ASSIGN_OR_RETURN(const auto topics, admin.ListTopics());
  std::vector<TextRow> rows;
  for (const auto& topic : topics) {
    TARN_ASSIGN_OR_RETURN(const uint64_t records, CountRecords(admin, topic.name));
    if (json)
      PrintJson({{"name", topic.name}, {"partitions", topic.partitions.size()}, {"records", records}});
    else
      rows.push_back({topic.name, std::to_string(topic.partitions.size()), GroupDigits(records)});
  }
  if (!json)
    std::fputs(
        FormatBox({{"topic", ""}, {"partitions", "BIGINT"}, {"records", "BIGINT"}}, rows, OutputOptionsFor(stdout))
            .c_str(),
        stdout);
  return Ok();
}

Status Show(KafkaAdmin& admin, const std::string& name, bool as_json) {
  TARN_ASSIGN_OR_RETURN(const auto topic, admin.DescribeTopic(name));
  TARN_ASSIGN_OR_RETURN(const auto offsets, admin.Offsets(name));
  TARN_ASSIGN_OR_RETURN(const auto config, admin.TopicConfig(name));
  Json partitions = Json::array();
  std::vector<TextRow> rows;
  for (const auto& partition : topic.partitions) {
    const auto found = offsets.find(partition.partition);
    const stream::kafka::PartitionOffsets range =
        found == offsets.end() ? stream::kafka::PartitionOffsets{} : found->second;
    const int32_t preferred = partition.replicas.empty() ? -1 : partition.replicas.front();
    partitions.push_back({{"partition", partition.partition},
                          {"start_offset", range.begin},
                          {"end_offset", range.end},
                          {"records", range.end - range.begin},
                          {"leader", partition.leader},
                          {"preferred_leader", preferred}});
    rows.push_back({std::to_string(partition.partition), std::to_string(range.begin), std::to_string(range.end),
                    std::to_string(range.end - range.begin), std::to_string(partition.leader),
                    std::to_string(preferred)});
  }
  if (as_json) {
    PrintJson({{"name", name}, {"partitions", partitions}, {"config", config}});
    return Ok();
  }
  std::printf("topic %s\n%s", name.c_str(),
              FormatBox({{"partition", "BIGINT"},
                         {"first", "BIGINT"},
                         {"end", "BIGINT"},
                         {"size", "BIGINT"},
                         {"leader", "BIGINT"},
                         {"preferred", "BIGINT"}},
                        rows, OutputOptionsFor(stdout))
                  .c_str());
  for (const auto& [key, value] : config) std::printf("  %s=%s\n", key.c_str(), value.c_str());
  return Ok();
}

Status Create(KafkaAdmin& admin, const TopicOptions& options) {
  stream::kafka::NewTopic topic{.name = options.name, .partitions = options.partitions};
  for (const std::string& setting : options.config) {
    const size_t equals = setting.find('=');
    if (equals == std::string::npos)
      return Error(ErrorCode::kInvalidArgument, "--config " + setting + ": must be KEY=VALUE");
    topic.config[setting.substr(0, equals)] = setting.substr(equals + 1);
  }
  TARN_TRY(admin.CreateTopic(topic));
  if (!options.json)
    std::printf("created topic %s with %d partition%s\n", options.name.c_str(), options.partitions,
                options.partitions == 1 ? "" : "s");
  return Ok();
}

Status Delete(KafkaAdmin& admin, const TopicOptions& options) {
  if (!options.yes) {
    TARN_ASSIGN_OR_RETURN(const uint64_t records, CountRecords(admin, options.name));
    if (::isatty(STDIN_FILENO) == 0)
      return Error(ErrorCode::kFailedPrecondition,
                   "topic " + options.name + " holds " + GroupDigits(records) + " records: say --yes to delete them");
    std::fprintf(stderr, "Delete topic %s and its %s records? [y/N] ", options.name.c_str(),
                 GroupDigits(records).c_str());
    std::string answer;
    std::getline(std::cin, answer);
    if (answer != "y" && answer != "yes") return Error(ErrorCode::kCancelled, "nothing was deleted");
  }
  TARN_TRY(admin.DeleteTopic(options.name));
  if (!options.json) std::printf("deleted topic %s\n", options.name.c_str());
  return Ok();
}

void PrintRecord(int32_t partition, const stream::SourceRecord& record, bool json) {
  const auto text = [](const std::optional<std::string_view>& bytes) {
    return bytes ? Json(std::string(*bytes)) : Json(nullptr);
  };
  if (json) {
    PrintJson({{"partition", partition},
               {"offset", record.offset},
               {"timestamp", FormatTimestamp(record.timestamp_ms * 1000)},
               {"key", text(record.key)},
               {"value", text(record.value)}});
    return;
  }
  const std::string_view value = record.value.value_or("(null)");
  std::printf("%d:%lld  %s  %s%.*s\n", partition, static_cast<long long>(record.offset),
              FormatTimestamp(record.timestamp_ms * 1000).c_str(),
              record.key ? (std::string(*record.key) + "  ").c_str() : "", int(value.size()), value.data());
}

// The newest records by their time, oldest first, and with --follow what comes after them.
Status Tail(KafkaAdmin& admin, const TopicOptions& options, const std::string& bootstrap) {
  TARN_ASSIGN_OR_RETURN(const auto offsets, admin.Offsets(options.name));
  TARN_ASSIGN_OR_RETURN(const auto source,
                        stream::kafka::MakeKafkaSource({.bootstrap = bootstrap, .topic = options.name}));
  std::map<int32_t, int64_t> left;  // partition -> where its old records end
  for (const auto& [partition, range] : offsets) {
    const int64_t from = std::max(range.begin, range.end - int64_t(options.count));
    if (from < range.end) left[partition] = range.end;
    if (from < range.end || options.follow) TARN_TRY(source->Seek(partition, from));
  }
  std::vector<stream::SourceRun> runs;  // what the records below are views of
  std::vector<std::pair<int32_t, const stream::SourceRecord*>> newest;
  const Micros deadline = SystemClock().Steady() + 10'000'000;
  while (!left.empty()) {
    TARN_ASSIGN_OR_RETURN(auto run, source->Poll(1 << 20, 500'000));
    if (!run && SystemClock().Steady() > deadline)
      return Error(ErrorCode::kTimedOut, "topic " + options.name + " gave no records for 10 s");
    if (!run) continue;
    if (const auto end = left.find(run->partition); end != left.end() && run->next_offset >= end->second)
      left.erase(end);
    runs.push_back(std::move(*run));
  }
  for (const stream::SourceRun& run : runs)
    for (const stream::SourceRecord& record : run.records) newest.emplace_back(run.partition, &record);
  std::stable_sort(newest.begin(), newest.end(),
                   [](const auto& a, const auto& b) { return a.second->timestamp_ms < b.second->timestamp_ms; });
  const size_t skipped = newest.size() > options.count ? newest.size() - options.count : 0;
  for (size_t i = skipped; i < newest.size(); ++i) PrintRecord(newest[i].first, *newest[i].second, options.json);
  std::fflush(stdout);
  while (options.follow) {
    TARN_ASSIGN_OR_RETURN(const auto run, source->Poll(1 << 20, 500'000));
    if (!run) continue;
    for (const stream::SourceRecord& record : run->records) PrintRecord(run->partition, record, options.json);
    std::fflush(stdout);
  }
  return Ok();
}

Status Run(const TopicOptions& options) {
  TARN_ASSIGN_OR_RETURN(const Place place, FindPlace(options.place, false));
  TARN_ASSIGN_OR_RETURN(const std::string bootstrap, FindKafka(options.bootstrap, place));
  TARN_ASSIGN_OR_RETURN(const auto admin, KafkaAdmin::Make(bootstrap, 5'000'000));
  if (options.action == "list") return List(*admin, options.json);
  if (options.action == "show") return Show(*admin, options.name, options.json);
  if (options.action == "create") return Create(*admin, options);
  if (options.action == "delete") return Delete(*admin, options);
  return Tail(*admin, options, bootstrap);
}

}  // namespace

int RunTopic(const TopicOptions& options) {
  return Finish(Run(options));
}

}  // namespace tarn::cli
