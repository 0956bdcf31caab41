#include "stream/kafka/kafka_source.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <span>

#include "stream/buffer_pool_internal.h"
#include "stream/kafka/rdkafka_internal.h"
#include "stream/kafka/topic_uuid.h"

// How runs come about: librdkafka fetches all sought partitions into one queue; a poll takes a batch of messages from
// it, sorts them by partition, and copies each partition's payloads into one buffer of our own, which makes one run.
//
//  1. Offsets are ours alone: no group, nothing is committed, and there is no reset. A partition whose position the
//  broker
//     does not have fails every poll until it is sought again.
//  2. A position also moves at the partition's end, past offsets without records (transaction markers): librdkafka
//     reports the end where it reaches it.
//  3. librdkafka retries for ever and tells little. When it has reported a lost broker, an empty poll asks the brokers
//     itself, and says kUnavailable until they answer.
//  4. Questions have a client of their own: on the reader's connection they would wait behind its long poll.

namespace tarn::stream::kafka {
namespace {

using RdTopic = std::unique_ptr<rd_kafka_topic_t, RdDeleter<rd_kafka_topic_destroy>>;
using RdMetadata = std::unique_ptr<const rd_kafka_metadata_t, RdDeleter<rd_kafka_metadata_destroy>>;

constexpr size_t kMessagesMax = 10'000;  // of one poll
constexpr uint64_t kIdleBytesMax = 16 << 20;
constexpr int kNudgeTimeoutMs = 10;
constexpr int kProbeTimeoutMs = 1'000;  // whether a broker answers again: a busy one needs its time

int ToMillis(Micros timeout) {
  return int(std::clamp<Micros>((timeout + 999) / 1000, 0, INT32_MAX));
}

class RdKafkaSource final : public Source {
 public:
  // `plain_bootstrap`: where the topic's UUID is asked for; empty where only librdkafka can speak to the brokers.
  RdKafkaSource(std::string topic, Micros request_timeout, std::string plain_bootstrap)
      : topic_name_(std::move(topic)),
        request_timeout_ms_(ToMillis(request_timeout)),
        plain_bootstrap_(std::move(plain_bootstrap)) {}

  ~RdKafkaSource() override {
    for (const auto& [id, partition] : sought_) rd_kafka_consume_stop(topic_.get(), id);
  }

  Status Open(RdConf conf) {
    RdConf of_questions(rd_kafka_conf_dup(conf.get()));
    TARN_ASSIGN_OR_RETURN(questions_, MakeClient(RD_KAFKA_CONSUMER, std::move(of_questions)));
    asked_topic_.reset(rd_kafka_topic_new(questions_.get(), topic_name_.c_str(), nullptr));
    rd_kafka_conf_set_opaque(conf.get(), this);
    rd_kafka_conf_set_error_cb(conf.get(), &RdKafkaSource::OnError);
    TARN_ASSIGN_OR_RETURN(client_, MakeClient(RD_KAFKA_CONSUMER, std::move(conf)));
    queue_.reset(rd_kafka_queue_new(client_.get()));
    topic_.reset(rd_kafka_topic_new(client_.get(), topic_name_.c_str(), nullptr));
    if (!topic_ || !asked_topic_) return ToError(rd_kafka_last_error()).WithContext("topic " + topic_name_);
    return Ok();
  }

  Result<std::string> TopicId() override;
  Result<std::map<int32_t, PartitionRange>> Partitions() override { return AskPartitions(request_timeout_ms_); }
  Status Seek(int32_t partition, int64_t offset) override;
  Result<std::optional<SourceRun>> Poll(uint64_t max_bytes, Micros timeout) override;

 private:
  struct Partition {
    int64_t position = 0;
    bool at_end = false;  // librdkafka reported the end, and nothing came since
    Status lost;          // the broker does not have the position
  };
  using Messages = std::vector<RdMessage>;

  static void OnError(rd_kafka_t*, int code, const char*, void* source) {
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || code == RD_KAFKA_RESP_ERR__TRANSPORT ||
        code == RD_KAFKA_RESP_ERR__RESOLVE || code == RD_KAFKA_RESP_ERR__AUTHENTICATION)
      static_cast<RdKafkaSource*>(source)->broker_lost_ = true;
  }

