#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

// Time, passed in: nothing of ours calls now() outside SystemClock, so that a whole platform runs on simulated time.

namespace tarn {

// Microseconds since 1970-01-01T00:00:00Z, the unit of all our timestamps.
using Micros = int64_t;

class Clock {
 public:
  virtual ~Clock() = default;
  // The wall clock. May step in either direction. Thread-safe.
  virtual Micros Now() const = 0;
  // A steady clock for durations and deadlines; its zero means nothing. Thread-safe.
  virtual Micros Steady() const = 0;
  // Blocks the calling thread for at least `duration` of this clock.
  virtual void SleepFor(Micros duration) = 0;

  int64_t NowMillis() const { return Now() / 1000; }
};

// The machine's clock. Lives as long as the process.
Clock& SystemClock();

// A clock that a test moves by hand; SleepFor moves it too. Thread-safe.
class FakeClock final : public Clock {
 public:
  explicit FakeClock(Micros now = 1'700'000'000'000'000) : now_(now) {}
  Micros Now() const override;
  Micros Steady() const override;
  void SleepFor(Micros duration) override { Advance(duration); }
  void Advance(Micros by);
  // Steps the wall clock only, as an operator or NTP does.
  void Step(Micros by);

 private:
  mutable std::mutex mutex_;
  Micros now_;
  Micros steady_ = 0;
};

// "2026-11-24T14:05:06.123456Z". Years 1 to 9999.
std::string FormatTimestamp(Micros micros);

}  // namespace tarn
