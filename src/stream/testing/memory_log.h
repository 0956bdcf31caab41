#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "stream/log_reader.h"

namespace tarn::stream::testing {

// A log of record batches in memory, with faults on cue. Thread-safe.
class MemoryLog final : public LogReader {
 public:
  explicit MemoryLog(int partitions) : partitions_(size_t(partitions)) {}

  // Stamps the batch with the partition's next offset, after a gap of so many.
  void Append(int32_t partition, std::string batch, int64_t gap = 0);
  // Appends bytes as they are; offsets as the header says.
  void AppendRaw(int32_t partition, std::string bytes, int64_t first, int64_t last);
  // Forgets whole batches below `offset`.
  void DeleteBefore(int32_t partition, int64_t offset);
  void SetStopped(bool stopped);
  uint64_t reads() const;

  Result<std::string> TopicId() override { return std::string("0d2c4a6e-1f3b-4c5d-8e7f-a9b8c7d6e5f4"); }
  Result<std::map<int32_t, PartitionRange>> Partitions() override;
  Result<std::string> Read(int32_t partition, int64_t offset, uint64_t max_bytes) override;
  void WaitForData(const std::map<int32_t, int64_t>& positions, Micros timeout) override;

 private:
  struct Batch {
    int64_t first, last;
    std::string bytes;
  };
  struct Partition {
    std::vector<Batch> batches;
    PartitionRange range;
  };
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopped_ = false;
  uint64_t reads_ = 0;
  std::vector<Partition> partitions_;
};

}  // namespace tarn::stream::testing
