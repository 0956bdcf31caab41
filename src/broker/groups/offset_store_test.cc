#include "broker/groups/offset_store.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <future>

#include "base/failpoint.h"
#include "broker/groups/group_coordinator.h"
#include "broker/protocol/errors.h"

namespace tarn::broker {
namespace {

class OffsetStoreTest : public testing::Test {
 protected:
  OffsetStoreTest() {
    char folder[] = "/tmp/tarn-offsets-XXXXXX";
    folder_ = mkdtemp(folder);
    path_ = folder_ + "/consumer-offsets";
  }
  ~OffsetStoreTest() override {
    EXPECT_TRUE(SetFailpoints("").ok());
    std::filesystem::remove_all(folder_);
  }

  std::unique_ptr<OffsetStore> Open(uint64_t compaction_bytes_min = 1 << 20) {
    auto store = OffsetStore::Open(PosixFileSystem(), NullLogger(), path_, compaction_bytes_min);
    EXPECT_TRUE(store.ok()) << (store.ok() ? "" : store.error().ToString());
    return std::move(store).value();
  }
  static Status Commit(OffsetStore& store, const std::string& group, int32_t partition, int64_t offset,
                       const std::string& metadata = "") {
    std::promise<Status> done;
    GroupOffsets offsets;
    offsets[{"t", partition}] = {
        .offset = offset, .leader_epoch = 0, .metadata = metadata, .topic_id = "id", .committed_ms = 5};
    store.Commit(group, std::move(offsets), [&](Status status) { done.set_value(std::move(status)); });
    return done.get_future().get();
  }
  static int64_t OffsetOf(const OffsetStore& store, const std::string& group, int32_t partition) {
    const auto found = store.Find(group, {"t", partition});
    return found ? found->offset : -1;
  }
  std::string FileContent() { return ReadFile(PosixFileSystem(), path_).value(); }
  void ReplaceFile(std::string_view content) { ASSERT_TRUE(WriteFileDurably(PosixFileSystem(), path_, content).ok()); }

