#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/logging.h"
#include "base/metrics.h"
#include "base/random.h"
#include "base/result.h"
#include "broker/topics.h"
#include "net/event_loop.h"

// Tarn's own event log behind the Kafka protocol: one broker, node 1, that any Kafka client produces to and consumes
// from.

namespace tarn::broker {

struct BrokerOptions {
  std::string address = "127.0.0.1";
  uint16_t port = 9092;         // 0: any free one
  std::string advertised_host;  // empty: the address
  std::string directory;        // topics, consumer groups' offsets, cluster id; created when absent
  LogOptions log_defaults;
  int default_partitions = 1;             // of topics that clients create by asking
  bool auto_create_topics = true;         // auto.create.topics.enable
  uint32_t frame_bytes_max = 100u << 20;  // largest request
  uint64_t in_flight_bytes_max =
      64ull << 20;  // requests read and not answered, over all connections; a full budget stops reading
  int connections_max = 1024;
  Micros group_initial_rebalance_delay = 0;  // group.initial.rebalance.delay.ms
};

struct BrokerDependencies {
  FileSystem& file_system;
  Clock& clock;
  Random random;
  Logger& logger;
  Metrics& metrics;
  net::EventLoop& loop;
};

// Owned by cli/assemble.cc or a test; the dependencies outlive it. Thread-safe.
class Broker {
 public:
  // Opens what lies in `directory`, recovers, listens. kUnavailable: the port is taken, naming its holder.
  static Result<std::unique_ptr<Broker>> Start(BrokerOptions options, BrokerDependencies dependencies);
  virtual ~Broker() = default;

  virtual uint16_t port() const = 0;
  virtual std::string cluster_id() const = 0;
  virtual Topics& topics() = 0;
  // Why it is not healthy (a partition whose disk failed, naming it), or empty.
  virtual std::string Problem() const = 0;
  // Takes no more requests, answers those in flight, leaves nothing unsynced, closes. Idempotent.
  virtual void Stop() = 0;
};

}  // namespace tarn::broker
