#include "broker/groups/group.h"

#include <gtest/gtest.h>

#include <set>

#include "broker/protocol/errors.h"

namespace tarn::broker {
namespace {

constexpr Micros kSecond = 1'000'000;

// Calls a group and runs what it answers, as the coordinator does.
struct Fixture {
  explicit Fixture(Micros delay = 0) : group("g", Random(1), delay) {}

  std::shared_ptr<std::optional<JoinResult>> Join(const std::string& member_id,
                                                  std::optional<std::string> instance_id = std::nullopt,
                                                  const std::string& metadata = "m", bool id_first = false) {
    JoinRequest request;
    request.member_id = member_id;
    request.instance_id = std::move(instance_id);
    request.client_id = "client";
    request.session_timeout = 10 * kSecond;
    request.rebalance_timeout = 30 * kSecond;
    request.protocol_type = "consumer";
    request.protocols = {{"range", metadata}, {"roundrobin", metadata}};
    request.gets_member_id_first = id_first;
    return Join(std::move(request));
  }
  std::shared_ptr<std::optional<JoinResult>> Join(JoinRequest request) {
    auto result = std::make_shared<std::optional<JoinResult>>();
    GroupAnswers answers;
    group.Join(
        now, std::move(request), [result](JoinResult r) { *result = std::move(r); }, answers);
    Run(answers);
    return result;
  }
  std::shared_ptr<std::optional<SyncResult>> Sync(const std::string& member_id, int32_t generation,
                                                  std::vector<std::pair<std::string, std::string>> assignments = {},
                                                  std::optional<std::string> instance_id = std::nullopt) {
    auto result = std::make_shared<std::optional<SyncResult>>();
    GroupAnswers answers;
    SyncRequest request;
    request.member_id = member_id;
    request.instance_id = std::move(instance_id);
    request.generation = generation;
    request.assignments = std::move(assignments);
    group.Sync(
        now, request, [result](SyncResult r) { *result = std::move(r); }, answers);
    Run(answers);
    return result;
  }
  int16_t Leave(const std::string& member_id) {
    GroupAnswers answers;
    const int16_t error = group.Leave(now, member_id, std::nullopt, answers);
    Run(answers);
    return error;
  }
  void Advance(Micros by) {
    now += by;
    GroupAnswers answers;
    group.Tick(now, answers);
    Run(answers);
  }
  static void Run(GroupAnswers& answers) {
    for (auto& answer : answers) answer();
  }
  // A stable group of one member; returns its id.
  std::string OneStable() {
    const std::string id = (*Join(""))->member_id;
    Sync(id, 1, {{id, "all"}});
    return id;
  }

