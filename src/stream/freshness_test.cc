#include "stream/freshness.h"

#include <gtest/gtest.h>

namespace tarn::stream {
namespace {

TEST(FreshnessWindow, QuantilesAreWithinABucketOfTheTruth) {
  FreshnessWindow window;
  for (int i = 1; i <= 1000; ++i) window.Observe(i * 1000, 1);
  EXPECT_NEAR(window.Quantile(0.5), 0.500, 0.026);
  EXPECT_NEAR(window.Quantile(0.99), 0.990, 0.05);
  EXPECT_EQ(FreshnessWindow().Quantile(0.5), 0);
}

// Half a million records of a backlog must not speak for the seconds after it.
TEST(FreshnessWindow, ABacklogIsForgotten) {
  FreshnessWindow window;
  for (int i = 0; i < 500'000; ++i) window.Observe(60'000'000, 1);
  for (Micros second = 1; second <= 25; ++second)
    for (int i = 0; i < 100; ++i) window.Observe(200'000, second * 1'000'000);
  EXPECT_NEAR(window.Quantile(0.99), 0.2, 0.02);
}

}  // namespace
}  // namespace tarn::stream
