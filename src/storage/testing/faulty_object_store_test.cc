#include "storage/testing/faulty_object_store.h"

#include <gtest/gtest.h>

#include "storage/object_stores.h"

namespace tarn::storage {
namespace {

struct Faulty {
  std::unique_ptr<ObjectStore> base = MakeMemoryObjectStore(SystemClock());
  storage::testing::FaultyObjectStore faulty{*base, 7};
};

TEST(FaultyObjectStore, UnavailableAndFullDoNothing) {
  Faulty world;
  world.faulty.SetFaults({.unavailable = 1});
  EXPECT_TRUE(world.faulty.PutIfAbsent("a", "1").Is(ErrorCode::kUnavailable));
  EXPECT_TRUE(world.faulty.Get("a").Is(ErrorCode::kUnavailable));
  world.faulty.SetFaults({.disk_full = true});
  EXPECT_TRUE(world.faulty.PutIfAbsent("a", "1").Is(ErrorCode::kResourceExhausted));
  auto writer = *world.faulty.OpenWriter("b");
  EXPECT_TRUE(writer->Append("1").ok());
  EXPECT_TRUE(writer->Finish().Is(ErrorCode::kResourceExhausted));
  EXPECT_TRUE(world.base->List("")->empty());
  EXPECT_EQ(world.faulty.injected(), 4u);
}

TEST(FaultyObjectStore, ALostReplyLeavesTheWriteThere) {
  Faulty world;
  world.faulty.SetFaults({.lost_reply = 1});
  EXPECT_TRUE(world.faulty.PutIfAbsent("a", "1").Is(ErrorCode::kOutcomeUnknown));
  EXPECT_EQ(*world.base->Get("a"), "1");
  EXPECT_TRUE(world.faulty.Delete("a").Is(ErrorCode::kOutcomeUnknown));
  EXPECT_TRUE(world.base->Get("a").Is(ErrorCode::kNotFound));
}

TEST(FaultyObjectStore, ALateWriteLandsWhileOthersGoOn) {
  Faulty world;
  world.faulty.SetFaults({.late = 1});
  EXPECT_TRUE(world.faulty.PutIfAbsent("a", "late").Is(ErrorCode::kOutcomeUnknown));
  EXPECT_TRUE(world.base->Get("a").Is(ErrorCode::kNotFound));
  world.faulty.SetFaults({});
  int reads = 0;
  while (!world.faulty.Get("a").ok()) ASSERT_LT(++reads, 100);
  EXPECT_EQ(*world.base->Get("a"), "late");
  // It wins nothing that was taken meanwhile.
  world.faulty.SetFaults({.late = 1});
  EXPECT_TRUE(world.faulty.PutIfAbsent("b", "late").Is(ErrorCode::kOutcomeUnknown));
  world.faulty.SetFaults({});
  ASSERT_TRUE(world.base->PutIfAbsent("b", "first").ok());
  world.faulty.Settle();
  EXPECT_EQ(*world.base->Get("b"), "first");
}

TEST(FaultyObjectStore, ADuplicatedWriteLandsAgain) {
  Faulty world;
  world.faulty.SetFaults({.duplicated = 1});
  EXPECT_TRUE(world.faulty.Put("a", "1").ok());
  world.faulty.SetFaults({});
  ASSERT_TRUE(world.base->Put("a", "2").ok());
  world.faulty.Settle();
  EXPECT_EQ(*world.base->Get("a"), "1");
}

}  // namespace
}  // namespace tarn::storage
