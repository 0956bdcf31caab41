#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "broker/broker.h"
#include "broker/groups/group_coordinator.h"
#include "broker/producer_ids.h"

// What the request handlers of one broker share. All of it is thread-safe.

namespace tarn::broker {

// The one broker's node id, and the epoch that it leads every partition with.
inline constexpr int32_t kNodeId = 1;
inline constexpr int32_t kLeaderEpoch = 0;

// Requests that wait for something (long polls), so that a stopping broker can answer them at once. Thread-safe;
// shared, because work that was posted to a loop may run after the broker is gone.
class WaitingRequests {
 public:
  // `give_up` answers the request; called at once when the broker is stopping already.
  uint64_t Add(std::function<void()> give_up);
  void Remove(uint64_t token);
  // Answers all; waits for whoever is inside Enter and Leave first, and lets nobody enter afterwards.
  void GiveUpAll();

  // Brackets late work on the broker. Returns whether the broker still runs; if not, there is nothing to leave.
  bool Enter();
  void Leave();

 private:
  std::mutex mutex_;
  std::condition_variable left_;
  bool stopping_ = false;
  int inside_ = 0;
  uint64_t next_ = 1;
  std::map<uint64_t, std::function<void()>> waiting_;
};

struct BrokerContext {
  const BrokerOptions& options;
  Topics& topics;
  GroupCoordinator& groups;
  ProducerIds& producer_ids;
  std::shared_ptr<WaitingRequests> waiting;
  Clock& clock;
  Logger& logger;
  net::EventLoop& loop;
  const std::string& cluster_id;
  const std::string& host;  // as advertised
  const uint16_t& port;
  const std::atomic<bool>& stopping;
};

// Null when the topic or the partition does not exist.
std::shared_ptr<PartitionLog> FindPartition(const BrokerContext& context, std::string_view topic, int32_t partition);
// The topic, created when clients may create topics by asking. kNotFound; kInvalidArgument: no legal name.
Result<std::shared_ptr<const Topic>> FindOrCreateTopic(BrokerContext& context, const std::string& name,
                                                       bool allow_creation);

// Broker::Start on topics of the caller's own (tests: in memory). Consumer offsets and ids still lie in
// `options.directory`.
Result<std::unique_ptr<Broker>> StartBrokerOn(std::unique_ptr<Topics> topics, BrokerOptions options,
                                              BrokerDependencies dependencies);

}  // namespace tarn::broker
