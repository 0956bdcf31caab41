#pragma once

#include <array>
#include <cmath>
#include <cstdint>

#include "base/clock.h"

namespace tarn::stream {

// Quantiles of how old records were when they were committed. Old observations fade: the counts are halved every
// minute. Buckets are 5 % apart. Thread-compatible.
class FreshnessWindow {
 public:
  void Observe(Micros age, Micros steady_now) {
    if (steady_now - halved_at_ > 60'000'000) {
      for (double& count : counts_) count /= 2;
      total_ /= 2;
      halved_at_ = steady_now;
    }
    counts_[BucketOf(age)] += 1;
    total_ += 1;
  }
  // In seconds; 0 without observations.
  double Quantile(double q) const {
    double below = 0;
    for (size_t i = 0; i < kBuckets; ++i) {
      below += counts_[i];
      if (total_ > 0 && below >= q * total_) return 0.001 * std::pow(kStep, double(i));
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
  std::array<double, kBuckets> counts_{};
  double total_ = 0;
  Micros halved_at_ = 0;
};

}  // namespace tarn::stream
