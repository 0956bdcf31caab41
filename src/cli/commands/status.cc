#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/data_directory.h"
#include "cli/exit_codes.h"
#include "cli/live_view.h"
#include "net/http_client.h"

namespace tarn::cli {
namespace {

using Json = nlohmann::ordered_json;

void PrintStream(const Json& stream) {
  const auto count = [&](const char* key) {
    return GroupDigits(uint64_t(std::max<int64_t>(0, stream.value(key, int64_t(0)))));
  };
  std::printf("\nstream %s: %s, %s -> %s\n", stream.value("name", "").c_str(), stream.value("state", "").c_str(),
              stream.value("topic", "").c_str(), stream.value("table", "").c_str());
  if (const std::string reason = stream.value("reason", ""); !reason.empty())
    std::printf("  reason      %s\n", reason.c_str());
  std::printf(
      "  stored      %s   of these late: %s\n  duplicates  %s\n  dead        %s   in %s\n  lag         %s records\n",
      count("stored").c_str(), count("late").c_str(), count("duplicates").c_str(), count("dead_letters").c_str(),
      stream.value("dead_letter_table", "").c_str(), count("lag").c_str());
  const Json& fresh = stream["freshness_seconds"];
  std::printf("  freshness   %s p50, %s p99\n", FormatSeconds(fresh.value("p50", 0.0)).c_str(),
              FormatSeconds(fresh.value("p99", 0.0)).c_str());
  const Json& batch = stream["last_batch"];
  if (batch.value("version", int64_t(-1)) >= 0)
    std::printf("  last batch  %s rows in %s, version %lld\n",
                GroupDigits(batch.value("numInputRows", uint64_t(0))).c_str(),
                FormatSeconds(batch["durationMs"].value("total", 0.0) / 1000).c_str(),
                static_cast<long long>(batch.value("version", int64_t(0))));
}

void Print(const Json& status) {
  std::printf("%s: %s, up %s, pid %lld\n", status.value("project", "").c_str(),
              status.value("healthy", false) ? "healthy" : "UNHEALTHY",
              FormatUptime(Micros(status.value("uptime_seconds", 0.0) * 1e6)).c_str(),
              static_cast<long long>(status.value("pid", int64_t(0))));
  for (const Json& problem : status["problems"]) std::printf("  problem  %s\n", problem.get<std::string>().c_str());
  std::printf("  Kafka    %s\n  HTTP     http://%s\n  data     %s\n", status["kafka"].value("address", "").c_str(),
              status["http"].value("address", "").c_str(), status.value("data_dir", "").c_str());
  const Json& memory = status["memory"];
  std::printf("  memory   %s now, %s at its highest, budget %s\n",
              FormatBytes(memory.value("resident_bytes", uint64_t(0))).c_str(),
              FormatBytes(memory.value("peak_bytes", uint64_t(0))).c_str(),
              FormatBytes(memory.value("budget_bytes", uint64_t(0))).c_str());
  for (const Json& stream : status["streams"]) PrintStream(stream);
  for (const Json& generator : status["generators"])
    std::printf("\ngenerator %s: %s records to %s %s\n", generator.value("name", "").c_str(),
                GroupDigits(generator.value("produced", uint64_t(0))).c_str(), generator.value("topic", "").c_str(),
                generator.value("problem", "").c_str());
}

Status Run(const StatusOptions& options) {
  TARN_ASSIGN_OR_RETURN(const Place place, FindPlace(options.place, false));
  const auto holder = FindHolder(place.data_dir);
  if (!holder)
    return Error(ErrorCode::kUnavailable, "nothing runs on " + place.data_dir + ": start it with `tarn up`" +
                                              (place.has_project_file ? "" : ", or name the project with --project"));
  TARN_ASSIGN_OR_RETURN(net::HttpCall call, CallOf(*holder));
  call.target = "/api/v1/status";
  call.timeout = 10'000'000;
  TARN_ASSIGN_OR_RETURN(const net::HttpReply reply, net::CallHttp(call));
  if (reply.status != 200)
    return Error(ErrorCode::kUnavailable,
                 "http://" + holder->http_address + " answers " + std::to_string(reply.status));
  if (options.json) {
    std::fputs(reply.body.c_str(), stdout);
    return Ok();
  }
  const Json status = Json::parse(reply.body, nullptr, false);
  if (!status.is_object()) return Error(ErrorCode::kCorruption, "http://" + holder->http_address + " gave no status");
  Print(status);
  return Ok();
}

}  // namespace

int RunStatus(const StatusOptions& options) {
  return Finish(Run(options));
}

}  // namespace tarn::cli
