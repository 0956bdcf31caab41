#include "stream/testing/memory_source.h"

#include <chrono>

#include "base/failpoint.h"

namespace tarn::stream::testing {

MemoryTopic::MemoryTopic(int partitions, std::string id) : id_(std::move(id)), partitions_(size_t(partitions)) {}

int64_t MemoryTopic::Append(int partition, std::string value, int64_t timestamp_ms, std::optional<std::string> key) {
  std::lock_guard lock(mutex_);
  Partition& target = partitions_[size_t(partition)];
  target.records.push_back({std::move(value), std::move(key), timestamp_ms});
  appended_.notify_all();
  return target.begin + int64_t(target.records.size()) - 1;
}

void MemoryTopic::TruncateTo(int partition, int64_t offset) {
  std::lock_guard lock(mutex_);
  Partition& target = partitions_[size_t(partition)];
  for (; target.begin < offset && !target.records.empty(); ++target.begin) target.records.pop_front();
}

void MemoryTopic::Recreate(std::string id) {
  std::lock_guard lock(mutex_);
  id_ = std::move(id);
  partitions_ = std::vector<Partition>(partitions_.size());
}

void MemoryTopic::SetUnavailable(bool unavailable) {
  std::lock_guard lock(mutex_);
  unavailable_ = unavailable;
  appended_.notify_all();
}

std::string MemoryTopic::id() const {
  std::lock_guard lock(mutex_);
  return id_;
}

std::map<int32_t, PartitionRange> MemoryTopic::Ranges() const {
  std::lock_guard lock(mutex_);
  std::map<int32_t, PartitionRange> ranges;
  for (size_t i = 0; i < partitions_.size(); ++i)
    ranges[int32_t(i)] = {partitions_[i].begin, partitions_[i].begin + int64_t(partitions_[i].records.size())};
  return ranges;
}

namespace {
Error Unavailable() {
  return Error(ErrorCode::kUnavailable, "the topic in memory is unavailable");
}
}  // namespace

Result<std::string> MemorySource::TopicId() {
  std::lock_guard lock(topic_.mutex_);
  if (topic_.unavailable_) return Unavailable();
  return topic_.id_;
}

Result<std::map<int32_t, PartitionRange>> MemorySource::Partitions() {
  {
    std::lock_guard lock(topic_.mutex_);
    if (topic_.unavailable_) return Unavailable();
  }
  return topic_.Ranges();
}

Status MemorySource::Seek(int32_t partition, int64_t offset) {
  positions_[partition] = offset;
  return Ok();
}

Result<std::optional<SourceRun>> MemorySource::Poll(uint64_t max_bytes, Micros timeout) {
  std::unique_lock lock(topic_.mutex_);
  // The next sought partition with records, beginning after the last one served.
  const auto next = [&]() -> std::optional<int32_t> {
    for (int turn = 0; turn < 2; ++turn)
      for (const auto& [partition, offset] : positions_) {
        if ((turn == 0) != (partition > last_)) continue;
        const auto& source = topic_.partitions_[size_t(partition)];
        if (offset < source.begin || offset != source.begin + int64_t(source.records.size())) return partition;
      }
    return std::nullopt;
  };
  if (!topic_.unavailable_ && !next()) topic_.appended_.wait_for(lock, std::chrono::microseconds(timeout));
  if (topic_.unavailable_) return Unavailable();
  const auto partition = next();
  if (!partition) return std::optional<SourceRun>();
  last_ = *partition;
  auto& source = topic_.partitions_[size_t(*partition)];
  int64_t& position = positions_[*partition];
  const int64_t end = source.begin + int64_t(source.records.size());
  if (position < source.begin || position > end)
    return Error(ErrorCode::kOutOfRange,
                 "offset " + std::to_string(position) + " of partition " + std::to_string(*partition));
  // All bytes first, for views into the buffer move with it.
  auto buffer = std::make_shared<std::string>();
  SourceRun run{.partition = *partition};
  int64_t last = position;
  for (; last < end && (last == position || buffer->size() < max_bytes); ++last) {
    const auto& record = source.records[size_t(last - source.begin)];
    *buffer += record.key.value_or("") + record.value;
  }
  buffer->reserve(buffer->size() + 64);
  const char* at = buffer->data();
  for (int64_t offset = position; offset < last; ++offset) {
    const auto& record = source.records[size_t(offset - source.begin)];
    SourceRecord& out = run.records.emplace_back(SourceRecord{.offset = offset, .timestamp_ms = record.timestamp_ms});
    if (record.key) out.key = std::string_view(at, record.key->size());
    at += record.key ? record.key->size() : 0;
    out.value = std::string_view(at, record.value.size());
    at += record.value.size();
  }
  run.next_offset = position = last;
  run.bytes = buffer->size();
  run.buffers.push_back(std::move(buffer));
  return std::optional<SourceRun>(std::move(run));
}

Result<int64_t> MemoryDeadLetterTopic::End() {
  std::lock_guard lock(mutex_);
  return int64_t(letters_.size());
}

Result<std::set<LetterOrigin>> MemoryDeadLetterTopic::OriginsFrom(int64_t offset) {
  std::lock_guard lock(mutex_);
  std::set<LetterOrigin> origins;
  for (size_t i = size_t(offset); i < letters_.size(); ++i)
    origins.insert({letters_[i].topic, letters_[i].partition, letters_[i].offset});
  return origins;
}

Status MemoryDeadLetterTopic::Publish(const std::vector<DeadLetter>& letters) {
  const Status fault = PassFailpoint("testing.dead_letter_topic.publish");
  std::lock_guard lock(mutex_);
  const size_t count = fault.ok() ? letters.size() : letters.size() / 2;
  letters_.insert(letters_.end(), letters.begin(), letters.begin() + std::ptrdiff_t(count));
  return fault;
}

std::vector<DeadLetter> MemoryDeadLetterTopic::letters() const {
  std::lock_guard lock(mutex_);
  return letters_;
}

}  // namespace tarn::stream::testing
