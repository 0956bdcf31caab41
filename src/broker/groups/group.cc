#include "broker/groups/group.h"

#include <algorithm>
#include <set>

#include "broker/protocol/errors.h"

namespace tarn::broker {

namespace {

// group.max.size is unlimited in Kafka; ours only keeps one group from taking all memory.
constexpr size_t kMembersMax = 10'000;

const std::string* MetadataOf(const std::vector<std::pair<std::string, std::string>>& protocols,
                              const std::string& name) {
  for (const auto& [protocol, metadata] : protocols) {
    if (protocol == name) return &metadata;
  }
  return nullptr;
}

}  // namespace

std::string_view GroupStateName(GroupState state) {
  switch (state) {
    case GroupState::kEmpty:
      return "Empty";
    case GroupState::kPreparingRebalance:
      return "PreparingRebalance";
    case GroupState::kCompletingRebalance:
      return "CompletingRebalance";
    case GroupState::kStable:
      return "Stable";
    case GroupState::kDead:
      return "Dead";
  }
  return "Dead";
}

Group::Group(std::string id, Random random, Micros initial_rebalance_delay)
    : id_(std::move(id)), random_(random), initial_rebalance_delay_(initial_rebalance_delay) {}

std::string Group::MakeMemberId(const std::string& prefix) {
  return prefix + "-" + MakeUuid(random_);
}

int16_t Group::CheckProtocols(const JoinRequest& request) const {
  if (request.protocol_type.empty() || request.protocols.empty()) return kafka_error::kInconsistentGroupProtocol;
  std::set<std::string> common;
  for (const auto& [name, metadata] : request.protocols) common.insert(name);
  bool others = false;
  for (const auto& [id, member] : members_) {
    if (id == request.member_id || (request.instance_id && member.instance_id == request.instance_id)) continue;
    others = true;
    std::erase_if(common, [&](const std::string& name) { return MetadataOf(member.protocols, name) == nullptr; });
  }
  if (others && request.protocol_type != protocol_type_) return kafka_error::kInconsistentGroupProtocol;
  return common.empty() ? kafka_error::kInconsistentGroupProtocol : kafka_error::kNone;
}

Group::Member* Group::FindMember(const std::string& member_id, const std::optional<std::string>& instance_id,
                                 int16_t& error) {
  error = kafka_error::kUnknownMemberId;
  if (state_ == GroupState::kDead) return nullptr;
  if (instance_id) {
    const auto known = static_members_.find(*instance_id);
    if (known == static_members_.end()) return nullptr;
    if (known->second != member_id) {
      error = kafka_error::kFencedInstanceId;
      return nullptr;
    }
  }
  const auto found = members_.find(member_id);
  if (found == members_.end()) return nullptr;
  error = kafka_error::kNone;
  return &found->second;
}

// ---- Join

void Group::Join(Micros now, JoinRequest request, JoinDone done, GroupAnswers& answers) {
  const auto refuse = [&](int16_t error, const std::string& member_id) {
    JoinResult result;
    result.error = error;
    result.member_id = member_id;
    answers.push_back([done, result = std::move(result)] { done(result); });
  };
  if (state_ == GroupState::kDead) return refuse(kafka_error::kUnknownMemberId, request.member_id);
  if (const int16_t error = CheckProtocols(request); error != 0) return refuse(error, request.member_id);
  if (request.member_id.empty()) {
    if (request.instance_id && static_members_.contains(*request.instance_id))
      return JoinStatic(now, std::move(request), std::move(done), answers);
    if (members_.size() + expected_.size() >= kMembersMax) return refuse(kafka_error::kGroupMaxSizeReached, "");
    std::string member_id = MakeMemberId(request.instance_id ? *request.instance_id : request.client_id);
    if (request.instance_id || !request.gets_member_id_first)
      return JoinNew(now, std::move(member_id), std::move(request), std::move(done), answers);
    expected_[member_id] = now + request.session_timeout;
    return refuse(kafka_error::kMemberIdRequired, member_id);
  }
  if (!request.instance_id && expected_.erase(request.member_id) > 0) {
    std::string member_id = request.member_id;
    return JoinNew(now, std::move(member_id), std::move(request), std::move(done), answers);
  }
  int16_t error = 0;
  Member* member = FindMember(request.member_id, request.instance_id, error);
  if (member == nullptr) return refuse(error, request.member_id);
  JoinAgain(now, *member, std::move(request), std::move(done), answers);
}

void Group::JoinNew(Micros now, std::string member_id, JoinRequest request, JoinDone done, GroupAnswers& answers) {
  if (members_.empty()) protocol_type_ = request.protocol_type;
  Member& member = members_[member_id];
  member.id = std::move(member_id);
  member.instance_id = request.instance_id;
  if (member.instance_id) static_members_[*member.instance_id] = member.id;
  Wait(now, member, request, std::move(done), answers);
}

// A static member came back under a new member id: it takes over the place of the old one, which is fenced. While the
// group is stable and its subscription is the same, nobody else notices.
void Group::JoinStatic(Micros now, JoinRequest request, JoinDone done, GroupAnswers& answers) {
  const std::string old_id = static_members_[*request.instance_id];
  auto node = members_.extract(old_id);
  Member& old = node.mapped();
  AnswerWaiting(old, kafka_error::kFencedInstanceId, answers);
  const std::string new_id = MakeMemberId(*request.instance_id);
  const std::string* before = MetadataOf(old.protocols, protocol_);
  const std::string* after = MetadataOf(request.protocols, protocol_);
  const bool unchanged = state_ == GroupState::kStable && before != nullptr && after != nullptr && *before == *after;
  old.id = new_id;
  static_members_[*request.instance_id] = new_id;
  node.key() = new_id;
  Member& member = members_.insert(std::move(node)).position->second;
  // The leader's duties stay with it, but it is told the old id and so does not assign anew (KIP-345).
  const std::string told_leader = leader_;
  if (leader_ == old_id) leader_ = new_id;
  if (!unchanged) return Wait(now, member, request, std::move(done), answers);
  member.client_id = request.client_id;
  member.client_host = request.client_host;
  member.session_timeout = request.session_timeout;
  member.rebalance_timeout = request.rebalance_timeout;
  member.protocols = std::move(request.protocols);
  Touch(now, member);
  JoinResult result = Result(member, false);
  result.leader = told_leader;
  answers.push_back([done = std::move(done), result = std::move(result)] { done(result); });
}

void Group::JoinAgain(Micros now, Member& member, JoinRequest request, JoinDone done, GroupAnswers& answers) {
  const bool same = member.protocols == request.protocols;
  const bool lost_answer = state_ == GroupState::kCompletingRebalance && same;
  const bool nothing_new = state_ == GroupState::kStable && same && member.id != leader_;
  if (!lost_answer && !nothing_new) return Wait(now, member, request, std::move(done), answers);
  Touch(now, member);
  answers.push_back(
      [done = std::move(done), result = Result(member, member.id == leader_ && lost_answer)] { done(result); });
}

// The member takes part in the coming rebalance; begins one if none is being prepared.
void Group::Wait(Micros now, Member& member, JoinRequest& request, JoinDone done, GroupAnswers& answers) {
  // A client that repeats its request has given up on the first.
  if (member.joining) AnswerWaiting(member, kafka_error::kUnknownMemberId, answers);
  member.client_id = std::move(request.client_id);
  member.client_host = std::move(request.client_host);
  member.session_timeout = request.session_timeout;
  member.rebalance_timeout = request.rebalance_timeout;
  member.protocols = std::move(request.protocols);
  Touch(now, member);
  member.joining = std::move(done);
  if (state_ == GroupState::kPreparingRebalance) {
    MaybeCompleteRebalance(now, answers);
  } else {
    BeginRebalance(now, answers);
  }
}

JoinResult Group::Result(const Member& member, bool with_members) const {
  JoinResult result;
  result.generation = generation_;
  result.protocol_type = protocol_type_;
  result.protocol = protocol_;
  result.leader = leader_;
  result.member_id = member.id;
  if (!with_members) return result;
  for (const auto& [id, other] : members_) {
    const std::string* metadata = MetadataOf(other.protocols, protocol_);
    result.members.push_back(
        {.member_id = id, .instance_id = other.instance_id, .metadata = metadata ? *metadata : ""});
  }
  return result;
}

// ---- Rebalance

void Group::BeginRebalance(Micros now, GroupAnswers& answers) {
  rebalance_not_before_ = state_ == GroupState::kEmpty ? now + initial_rebalance_delay_ : now;
  state_ = GroupState::kPreparingRebalance;
  Micros longest = 0;
  for (auto& [id, member] : members_) {
    member.assignment.clear();
    if (member.syncing) AnswerWaiting(member, kafka_error::kRebalanceInProgress, answers);
    longest = std::max(longest, member.rebalance_timeout);
  }
  rebalance_ends_ = std::max(now + longest, rebalance_not_before_);
  MaybeCompleteRebalance(now, answers);
}

void Group::MaybeCompleteRebalance(Micros now, GroupAnswers& answers) {
  if (state_ != GroupState::kPreparingRebalance) return;
  const bool all = expected_.empty() &&
                   std::all_of(members_.begin(), members_.end(), [](const auto& m) { return bool(m.second.joining); });
  if ((all && now >= rebalance_not_before_) || now >= rebalance_ends_) CompleteRebalance(now, answers);
}

void Group::CompleteRebalance(Micros now, GroupAnswers& answers) {
  // Static members may be away for their session timeout; dynamic ones that did not come are out.
  for (auto it = members_.begin(); it != members_.end();) {
    it = it->second.joining || it->second.instance_id ? std::next(it) : members_.erase(it);
  }
  ++generation_;
  const bool any = std::any_of(members_.begin(), members_.end(), [](const auto& m) { return bool(m.second.joining); });
  if (!any && !members_.empty()) {
    // Only absent static members: the rebalance goes on until one comes back or all expire.
    rebalance_ends_ = now + members_.begin()->second.session_timeout;
    return;
  }
  if (members_.empty()) {
    state_ = GroupState::kEmpty;
    protocol_.clear();
    leader_.clear();
    return;
  }
  const auto leader = members_.find(leader_);
  if (leader == members_.end() || !leader->second.joining) {
    leader_ =
        std::find_if(members_.begin(), members_.end(), [](const auto& m) { return bool(m.second.joining); })->first;
  }
  protocol_ = ChooseProtocol();
  state_ = GroupState::kCompletingRebalance;
  Micros longest = 0;
  for (auto& [id, member] : members_) {
    longest = std::max(longest, member.rebalance_timeout);
    member.synced = false;
    if (!member.joining) continue;
    Touch(now, member);
    answers.push_back(
        [done = std::exchange(member.joining, nullptr), result = Result(member, id == leader_)] { done(result); });
  }
  sync_ends_ = now + longest;
}

// The protocol that most members prefer among those that all know.
std::string Group::ChooseProtocol() const {
  std::map<std::string, int> votes;
  for (const auto& [id, member] : members_) {
    for (const auto& [name, metadata] : member.protocols) {
      const bool common = std::all_of(members_.begin(), members_.end(), [&name = name](const auto& m) {
        return MetadataOf(m.second.protocols, name) != nullptr;
      });
      if (!common) continue;
      ++votes[name];
      break;
    }
  }
  std::string best;
  for (const auto& [name, count] : votes) {
    if (best.empty() || count > votes[best]) best = name;
  }
  return best;
}

// ---- Sync, heartbeat, commit, leave

void Group::Sync(Micros now, const SyncRequest& request, SyncDone done, GroupAnswers& answers) {
  SyncResult result;
  const auto answer = [&](int16_t error) {
    result.error = error;
    answers.push_back([done, result] { done(result); });
  };
  int16_t error = 0;
  Member* member = FindMember(request.member_id, request.instance_id, error);
  if (member == nullptr) return answer(error);
  if (request.generation != generation_) return answer(kafka_error::kIllegalGeneration);
  if ((request.protocol_type && *request.protocol_type != protocol_type_) ||
      (request.protocol && *request.protocol != protocol_)) {
    return answer(kafka_error::kInconsistentGroupProtocol);
  }
  if (state_ == GroupState::kPreparingRebalance) return answer(kafka_error::kRebalanceInProgress);
  Touch(now, *member);
  member->synced = true;
  result.protocol_type = protocol_type_;
  result.protocol = protocol_;
  if (state_ == GroupState::kStable) {
    result.assignment = member->assignment;
    return answer(kafka_error::kNone);
  }
  if (member->syncing) AnswerWaiting(*member, kafka_error::kRebalanceInProgress, answers);
  member->syncing = std::move(done);
  if (member->id != leader_) return;
  for (const auto& [id, assignment] : request.assignments) {
    if (const auto found = members_.find(id); found != members_.end()) found->second.assignment = assignment;
  }
  state_ = GroupState::kStable;
  for (auto& [id, other] : members_) {
    if (!other.syncing) continue;
    Touch(now, other);
    result.assignment = other.assignment;
    answers.push_back([waiting = std::exchange(other.syncing, nullptr), result] { waiting(result); });
  }
}

int16_t Group::Heartbeat(Micros now, const std::string& member_id, const std::optional<std::string>& instance_id,
                         int32_t generation) {
  int16_t error = 0;
  Member* member = FindMember(member_id, instance_id, error);
  if (member == nullptr) return error;
  if (generation != generation_) return kafka_error::kIllegalGeneration;
  Touch(now, *member);
  return state_ == GroupState::kPreparingRebalance ? kafka_error::kRebalanceInProgress : kafka_error::kNone;
}

// Members commit what they processed before they join again, so PreparingRebalance still takes commits of its
// generation. In CompletingRebalance the partitions may belong to others already.
int16_t Group::CheckCommit(Micros now, const std::string& member_id, const std::optional<std::string>& instance_id,
                           int32_t generation) {
  if (state_ == GroupState::kDead) return kafka_error::kUnknownMemberId;
  if (generation < 0 && member_id.empty() && !instance_id) {
    return members_.empty() ? kafka_error::kNone : kafka_error::kUnknownMemberId;
  }
  int16_t error = 0;
  Member* member = FindMember(member_id, instance_id, error);
  if (member == nullptr) return error;
  if (generation != generation_) return kafka_error::kIllegalGeneration;
  if (state_ == GroupState::kCompletingRebalance) return kafka_error::kRebalanceInProgress;
  Touch(now, *member);
  return kafka_error::kNone;
}

int16_t Group::Leave(Micros now, const std::string& member_id, const std::optional<std::string>& instance_id,
                     GroupAnswers& answers) {
  std::string id = member_id;
  if (instance_id && id.empty()) {
    const auto known = static_members_.find(*instance_id);
    if (known == static_members_.end()) return kafka_error::kUnknownMemberId;
    id = known->second;
  }
  if (state_ != GroupState::kDead && !instance_id && expected_.erase(id) > 0) {
    MaybeCompleteRebalance(now, answers);
    return kafka_error::kNone;
  }
  int16_t error = 0;
  if (FindMember(id, instance_id, error) == nullptr) return error;
  RemoveMember(now, id, kafka_error::kUnknownMemberId, answers);
  return kafka_error::kNone;
}

void Group::RemoveMember(Micros now, const std::string& member_id, int16_t error, GroupAnswers& answers) {
  const auto found = members_.find(member_id);
  AnswerWaiting(found->second, error, answers);
  if (found->second.instance_id) static_members_.erase(*found->second.instance_id);
  members_.erase(found);
  if (state_ == GroupState::kPreparingRebalance) {
    MaybeCompleteRebalance(now, answers);
  } else {
    BeginRebalance(now, answers);
  }
}

void Group::AnswerWaiting(Member& member, int16_t error, GroupAnswers& answers) {
  if (member.joining) {
    JoinResult result;
    result.error = error;
    result.member_id = member.id;
    answers.push_back([done = std::exchange(member.joining, nullptr), result = std::move(result)] { done(result); });
  }
  if (member.syncing) {
    SyncResult result;
    result.error = error;
    answers.push_back([done = std::exchange(member.syncing, nullptr), result = std::move(result)] { done(result); });
  }
}

// ---- Time

void Group::Tick(Micros now, GroupAnswers& answers) {
  if (state_ == GroupState::kDead) return;
  std::erase_if(expected_, [now](const auto& e) { return e.second <= now; });
  std::vector<std::string> silent;
  const bool sync_over =
      (state_ == GroupState::kCompletingRebalance || state_ == GroupState::kStable) && now >= sync_ends_;
  for (const auto& [id, member] : members_) {
    const bool waits = member.joining || member.syncing;  // its connection is ours to answer
    const bool never_synced = sync_over && !member.synced && !member.instance_id;
    if ((!waits && member.expires <= now) || never_synced) silent.push_back(id);
  }
  for (const std::string& id : silent) {
    if (members_.contains(id)) RemoveMember(now, id, kafka_error::kUnknownMemberId, answers);
  }
  MaybeCompleteRebalance(now, answers);
}

void Group::Kill(int16_t error, GroupAnswers& answers) {
  for (auto& [id, member] : members_) AnswerWaiting(member, error, answers);
  members_.clear();
  static_members_.clear();
  expected_.clear();
  state_ = GroupState::kDead;
}

GroupDescription Group::Describe() const {
  GroupDescription description;
  description.state = state_;
  description.protocol_type = protocol_type_;
  const bool settled = state_ == GroupState::kStable;
  if (settled) description.protocol = protocol_;
  for (const auto& [id, member] : members_) {
    const std::string* metadata = MetadataOf(member.protocols, protocol_);
    description.members.push_back({.member_id = id,
                                   .client_id = member.client_id,
                                   .client_host = member.client_host,
                                   .metadata = settled && metadata != nullptr ? *metadata : "",
                                   .assignment = settled ? member.assignment : "",
                                   .instance_id = member.instance_id});
  }
  return description;
}

}  // namespace tarn::broker
