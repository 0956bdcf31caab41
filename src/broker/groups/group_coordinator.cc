#include "broker/groups/group_coordinator.h"

#include <utility>

#include "broker/protocol/errors.h"

namespace tarn::broker {

namespace {

// group.min.session.timeout.ms and group.max.session.timeout.ms, Kafka's values.
constexpr Micros kSessionTimeoutMin = 6'000'000;
constexpr Micros kSessionTimeoutMax = 1'800'000'000;

void Run(GroupAnswers& answers) {
  for (auto& answer : answers) answer();
}

// A failed write of offsets: the client keeps its position and tries again.
int16_t StoredError(const Status& status) {
  return status.ok() ? kafka_error::kNone : kafka_error::kCoordinatorNotAvailable;
}

}  // namespace

GroupCoordinator::GroupCoordinator(Clock& clock, Random random, OffsetStore& offsets, Micros initial_rebalance_delay)
    : clock_(clock), offsets_(offsets), initial_rebalance_delay_(initial_rebalance_delay), random_(random) {}

Group& GroupCoordinator::GetOrCreate(const std::string& id) {
  const auto found = groups_.find(id);
  if (found != groups_.end()) return found->second;
  return groups_.try_emplace(id, id, random_.Fork(), initial_rebalance_delay_).first->second;
}

void GroupCoordinator::Join(const std::string& group, JoinRequest request, Group::JoinDone done) {
  int16_t refused = kafka_error::kNone;
  if (group.empty()) refused = kafka_error::kInvalidGroupId;
  if (request.session_timeout < kSessionTimeoutMin || request.session_timeout > kSessionTimeoutMax)
    refused = kafka_error::kInvalidSessionTimeout;
  GroupAnswers answers;
  {
    std::lock_guard lock(mutex_);
    if (stopped_) refused = kafka_error::kCoordinatorNotAvailable;
    // A member id of a group that is gone must not bring the group back.
    if (refused == kafka_error::kNone && !request.member_id.empty() && !groups_.contains(group))
      refused = kafka_error::kUnknownMemberId;
    if (refused == kafka_error::kNone) {
      GetOrCreate(group).Join(clock_.Steady(), std::move(request), std::move(done), answers);
    }
  }
  if (refused != kafka_error::kNone) {
    JoinResult result;
    result.error = refused;
    result.member_id = request.member_id;
    return done(result);
  }
  Run(answers);
}

void GroupCoordinator::Sync(const std::string& group, const SyncRequest& request, Group::SyncDone done) {
  GroupAnswers answers;
  bool known = false;
  {
    std::lock_guard lock(mutex_);
    const auto found = groups_.find(group);
    known = found != groups_.end();
    if (known) found->second.Sync(clock_.Steady(), request, std::move(done), answers);
  }
  if (!known) {
    SyncResult result;
    result.error = kafka_error::kUnknownMemberId;
    return done(result);
  }
  Run(answers);
}

int16_t GroupCoordinator::Heartbeat(const std::string& group, const std::string& member_id,
                                    const std::optional<std::string>& instance_id, int32_t generation) {
  std::lock_guard lock(mutex_);
  const auto found = groups_.find(group);
  if (found == groups_.end()) return kafka_error::kUnknownMemberId;
  return found->second.Heartbeat(clock_.Steady(), member_id, instance_id, generation);
}

int16_t GroupCoordinator::Leave(const std::string& group, const std::string& member_id,
                                const std::optional<std::string>& instance_id) {
  GroupAnswers answers;
  int16_t error = kafka_error::kUnknownMemberId;
  {
    std::lock_guard lock(mutex_);
    const auto found = groups_.find(group);
    if (found != groups_.end()) error = found->second.Leave(clock_.Steady(), member_id, instance_id, answers);
  }
  Run(answers);
  return error;
}

void GroupCoordinator::CommitOffsets(const std::string& group, const Committer& who, GroupOffsets offsets,
                                     std::function<void(int16_t)> done) {
  int16_t error = kafka_error::kNone;
  {
    std::lock_guard lock(mutex_);
    const auto found = groups_.find(group);
    if (group.empty()) {
      error = kafka_error::kInvalidGroupId;
    } else if (found != groups_.end()) {
      error = found->second.CheckCommit(clock_.Steady(), who.member_id, who.instance_id, who.generation);
    } else if (who.generation >= 0 || !who.member_id.empty()) {
      error = kafka_error::kIllegalGeneration;  // the group has died, or we have restarted
    }
    // Queued under the lock: commits are stored in the order in which they were allowed.
    if (error == kafka_error::kNone) {
      offsets_.Commit(group, std::move(offsets), [done](const Status& status) { done(StoredError(status)); });
    }
  }
  if (error != kafka_error::kNone) done(error);
}

void GroupCoordinator::Delete(const std::string& group, std::function<void(int16_t)> done) {
  GroupAnswers answers;
  int16_t error = kafka_error::kNone;
  {
    std::lock_guard lock(mutex_);
    const auto found = groups_.find(group);
    const bool has_offsets = !offsets_.List(group).empty();
    if (found == groups_.end() && !has_offsets) {
      error = kafka_error::kGroupIdNotFound;
    } else if (found != groups_.end() && !found->second.empty()) {
      error = kafka_error::kNonEmptyGroup;
    } else {
      if (found != groups_.end()) {
        found->second.Kill(kafka_error::kUnknownMemberId, answers);
        groups_.erase(found);
      }
      offsets_.RemoveGroup(group, [done](const Status& status) { done(StoredError(status)); });
    }
  }
  Run(answers);
  if (error != kafka_error::kNone) done(error);
}

void GroupCoordinator::RemoveOffsets(const std::string& group, std::vector<GroupPartition> partitions,
                                     std::function<void(int16_t)> done) {
  int16_t error = kafka_error::kNone;
  {
    std::lock_guard lock(mutex_);
    const auto found = groups_.find(group);
    if (found == groups_.end() && offsets_.List(group).empty()) {
      error = kafka_error::kGroupIdNotFound;
    } else if (found != groups_.end() && !found->second.empty()) {
      error = kafka_error::kNonEmptyGroup;
    } else {
      offsets_.Remove(group, std::move(partitions), [done](const Status& status) { done(StoredError(status)); });
    }
  }
  if (error != kafka_error::kNone) done(error);
}

GroupDescription GroupCoordinator::Describe(const std::string& group) const {
  std::lock_guard lock(mutex_);
  const auto found = groups_.find(group);
  if (found != groups_.end()) return found->second.Describe();
  GroupDescription description;
  if (!offsets_.List(group).empty()) description.state = GroupState::kEmpty;
  return description;
}

std::vector<GroupListing> GroupCoordinator::List() const {
  std::map<std::string, GroupListing> listings;
  for (const std::string& id : offsets_.Groups())
    listings[id] = {.id = id, .protocol_type = "", .state = GroupState::kEmpty};
  {
    std::lock_guard lock(mutex_);
    for (const auto& [id, group] : groups_) {
      listings[id] = {.id = id, .protocol_type = group.Describe().protocol_type, .state = group.state()};
    }
  }
  std::vector<GroupListing> list;
  for (auto& [id, listing] : listings) list.push_back(std::move(listing));
  return list;
}

void GroupCoordinator::Tick() {
  GroupAnswers answers;
  {
    std::lock_guard lock(mutex_);
    const Micros now = clock_.Steady();
    for (auto& [id, group] : groups_) group.Tick(now, answers);
    // What an empty group has to tell are its offsets, which the store keeps.
    std::erase_if(groups_,
                  [](const auto& entry) { return entry.second.state() == GroupState::kEmpty && entry.second.empty(); });
  }
  Run(answers);
}

void GroupCoordinator::Stop() {
  GroupAnswers answers;
  {
    std::lock_guard lock(mutex_);
    stopped_ = true;
    for (auto& [id, group] : groups_) group.Kill(kafka_error::kCoordinatorNotAvailable, answers);
    groups_.clear();
  }
  Run(answers);
}

}  // namespace tarn::broker