  std::string folder_, path_;
};

TEST_F(OffsetStoreTest, CommitsSurviveAReopen) {
  {
    auto store = Open();
    const std::string metadata("any \0 bytes", 11);
    ASSERT_TRUE(Commit(*store, "g", 0, 10, metadata).ok());
    ASSERT_TRUE(Commit(*store, "g", 1, 20).ok());
    ASSERT_TRUE(Commit(*store, "g", 0, 11, metadata).ok());
    EXPECT_EQ(store->Find("g", {"t", 0})->metadata, metadata);
  }
  auto store = Open();
  EXPECT_EQ(OffsetOf(*store, "g", 0), 11);
  EXPECT_EQ(OffsetOf(*store, "g", 1), 20);
  EXPECT_EQ(store->Find("g", {"t", 0})->metadata, std::string("any \0 bytes", 11));
  EXPECT_EQ(store->Find("g", {"t", 0})->topic_id, "id");
}

TEST_F(OffsetStoreTest, RemovalsSurviveAReopen) {
  {
    auto store = Open();
    for (int p = 0; p < 3; ++p) ASSERT_TRUE(Commit(*store, "g", p, 1).ok());
    ASSERT_TRUE(Commit(*store, "gone", 0, 1).ok());
    std::promise<Status> removed, group_removed;
    store->Remove("g", {{"t", 1}}, [&](Status s) { removed.set_value(std::move(s)); });
    store->RemoveGroup("gone", [&](Status s) { group_removed.set_value(std::move(s)); });
    ASSERT_TRUE(removed.get_future().get().ok());
    ASSERT_TRUE(group_removed.get_future().get().ok());
  }
  auto store = Open();
  EXPECT_EQ(store->List("g").size(), 2u);
  EXPECT_EQ(store->Groups(), std::vector<std::string>{"g"});
}

// A crash can leave any prefix of the last write: what was acknowledged before stays, and the store takes commits
// again.
TEST_F(OffsetStoreTest, EveryByteCutOfTheTailKeepsWhatStoodBefore) {
  size_t first = 0;
  {
    auto store = Open();
    ASSERT_TRUE(Commit(*store, "g", 0, 10).ok());
    first = FileContent().size();
    ASSERT_TRUE(Commit(*store, "g", 0, 11).ok());
  }
  const std::string whole = FileContent();
  for (size_t cut = first; cut < whole.size(); ++cut) {
    ReplaceFile(std::string_view(whole).substr(0, cut));
    auto store = Open();
    ASSERT_EQ(OffsetOf(*store, "g", 0), 10) << "cut at " << cut;
    ASSERT_TRUE(Commit(*store, "g", 0, 12).ok());
    store.reset();
    ASSERT_EQ(OffsetOf(*Open(), "g", 0), 12) << "cut at " << cut;
  }
}

TEST_F(OffsetStoreTest, EveryFlippedByteOfTheTailIsNoticed) {
  size_t first = 0;
  {
    auto store = Open();
    ASSERT_TRUE(Commit(*store, "g", 0, 10).ok());
    first = FileContent().size();
    ASSERT_TRUE(Commit(*store, "g", 0, 11).ok());
  }
  const std::string whole = FileContent();
  for (size_t at = first; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = char(damaged[at] ^ 0x40);
    ReplaceFile(damaged);
    ASSERT_EQ(OffsetOf(*Open(), "g", 0), 10) << "flipped at " << at;
  }
}

TEST_F(OffsetStoreTest, AFileOfAnotherKindIsRefused) {
  ReplaceFile("something else");
  const auto store = OffsetStore::Open(PosixFileSystem(), NullLogger(), path_);
  ASSERT_FALSE(store.ok());
  EXPECT_EQ(store.error().code(), ErrorCode::kCorruption);
}

TEST_F(OffsetStoreTest, ManyCommitsAreCompacted) {
  {
    auto store = Open(4096);
    for (int i = 1; i <= 1000; ++i) ASSERT_TRUE(Commit(*store, "g", i % 3, i).ok());
    EXPECT_LT(FileContent().size(), 8192u);
  }
  auto store = Open(4096);
  EXPECT_EQ(OffsetOf(*store, "g", 1000 % 3), 1000);
  EXPECT_EQ(OffsetOf(*store, "g", 999 % 3), 999);
}

TEST_F(OffsetStoreTest, AFailedCompactionChangesNothing) {
  ASSERT_TRUE(SetFailpoints("broker.offsets.before_rename=error").ok());
  {
    auto store = Open(1024);
    for (int i = 1; i <= 200; ++i) ASSERT_TRUE(Commit(*store, "g", 0, i).ok());
  }
  EXPECT_EQ(OffsetOf(*Open(), "g", 0), 200);
}

// A failed write or sync: not acknowledged, not visible, and nothing is written until the store is opened anew.
TEST_F(OffsetStoreTest, AFailedWriteOrSyncStopsTheStore) {
  for (const char* point : {"broker.offsets.before_write", "broker.offsets.before_sync"}) {
    std::filesystem::remove(path_);
    auto store = Open();
    ASSERT_TRUE(Commit(*store, "g", 0, 1).ok());
    ASSERT_TRUE(SetFailpoints(std::string(point) + "=error@1").ok());
    EXPECT_FALSE(Commit(*store, "g", 0, 2).ok());
    EXPECT_EQ(OffsetOf(*store, "g", 0), 1);
    EXPECT_FALSE(store->Problem().empty());
    EXPECT_TRUE(Commit(*store, "g", 0, 3).Is(ErrorCode::kIoError));
    ASSERT_TRUE(SetFailpoints("").ok());
    store.reset();
    EXPECT_TRUE(Commit(*Open(), "g", 0, 4).ok());
  }
}

class CoordinatorTest : public OffsetStoreTest {
 protected:
  FakeClock clock_;
};

TEST_F(CoordinatorTest, DeletesEmptyGroupsOnly) {
  auto store = Open();
  GroupCoordinator groups(clock_, Random(1), *store, 0);
  const auto remove = [&](const std::string& group) {
    std::promise<int16_t> done;
    groups.Delete(group, [&](int16_t error) { done.set_value(error); });
    return done.get_future().get();
  };
  EXPECT_EQ(remove("g"), kafka_error::kGroupIdNotFound);
  JoinRequest join;
  join.session_timeout = 10'000'000;
  join.rebalance_timeout = 10'000'000;
  join.protocol_type = "consumer";
  join.protocols = {{"range", "m"}};
  std::string member;
  groups.Join("g", join, [&](JoinResult result) { member = result.member_id; });
  ASSERT_FALSE(member.empty());
  EXPECT_EQ(remove("g"), kafka_error::kNonEmptyGroup);
  ASSERT_TRUE(Commit(*store, "g", 0, 7).ok());
  EXPECT_EQ(groups.Leave("g", member, std::nullopt), 0);
  EXPECT_EQ(remove("g"), kafka_error::kNone);
  EXPECT_EQ(OffsetOf(*store, "g", 0), -1);
}

TEST_F(CoordinatorTest, SessionTimeoutOutsideTheLimitsIsRefused) {
  auto store = Open();
  GroupCoordinator groups(clock_, Random(1), *store, 0);
  JoinRequest join;
  join.protocol_type = "consumer";
  join.protocols = {{"range", "m"}};
  int16_t error = 0;
  groups.Join("g", join, [&](JoinResult result) { error = result.error; });
  EXPECT_EQ(error, kafka_error::kInvalidSessionTimeout);
}

TEST_F(CoordinatorTest, AfterARestartMembersAreToldToJoinAgain) {
  auto store = Open();
  GroupCoordinator groups(clock_, Random(1), *store, 0);
  EXPECT_EQ(groups.Heartbeat("g", "member-of-before", std::nullopt, 4), kafka_error::kUnknownMemberId);
  std::promise<int16_t> done;
  groups.CommitOffsets("g", {.member_id = "member-of-before", .instance_id = std::nullopt, .generation = 4}, {},
                       [&](int16_t error) { done.set_value(error); });
  EXPECT_EQ(done.get_future().get(), kafka_error::kIllegalGeneration);
}

}  // namespace
}  // namespace tarn::broker