  Group group;
  Micros now = 0;
};

TEST(Group, FirstMemberLeadsAndAssigns) {
  Fixture f;
  const auto joined = f.Join("");
  ASSERT_TRUE(joined->has_value());
  EXPECT_EQ((*joined)->error, 0);
  EXPECT_EQ((*joined)->generation, 1);
  EXPECT_EQ((*joined)->leader, (*joined)->member_id);
  EXPECT_EQ((*joined)->protocol, "range");
  ASSERT_EQ((*joined)->members.size(), 1u);
  EXPECT_EQ(f.group.state(), GroupState::kCompletingRebalance);
  const auto synced = f.Sync((*joined)->member_id, 1, {{(*joined)->member_id, "a"}});
  EXPECT_EQ((*synced)->assignment, "a");
  EXPECT_EQ(f.group.state(), GroupState::kStable);
}

TEST(Group, DynamicMemberGetsItsIdFirst) {
  Fixture f;
  const auto first = f.Join("", std::nullopt, "m", true);
  EXPECT_EQ((*first)->error, kafka_error::kMemberIdRequired);
  const auto second = f.Join((*first)->member_id, std::nullopt, "m", true);
  EXPECT_EQ((*second)->error, 0);
  EXPECT_EQ((*second)->member_id, (*first)->member_id);
}

TEST(Group, AMemberIdThatWasGivenOutAndNotUsedLapses) {
  Fixture f;
  const std::string given = (*f.Join("", std::nullopt, "m", true))->member_id;
  f.Advance(11 * kSecond);
  EXPECT_EQ((*f.Join(given, std::nullopt, "m", true))->error, kafka_error::kUnknownMemberId);
}

TEST(Group, SecondMemberMakesTheFirstRejoin) {
  Fixture f;
  const std::string a = f.OneStable();
  const auto b = f.Join("");
  EXPECT_FALSE(b->has_value());
  EXPECT_EQ(f.group.Heartbeat(f.now, a, std::nullopt, 1), kafka_error::kRebalanceInProgress);
  EXPECT_EQ(f.group.CheckCommit(f.now, a, std::nullopt, 1), kafka_error::kNone);  // before it gives its partitions up
  const auto again = f.Join(a);
  ASSERT_TRUE(b->has_value() && again->has_value());
  EXPECT_EQ((*again)->generation, 2);
  EXPECT_EQ((*again)->members.size(), 2u);
  EXPECT_TRUE((*b)->members.empty());
  EXPECT_EQ(f.group.CheckCommit(f.now, a, std::nullopt, 1), kafka_error::kIllegalGeneration);
  EXPECT_EQ(f.group.CheckCommit(f.now, a, std::nullopt, 2), kafka_error::kRebalanceInProgress);
  // The follower waits for the leader's assignment.
  const auto b_synced = f.Sync((*b)->member_id, 2);
  EXPECT_FALSE(b_synced->has_value());
  f.Sync(a, 2, {{a, "x"}, {(*b)->member_id, "y"}});
  ASSERT_TRUE(b_synced->has_value());
  EXPECT_EQ((*b_synced)->assignment, "y");
}

TEST(Group, WhoDoesNotRejoinInTimeIsDropped) {
  Fixture f;
  const std::string a = f.OneStable();
  const auto b = f.Join("");
  for (int i = 0; i < 31; ++i) {
    f.Advance(kSecond);
    (void)f.group.Heartbeat(f.now, a, std::nullopt, 1);  // alive, but busy
  }
  ASSERT_TRUE(b->has_value());
  EXPECT_EQ((*b)->members.size(), 1u);
  EXPECT_EQ(f.group.Heartbeat(f.now, a, std::nullopt, 1), kafka_error::kUnknownMemberId);
}

TEST(Group, ASilentMemberExpiresAndTheOthersRebalance) {
  Fixture f;
  const std::string a = f.OneStable();
  f.Advance(9 * kSecond);
  EXPECT_EQ(f.group.Heartbeat(f.now, a, std::nullopt, 1), kafka_error::kNone);
  f.Advance(9 * kSecond);
  EXPECT_EQ(f.group.state(), GroupState::kStable);
  f.Advance(2 * kSecond);
  EXPECT_EQ(f.group.state(), GroupState::kEmpty);
  EXPECT_EQ(f.group.Heartbeat(f.now, a, std::nullopt, 1), kafka_error::kUnknownMemberId);
}

TEST(Group, ALeaderThatNeverAssignsIsDropped) {
  Fixture f;
  const auto a = f.Join("");
  for (int i = 0; i < 31; ++i) {
    f.Advance(kSecond);
    (void)f.group.Heartbeat(f.now, (*a)->member_id, std::nullopt, 1);
  }
  EXPECT_EQ(f.group.state(), GroupState::kEmpty);
}

TEST(Group, LeavingEndsTheMembershipAtOnce) {
  Fixture f;
  const std::string a = f.OneStable();
  EXPECT_EQ(f.Leave(a), 0);
  EXPECT_EQ(f.group.state(), GroupState::kEmpty);
  EXPECT_EQ(f.Leave(a), kafka_error::kUnknownMemberId);
}

TEST(Group, InitialDelayGathersMembers) {
  Fixture f(3 * kSecond);
  const auto a = f.Join("");
  EXPECT_FALSE(a->has_value());
  const auto b = f.Join("");
  f.Advance(2 * kSecond);
  EXPECT_FALSE(a->has_value() || b->has_value());
  f.Advance(2 * kSecond);
  ASSERT_TRUE(a->has_value() && b->has_value());
  EXPECT_EQ((*a)->generation, 1);
}

TEST(Group, NoCommonProtocolIsRefused) {
  Fixture f;
  f.OneStable();
  JoinRequest other;
  other.session_timeout = 10 * kSecond;
  other.protocol_type = "consumer";
  other.protocols = {{"sticky", "m"}};
  EXPECT_EQ((*f.Join(other))->error, kafka_error::kInconsistentGroupProtocol);
  other.protocol_type = "connect";
  other.protocols = {{"range", "m"}};
  EXPECT_EQ((*f.Join(other))->error, kafka_error::kInconsistentGroupProtocol);
}

TEST(Group, StaticMemberComesBackWithoutARebalance) {
  Fixture f;
  const auto a = f.Join("", "i1");
  const std::string old_id = (*a)->member_id;
  f.Sync(old_id, 1, {{old_id, "all"}}, "i1");
  const auto back = f.Join("", "i1");
  ASSERT_TRUE(back->has_value());
  EXPECT_EQ((*back)->generation, 1);
  EXPECT_NE((*back)->member_id, old_id);
  EXPECT_EQ(f.group.state(), GroupState::kStable);
  EXPECT_EQ((*f.Sync((*back)->member_id, 1, {}, "i1"))->assignment, "all");
  // The first holder of the name is fenced.
  EXPECT_EQ(f.group.Heartbeat(f.now, old_id, "i1", 1), kafka_error::kFencedInstanceId);
  EXPECT_EQ(f.group.CheckCommit(f.now, old_id, "i1", 1), kafka_error::kFencedInstanceId);
}

TEST(Group, StaticMemberWithAnotherSubscriptionRebalances) {
  Fixture f;
  const auto a = f.Join("", "i1");
  f.Sync((*a)->member_id, 1, {{(*a)->member_id, "all"}}, "i1");
  const auto back = f.Join("", "i1", "other topics");
  EXPECT_EQ((*back)->generation, 2);
}

TEST(Group, SimpleConsumerCommitsOnlyToAnEmptyGroup) {
  Fixture f;
  EXPECT_EQ(f.group.CheckCommit(f.now, "", std::nullopt, -1), kafka_error::kNone);
  f.OneStable();
  EXPECT_EQ(f.group.CheckCommit(f.now, "", std::nullopt, -1), kafka_error::kUnknownMemberId);
}

// ---- A world of clients that join, crash, leave, are slow, and commit, on a simulated clock.

// A client as libraries write it: it owns partitions from the assignment of a generation until it joins again.
struct Client {
  std::string member_id;
  int32_t generation = -1;
  std::set<int> owned;
  bool alive = true;
  std::shared_ptr<std::optional<JoinResult>> joining;
  std::shared_ptr<std::optional<SyncResult>> syncing;
};

class World {
 public:
  explicit World(uint64_t seed) : random_(seed) {}

