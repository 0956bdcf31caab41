#pragma once

#include <array>
#include <cmath>
#include <cstdint>

#include "base/clock.h"

namespace tarn::stream {

// Quantiles of how old records were when they were committed, over the last ten to twenty seconds that had any: a
// backlog that has been worked off is soon forgotten. Buckets are 5 % apart. Thread-compatible.
class FreshnessWindow {
 public:
  void Observe(Micros age, Micros steady_now) {
    if (steady_now - begun_at_ > kSpan) {
      before_ = now_;
      now_ = {};
      begun_at_ = steady_now;
    }
    ++now_.counts[BucketOf(age)];
    ++now_.total;
  }
  // In seconds; 0 without observations.
  double Quantile(double q) const {
    const double wanted = q * double(now_.total + before_.total);
    double below = 0;
    for (size_t i = 0; i < kBuckets && wanted > 0; ++i) {
      below += double(now_.counts[i] + before_.counts[i]);
      if (below >= wanted) return 0.001 * std::pow(kStep, double(i));
    }
    return 0;
  }

 private:
  static constexpr size_t kBuckets = 450;  // 1 ms to a month and more
  static constexpr double kStep = 1.05;
  static size_t BucketOf(Micros age) {
    if (age <= 1000) return 0;
    const double bucket = std::ceil(std::log(double(age) / 1000) / std::log(kStep));
    return bucket >= double(kBuckets - 1) ? kBuckets - 1 : size_t(bucket);
  }

  static constexpr Micros kSpan = 10'000'000;
  struct Span {
    std::array<uint64_t, kBuckets> counts{};
    uint64_t total = 0;
  };
  Span now_, before_;
  Micros begun_at_ = 0;
};

}  // namespace tarn::stream
