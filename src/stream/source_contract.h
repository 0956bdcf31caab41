#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "stream/source.h"

// What every source promises: the cases are in source_contract_test.cc. A body instantiates them with a world's
// factory:
//   INSTANTIATE_TEST_SUITE_P(Embedded, SourceContract, testing::Values(&MakeMyWorld));

namespace tarn::stream {

struct ProducedRecord {
  std::optional<std::string> key;
  std::optional<std::string> value;
  int64_t timestamp_ms = 1'700'000'000'000;
};

// A topic of three partitions and a source that reads it.
struct SourceWorld {
  virtual ~SourceWorld() = default;
  virtual Source& source() = 0;
  // Appends them, in one batch if the body has a say in it. codec: none, gzip, snappy, lz4, zstd.
  virtual void Produce(int32_t partition, const std::vector<ProducedRecord>& records, const std::string& codec) = 0;
  // Retention: the partition loses some of its first records and keeps some of its last.
  virtual void LoseTheBeginning(int32_t partition) = 0;
  virtual void GoAway() = 0;
  virtual void ComeBack() = 0;
};

class SourceContract : public testing::TestWithParam<std::unique_ptr<SourceWorld> (*)()> {
 protected:
  static constexpr uint64_t kMaxBytes = 1 << 20;
  static constexpr Micros kTimeout = 100'000;
  // Polls without a record, one after another, before a test gives up: half a minute.
  static constexpr int kPatience = 300;

  struct Read {
    std::map<int32_t, std::vector<std::pair<int64_t, std::string>>> records;  // offset, value
    std::map<int32_t, int64_t> next;
    size_t count = 0;
  };

  void Produce(int32_t partition, int first, int count, const std::string& codec = "none") {
    std::vector<ProducedRecord> records;
    for (int i = first; i < first + count; ++i) records.push_back({.key = {}, .value = "value " + std::to_string(i)});
    world_->Produce(partition, records, codec);
  }

  void Seek(const std::map<int32_t, int64_t>& offsets) {
    for (const auto& [partition, offset] : offsets) {
      const Status sought = source_.Seek(partition, offset);
      ASSERT_TRUE(sought.ok()) << sought.error().ToString();
    }
  }

  // Polls until `done` or patience ends; an unavailable source is asked again.
  Read PollUntil(const std::function<bool(const Read&)>& done, uint64_t max_bytes = kMaxBytes) {
    Read read;
    for (int idle = 0; idle < kPatience && !done(read); ++idle) {
      const auto run = source_.Poll(max_bytes, kTimeout);
      if (!run.ok()) {
        EXPECT_EQ(run.error().code(), ErrorCode::kUnavailable) << run.error().ToString();
        continue;
      }
      if (!*run) continue;
      idle = 0;
      Add(**run, read);
    }
    EXPECT_TRUE(done(read)) << read.count << " records read";
    return read;
  }
  Read PollCount(size_t count) {
    return PollUntil([count](const Read& read) { return read.count >= count; });
  }

  static void Add(const SourceRun& run, Read& read) {
    const auto next = read.next.find(run.partition);
    int64_t at = next == read.next.end() ? 0 : next->second;
    for (const SourceRecord& record : run.records) {
      EXPECT_GE(record.offset, at) << "offsets rise";
      at = record.offset + 1;
      read.records[run.partition].emplace_back(record.offset, record.value.value_or("(null)"));
    }
    EXPECT_GE(run.next_offset, at);
    read.next[run.partition] = run.next_offset;
    read.count += run.records.size();
  }

  // "value 0" at offset 0 and so on.
  static std::vector<std::pair<int64_t, std::string>> Values(int first, int end) {
    std::vector<std::pair<int64_t, std::string>> values;
    for (int i = first; i < end; ++i) values.emplace_back(i, "value " + std::to_string(i));
    return values;
  }

  std::unique_ptr<SourceWorld> world_ = GetParam()();
  Source& source_ = world_->source();
};

}  // namespace tarn::stream
