#include <chrono>
#include <condition_variable>
#include <future>
#include <mutex>

#include "cli/event_log.h"
#include "stream/log_reader.h"

namespace tarn::cli {
namespace {

Error NoTopic(const std::string& name) {
  return Error(ErrorCode::kNotFound, "there is no topic " + name);
}

// One topic's partition logs as stream wants to read them.
class TopicLogReader final : public stream::LogReader {
 public:
  TopicLogReader(broker::Topics& topics, std::string name) : topics_(topics), name_(std::move(name)) {}

  Result<std::string> TopicId() override {
    TARN_ASSIGN_OR_RETURN(const auto topic, Find());
    return topic->id;
  }

  Result<std::map<int32_t, stream::PartitionRange>> Partitions() override {
    TARN_ASSIGN_OR_RETURN(const auto topic, Find());
    std::map<int32_t, stream::PartitionRange> ranges;
    for (size_t i = 0; i < topic->partitions.size(); ++i)
      ranges[int32_t(i)] = {.begin = topic->partitions[i]->log_start_offset(),
                            .end = topic->partitions[i]->high_watermark()};
    return ranges;
  }

  Result<std::string> Read(int32_t partition, int64_t offset, uint64_t max_bytes) override {
    TARN_ASSIGN_OR_RETURN(const auto topic, Find());
    if (partition < 0 || size_t(partition) >= topic->partitions.size())
      return Error(ErrorCode::kNotFound, "topic " + name_ + " has no partition " + std::to_string(partition));
    TARN_ASSIGN_OR_RETURN(broker::FetchedBatches fetched,
                          topic->partitions[size_t(partition)]->Read(offset, max_bytes));
    return std::move(fetched.bytes);
  }

  void WaitForData(const std::map<int32_t, int64_t>& positions, Micros timeout) override {
    // Shared with the log's threads: a wake that was under way when the wait is cancelled still finds it.
    struct Wait {
      std::mutex mutex;
      std::condition_variable changed;
      bool woken = false;
    };
    const auto wait = std::make_shared<Wait>();
    const auto topic = topics_.Find(name_);
    std::vector<std::pair<std::shared_ptr<broker::PartitionLog>, uint64_t>> tokens;
    for (const auto& [partition, offset] : positions) {
      if (!topic || partition < 0 || size_t(partition) >= topic->partitions.size()) continue;
      const auto& log = topic->partitions[size_t(partition)];
      tokens.emplace_back(log, log->WaitForData(offset, [wait] {
        std::lock_guard lock(wait->mutex);
        wait->woken = true;
        wait->changed.notify_all();
      }));
    }
    {
      std::unique_lock lock(wait->mutex);
      wait->changed.wait_for(lock, std::chrono::microseconds(timeout), [&] { return wait->woken; });
    }
    for (const auto& [log, token] : tokens) log->CancelWait(token);
  }

 private:
  Result<std::shared_ptr<const broker::Topic>> Find() const {
    auto topic = topics_.Find(name_);
    if (!topic) return NoTopic(name_);
    return topic;
  }

  broker::Topics& topics_;
  const std::string name_;
};

// A source that owns the reader under it.
class OwningSource final : public stream::Source {
 public:
  explicit OwningSource(std::unique_ptr<stream::LogReader> reader)
      : reader_(std::move(reader)), source_(stream::MakeEmbeddedSource(*reader_)) {}

  Result<std::string> TopicId() override { return source_->TopicId(); }
  Result<std::map<int32_t, stream::PartitionRange>> Partitions() override { return source_->Partitions(); }
  Status Seek(int32_t partition, int64_t offset) override { return source_->Seek(partition, offset); }
  Result<std::optional<stream::SourceRun>> Poll(uint64_t max_bytes, Micros timeout) override {
    return source_->Poll(max_bytes, timeout);
  }

 private:
  const std::unique_ptr<stream::LogReader> reader_;
  const std::unique_ptr<stream::Source> source_;
};

class OwningDeadLetterTopic final : public stream::DeadLetterTopic {
 public:
  OwningDeadLetterTopic(std::unique_ptr<stream::Source> source, stream::AppendBatch append)
      : source_(std::move(source)), topic_(stream::MakeLogDeadLetterTopic(*source_, std::move(append))) {}

  Result<int64_t> End() override { return topic_->End(); }
  Result<std::set<stream::LetterOrigin>> OriginsFrom(int64_t offset) override { return topic_->OriginsFrom(offset); }
  Status Publish(const std::vector<stream::DeadLetter>& letters) override { return topic_->Publish(letters); }

 private:
  const std::unique_ptr<stream::Source> source_;
  const std::unique_ptr<stream::DeadLetterTopic> topic_;
};

// Appends to partition 0 and waits until it is durable.
Status AppendDurably(broker::Topics& topics, const std::string& name, std::string batch) {
  const auto topic = topics.Find(name);
  if (!topic || topic->partitions.empty()) return NoTopic(name);
  std::promise<Status> done;
  topic->partitions[0]->Append(std::move(batch),
                               [&done](Result<broker::AppendOutcome> outcome) { done.set_value(outcome.status()); });
  return done.get_future().get();
}

class EmbeddedLog final : public EventLog {
 public:
  EmbeddedLog(std::unique_ptr<broker::Broker> broker, std::string address)
      : broker_(std::move(broker)), address_(std::move(address)) {}
  ~EmbeddedLog() override { Stop(); }

  bool embedded() const override { return true; }
  std::string address() const override { return address_; }

  Status EnsureTopics(const std::vector<TopicSpec>& topics) override {
    for (const TopicSpec& topic : topics) {
      if (broker_->topics().Find(topic.name)) continue;
      const auto created =
          broker_->topics().Create({.name = topic.name, .partitions = topic.partitions, .config = topic.config});
      if (!created.ok() && !created.Is(ErrorCode::kAlreadyExists))
        return Error(created.error()).WithContext("creating topic " + topic.name);
    }
    return Ok();
  }

  Result<std::unique_ptr<stream::Source>> OpenSource(const std::string& topic) override {
    return std::unique_ptr<stream::Source>(
        std::make_unique<OwningSource>(std::make_unique<TopicLogReader>(broker_->topics(), topic)));
  }

  Result<std::unique_ptr<stream::DeadLetterTopic>> OpenDeadLetterTopic(const std::string& topic) override {
    TARN_ASSIGN_OR_RETURN(auto source, OpenSource(topic));
    return std::unique_ptr<stream::DeadLetterTopic>(std::make_unique<OwningDeadLetterTopic>(
        std::move(source),
        [this, topic](std::string batch) { return AppendDurably(broker_->topics(), topic, std::move(batch)); }));
  }

  std::string Problem() override { return broker_->Problem(); }
  void Stop() override { broker_->Stop(); }

 private:
  const std::unique_ptr<broker::Broker> broker_;
  const std::string address_;
};

}  // namespace

Result<std::unique_ptr<EventLog>> StartEmbeddedLog(broker::BrokerOptions options,
                                                   broker::BrokerDependencies dependencies) {
  const std::string host = options.address;
  TARN_ASSIGN_OR_RETURN(auto broker, broker::Broker::Start(std::move(options), dependencies));
  const std::string address = host + ":" + std::to_string(broker->port());
  return std::unique_ptr<EventLog>(std::make_unique<EmbeddedLog>(std::move(broker), address));
}

}  // namespace tarn::cli
