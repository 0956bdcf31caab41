#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/file_system.h"
#include "base/metrics.h"
#include "base/random.h"
#include "base/result.h"

namespace tarn {
namespace {

Result<int> Half(int n) {
  if (n % 2 != 0) return Error(ErrorCode::kInvalidArgument, "odd: " + std::to_string(n));
  return n / 2;
}

Result<int> Quarter(int n) {
  TARN_ASSIGN_OR_RETURN(const int half, Half(n));
  return Half(half);
}

TEST(Result, PassesTheErrorUp) {
  EXPECT_EQ(*Quarter(8), 2);
  EXPECT_EQ(Quarter(6).error().message(), "odd: 3");
  EXPECT_TRUE(Quarter(5).Is(ErrorCode::kInvalidArgument));
}

TEST(Result, ContextReadsFromTheOutside) {
  Error error = Error(ErrorCode::kConflict, "version 7 exists").WithContext("committing").WithContext("stream orders");
  EXPECT_EQ(error.ToString(), "stream orders: committing: version 7 exists");
}

TEST(Clock, FormatsMicroseconds) {
  EXPECT_EQ(FormatTimestamp(0), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(FormatTimestamp(1'764'000'000'123'456), "2025-11-24T16:00:00.123456Z");
  EXPECT_EQ(FormatTimestamp(-1), "1969-12-31T23:59:59.999999Z");
}

TEST(Clock, FormatsAllYearsThatTablesHold) {
  constexpr Micros kDay = 86'400'000'000;
  EXPECT_EQ(FormatTimestamp(-719'162 * kDay), "0001-01-01T00:00:00.000000Z");
  EXPECT_EQ(FormatTimestamp(2'932'897 * kDay - 1), "9999-12-31T23:59:59.999999Z");
  EXPECT_EQ(FormatTimestamp(11'016 * kDay), "2000-02-29T00:00:00.000000Z");
  EXPECT_EQ(FormatTimestamp(-25'509 * kDay), "1900-02-28T00:00:00.000000Z");
  EXPECT_EQ(FormatTimestamp(-25'508 * kDay), "1900-03-01T00:00:00.000000Z");
}

TEST(Clock, AStepMovesTheWallClockOnly) {
  FakeClock clock(1000);
  clock.Step(-500);
  EXPECT_EQ(clock.Now(), 500);
  EXPECT_EQ(clock.Steady(), 0);
  clock.SleepFor(20);
  EXPECT_EQ(clock.Now(), 520);
  EXPECT_EQ(clock.Steady(), 20);
}

TEST(Random, TheSameSeedGivesTheSameSequence) {
  Random a(42), b(42), c(43);
  EXPECT_EQ(a.Next(), b.Next());
  EXPECT_NE(a.Next(), c.Next());
  const std::string uuid = MakeUuid(a);
  ASSERT_EQ(uuid.size(), 36u);
  EXPECT_EQ(uuid[14], '4');
  EXPECT_TRUE(uuid[19] == '8' || uuid[19] == '9' || uuid[19] == 'a' || uuid[19] == 'b');
}

TEST(Random, BelowIsUniform) {
  Random random(1);
  int counts[5] = {};
  for (int i = 0; i < 50'000; ++i) ++counts[random.Below(5)];
  for (const int count : counts) EXPECT_NEAR(count, 10'000, 500);
}

TEST(Failpoint, ActsAtTheNamedHitOnly) {
  ASSERT_TRUE(SetFailpoints("a=error@2;b=lost@2+").ok());
  EXPECT_TRUE(PassFailpoint("a").ok());
  EXPECT_TRUE(PassFailpoint("a").Is(ErrorCode::kIoError));
  EXPECT_TRUE(PassFailpoint("a").ok());
  EXPECT_TRUE(PassFailpoint("b").ok());
  EXPECT_TRUE(PassFailpoint("b").Is(ErrorCode::kOutcomeUnknown));
  EXPECT_TRUE(PassFailpoint("b").Is(ErrorCode::kOutcomeUnknown));
  EXPECT_TRUE(SetFailpoints("c=explode").Is(ErrorCode::kInvalidArgument));
  ASSERT_TRUE(SetFailpoints("").ok());
  EXPECT_TRUE(PassFailpoint("b").ok());
}

TEST(Failpoint, RefusesWhatItWouldNotUnderstandAndKeepsTheOldSettings) {
  ASSERT_TRUE(SetFailpoints("a=error").ok());
  for (const std::string wrong :
       {"a", "=error", "a=", "a=errors", "a=error@", "a=error@0", "a=error@x", "a=error@2x", "a=error@-1", "a=error@+",
        "a=delay", "a=delay:", "a=delay:1s", "a=delay:-1", "b=lost;a=explode"}) {
    const Status refused = SetFailpoints(wrong);
    EXPECT_TRUE(refused.Is(ErrorCode::kInvalidArgument)) << wrong;
    EXPECT_TRUE(PassFailpoint("a").Is(ErrorCode::kIoError)) << wrong;
  }
  EXPECT_TRUE(SetFailpoints(";;b=delay:0@2+;").ok());
  EXPECT_TRUE(PassFailpoint("a").ok());
  EXPECT_TRUE(PassFailpoint("b").ok());
  ASSERT_TRUE(SetFailpoints("").ok());
}

TEST(Failpoint, ExitEndsTheProcessAndTheEnvironmentIsRead) {
  // The child starts anew and reads the environment as a program does.
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  ::setenv("TARN_FAILPOINTS", "a=exit@2", 1);
  EXPECT_EXIT(
      {
        (void)PassFailpoint("a");
        (void)PassFailpoint("a");
      },
      ::testing::ExitedWithCode(137), "");
  ::setenv("TARN_FAILPOINTS", "a=explode", 1);
  EXPECT_EXIT((void)PassFailpoint("a"), ::testing::ExitedWithCode(2), "a=explode");
  ::unsetenv("TARN_FAILPOINTS");
}

TEST(FileSystem, NamesAreExclusiveAndReplacementIsAtomic) {
  const std::string folder = ::testing::TempDir() + "tarn_base_fs";
  FileSystem& fs = PosixFileSystem();
  ASSERT_TRUE(fs.RemoveTree(folder).ok());
  ASSERT_TRUE(fs.CreateDirectories(folder).ok());
  EXPECT_TRUE(fs.OpenForRead(folder + "/none").Is(ErrorCode::kNotFound));
  ASSERT_TRUE(WriteFileDurably(fs, folder + "/a", "one").ok());
  ASSERT_TRUE(WriteFileDurably(fs, folder + "/a", "two").ok());
  EXPECT_EQ(*ReadFile(fs, folder + "/a"), "two");
  EXPECT_TRUE(fs.CreateExclusive(folder + "/a").Is(ErrorCode::kAlreadyExists));
  ASSERT_TRUE(WriteFileDurably(fs, folder + "/b", "b").ok());
  EXPECT_TRUE(fs.Link(folder + "/a", folder + "/b").Is(ErrorCode::kAlreadyExists));
  EXPECT_EQ(fs.List(folder)->size(), 2u);
  EXPECT_TRUE(ReadFile(fs, folder + "/a", 2).Is(ErrorCode::kResourceExhausted));
  ASSERT_TRUE(fs.RemoveTree(folder).ok());
}

TEST(Metrics, TheSameNameAndLabelsAreTheSameMetric) {
  auto metrics = MakeMetrics();
  metrics->GetCounter("x_total", "help", {{"topic", "a"}}).Add(2);
  metrics->GetCounter("x_total", "help", {{"topic", "a"}}).Add(1);
  EXPECT_NE(metrics->ExportText().find("x_total{topic=\"a\"} 3"), std::string::npos);
  Histogram& latency = metrics->GetHistogram("l_seconds", "help", LatencyBuckets());
  for (int i = 1; i <= 100; ++i) latency.Observe(i / 1000.0);
  EXPECT_NEAR(latency.Quantile(0.5), 0.05, 0.02);
}

TEST(Metrics, TheExportIsPrometheusText) {
  auto metrics = MakeMetrics();
  metrics->GetGauge("lag", "how far behind", {{"topic", "a\"b\\c\nd"}, {"partition", "0"}}).Set(-1.5);
  Gauge& same = metrics->GetGauge("lag", "how far behind", {{"partition", "0"}, {"topic", "a\"b\\c\nd"}});
  same.Add(1);
  EXPECT_EQ(same.Value(), -0.5);
  Histogram& sizes = metrics->GetHistogram("size_bytes", "sizes", {1, 10});
  for (const double size : {0.5, 1.0, 5.0, 100.0}) sizes.Observe(size);
  EXPECT_EQ(metrics->ExportText(),
            "# HELP lag how far behind\n# TYPE lag gauge\n"
            "lag{partition=\"0\",topic=\"a\\\"b\\\\c\\nd\"} -0.5\n"
            "# HELP size_bytes sizes\n# TYPE size_bytes histogram\n"
            "size_bytes_count 4\nsize_bytes_sum 106.5\nsize_bytes_bucket{le=\"1\"} 2\nsize_bytes_bucket{le=\"10\"} 3\n"
            "size_bytes_bucket{le=\"+Inf\"} 4\n");
}

TEST(Metrics, QuantilesAtTheEdges) {
  auto metrics = MakeMetrics();
  Histogram& histogram = metrics->GetHistogram("h_seconds", "help", {1, 2});
  EXPECT_EQ(histogram.Quantile(0.99), 0);
  histogram.Observe(100);
  EXPECT_EQ(histogram.Quantile(0.5), 2);  // beyond the last bound: at least that
  for (int i = 0; i < 99; ++i) histogram.Observe(0.5);
  EXPECT_LE(histogram.Quantile(0.5), 1);
  EXPECT_EQ(histogram.Quantile(1), 2);
}

}  // namespace
}  // namespace tarn
