#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "generate/visitors_internal.h"

namespace tarn::generate::clickstream {

// The open sessions in the order of their next events. A timing wheel in front of a small heap: at thousands of events
// a second one heap of all sessions would cost more than everything else together. The order is that of one heap: by
// due time, then by id, so it does not depend on what a restart forgets. Thread-compatible.
class Agenda {
 public:
  explicit Agenda(Micros now) : tick_(TickOf(now)), wheel_(kTicks) {}

  // Requires: due less than half an hour after the last Advance.
  void Add(const Session& session) {
    uint32_t slot = uint32_t(sessions_.size());
    if (free_slots_.empty()) {
      sessions_.push_back(session);
    } else {
      slot = free_slots_.back();
      free_slots_.pop_back();
      sessions_[slot] = session;
    }
    Place({session.due, slot});
  }

  // The session due first, or null when none is due by `now`, which never falls. Valid until Add.
  Session* Due(Micros now) {
    Advance(TickOf(now));
    return near_.empty() || near_.front().due > now ? nullptr : &sessions_[near_.front().slot];
  }

  // The session that Due returned has a new due time.
  void Postpone() {
    const uint32_t slot = PopNear();
    Place({sessions_[slot].due, slot});
  }

  // The session that Due returned has ended.
  void Remove() { free_slots_.push_back(PopNear()); }

  // In no order.
  std::vector<Session> All() const {
    std::vector<Session> all;
    const auto add = [&](const std::vector<Entry>& entries) {
      for (const Entry& entry : entries) all.push_back(sessions_[entry.slot]);
    };
    add(near_);
    for (const auto& entries : wheel_) add(entries);
    return all;
  }

 private:
  struct Entry {
    Micros due;
    uint32_t slot;
  };
  // 2,048 seconds in sixteenths: beyond the longest gap within a session.
  static constexpr Micros kTick = 62'500;
  static constexpr int64_t kTicks = 1 << 15;

  static int64_t TickOf(Micros time) { return time / kTick; }

  auto Later() const {
    return [this](const Entry& a, const Entry& b) {
      return a.due != b.due ? a.due > b.due : sessions_[a.slot].id.high > sessions_[b.slot].id.high;
    };
  }

  void Place(const Entry& entry) {
    if (TickOf(entry.due) > tick_) {
      wheel_[size_t(TickOf(entry.due) % kTicks)].push_back(entry);
      return;
    }
    near_.push_back(entry);
    std::push_heap(near_.begin(), near_.end(), Later());
  }

  // All that is due up to the tick moves from the wheel to the heap.
  void Advance(int64_t tick) {
    if (tick > tick_ + kTicks) tick_ = tick - kTicks;  // once around is everything
    while (tick_ < tick) {
      ++tick_;
      auto& entries = wheel_[size_t(tick_ % kTicks)];
      for (const Entry& entry : entries) {
        near_.push_back(entry);
        std::push_heap(near_.begin(), near_.end(), Later());
      }
      entries.clear();
    }
  }

  uint32_t PopNear() {
    std::pop_heap(near_.begin(), near_.end(), Later());
    const uint32_t slot = near_.back().slot;
    near_.pop_back();
    return slot;
  }

  int64_t tick_;                           // all of it and before is in near_
  std::vector<std::vector<Entry>> wheel_;  // by tick
  std::vector<Entry> near_;                // heap, the earliest in front
  std::vector<Session> sessions_;
  std::vector<uint32_t> free_slots_;
};

}  // namespace tarn::generate::clickstream
