#include "stream/testing/memory_log.h"

#include <chrono>

#include "record/record_batch.h"

namespace tarn::stream::testing {

void MemoryLog::Append(int32_t partition, std::string batch, int64_t gap) {
  int64_t base = 0;
  {
    const std::lock_guard lock(mutex_);
    base = partitions_[size_t(partition)].range.end + gap;
  }
  record::StampBatch(batch.data(), base, 0);
  const auto header = record::ParseBatchHeader(batch);
  TARN_CHECK(header.ok());
  AppendRaw(partition, std::move(batch), base, header->last_offset());
}

void MemoryLog::AppendRaw(int32_t partition, std::string bytes, int64_t first, int64_t last) {
  const std::lock_guard lock(mutex_);
  Partition& log = partitions_[size_t(partition)];
  log.batches.push_back({first, last, std::move(bytes)});
  log.range.end = last + 1;
  changed_.notify_all();
}

void MemoryLog::DeleteBefore(int32_t partition, int64_t offset) {
  const std::lock_guard lock(mutex_);
  Partition& log = partitions_[size_t(partition)];
  std::erase_if(log.batches, [&](const Batch& batch) { return batch.last < offset; });
  log.range.begin = offset;
}

void MemoryLog::SetStopped(bool stopped) {
  const std::lock_guard lock(mutex_);
  stopped_ = stopped;
}

uint64_t MemoryLog::reads() const {
  const std::lock_guard lock(mutex_);
  return reads_;
}

Result<std::map<int32_t, PartitionRange>> MemoryLog::Partitions() {
  const std::lock_guard lock(mutex_);
  if (stopped_) return Error(ErrorCode::kUnavailable, "the log is stopped");
  std::map<int32_t, PartitionRange> ranges;
  for (size_t i = 0; i < partitions_.size(); ++i) ranges[int32_t(i)] = partitions_[i].range;
  return ranges;
}

Result<std::string> MemoryLog::Read(int32_t partition, int64_t offset, uint64_t max_bytes) {
  const std::lock_guard lock(mutex_);
  ++reads_;
  if (stopped_) return Error(ErrorCode::kUnavailable, "the log is stopped");
  const Partition& log = partitions_[size_t(partition)];
  if (offset < log.range.begin || offset > log.range.end)
    return Error(ErrorCode::kOutOfRange, "no offset " + std::to_string(offset));
  std::string bytes;
  for (const Batch& batch : log.batches) {
    if (batch.last < offset) continue;
    if (!bytes.empty() && bytes.size() + batch.bytes.size() > max_bytes) break;
    bytes += batch.bytes;
  }
  return bytes;
}

void MemoryLog::WaitForData(const std::map<int32_t, int64_t>& positions, Micros timeout) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::microseconds(timeout), [&] {
    for (const auto& [partition, position] : positions)
      if (partitions_[size_t(partition)].range.end > position) return true;
    return false;
  });
}

}  // namespace tarn::stream::testing
