#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/metrics.h"
#include "broker/groups/group_coordinator.h"
#include "broker/topics.h"
#include "net/frame_server.h"

namespace tarn::broker {

// What /metrics shows of the broker: requests and bytes as they happen, and positions of topics and groups, under the
// names that dashboards for kafka_exporter expect, as of the last Refresh. Thread-safe but for Refresh, which one timer
// calls.
class BrokerMetrics {
 public:
  explicit BrokerMetrics(Metrics& metrics);

  void CountRequest(std::string_view frame);
  void CountRefused() { refused_.Add(); }
  void Refresh(const Topics& topics, const GroupCoordinator& groups, const net::FrameServer& server);

 private:
  static constexpr size_t kKeys = 96;  // above every API key that we serve

  void RefreshTopics(const Topics& topics);
  void RefreshGroups(const Topics& topics, const GroupCoordinator& groups);

  Metrics& metrics_;
  std::array<Counter*, kKeys> requests_{};
  Counter& refused_;
  Counter& received_;
  Counter& sent_;
  Gauge& connections_;
  Gauge& in_flight_;
  uint64_t last_received_ = 0;
  uint64_t last_sent_ = 0;
};

}  // namespace tarn::broker