  void Run(int steps) {
    for (int i = 0; i < steps; ++i) {
      if (clients_.size() < 5 && random_.Chance(0.1)) clients_.emplace_back();
      for (Client& client : clients_) {
        if (client.alive) Step(client);
      }
      std::erase_if(clients_, [](const Client& c) { return !c.alive; });
      f_.Advance(Micros(random_.Below(2'000'000)));
      CheckOwnership();
    }
  }
  int64_t commits() const { return commits_; }

 private:
  static constexpr int kPartitions = 6;

  void Rejoin(Client& client) {
    client.owned.clear();
    client.syncing.reset();
    client.joining = f_.Join(client.member_id, std::nullopt, "m", random_.Chance(0.5));
  }

  void Step(Client& client) {
    if (random_.Chance(0.01)) {  // crashes: nothing of it is heard again
      client.alive = false;
      return;
    }
    if (random_.Chance(0.01) && !client.member_id.empty()) {
      f_.Leave(client.member_id);
      client.alive = false;
      return;
    }
    if (client.joining) return HandleJoin(client);
    if (client.syncing) return HandleSync(client);
    if (client.generation < 0) return Rejoin(client);
    if (random_.Chance(0.5)) Commit(client);
    if (random_.Chance(0.7))
      HandleError(client, f_.group.Heartbeat(f_.now, client.member_id, std::nullopt, client.generation));
  }