  std::string Where(int32_t id) const { return "topic " + topic_name_ + ", partition " + std::to_string(id); }
  Result<std::map<int32_t, PartitionRange>> AskPartitions(int timeout_ms);
  // `which`: RD_KAFKA_OFFSET_BEGINNING or …_END.
  Result<std::map<int32_t, int64_t>> AskOffsets(const std::vector<int32_t>& ids, int64_t which, int timeout_ms);
  Result<std::map<int32_t, PartitionRange>> AskRanges(const std::vector<int32_t>& ids, int timeout_ms);
  Messages Take(uint64_t max_bytes, Micros timeout);
  void Nudge();
  Status Probe();
  Status Sort(Messages messages);
  Status Fail(Partition& partition, const rd_kafka_message_t& message);
  void MakeRun(int32_t id, Partition& partition, const std::vector<const rd_kafka_message_t*>& messages);

  const std::string topic_name_;
  const int request_timeout_ms_;
  const std::string plain_bootstrap_;
  std::atomic<bool> broker_lost_{false};
  RdKafka questions_;
  RdTopic asked_topic_;
  RdKafka client_;
  RdQueue queue_;
  RdTopic topic_;
  std::map<int32_t, Partition> sought_;
  std::deque<SourceRun> ready_;    // of one batch of messages: at most one a partition
  uint64_t message_bytes_ = 1000;  // of one message, on average lately
  BufferPool pool_{kIdleBytesMax};
};

Result<std::string> RdKafkaSource::TopicId() {
  const std::unique_ptr<char, RdDeleter<[](char* text) { free(text); }>> id(
      rd_kafka_clusterid(questions_.get(), request_timeout_ms_));
  if (!id) return Error(ErrorCode::kUnavailable, "no broker told the cluster's id");
  const std::string named = std::string(id.get()) + "/" + topic_name_;
  if (plain_bootstrap_.empty()) return named;
  TARN_ASSIGN_OR_RETURN(const auto uuid,
                        AskTopicUuid(plain_bootstrap_, topic_name_, Micros(request_timeout_ms_) * 1000));
  return uuid ? named + "/" + *uuid : named;
}

Result<std::map<int32_t, PartitionRange>> RdKafkaSource::AskPartitions(int timeout_ms) {
  const rd_kafka_metadata_t* answer = nullptr;
  const auto code = rd_kafka_metadata(questions_.get(), /*all_topics=*/0, asked_topic_.get(), &answer, timeout_ms);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return ToError(code).WithContext("topic " + topic_name_);
  const RdMetadata metadata(answer);
  if (metadata->topic_cnt != 1) return Error(ErrorCode::kNotFound, "no topic " + topic_name_);
  const rd_kafka_metadata_topic_t& topic = metadata->topics[0];
  if (topic.err != RD_KAFKA_RESP_ERR_NO_ERROR) return ToError(topic.err).WithContext("topic " + topic_name_);
  std::vector<int32_t> ids;
  for (int i = 0; i < topic.partition_cnt; ++i) ids.push_back(topic.partitions[i].id);
  return AskRanges(ids, timeout_ms);
}

Result<std::map<int32_t, PartitionRange>> RdKafkaSource::AskRanges(const std::vector<int32_t>& ids, int timeout_ms) {
  TARN_ASSIGN_OR_RETURN(const auto begins, AskOffsets(ids, RD_KAFKA_OFFSET_BEGINNING, timeout_ms));
  TARN_ASSIGN_OR_RETURN(const auto ends, AskOffsets(ids, RD_KAFKA_OFFSET_END, timeout_ms));
  std::map<int32_t, PartitionRange> ranges;
  for (const int32_t id : ids) ranges[id] = {.begin = begins.at(id), .end = ends.at(id)};
  return ranges;
}

// One request a broker, whatever the number of partitions: a beginning and an end are times to Kafka.
Result<std::map<int32_t, int64_t>> RdKafkaSource::AskOffsets(const std::vector<int32_t>& ids, int64_t which,
                                                             int timeout_ms) {
  const RdPartitionList list(rd_kafka_topic_partition_list_new(int(ids.size())));
  for (const int32_t id : ids) rd_kafka_topic_partition_list_add(list.get(), topic_name_.c_str(), id)->offset = which;
  const auto code = rd_kafka_offsets_for_times(questions_.get(), list.get(), timeout_ms);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return ToError(code).WithContext("offsets of topic " + topic_name_);
  std::map<int32_t, int64_t> offsets;
  for (const auto& partition : std::span(list->elems, size_t(list->cnt))) {
    if (partition.err != RD_KAFKA_RESP_ERR_NO_ERROR)
      return ToError(partition.err).WithContext(Where(partition.partition));
    offsets[partition.partition] = partition.offset;
  }
  return offsets;
}

Status RdKafkaSource::Seek(int32_t id, int64_t offset) {
  TARN_ASSIGN_OR_RETURN(const auto ranges, AskRanges({id}, request_timeout_ms_));
  const PartitionRange range = ranges.at(id);
  if (offset < range.begin || offset > range.end)
    return Error(ErrorCode::kOutOfRange, Where(id) + " holds offsets " + std::to_string(range.begin) + " to " +
                                             std::to_string(range.end) + ", not " + std::to_string(offset));
  if (sought_.erase(id) > 0 && rd_kafka_consume_stop(topic_.get(), id) != 0)
    return ToError(rd_kafka_last_error()).WithContext(Where(id));
  std::erase_if(ready_, [&](const SourceRun& run) { return run.partition == id; });
  if (rd_kafka_consume_start_queue(topic_.get(), id, offset, queue_.get()) != 0)
    return ToError(rd_kafka_last_error()).WithContext(Where(id));
  sought_[id].position = offset;
  return Ok();
}

Result<std::optional<SourceRun>> RdKafkaSource::Poll(uint64_t max_bytes, Micros timeout) {
  rd_kafka_poll(client_.get(), 0);  // serves OnError
  if (ready_.empty()) {
    for (const auto& [id, partition] : sought_) TARN_TRY(partition.lost);
    TARN_TRY(Sort(Take(max_bytes, timeout)));
  }
  if (!ready_.empty()) {
    std::optional<SourceRun> run(std::move(ready_.front()));
    ready_.pop_front();
    return run;
  }
  if (broker_lost_.exchange(false)) {
    if (Status answer = Probe(); !answer.ok()) {
      broker_lost_ = true;
      return answer.error();
    }
  }
  return std::optional<SourceRun>();
}

// Whether the brokers answer. librdkafka needs the whole time to say no; a connection that is refused says it at once.
Status RdKafkaSource::Probe() {
  const int timeout_ms = std::min(kProbeTimeoutMs, request_timeout_ms_);
  if (!plain_bootstrap_.empty())
    if (const auto uuid = AskTopicUuid(plain_bootstrap_, topic_name_, Micros(timeout_ms) * 1000); !uuid.ok())
      return uuid.error();
  const auto answer = AskPartitions(timeout_ms);
  return answer.ok() ? Ok() : Status(answer.error());
}

RdKafkaSource::Messages RdKafkaSource::Take(uint64_t max_bytes, Micros timeout) {
  const size_t wanted = std::clamp<size_t>(max_bytes / message_bytes_, 1, kMessagesMax);
  std::vector<rd_kafka_message_t*> taken(wanted);
  // A batch call waits until it has all it was asked for: so wait for the first message only.
  ssize_t count = rd_kafka_consume_batch_queue(queue_.get(), 0, taken.data(), wanted);
  if (count <= 0 && timeout > 0) {
    if (!broker_lost_) Nudge();
    count = rd_kafka_consume_batch_queue(queue_.get(), ToMillis(timeout), taken.data(), 1);
    if (count == 1 && wanted > 1)
      count += std::max<ssize_t>(0, rd_kafka_consume_batch_queue(queue_.get(), 0, taken.data() + 1, wanted - 1));
  }
  Messages messages;
  messages.reserve(wanted);
  for (ssize_t i = 0; i < count; ++i) messages.emplace_back(taken[size_t(i)]);
  return messages;
}

// librdkafka 2.0 sleeps up to a second after its queue was full, whatever becomes of the queue. A question to a broker
// wakes it. Not one about offsets: that would wait for a lost broker beyond its time.
void RdKafkaSource::Nudge() {
  if (std::ranges::all_of(sought_, [](const auto& sought) { return sought.second.at_end; })) return;
  const rd_kafka_metadata_t* answer = nullptr;
  if (rd_kafka_metadata(client_.get(), 0, topic_.get(), &answer, kNudgeTimeoutMs) == RD_KAFKA_RESP_ERR_NO_ERROR)
    rd_kafka_metadata_destroy(answer);
}

Status RdKafkaSource::Sort(Messages messages) {
  std::map<int32_t, std::vector<const rd_kafka_message_t*>> records;
  Status failed;
  for (const RdMessage& message : messages) {
    const auto sought = sought_.find(message->partition);
    if (message->rkt == nullptr || sought == sought_.end()) {
      if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR && failed.ok()) failed = ToError(message->err);
    } else if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR || message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      records[message->partition].push_back(message.get());
    } else if (Status error = Fail(sought->second, *message); failed.ok()) {
      failed = std::move(error);
    }
  }
  for (const auto& [id, of_partition] : records) MakeRun(id, sought_[id], of_partition);
  // What was read before a failure comes first. A failure that lasts will come again.
  return ready_.empty() ? failed : Ok();
}

