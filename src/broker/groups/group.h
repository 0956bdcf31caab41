#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/random.h"

// One consumer group of the classic protocol (KIP-62, KIP-345 static members, KIP-394 member ids).

namespace tarn::broker {

enum class GroupState { kEmpty, kPreparingRebalance, kCompletingRebalance, kStable, kDead };
// As Kafka spells it: "PreparingRebalance".
std::string_view GroupStateName(GroupState state);

struct JoinRequest {
  std::string member_id;                   // empty: a new member
  std::optional<std::string> instance_id;  // a static member
  std::string client_id;
  std::string client_host;
  Micros session_timeout = 0;
  Micros rebalance_timeout = 0;
  std::string protocol_type;
  std::vector<std::pair<std::string, std::string>> protocols;  // name and metadata, by preference
  bool gets_member_id_first = false;  // JoinGroup v4+: a dynamic member comes again with the id it was given
};

struct JoinResult {
  struct Member {
    std::string member_id;
    std::optional<std::string> instance_id;
    std::string metadata;
  };
  int16_t error = 0;
  int32_t generation = -1;
  std::string protocol_type;
  std::string protocol;
  std::string leader;
  std::string member_id;
  std::vector<Member> members;  // the leader's answer only
};

struct SyncRequest {
  std::string member_id;
  std::optional<std::string> instance_id;
  int32_t generation = -1;
  std::optional<std::string> protocol_type, protocol;
  std::vector<std::pair<std::string, std::string>> assignments;  // the leader's: member id and assignment
};

struct SyncResult {
  int16_t error = 0;
  std::string protocol_type;
  std::string protocol;
  std::string assignment;
};

struct GroupDescription {
  struct Member {
    std::string member_id, client_id, client_host, metadata, assignment;
    std::optional<std::string> instance_id;
  };
  GroupState state = GroupState::kDead;
  std::string protocol_type;
  std::string protocol;
  std::vector<Member> members;
};

// Answers to run after the caller has let go of its lock.
using GroupAnswers = std::vector<std::function<void()>>;

// Pure logic: no threads, no clock of its own, no disk; `now` is Clock::Steady. Thread-compatible: GroupCoordinator
// locks.
//
//   Empty -> PreparingRebalance            a first member joins
//   PreparingRebalance -> Completing…      all members have joined again, or their time is up and who is missing is
//   dropped PreparingRebalance -> Empty            nobody is left CompletingRebalance -> Stable          the leader has
//   handed out assignments Completing…, Stable -> Preparing…      a member joins, leaves, expires, or the leader joins
//   again any -> Dead                            the group is deleted (Kill); every later call answers
//   UNKNOWN_MEMBER_ID
//
// A generation number names one pass through PreparingRebalance. Assignments belong to one generation and are answered
// only to members that ask with its number.
class Group {
 public:
  Group(std::string id, Random random, Micros initial_rebalance_delay);

  using JoinDone = std::function<void(JoinResult)>;
  using SyncDone = std::function<void(SyncResult)>;

  // `done` is called once, through `answers` of this or a later call.
  void Join(Micros now, JoinRequest request, JoinDone done, GroupAnswers& answers);
  void Sync(Micros now, const SyncRequest& request, SyncDone done, GroupAnswers& answers);
  // These return a Kafka error code.
  int16_t Heartbeat(Micros now, const std::string& member_id, const std::optional<std::string>& instance_id,
                    int32_t generation);
  int16_t Leave(Micros now, const std::string& member_id, const std::optional<std::string>& instance_id,
                GroupAnswers& answers);
  // Whether this member may commit offsets now. An empty id and generation -1 is a consumer without group management.
  int16_t CheckCommit(Micros now, const std::string& member_id, const std::optional<std::string>& instance_id,
                      int32_t generation);
  // Does what is due: drops silent members, ends a rebalance whose time is up.
  void Tick(Micros now, GroupAnswers& answers);
  // Answers everyone who waits with `error` and ends the group.
  void Kill(int16_t error, GroupAnswers& answers);

  const std::string& id() const { return id_; }
  GroupState state() const { return state_; }
  int32_t generation() const { return generation_; }
  bool empty() const { return members_.empty() && expected_.empty(); }
  GroupDescription Describe() const;

 private:
  struct Member {
    std::string id;
    std::optional<std::string> instance_id;
    std::string client_id, client_host;
    Micros session_timeout = 0;
    Micros rebalance_timeout = 0;
    std::vector<std::pair<std::string, std::string>> protocols;
    std::string assignment;
    Micros expires = 0;
    bool synced = false;  // has asked for the assignment of this generation
    JoinDone joining;     // set while the member waits for the rebalance
    SyncDone syncing;     // set while the member waits for the leader
  };

  int16_t CheckProtocols(const JoinRequest& request) const;
  // The member, or null with the error to answer.
  Member* FindMember(const std::string& member_id, const std::optional<std::string>& instance_id, int16_t& error);
  void JoinNew(Micros now, std::string member_id, JoinRequest request, JoinDone done, GroupAnswers& answers);
  void JoinStatic(Micros now, JoinRequest request, JoinDone done, GroupAnswers& answers);
  void JoinAgain(Micros now, Member& member, JoinRequest request, JoinDone done, GroupAnswers& answers);
  void Wait(Micros now, Member& member, JoinRequest& request, JoinDone done, GroupAnswers& answers);
  JoinResult Result(const Member& member, bool with_members) const;
  void BeginRebalance(Micros now, GroupAnswers& answers);
  void MaybeCompleteRebalance(Micros now, GroupAnswers& answers);
  void CompleteRebalance(Micros now, GroupAnswers& answers);
  void RemoveMember(Micros now, const std::string& member_id, int16_t error, GroupAnswers& answers);
  void AnswerWaiting(Member& member, int16_t error, GroupAnswers& answers);
  std::string ChooseProtocol() const;
  std::string MakeMemberId(const std::string& prefix);
  void Touch(Micros now, Member& member) { member.expires = now + member.session_timeout; }

  const std::string id_;
  Random random_;
  const Micros initial_rebalance_delay_;

  GroupState state_ = GroupState::kEmpty;
  int32_t generation_ = 0;
  std::string protocol_type_;
  std::string protocol_;
  std::string leader_;
  std::map<std::string, Member> members_;
  std::map<std::string, std::string> static_members_;  // instance id to member id
  std::map<std::string, Micros> expected_;  // member ids given out that have not joined yet, and when they lapse
  Micros rebalance_not_before_ = 0;
  Micros rebalance_ends_ = 0;
  Micros sync_ends_ = 0;
};

}  // namespace tarn::broker
