#include "cli/project_file.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace tarn::cli {
namespace {

constexpr char kGood[] = R"(name: shop
topics:
  events: {partitions: 3, config: {retention.ms: 1000}}
streams:
  silver:
    topic: events
    table: events
    columns:
      id: string not null
      at: timestamp not null
      where: map<string, int>
    deduplicate_by: id
    event_time: at
    commit_interval: 250ms
    allowed_lateness: 2d
generators:
  web: {topic: events, rate: 5}
memory: 512MB
)";

std::string ErrorOf(const std::string& text) {
  const auto project = ParseProjectFile(text, "tarn.yml", ".");
  return project.ok() ? "" : project.error().ToString();
}

// kGood with one text replaced.
std::string With(const std::string& from, const std::string& to) {
  std::string text = kGood;
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(ProjectFile, ReadsEveryPart) {
  const auto project = ParseProjectFile(kGood, "tarn.yml", ".");
  ASSERT_TRUE(project.ok()) << project.error().ToString();
  EXPECT_EQ(project->name_space, "shop");
  EXPECT_EQ(project->kafka, "");
  EXPECT_EQ(project->memory_bytes, 512'000'000u);
  ASSERT_EQ(project->topics.size(), 1u);
  EXPECT_EQ(project->topics[0].partitions, 3);
  EXPECT_EQ(project->topics[0].config.at("retention.ms"), "1000");
  ASSERT_EQ(project->streams.size(), 1u);
  const StreamSpec& stream = project->streams[0];
  EXPECT_EQ(stream.options.name, "silver");
  EXPECT_EQ(stream.options.input.fields.size(), 3u);
  EXPECT_FALSE(stream.options.input.fields[0].nullable);
  EXPECT_EQ(stream.options.commit_interval, 250'000);
  EXPECT_EQ(stream.options.allowed_lateness, 2 * 86'400'000'000);
  EXPECT_EQ(stream.dead_letter_table, "events_errors");
  ASSERT_EQ(project->generators.size(), 1u);
  EXPECT_EQ(project->generators[0].rate, 5);
}

TEST(ProjectFile, TheExampleIsRight) {
  const char* source = std::getenv("TARN_SOURCE_DIR");
  ASSERT_NE(source, nullptr);
  const auto project = LoadProjectFile(PosixFileSystem(), std::string(source) + "/examples/clickstream");
  ASSERT_TRUE(project.ok()) << project.error().ToString();
  EXPECT_EQ(project->streams.at(0).options.input.fields.size(), 18u);
  EXPECT_EQ(project->streams.at(0).table, "clickstream_events_delta");
}

TEST(ProjectFile, AWrongKeyNamesItsPlaceAndTheNearest) {
  EXPECT_EQ(ErrorOf(With("memory:", "memroy:")), "tarn.yml:18:1: the file has no key 'memroy'; did you mean 'memory'?");
  EXPECT_EQ(ErrorOf(With("commit_interval", "comit_interval")),
            "tarn.yml:14:5: stream silver has no key 'comit_interval'; did you mean 'commit_interval'?");
}

TEST(ProjectFile, AWrongValueSaysWhatIsExpected) {
  EXPECT_EQ(ErrorOf(With("250ms", "fast")),
            "tarn.yml:14:22: commit_interval: 'fast' is not a duration like 500ms, 10s, 5m, 2h or 7d");
  EXPECT_EQ(ErrorOf(With("512MB", "lots")), "tarn.yml:18:9: memory: 'lots' is not a size like 256MB, 64KiB or 1GB");
  EXPECT_EQ(ErrorOf(With("string not null", "strng")),
            "tarn.yml:9:11: column id: unknown type 'strng'; did you mean 'string'? at character 1 of 'strng'");
  EXPECT_EQ(ErrorOf(With("partitions: 3", "partitions: 0")),
            "tarn.yml:3:24: partitions: '0' must be a whole number from 1 to 10000");
}

TEST(ProjectFile, ANameMustBeDeclared) {
  EXPECT_EQ(ErrorOf(With("    topic: events", "    topic: event")),
            "tarn.yml:6:12: topic 'event' is not declared under topics; did you mean 'events'?");
  EXPECT_EQ(ErrorOf(With("event_time: at", "event_time: att")),
            "tarn.yml:13:17: event_time: no column 'att' in columns; did you mean 'at'?");
}

TEST(ProjectFile, WhatIsMissing) {
  EXPECT_EQ(ErrorOf("topics: {}\n"), "tarn.yml:1:1: the file needs the key 'name'");
  EXPECT_EQ(ErrorOf(With("    table: events\n", "")), "tarn.yml:6:5: stream silver needs the key 'table'");
}

TEST(ProjectFile, AnotherKafka) {
  const auto project = ParseProjectFile("name: shop\nbroker: kafka://kafka.example.com:9092\n", "tarn.yml", ".");
  ASSERT_TRUE(project.ok());
  EXPECT_EQ(project->kafka, "kafka.example.com:9092");
  EXPECT_EQ(ErrorOf("name: shop\nbroker: kafka.example.com\n"),
            "tarn.yml:2:9: broker: 'kafka.example.com' must be embedded or kafka://host:port[,host:port…]");
}

}  // namespace
}  // namespace tarn::cli
