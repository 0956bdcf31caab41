#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/file_system.h"
#include "cli/commands/commands.h"
#include "cli/data_directory.h"
#include "cli/exit_codes.h"
#include "cli/live_view.h"
#include "cli/version.h"
#include "engine/database.h"
#include "engine/duckdb_access.h"
#include "net/http_server.h"

namespace tarn::cli {
namespace {

enum class Verdict { kOk, kWarning, kProblem };

struct Finding {
  Verdict verdict = Verdict::kOk;
  std::string subject;
  std::string text;
};

constexpr uint64_t kDiskWanted = 1'000'000'000;
constexpr uint64_t kFilesWanted = 1024;

Finding CheckEngine() {
  const auto database = engine::Database::Open({.memory_limit_bytes = 64'000'000, .threads = 1});
  if (!database.ok()) return {Verdict::kProblem, "engine", database.error().ToString()};
  return {Verdict::kOk, "engine", "DuckDB " + std::string(engine::kDuckdbVersion)};
}

Finding CheckProject(const PlaceOptions& options) {
  const auto place = FindPlace(options, true);
  if (place.ok())
    return {Verdict::kOk, "project",
            place->project.name + ": " + std::to_string(place->project.topics.size()) + " topics, " +
                std::to_string(place->project.streams.size()) + " streams"};
  return {place.Is(ErrorCode::kNotFound) ? Verdict::kWarning : Verdict::kProblem, "project", place.error().ToString()};
}

// Where nothing of ours runs, each port must be free.
Finding CheckPort(const std::string& name, uint16_t port) {
  const auto moved = OffsetPort(port);
  if (!moved.ok()) return {Verdict::kProblem, name, moved.error().ToString()};
  auto server = net::HttpServer::Start(
      {.port = *moved}, [](const net::HttpRequest&, net::HttpResponder&) {}, NullLogger());
  if (!server.ok()) return {Verdict::kProblem, name, server.error().ToString()};
  return {Verdict::kOk, name, "port " + std::to_string(*moved) + " is free"};
}

Finding CheckDisk(const std::string& data_dir) {
  std::filesystem::path existing = data_dir;
  std::error_code ignored;
  while (!existing.empty() && !std::filesystem::exists(existing, ignored)) existing = existing.parent_path();
  struct statvfs disk = {};
  if (::statvfs(existing.c_str(), &disk) != 0 || ::access(existing.c_str(), W_OK) != 0)
    return {Verdict::kProblem, "disk", "cannot write in " + existing.string() + ": choose another --data-dir"};
  const uint64_t free = uint64_t(disk.f_bavail) * disk.f_frsize;
  return {free < kDiskWanted ? Verdict::kWarning : Verdict::kOk, "disk", FormatBytes(free) + " free for " + data_dir};
}

Finding CheckFiles() {
  struct rlimit limit = {};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return {
      limit.rlim_cur < kFilesWanted ? Verdict::kWarning : Verdict::kOk, "files",
      std::to_string(limit.rlim_cur) + " open files allowed" +
          (limit.rlim_cur < kFilesWanted ? ": raise it with `ulimit -n " + std::to_string(kFilesWanted) + "`" : "")};
}

Finding CheckMemory(uint64_t budget) {
  std::FILE* file = std::fopen("/proc/meminfo", "re");
  unsigned long long kilobytes = 0;
  char line[128];
  while (file != nullptr && std::fgets(line, sizeof line, file) != nullptr)
    if (std::sscanf(line, "MemAvailable: %llu kB", &kilobytes) == 1) break;
  if (file != nullptr) std::fclose(file);
  const uint64_t available = kilobytes * 1024;
  return {available < budget ? Verdict::kProblem : Verdict::kOk, "memory",
          FormatBytes(available) + " available, the budget is " + FormatBytes(budget)};
}

std::vector<Finding> Examine(const PlaceOptions& options) {
  std::vector<Finding> findings = {{Verdict::kOk, "tarn", kVersion}, CheckEngine(), CheckProject(options)};
  // With a broken tarn.yml the rest is looked at with defaults.
  Place place = FindPlace({.project = "", .data_dir = options.data_dir}, false).ok()
                    ? *FindPlace({.project = "", .data_dir = options.data_dir}, false)
                    : Place{};
  if (auto found = FindPlace(options, false); found.ok()) place = std::move(*found);
  findings.push_back(CheckDisk(place.data_dir));
  if (const auto holder = FindHolder(place.data_dir)) {
    findings.push_back(
        {Verdict::kOk, "running",
         "pid " + std::to_string(holder->pid) + ", HTTP " + holder->http_address + ", Kafka " + holder->kafka_address});
  } else {
    if (place.project.kafka.empty()) findings.push_back(CheckPort("kafka", place.project.kafka_port));
    findings.push_back(CheckPort("http", place.project.http_port));
  }
  findings.push_back(CheckMemory(place.project.memory_bytes));
  findings.push_back(CheckFiles());
  return findings;
}

}  // namespace

int RunDoctor(const StatusOptions& options) {
  const bool color = OutputOptionsFor(stdout).color;
  bool problem = false;
  for (const Finding& finding : Examine(options.place)) {
    problem = problem || finding.verdict == Verdict::kProblem;
    const char* const words[] = {"ok", "warning", "problem"};
    const char* const colors[] = {"\033[32m", "\033[33m", "\033[31m"};
    const char* word = words[int(finding.verdict)];
    if (options.json)
      std::printf("%s\n",
                  nlohmann::ordered_json({{"subject", finding.subject}, {"verdict", word}, {"text", finding.text}})
                      .dump()
                      .c_str());
    else
      std::printf("%s%-8s%s %-8s %s\n", color ? colors[int(finding.verdict)] : "", word, color ? "\033[0m" : "",
                  finding.subject.c_str(), finding.text.c_str());
  }
  return problem ? kExitFailed : kExitDone;
}

}  // namespace tarn::cli
