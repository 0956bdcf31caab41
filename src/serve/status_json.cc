#include <nlohmann/json.hpp>

#include "serve/platform_status.h"

namespace tarn::serve {
namespace {

using Json = nlohmann::ordered_json;

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string_view StateName(stream::StreamState state) {
  switch (state) {
    case stream::StreamState::kStopped:
      return "stopped";
    case stream::StreamState::kRunning:
      return "running";
    case stream::StreamState::kRetrying:
      return "retrying";
    case stream::StreamState::kFailed:
      return "failed";
  }
  return "unknown";
}

double Seconds(Micros duration) {
  return double(duration) / 1e6;
}
Json Time(Micros time) {
  return time > 0 ? Json(FormatTimestamp(time)) : Json(nullptr);
}

Json BatchJson(const stream::BatchStatus& batch) {
  Json offsets = Json::object();
  for (const auto& [partition, range] : batch.offsets)
    offsets[std::to_string(partition)] = {{"start", range.first}, {"end", range.second}};
  return {{"version", batch.version},
          {"numInputRows", batch.input_rows},
          {"storedRows", batch.stored_rows},
          {"duplicates", batch.duplicates},
          {"late", batch.late},
          {"dead_letters", batch.dead_letters},
          {"processedRowsPerSecond", batch.rows_per_second},
          {"durationMs",
           {{"total", batch.duration / 1000.0},
            {"decode", batch.decode / 1000.0},
            {"deduplicate", batch.deduplicate / 1000.0},
            {"write", batch.write / 1000.0},
            {"commit", batch.commit / 1000.0}}},
          {"files", batch.files},
          {"bytes", batch.bytes},
          {"offsets", offsets}};
}

Json StreamJson(const StreamView& view) {
  const stream::StreamStatus& status = view.status;
  Json partitions = Json::array();
  for (const auto& [partition, state] : status.partitions)
    partitions.push_back({{"partition", partition},
                          {"committed", state.committed},
                          {"end", state.end},
                          {"lag", std::max<int64_t>(0, state.end - state.committed)},
                          {"max_event_time", Time(state.max_event_time.value_or(0))}});
  return {{"name", view.name},
          {"topic", view.topic},
          {"table", view.table},
          {"dead_letter_table", view.dead_letter_table},
          {"state", StateName(status.state)},
          {"healthy", status.healthy},
          {"reason", status.reason},
          {"last_error", status.last_error},
          {"stored", status.stored},
          {"duplicates", status.duplicates},
          {"dead_letters", status.dead_letters},
          {"late", status.late},
          {"lag", status.lag},
          {"freshness_seconds", {{"p50", status.freshness_p50}, {"p99", status.freshness_p99}}},
          {"batches", status.batches},
          {"input_rows", status.input_rows},
          {"unknown_fields", status.unknown_fields},
          {"dead_letters_by_reason", status.dead_letters_by_reason},
          {"memory_bytes", status.memory_bytes},
          {"last_commit_at", Time(status.last_commit_at)},
          {"last_batch", BatchJson(status.last_batch)},
          {"partitions", partitions}};
}

}  // namespace

std::string StatusJson(const PlatformStatus& status) {
  Json streams = Json::array();
  for (const StreamView& view : status.streams) streams.push_back(StreamJson(view));
  Json generators = Json::array();
  for (const GeneratorView& view : status.generators)
    generators.push_back(
        {{"name", view.name}, {"topic", view.topic}, {"produced", view.produced}, {"problem", view.problem}});
  return Dump({{"project", status.project},
               {"version", status.version},
               {"healthy", status.problems.empty()},
               {"problems", status.problems},
               {"pid", status.pid},
               {"started_at", Time(status.started_at)},
               {"uptime_seconds", Seconds(status.uptime)},
               {"data_dir", status.data_directory},
               {"kafka", {{"address", status.kafka_address}, {"embedded", status.kafka_is_embedded}}},
               {"http", {{"address", status.http_address}}},
               {"memory",
                {{"resident_bytes", status.memory.resident_bytes},
                 {"peak_bytes", status.memory.peak_bytes},
                 {"engine_bytes", status.memory.engine_bytes},
                 {"budget_bytes", status.memory.budget_bytes}}},
               {"streams", streams},
               {"generators", generators}});
}

std::string HealthJson(const PlatformStatus& status) {
  return Dump({{"status", status.problems.empty() ? "healthy" : "unhealthy"}, {"problems", status.problems}});
}

}  // namespace tarn::serve
