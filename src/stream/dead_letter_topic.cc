#include "stream/dead_letter_topic.h"

#include <algorithm>

#include "base/failpoint.h"
#include "record/record_batch.h"
#include "stream/kafka/kafka_producer.h"

namespace tarn::stream {
namespace {

constexpr Micros kReadTimeout = 1'000'000;    // of one poll; the topic's end is known, so the records are there
constexpr int kEmptyPollsMax = 10;            // one after another, before the topic counts as gone
constexpr uint64_t kReadBytesMax = 4 << 20;   // of one poll
constexpr size_t kBatchBytesMax = 512 << 10;  // payload of one appended batch: below every broker's default limit

class NoDeadLetterTopic final : public DeadLetterTopic {
 public:
  Result<int64_t> End() override { return int64_t(0); }
  Result<std::set<LetterOrigin>> OriginsFrom(int64_t) override { return std::set<LetterOrigin>(); }
  Status Publish(const std::vector<DeadLetter>&) override { return Ok(); }
};

// What the two bodies share: reading the topic back.
class SourceBackedTopic : public DeadLetterTopic {
 public:
  explicit SourceBackedTopic(Source& source) : source_(source) {}

  Result<int64_t> End() override {
    TARN_ASSIGN_OR_RETURN(const PartitionRange range, Range());
    return range.end;
  }

  Result<std::set<LetterOrigin>> OriginsFrom(int64_t offset) override {
    TARN_ASSIGN_OR_RETURN(const PartitionRange range, Range());
    // A shorter topic is another one than the caller remembers; below its begin retention has been at work.
    int64_t next = offset > range.end ? range.begin : std::max(offset, range.begin);
    std::set<LetterOrigin> origins;
    if (next == range.end) return origins;
    TARN_TRY(source_.Seek(0, next));
    for (int empty_polls = 0; next < range.end;) {
      TARN_ASSIGN_OR_RETURN(const auto run, source_.Poll(kReadBytesMax, kReadTimeout));
      if (!run) {
        if (++empty_polls == kEmptyPollsMax)
          return Error(ErrorCode::kUnavailable, "the dead-letter topic ends at " + std::to_string(range.end) +
                                                    ", but nothing comes after " + std::to_string(next));
        continue;
      }
      empty_polls = 0;
      next = run->next_offset;
      for (const SourceRecord& record : run->records) {
        // Others may write to the topic, too: what is no letter of ours is nobody's origin.
        auto origin = DecodeLetterOrigin(record.value.value_or(""));
        if (origin.ok()) origins.insert(std::move(*origin));
      }
    }
    return origins;
  }

 private:
  Result<PartitionRange> Range() {
    TARN_ASSIGN_OR_RETURN(const auto partitions, source_.Partitions());
    const auto found = partitions.find(0);
    if (found == partitions.end()) return Error(ErrorCode::kNotFound, "the dead-letter topic has no partition 0");
    return found->second;
  }

  Source& source_;
};

class LogDeadLetterTopic final : public SourceBackedTopic {
 public:
  LogDeadLetterTopic(Source& source, AppendBatch append) : SourceBackedTopic(source), append_(std::move(append)) {}

  Status Publish(const std::vector<DeadLetter>& letters) override {
    for (size_t first = 0; first < letters.size();) {
      std::vector<std::string> values;
      for (size_t bytes = 0; first + values.size() < letters.size();) {
        std::string value = EncodeDeadLetter(letters[first + values.size()]);
        bytes += value.size();
        if (!values.empty() && bytes > kBatchBytesMax) break;
        values.push_back(std::move(value));
      }
      std::vector<record::NewRecord> records(values.size());
      for (size_t i = 0; i < values.size(); ++i) {
        const DeadLetter& letter = letters[first + i];
        records[i].timestamp_ms = letter.failed_at / 1000;
        if (letter.key) records[i].key = *letter.key;
        records[i].value = values[i];
      }
      TARN_ASSIGN_OR_RETURN(std::string batch,
                            record::EncodeBatch(records, {.compression = record::Compression::kLz4}));
      TARN_FAILPOINT("stream.dead_letters.before_append");
      TARN_TRY(append_(std::move(batch)));
      first += values.size();
    }
    return Ok();
  }

 private:
  const AppendBatch append_;
};

class KafkaDeadLetterTopic final : public SourceBackedTopic {
 public:
  KafkaDeadLetterTopic(Source& source, kafka::KafkaProducer& producer, std::string topic)
      : SourceBackedTopic(source), producer_(producer), topic_(std::move(topic)) {}

  Status Publish(const std::vector<DeadLetter>& letters) override {
    Status produced;
    for (size_t i = 0; i < letters.size() && produced.ok(); ++i) produced = Produce(letters[i]);
    // Also after a failure: the fate of what was queued must be known before anybody reads the topic back.
    const Status flushed = producer_.Flush(kFlushTimeout);
    return produced.ok() ? flushed : produced;
  }

 private:
  // Beyond every delivery timeout: the producer itself gives up first.
  static constexpr Micros kFlushTimeout = 300'000'000;

  Status Produce(const DeadLetter& letter) {
    TARN_FAILPOINT("stream.dead_letters.before_append");
    const std::string value = EncodeDeadLetter(letter);
    kafka::KafkaRecord record{.topic = topic_, .partition = 0, .key = {}, .value = value, .headers = {}};
    if (letter.key) record.key = *letter.key;
    record.timestamp_ms = letter.failed_at / 1000;
    return producer_.Produce(record);
  }

  kafka::KafkaProducer& producer_;
  const std::string topic_;
};

}  // namespace

std::unique_ptr<DeadLetterTopic> MakeNoDeadLetterTopic() {
  return std::make_unique<NoDeadLetterTopic>();
}

std::unique_ptr<DeadLetterTopic> MakeLogDeadLetterTopic(Source& source, AppendBatch append) {
  return std::make_unique<LogDeadLetterTopic>(source, std::move(append));
}

std::unique_ptr<DeadLetterTopic> MakeKafkaDeadLetterTopic(Source& source, kafka::KafkaProducer& producer,
                                                          std::string topic) {
  return std::make_unique<KafkaDeadLetterTopic>(source, producer, std::move(topic));
}

}  // namespace tarn::stream
