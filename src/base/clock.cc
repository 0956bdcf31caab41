#include "base/clock.h"

#include <cstdio>
#include <thread>

namespace tarn {
namespace {

class RealClock final : public Clock {
 public:
  Micros Now() const override {
    return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
  }
  Micros Steady() const override {
    return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }
  void SleepFor(Micros duration) override { std::this_thread::sleep_for(std::chrono::microseconds(duration)); }
};

}  // namespace

Clock& SystemClock() {
  static RealClock clock;
  return clock;
}

Micros FakeClock::Now() const {
  std::lock_guard lock(mutex_);
  return now_;
}

Micros FakeClock::Steady() const {
  std::lock_guard lock(mutex_);
  return steady_;
}

void FakeClock::Advance(Micros by) {
  std::lock_guard lock(mutex_);
  now_ += by;
  steady_ += by;
}

void FakeClock::Step(Micros by) {
  std::lock_guard lock(mutex_);
  now_ += by;
}

std::string FormatTimestamp(Micros micros) {
  using namespace std::chrono;
  const sys_time<microseconds> time{microseconds(micros)};
  const auto day = floor<days>(time);
  const year_month_day date{day};
  const hh_mm_ss<microseconds> clock{time - day};
  char text[48];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%06dZ", int(date.year()), unsigned(date.month()),
                unsigned(date.day()), int(clock.hours().count()), int(clock.minutes().count()),
                int(clock.seconds().count()), int(clock.subseconds().count()));
  return text;
}

}  // namespace tarn
