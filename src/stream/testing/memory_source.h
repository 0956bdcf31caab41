#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "stream/dead_letter_topic.h"
#include "stream/source.h"

namespace tarn::stream::testing {

// A topic in memory, with faults on demand. Thread-safe; any number of sources may read it.
class MemoryTopic {
 public:
  explicit MemoryTopic(int partitions, std::string id = "11111111-2222-4333-8444-555555555555");

  // Returns the offset.
  int64_t Append(int partition, std::string value, int64_t timestamp_ms, std::optional<std::string> key = {});
  // Removes all records below `offset`, as retention does.
  void TruncateTo(int partition, int64_t offset);
  // Deletes the topic and creates it anew.
  void Recreate(std::string id);
  // kUnavailable from now on, or no longer.
  void SetUnavailable(bool unavailable);

  std::string id() const;
  std::map<int32_t, PartitionRange> Ranges() const;

 private:
  friend class MemorySource;
  struct Stored {
    std::string value;
    std::optional<std::string> key;
    int64_t timestamp_ms = 0;
  };
  struct Partition {
    int64_t begin = 0;
    std::deque<Stored> records;
  };
  mutable std::mutex mutex_;
  std::condition_variable appended_;
  std::string id_;
  std::vector<Partition> partitions_;
  bool unavailable_ = false;
};

class MemorySource final : public Source {
 public:
  explicit MemorySource(MemoryTopic& topic) : topic_(topic) {}
  Result<std::string> TopicId() override;
  Result<std::map<int32_t, PartitionRange>> Partitions() override;
  Status Seek(int32_t partition, int64_t offset) override;
  Result<std::optional<SourceRun>> Poll(uint64_t max_bytes, Micros timeout) override;

 private:
  MemoryTopic& topic_;
  std::map<int32_t, int64_t> positions_;
  int32_t last_ = -1;
};

// A dead-letter topic in memory, which outlives the streams that write to it. The failpoint
// "testing.dead_letter_topic.publish" fails a call after half of its letters were written. Thread-safe.
class MemoryDeadLetterTopic final : public DeadLetterTopic {
 public:
  Result<int64_t> End() override;
  Result<std::set<LetterOrigin>> OriginsFrom(int64_t offset) override;
  Status Publish(const std::vector<DeadLetter>& letters) override;
  std::vector<DeadLetter> letters() const;

 private:
  mutable std::mutex mutex_;
  std::vector<DeadLetter> letters_;
};

}  // namespace tarn::stream::testing
