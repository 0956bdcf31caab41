#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "broker/groups/group.h"
#include "broker/groups/offset_store.h"

// All consumer groups of this broker and their offsets.

namespace tarn::broker {

struct GroupListing {
  std::string id;
  std::string protocol_type;
  GroupState state = GroupState::kEmpty;
};

// Thread-safe: one mutex around all groups; answers run after it is released, on the caller's thread. `clock` and
// `offsets` outlive it. Membership lives in memory only: after a restart members hear UNKNOWN_MEMBER_ID and join again;
// offsets are durable.
class GroupCoordinator {
 public:
  GroupCoordinator(Clock& clock, Random random, OffsetStore& offsets, Micros initial_rebalance_delay);

  void Join(const std::string& group, JoinRequest request, Group::JoinDone done);
  void Sync(const std::string& group, const SyncRequest& request, Group::SyncDone done);
  int16_t Heartbeat(const std::string& group, const std::string& member_id,
                    const std::optional<std::string>& instance_id, int32_t generation);
  int16_t Leave(const std::string& group, const std::string& member_id, const std::optional<std::string>& instance_id);

  struct Committer {
    std::string member_id;
    std::optional<std::string> instance_id;
    int32_t generation = -1;
  };
  // Stores the offsets if this member may commit now. `done` gets a Kafka error code, after the fsync when it is 0.
  void CommitOffsets(const std::string& group, const Committer& who, GroupOffsets offsets,
                     std::function<void(int16_t)> done);
  // NON_EMPTY_GROUP or GROUP_ID_NOT_FOUND.
  void Delete(const std::string& group, std::function<void(int16_t)> done);
  // NON_EMPTY_GROUP while it has members.
  void RemoveOffsets(const std::string& group, std::vector<GroupPartition> partitions,
                     std::function<void(int16_t)> done);

  // State Dead for an unknown group.
  GroupDescription Describe(const std::string& group) const;
  std::vector<GroupListing> List() const;
  OffsetStore& offsets() const { return offsets_; }

  // Does what is due; called every few hundredths of a second.
  void Tick();
  // Answers everyone who waits, with REBALANCE_IN_PROGRESS or COORDINATOR_NOT_AVAILABLE; later joins hear the latter.
  void Stop();

 private:
  Group& GetOrCreate(const std::string& id);

  Clock& clock_;
  OffsetStore& offsets_;
  const Micros initial_rebalance_delay_;
  mutable std::mutex mutex_;
  Random random_;
  std::map<std::string, Group> groups_;
  bool stopped_ = false;
};

}  // namespace tarn::broker
