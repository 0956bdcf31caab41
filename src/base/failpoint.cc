#include "base/failpoint.h"

#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include <unistd.h>

namespace tarn {
namespace {

enum class Action { kExit, kError, kDelay, kLost };

struct Point {
  Action action;
  int delay_ms = 0;
  uint64_t at = 0;       // 0: every hit
  bool onwards = false;  // from `at` on
  uint64_t hits = 0;
};

template <typename Number>
bool ParseWhole(std::string_view text, Number& number) {
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
}

class Registry {
 public:
  Registry() {
    if (const char* settings = std::getenv("TARN_FAILPOINTS")) {
      const Status status = Set(settings);
      if (!status.ok()) {
        std::fprintf(stderr, "tarn: TARN_FAILPOINTS: %s\n", status.error().ToString().c_str());
        std::exit(2);
      }
    }
  }

  Status Set(std::string_view settings) {
    std::map<std::string, Point, std::less<>> points;
    while (!settings.empty()) {
      const std::string_view part = settings.substr(0, settings.find(';'));
      settings.remove_prefix(std::min(settings.size(), part.size() + 1));
      if (part.empty()) continue;
      const size_t equals = part.find('=');
      if (equals == part.npos || equals == 0) return Bad(part, "expected NAME=ACTION");
      TARN_ASSIGN_OR_RETURN(points[std::string(part.substr(0, equals))], Parse(part, part.substr(equals + 1)));
    }
    std::lock_guard lock(mutex_);
    points_ = std::move(points);
    active_.store(!points_.empty(), std::memory_order_relaxed);
    return Ok();
  }

  Status Pass(std::string_view name) {
    if (!active_.load(std::memory_order_relaxed)) return Ok();
    Point point;
    {
      std::lock_guard lock(mutex_);
      const auto found = points_.find(name);
      if (found == points_.end()) return Ok();
      const uint64_t hit = ++found->second.hits;
      point = found->second;
      if (point.at != 0 && (point.onwards ? hit < point.at : hit != point.at)) return Ok();
    }
    switch (point.action) {
      case Action::kExit:
        ::_exit(137);
      case Action::kDelay:
        std::this_thread::sleep_for(std::chrono::milliseconds(point.delay_ms));
        return Ok();
      case Action::kError:
        return Error(ErrorCode::kIoError, "failpoint " + std::string(name));
      case Action::kLost:
        return Error(ErrorCode::kOutcomeUnknown, "failpoint " + std::string(name) + ": reply lost");
    }
    return Ok();
  }

 private:
  static Error Bad(std::string_view part, std::string_view why) {
    return Error(ErrorCode::kInvalidArgument, "'" + std::string(part) + "': " + std::string(why));
  }

  static Result<Point> Parse(std::string_view part, std::string_view action) {
    Point point{};
    if (const size_t at = action.find('@'); at != action.npos) {
      std::string_view number = action.substr(at + 1);
      point.onwards = number.ends_with('+');
      if (point.onwards) number.remove_suffix(1);
      if (!ParseWhole(number, point.at) || point.at == 0) return Bad(part, "expected a number of hits after '@'");
      action = action.substr(0, at);
    }
    if (action == "exit")
      point.action = Action::kExit;
    else if (action == "error")
      point.action = Action::kError;
    else if (action == "lost")
      point.action = Action::kLost;
    else if (action.starts_with("delay:")) {
      point.action = Action::kDelay;
      action.remove_prefix(6);
      if (!ParseWhole(action, point.delay_ms) || point.delay_ms < 0)
        return Bad(part, "expected milliseconds after 'delay:'");
    } else {
      return Bad(part, "the actions are exit, error, lost, delay:MS");
    }
    return point;
  }

  std::atomic<bool> active_{false};
  std::mutex mutex_;
  std::map<std::string, Point, std::less<>> points_;
};

// The one process-wide table: fault settings come from outside the process and concern all of it.
Registry& TheRegistry() {
  static Registry registry;
  return registry;
}

}  // namespace

Status PassFailpoint(std::string_view name) {
  return TheRegistry().Pass(name);
}
Status SetFailpoints(std::string_view settings) {
  return TheRegistry().Set(settings);
}

}  // namespace tarn