Status RdKafkaSource::Fail(Partition& partition, const rd_kafka_message_t& message) {
  const bool lost =
      message.err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET || message.err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE;
  if (!lost) return ToError(message.err, rd_kafka_message_errstr(&message)).WithContext(Where(message.partition));
  partition.lost = Error(ErrorCode::kOutOfRange,
                         Where(message.partition) + " no longer has offset " + std::to_string(partition.position));
  return partition.lost;
}

void RdKafkaSource::MakeRun(int32_t id, Partition& partition, const std::vector<const rd_kafka_message_t*>& messages) {
  SourceRun run{.partition = id, .next_offset = partition.position, .records = {}, .buffers = {}, .bytes = 0};
  size_t size = kBufferPadding;
  for (const auto* message : messages)
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) size += message->key_len + message->len;
  const std::shared_ptr<std::string> buffer = pool_.Take(size);
  char* to = buffer->data();
  const auto copy = [&](const void* bytes, size_t length) -> std::optional<std::string_view> {
    if (bytes == nullptr) return std::nullopt;
    std::memcpy(to, bytes, length);
    to += length;
    return std::string_view(to - length, length);
  };
  run.records.reserve(messages.size());
  for (const auto* message : messages) {
    const bool is_record = message->err == RD_KAFKA_RESP_ERR_NO_ERROR;
    partition.at_end = !is_record;
    if (message->offset < run.next_offset) continue;
    run.next_offset = message->offset + (is_record ? 1 : 0);
    if (!is_record) continue;
    run.records.push_back({.offset = message->offset,
                           .timestamp_ms = rd_kafka_message_timestamp(message, nullptr),
                           .key = copy(message->key, message->key_len),
                           .value = copy(message->payload, message->len)});
  }
  if (run.next_offset == partition.position) return;
  partition.position = run.next_offset;
  if (!run.records.empty()) {
    message_bytes_ = std::max<uint64_t>(1, size / run.records.size());
    run.bytes = buffer->size() + run.records.capacity() * sizeof(SourceRecord);
    run.buffers.push_back(buffer);
  }
  ready_.push_back(std::move(run));
}

}  // namespace

