#pragma once

#include <condition_variable>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/testing/faulty_file_system.h"
#include "broker/partition_log.h"
#include "record/record_batch.h"

#include <gtest/gtest.h>

// What tests of the partition log share: batches, waiting for answers, and a ledger of what was acknowledged.

namespace tarn::broker {

inline std::string MakeBatch(std::string_view value, int count = 1, const record::BatchOptions& options = {},
                             int64_t timestamp_ms = 1'700'000'000'000) {
  std::vector<record::NewRecord> records;
  for (int i = 0; i < count; ++i) records.push_back({.timestamp_ms = timestamp_ms + i, .value = value});
  return *record::EncodeBatch(records, options);
}

// Of an idempotent producer.
inline std::string ProducerBatch(int64_t producer_id, int16_t epoch, int32_t base_sequence, int count = 1) {
  return MakeBatch("v" + std::to_string(base_sequence), count,
                   {.producer_id = producer_id, .producer_epoch = epoch, .base_sequence = base_sequence});
}

inline std::future<Result<AppendOutcome>> AppendSoon(PartitionLog& log, std::string batches) {
  auto promise = std::make_shared<std::promise<Result<AppendOutcome>>>();
  auto future = promise->get_future();
  log.Append(std::move(batches), [promise](Result<AppendOutcome> outcome) { promise->set_value(std::move(outcome)); });
  return future;
}

inline Result<AppendOutcome> AppendNow(PartitionLog& log, std::string batches) {
  return AppendSoon(log, std::move(batches)).get();
}

// What was acknowledged, by base offset: the bytes behind the fields that a broker stamps.
class Ledger {
 public:
  void Add(Offset base_offset, std::string_view batch) {
    std::lock_guard lock(mutex_);
    batches_[base_offset] = std::string(batch.substr(kStamped));
  }

  // Every acknowledged batch at or after the log's start is there, unchanged, and the log's offsets rise without a gap.
  void Check(PartitionLog& log) const {
    std::lock_guard lock(mutex_);
    std::map<Offset, std::string> stored;
    Offset offset = log.log_start_offset();
    while (true) {
      const auto read = log.Read(offset, 1 << 16);
      ASSERT_TRUE(read.ok()) << read.error().ToString();
      if (read->bytes.empty()) break;
      std::string_view rest = read->bytes;
      while (!rest.empty()) {
        const auto header = record::ParseBatchHeader(rest);
        ASSERT_TRUE(header.ok());
        ASSERT_LE(header->total_size(), rest.size());
        ASSERT_TRUE(record::CheckBatch(rest.substr(0, header->total_size()), *header).ok());
        ASSERT_LE(header->base_offset, offset);
        ASSERT_GE(header->last_offset(), offset);
        stored[header->base_offset] = std::string(rest.substr(kStamped, header->total_size() - kStamped));
        offset = header->last_offset() + 1;
        rest.remove_prefix(header->total_size());
      }
      ASSERT_EQ(read->next_offset, offset);
    }
    ASSERT_EQ(offset, log.high_watermark());
    for (const auto& [base_offset, batch] : batches_) {
      if (base_offset < log.log_start_offset()) continue;
      ASSERT_TRUE(stored.contains(base_offset)) << "lost: the batch at offset " << base_offset;
      ASSERT_EQ(stored[base_offset], batch) << "changed: the batch at offset " << base_offset;
    }
  }

  void Clear() {
    std::lock_guard lock(mutex_);
    batches_.clear();
  }

  size_t size() const {
    std::lock_guard lock(mutex_);
    return batches_.size();
  }

 private:
  static constexpr size_t kStamped = 16;  // base offset, length, leader epoch
  mutable std::mutex mutex_;
  std::map<Offset, std::string> batches_;
};

// A log on a faulty disk and a clock of its own.
class LogTest : public ::testing::Test {
 protected:
  static constexpr const char* kFolder = "/data/t-0";

  void Open(const LogOptions& options = {}) {
    log_.reset();
    auto log = OpenPartitionLog(fs_, clock_, kFolder, options);
    ASSERT_TRUE(log.ok()) << log.error().ToString();
    log_ = std::move(*log);
  }
  // Appends and enters it in the ledger when it is acknowledged.
  Result<AppendOutcome> Append(const std::string& batch) {
    auto outcome = AppendNow(*log_, batch);
    if (outcome.ok()) ledger_.Add(outcome->base_offset, batch);
    return outcome;
  }
  Offset AppendOk(const std::string& batch) {
    const auto outcome = Append(batch);
    EXPECT_TRUE(outcome.ok()) << outcome.error().ToString();
    return outcome.ok() ? outcome->base_offset : -1;
  }
  std::vector<std::string> FilesEndingIn(std::string_view end) {
    std::vector<std::string> names;
    const auto files = fs_.List(kFolder);
    for (const FileInfo& file : *files)
      if (file.name.ends_with(end)) names.push_back(std::string(kFolder) + "/" + file.name);
    return names;
  }

  FaultyFileSystem fs_;
  FakeClock clock_;
  Ledger ledger_;
  std::unique_ptr<PartitionLog> log_;
};

}  // namespace tarn::broker