  void HandleError(Client& client, int16_t error) {
    if (error == kafka_error::kNone) return;
    if (error == kafka_error::kUnknownMemberId) client.member_id.clear();
    client.generation = -1;
    client.owned.clear();
  }

  void HandleJoin(Client& client) {
    if (!client.joining->has_value()) return;
    const JoinResult result = std::move(**client.joining);
    client.joining.reset();
    if (result.error == kafka_error::kMemberIdRequired) {
      client.member_id = result.member_id;
      return Rejoin(client);
    }
    if (result.error != kafka_error::kNone) return HandleError(client, result.error);
    client.member_id = result.member_id;
    client.generation = result.generation;
    std::vector<std::pair<std::string, std::string>> assignments;
    for (size_t i = 0; i < result.members.size(); ++i) {
      std::string partitions;
      for (int p = int(i); p < kPartitions; p += int(result.members.size())) partitions.push_back(char(p));
      assignments.emplace_back(result.members[i].member_id, partitions);
    }
    client.syncing = f_.Sync(client.member_id, client.generation, std::move(assignments));
  }

  void HandleSync(Client& client) {
    if (!client.syncing->has_value()) return;
    const SyncResult result = std::move(**client.syncing);
    client.syncing.reset();
    if (result.error != kafka_error::kNone) return HandleError(client, result.error);
    for (char partition : result.assignment) client.owned.insert(partition);
    for (int partition : client.owned) client_position_[{client.generation, partition}] = committed_[partition];
  }

  // Commits go one further than what the owner found committed when it took over.
  void Commit(Client& client) {
    const int16_t error = f_.group.CheckCommit(f_.now, client.member_id, std::nullopt, client.generation);
    if (error != kafka_error::kNone) return HandleError(client, error);
    for (int partition : client.owned) {
      const int64_t next = ++client_position_[{client.generation, partition}];
      ASSERT_GE(next, committed_[partition]) << "an offset went back by itself";
      committed_[partition] = next;
      ++commits_;
    }
  }

  // Whoever the group would still let commit in one generation owns different partitions.
  void CheckOwnership() {
    std::map<std::pair<int32_t, int>, std::string> owners;
    for (const Client& client : clients_) {
      for (int partition : client.owned) {
        const auto [it, first] = owners.emplace(std::pair(client.generation, partition), client.member_id);
        ASSERT_TRUE(first) << "partition " << partition << " is owned twice in generation " << client.generation;
      }
    }
  }

  Random random_;
  Fixture f_;
  std::vector<Client> clients_;
  std::map<std::pair<int32_t, int>, int64_t> client_position_;
  std::map<int, int64_t> committed_;
  int64_t commits_ = 0;
};

TEST(Group, NoPartitionIsOwnedTwiceAndNoOffsetGoesBackInManyWorlds) {
  int64_t commits = 0;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world(seed);
    world.Run(300);
    commits += world.commits();
    if (testing::Test::HasFatalFailure()) return;
  }
  EXPECT_GT(commits, 10'000);  // the worlds did get somewhere
}

}  // namespace
}  // namespace tarn::broker
