#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

struct rd_kafka_s;

// Writing to any Kafka over its protocol, Tarn's own log included.

namespace tarn::stream::kafka {

struct KafkaProducerOptions {
  std::string bootstrap;  // "host:port[,host:port…]"
  std::string client_id = "tarn";
  std::string compression = "lz4";                // none, gzip, snappy, lz4, zstd
  uint64_t queue_bytes_max = uint64_t(32) << 20;  // records waiting for their acknowledgement
  Micros linger = 5'000;
  Micros delivery_timeout = 120'000'000;
  std::map<std::string, std::string> properties;  // librdkafka's own, applied last; never acks or idempotence
};

struct KafkaRecord {
  std::string_view topic;
  std::optional<int32_t> partition;  // absent: librdkafka's partitioner (by key; without a key spread at random)
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;
  int64_t timestamp_ms = 0;  // 0: now
  std::vector<std::pair<std::string_view, std::string_view>> headers;
};

struct DeliveredRecord {
  int32_t partition = -1;
  int64_t offset = -1;
};

// An idempotent producer with acks=all: what it reports as delivered is stored once and in order, per partition, across
// retries and reconnects. Produce may be called from any thread; delivery callbacks run on the producer's own thread
// and must not call back into it.
class KafkaProducer {
 public:
  using OnDelivery = std::function<void(const Result<DeliveredRecord>&)>;

  // Connects lazily: a broker that is not there yet is no error here. kInvalidArgument names the bad property.
  static Result<std::unique_ptr<KafkaProducer>> Make(const KafkaProducerOptions& options);
  // Drops what has not been delivered: Flush first.
  ~KafkaProducer();
  KafkaProducer(const KafkaProducer&) = delete;
  KafkaProducer& operator=(const KafkaProducer&) = delete;

  // Copies the record into the queue; waits while the queue is full. `on_delivery` (may be empty) hears once what
  // became of it. kResourceExhausted: the record is larger than message.max.bytes; kFenced, kIoError: the producer has
  // failed for good.
  Status Produce(const KafkaRecord& record, OnDelivery on_delivery = {});
  // Waits until everything queued is delivered or has failed. kTimedOut tells how many are still waiting; otherwise the
  // first delivery error since the last Flush, if there was one.
  Status Flush(Micros timeout);

  uint64_t delivered() const { return delivered_.load(std::memory_order_relaxed); }
  uint64_t failed() const { return failed_.load(std::memory_order_relaxed); }

 private:
  struct Shared;  // what librdkafka's callbacks reach
  KafkaProducer();
  std::atomic<uint64_t> delivered_{0};
  std::atomic<uint64_t> failed_{0};
  std::unique_ptr<Shared> shared_;
};

}  // namespace tarn::stream::kafka
