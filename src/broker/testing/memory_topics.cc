#include "broker/testing/memory_topics.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "record/record_batch.h"

namespace tarn::broker {
namespace {

class MemoryLog final : public PartitionLog {
 public:
  void Append(std::string batches, AppendDone done) override {
    std::vector<std::function<void()>> woken;
    AppendOutcome outcome;
    {
      std::lock_guard lock(mutex_);
      outcome.base_offset = end_;
      outcome.log_start_offset = start_;
      for (std::string_view rest = batches; !rest.empty();) {
        const auto header = record::ParseBatchHeader(rest);
        if (!header.ok() || header.value().total_size() > rest.size())
          return done(Error(ErrorCode::kCorruption, "not a record batch"));
        std::string batch(rest.substr(0, header.value().total_size()));
        rest.remove_prefix(batch.size());
        record::StampBatch(batch.data(), end_, 0);
        batches_.emplace_back(end_, std::move(batch));
        end_ += header.value().last_offset_delta + 1;
      }
      for (auto it = waits_.begin(); it != waits_.end();) {
        if (it->second.first >= end_) {
          ++it;
          continue;
        }
        woken.push_back(std::move(it->second.second));
        it = waits_.erase(it);
      }
    }
    done(outcome);
    for (auto& wake : woken) wake();
  }

  Result<FetchedBatches> Read(Offset offset, uint64_t max_bytes) override {
    std::lock_guard lock(mutex_);
    if (offset < start_ || offset > end_) return Error(ErrorCode::kOutOfRange, "offset " + std::to_string(offset));
    FetchedBatches fetched{.bytes = "",
                           .next_offset = offset,
                           .high_watermark = end_,
                           .last_stable_offset = end_,
                           .log_start_offset = start_};
    for (size_t i = 0; i < batches_.size(); ++i) {
      const Offset next = i + 1 < batches_.size() ? batches_[i + 1].first : end_;
      if (next <= offset) continue;
      if (!fetched.bytes.empty() && fetched.bytes.size() + batches_[i].second.size() > max_bytes) break;
      fetched.bytes += batches_[i].second;
      fetched.next_offset = next;
    }
    return fetched;
  }

  Offset log_start_offset() const override {
    std::lock_guard lock(mutex_);
    return start_;
  }
  Offset high_watermark() const override {
    std::lock_guard lock(mutex_);
    return end_;
  }
  uint64_t size_bytes() const override {
    std::lock_guard lock(mutex_);
    uint64_t size = 0;
    for (const auto& [offset, batch] : batches_) size += batch.size();
    return size;
  }

  Result<TimestampAndOffset> FindTimestamp(int64_t timestamp_ms) override {
    std::lock_guard lock(mutex_);
    for (const auto& [offset, batch] : batches_) {
      TARN_ASSIGN_OR_RETURN(const auto header, record::ParseBatchHeader(batch));
      if (header.max_timestamp >= timestamp_ms)
        return TimestampAndOffset{.timestamp_ms = header.max_timestamp, .offset = offset};
    }
    return TimestampAndOffset{};
  }
  Result<TimestampAndOffset> MaxTimestamp() override {
    std::lock_guard lock(mutex_);
    TimestampAndOffset best;
    for (const auto& [offset, batch] : batches_) {
      TARN_ASSIGN_OR_RETURN(const auto header, record::ParseBatchHeader(batch));
      if (header.max_timestamp > best.timestamp_ms) best = {.timestamp_ms = header.max_timestamp, .offset = offset};
    }
    return best;
  }

  uint64_t WaitForData(Offset offset, std::function<void()> wake) override {
    {
      std::lock_guard lock(mutex_);
      if (end_ <= offset) {
        waits_[++last_wait_] = {offset, std::move(wake)};
        return last_wait_;
      }
    }
    wake();
    return 0;
  }
  void CancelWait(uint64_t token) override {
    std::lock_guard lock(mutex_);
    waits_.erase(token);
  }

  std::string Problem() const override { return ""; }
  Status ApplyRetention() override { return Ok(); }
  Status DeleteRecordsBefore(Offset offset) override {
    std::lock_guard lock(mutex_);
    if (offset < start_ || offset > end_) return Error(ErrorCode::kOutOfRange, "offset " + std::to_string(offset));
    start_ = offset;
    return Ok();
  }
  void SetOptions(const LogOptions&) override {}
  Status Close() override { return Ok(); }

 private:
  mutable std::mutex mutex_;
  Offset start_ = 0;
  Offset end_ = 0;
  std::vector<std::pair<Offset, std::string>> batches_;
  std::map<uint64_t, std::pair<Offset, std::function<void()>>> waits_;
  uint64_t last_wait_ = 0;
};

class MemoryTopics final : public Topics {
 public:
  explicit MemoryTopics(Random random) : random_(random) {}

  Result<std::shared_ptr<const Topic>> Create(const NewTopic& topic) override {
    std::lock_guard lock(mutex_);
    if (topic.name.empty() || topic.name.find('/') != std::string::npos)
      return Error(ErrorCode::kInvalidArgument, "bad topic name: " + topic.name);
    if (topic.partitions < 1 || topic.partitions > 1000)
      return Error(ErrorCode::kInvalidArgument, "bad partition count");
    if (topics_.contains(topic.name)) return Error(ErrorCode::kAlreadyExists, topic.name);
    auto made = std::make_shared<Topic>(
        Topic{.name = topic.name, .id = MakeUuid(random_), .config = topic.config, .partitions = {}});
    for (int32_t i = 0; i < topic.partitions; ++i) made->partitions.push_back(std::make_shared<MemoryLog>());
    topics_[topic.name] = made;
    return std::shared_ptr<const Topic>(made);
  }
  Status Delete(const std::string& name) override {
    std::lock_guard lock(mutex_);
    return topics_.erase(name) > 0 ? Ok() : Status(Error(ErrorCode::kNotFound, "no topic " + name));
  }
  Status AddPartitions(const std::string& name, int32_t count) override {
    if (count > 1000) return Error(ErrorCode::kInvalidArgument, "bad partition count");
    return Change(name, [count](Topic& topic) {
      while (topic.partitions.size() < size_t(count)) topic.partitions.push_back(std::make_shared<MemoryLog>());
    });
  }
  Status SetConfig(const std::string& name, const std::map<std::string, std::string>& config) override {
    return Change(name, [&config](Topic& topic) { topic.config = config; });
  }
  std::shared_ptr<const Topic> Find(const std::string& name) const override {
    std::lock_guard lock(mutex_);
    const auto found = topics_.find(name);
    return found == topics_.end() ? nullptr : found->second;
  }
  std::vector<std::shared_ptr<const Topic>> List() const override {
    std::lock_guard lock(mutex_);
    std::vector<std::shared_ptr<const Topic>> list;
    for (const auto& [name, topic] : topics_) list.push_back(topic);
    return list;
  }
  void ApplyRetention() override {}
  Status Close() override { return Ok(); }

 private:
  Status Change(const std::string& name, const std::function<void(Topic&)>& change) {
    std::lock_guard lock(mutex_);
    const auto found = topics_.find(name);
    if (found == topics_.end()) return Error(ErrorCode::kNotFound, "no topic " + name);
    auto next = std::make_shared<Topic>(*found->second);
    change(*next);
    found->second = std::move(next);
    return Ok();
  }

  mutable std::mutex mutex_;
  Random random_;
  std::map<std::string, std::shared_ptr<const Topic>> topics_;
};

}  // namespace

std::unique_ptr<Topics> MakeMemoryTopics(Random random) {
  return std::make_unique<MemoryTopics>(random);
}

}  // namespace tarn::broker