Result<std::unique_ptr<Source>> MakeKafkaSource(const KafkaSourceOptions& options) {
  // Half of the budget is what librdkafka may hold before it asks for more; an answer inflates to several times its
  // size.
  const auto queue_bytes = std::max<uint64_t>(options.queue_bytes_max / 2, 1 << 20);
  const auto fetch_bytes = std::clamp<uint64_t>(options.queue_bytes_max / 8, 1 << 20, 64 << 20);
  std::vector<std::pair<std::string, std::string>> properties = {
      {"bootstrap.servers", options.bootstrap},
      {"client.id", "tarn-stream"},
      {"allow.auto.create.topics", "false"},
      {"auto.offset.reset", "error"},
      {"enable.auto.commit", "false"},
      {"enable.partition.eof", "true"},
      {"isolation.level", "read_committed"},
      {"check.crcs", "true"},
      {"queued.min.messages", "10000000"},  // its default of 100,000 would be the bound; ours is in bytes
      {"queued.max.messages.kbytes", std::to_string(queue_bytes / 1024)},
      {"fetch.max.bytes", std::to_string(fetch_bytes)},
      {"fetch.wait.max.ms", "200"},
      {"fetch.error.backoff.ms", "100"},
      {"reconnect.backoff.max.ms", "1000"},
      {"socket.keepalive.enable", "true"},
      // Questions about offsets take this long when their broker is gone, whatever time they were given.
      {"socket.timeout.ms", std::to_string(std::clamp<Micros>(options.request_timeout / 1000, 1000, 3000))},
  };
  for (const auto& [name, value] : options.properties) {
    if (name == "auto.offset.reset" || name == "enable.partition.eof" || name == "enable.auto.commit")
      return Error(ErrorCode::kInvalidArgument, "Kafka client property " + name + " is fixed for a stream's source");
    properties.emplace_back(name, value);
  }
  TARN_ASSIGN_OR_RETURN(RdConf conf, MakeConf(properties));
  const bool plain = !options.properties.contains("security.protocol");
  auto source = std::make_unique<RdKafkaSource>(options.topic, options.request_timeout,
                                                plain ? options.bootstrap : std::string());
  TARN_TRY(source->Open(std::move(conf)));
  return std::unique_ptr<Source>(std::move(source));
}

}  // namespace tarn::stream::kafka
