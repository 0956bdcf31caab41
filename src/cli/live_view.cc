#include "cli/live_view.h"

#include <algorithm>

#include "cli/result_printers.h"

namespace tarn::cli {
namespace {

uint64_t TotalRows(const serve::PlatformStatus& status) {
  uint64_t rows = 0;
  for (const auto& view : status.streams) rows += view.status.input_rows;
  return rows;
}

std::string Reasons(const stream::StreamStatus& status) {
  std::string text;
  for (const auto& [reason, count] : status.dead_letters_by_reason)
    text += (text.empty() ? "" : ", ") + reason + " " + GroupDigits(count);
  return text;
}

std::string Count(int64_t number) {
  return GroupDigits(uint64_t(std::max<int64_t>(0, number)));
}

template <typename... Args>
std::string Format(const char* format, Args... args) {
  char text[512];
  std::snprintf(text, sizeof text, format, args...);
  return text;
}

}  // namespace

std::string FormatBytes(uint64_t bytes) {
  const char* const units[] = {"B", "kB", "MB", "GB", "TB"};
  double value = double(bytes);
  size_t unit = 0;
  while (value >= 1000 && unit < 4) value /= 1000, ++unit;
  return Format(unit == 0 || value >= 100 ? "%.0f %s" : "%.1f %s", value, units[unit]);
}

std::string FormatSeconds(double seconds) {
  return seconds < 1 ? Format("%.0f ms", seconds * 1000) : Format("%.1f s", seconds);
}

std::string FormatUptime(Micros uptime) {
  const int64_t seconds = uptime / 1'000'000;
  const std::string clock =
      Format("%02d:%02d:%02d", int(seconds / 3600 % 24), int(seconds / 60 % 60), int(seconds % 60));
  return seconds < 86'400 ? clock : std::to_string(seconds / 86'400) + " d " + clock;
}

double LiveView::RowsPerSecond(const serve::PlatformStatus& status) const {
  if (!before_ || status.uptime <= before_->uptime) return 0;
  return double(TotalRows(status) - TotalRows(*before_)) * 1e6 / double(status.uptime - before_->uptime);
}

void LiveView::ShowStart(const serve::PlatformStatus& status, double ready_seconds,
                         const std::string& project_argument) {
  std::fprintf(out_, "tarn %s: %s is up after %s\n", status.version.c_str(), status.project.c_str(),
               FormatSeconds(ready_seconds).c_str());
  std::fprintf(out_, "  Kafka    %s%s\n", status.kafka_address.c_str(),
               status.kafka_is_embedded ? "" : "   (another Kafka)");
  std::fprintf(out_, "  HTTP     http://%s   /healthz /metrics /api/v1/status\n", status.http_address.c_str());
  std::fprintf(out_, "  data     %s\n", status.data_directory.c_str());
  for (const auto& view : status.streams)
    std::fprintf(out_, "  stream   %s: %s -> %s\n", view.name.c_str(), view.topic.c_str(), view.table.c_str());
  for (const auto& view : status.generators)
    std::fprintf(out_, "  events   %s -> %s\n", view.name.c_str(), view.topic.c_str());
  std::fprintf(out_, "  next     tarn sql%s      in another terminal\n  stop     Ctrl-C\n\n", project_argument.c_str());
  std::fflush(out_);
}

void LiveView::Show(const serve::PlatformStatus& status) {
  if (!terminal_) {
    std::fputs(Line(status).c_str(), out_);
  } else {
    // Back to the first line of the last block, and everything below it is drawn anew. Without line wrap (?7l): a line
    // that the terminal breaks would be two to go back over.
    if (drawn_lines_ > 0) std::fprintf(out_, "\033[%dA\033[J", drawn_lines_);
    const std::string block = Block(status);
    drawn_lines_ = int(std::count(block.begin(), block.end(), '\n'));
    std::fprintf(out_, "\033[?7l%s\033[?7h", block.c_str());
  }
  std::fflush(out_);
  before_ = status;
}

std::string LiveView::Block(const serve::PlatformStatus& status) {
  std::string block =
      Format("  up %s   memory %s of %s   %s rows/s\n", FormatUptime(status.uptime).c_str(),
             FormatBytes(status.memory.resident_bytes).c_str(), FormatBytes(status.memory.budget_bytes).c_str(),
             GroupDigits(uint64_t(RowsPerSecond(status))).c_str());
  for (const auto& view : status.streams) {
    const auto& stream = view.status;
    block += Format("  %-22s stored %s   lag %s   fresh %s p50, %s p99\n", view.name.c_str(),
                    Count(stream.stored).c_str(), Count(stream.lag).c_str(),
                    FormatSeconds(stream.freshness_p50).c_str(), FormatSeconds(stream.freshness_p99).c_str());
    const std::string reasons = Reasons(stream);
    block += Format("  %-22s duplicates %s   late %s   dead letters %s%s\n", "", Count(stream.duplicates).c_str(),
                    Count(stream.late).c_str(), Count(stream.dead_letters).c_str(),
                    reasons.empty() ? "" : (" (" + reasons + ")").c_str());
  }
  for (const auto& view : status.generators)
    if (!view.problem.empty()) block += "  \033[31mgenerator " + view.name + ": " + view.problem + "\033[0m\n";
  for (const std::string& problem : status.problems) block += "  \033[31munhealthy: " + problem + "\033[0m\n";
  return block;
}

std::string LiveView::Line(const serve::PlatformStatus& status) {
  std::string line = FormatUptime(status.uptime);
  for (const auto& view : status.streams) {
    const auto& stream = view.status;
    line += Format("  %s: stored %s, %s rows/s, lag %s, fresh p50 %s p99 %s, duplicates %s, late %s, dead letters %s",
                   view.name.c_str(), Count(stream.stored).c_str(),
                   GroupDigits(uint64_t(RowsPerSecond(status))).c_str(), Count(stream.lag).c_str(),
                   FormatSeconds(stream.freshness_p50).c_str(), FormatSeconds(stream.freshness_p99).c_str(),
                   Count(stream.duplicates).c_str(), Count(stream.late).c_str(), Count(stream.dead_letters).c_str());
  }
  line += ", memory " + FormatBytes(status.memory.resident_bytes);
  for (const std::string& problem : status.problems) line += "  UNHEALTHY: " + problem;
  return line + "\n";
}

}  // namespace tarn::cli
