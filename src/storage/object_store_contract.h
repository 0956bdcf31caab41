#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "storage/object_store.h"

// What every object store must do. A body instantiates the suite with a function that makes an empty store:
//   INSTANTIATE_TEST_SUITE_P(Memory, ObjectStoreContract, ::testing::Values(MakeFixture));

namespace tarn::storage {

// A store and what it lives in, gone with it.
struct ObjectStoreFixture {
  virtual ~ObjectStoreFixture() = default;
  virtual ObjectStore& store() = 0;
};

class ObjectStoreContract : public ::testing::TestWithParam<std::function<std::unique_ptr<ObjectStoreFixture>()>> {
 protected:
  void SetUp() override { fixture_ = GetParam()(); }
  ObjectStore& store() { return fixture_->store(); }
  std::vector<std::string> Keys(const std::string& prefix, const std::string& start_after = "", bool recursive = true) {
    const auto listed = store().List(prefix, start_after, recursive);
    EXPECT_TRUE(listed.ok());
    std::vector<std::string> keys;
    if (listed.ok())
      for (const ObjectInfo& object : *listed) keys.push_back(object.key);
    return keys;
  }
  void Put(const std::string& key, std::string_view content = "x") { ASSERT_TRUE(store().Put(key, content).ok()); }

  std::unique_ptr<ObjectStoreFixture> fixture_;
};

TEST_P(ObjectStoreContract, PutIsReadBackWholeAndReplaces) {
  const std::string binary("a\0b\n\xff", 5);
  Put("a/b", binary);
  EXPECT_EQ(*store().Get("a/b"), binary);
  EXPECT_EQ(store().Head("a/b")->size, binary.size());
  Put("a/b", "");
  EXPECT_EQ(*store().Get("a/b"), "");
  EXPECT_EQ(Keys(""), std::vector<std::string>{"a/b"});
}

TEST_P(ObjectStoreContract, WhatIsAbsentIsNotFound) {
  Put("a/b");
  for (const std::string key : {"x", "a", "a/b2", "a/x/y"}) {
    EXPECT_TRUE(store().Get(key).Is(ErrorCode::kNotFound)) << key;
    EXPECT_TRUE(store().Head(key).Is(ErrorCode::kNotFound)) << key;
    EXPECT_TRUE(store().OpenReader(key).Is(ErrorCode::kNotFound)) << key;
    EXPECT_TRUE(store().Delete(key).ok()) << key;
  }
  EXPECT_EQ(Keys(""), std::vector<std::string>{"a/b"});
}

TEST_P(ObjectStoreContract, BadKeysAreRefusedByEveryCall) {
  for (const std::string& key : {std::string(), std::string("/a"), std::string("a/"), std::string("a//b"),
                                 std::string("."), std::string("a/../b"), std::string("a/./b"), std::string("a\0b", 3),
                                 std::string(1025, 'a'), std::string("a/.tmp-1")}) {
    EXPECT_TRUE(store().Get(key).Is(ErrorCode::kInvalidArgument)) << key;
    EXPECT_TRUE(store().Head(key).Is(ErrorCode::kInvalidArgument)) << key;
    EXPECT_TRUE(store().OpenReader(key).Is(ErrorCode::kInvalidArgument)) << key;
    EXPECT_TRUE(store().OpenWriter(key).Is(ErrorCode::kInvalidArgument)) << key;
    EXPECT_TRUE(store().Put(key, "x").Is(ErrorCode::kInvalidArgument)) << key;
    EXPECT_TRUE(store().PutIfAbsent(key, "x").Is(ErrorCode::kInvalidArgument)) << key;
    EXPECT_TRUE(store().Delete(key).Is(ErrorCode::kInvalidArgument)) << key;
  }
  EXPECT_TRUE(store().List("a").Is(ErrorCode::kInvalidArgument));
  EXPECT_TRUE(store().List("../").Is(ErrorCode::kInvalidArgument));
  EXPECT_TRUE(Keys("").empty());
}

TEST_P(ObjectStoreContract, PutIfAbsentRefusesWhatIsThere) {
  ASSERT_TRUE(store().PutIfAbsent("log/0", "first").ok());
  EXPECT_TRUE(store().PutIfAbsent("log/0", "second").Is(ErrorCode::kConflict));
  EXPECT_EQ(*store().Get("log/0"), "first");
  ASSERT_TRUE(store().Delete("log/0").ok());
  EXPECT_TRUE(store().PutIfAbsent("log/0", "third").ok());
}

// Many writers, many keys: each key has one winner, and holds the winner's content.
TEST_P(ObjectStoreContract, ARaceOfPutIfAbsentHasOneWinner) {
  constexpr int kKeys = 30, kThreads = 8;
  std::vector<std::atomic<int>> wins(kKeys);
  std::vector<std::atomic<int>> winner(kKeys);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; t++) {
    threads.emplace_back([&, t] {
      for (int k = 0; k < kKeys; k++) {
        const Status put = store().PutIfAbsent("log/" + std::to_string(k), std::to_string(t));
        if (put.ok()) {
          wins[k]++;
          winner[k] = t;
        } else {
          EXPECT_TRUE(put.Is(ErrorCode::kConflict)) << put.error().ToString();
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int k = 0; k < kKeys; k++) {
    EXPECT_EQ(wins[k], 1) << k;
    EXPECT_EQ(*store().Get("log/" + std::to_string(k)), std::to_string(winner[k])) << k;
  }
  EXPECT_EQ(Keys("").size(), size_t{kKeys});  // and nothing else is left
}

TEST_P(ObjectStoreContract, AWriterShowsNothingBeforeFinish) {
  {
    auto writer = store().OpenWriter("a/b");
    ASSERT_TRUE(writer.ok());
    ASSERT_TRUE((*writer)->Append("one ").ok());
    EXPECT_TRUE(store().Head("a/b").Is(ErrorCode::kNotFound));
    EXPECT_TRUE(Keys("").empty());
    ASSERT_TRUE((*writer)->Append("two").ok());
    EXPECT_EQ((*writer)->written(), 7U);
    ASSERT_TRUE((*writer)->Finish().ok());
    EXPECT_EQ(*store().Get("a/b"), "one two");
  }
  {
    auto given_up = store().OpenWriter("a/b");
    ASSERT_TRUE((*given_up)->Append("three").ok());
  }
  EXPECT_EQ(*store().Get("a/b"), "one two");
  EXPECT_EQ(Keys(""), std::vector<std::string>{"a/b"});
}

TEST_P(ObjectStoreContract, AReaderReadsAnywhereAndKeepsWhatItOpened) {
  Put("a", "0123456789");
  const auto reader = std::move(*store().OpenReader("a"));
  Put("a", "replaced");
  ASSERT_TRUE(store().Delete("a").ok());
  EXPECT_EQ(reader->size(), 10U);
  std::string out(4, '\0');
  ASSERT_TRUE(reader->ReadAt(3, out).ok());
  EXPECT_EQ(out, "3456");
  ASSERT_TRUE(reader->ReadAt(6, out).ok());
  EXPECT_EQ(out, "6789");
  EXPECT_TRUE(reader->ReadAt(7, out).Is(ErrorCode::kOutOfRange));
  EXPECT_TRUE(reader->ReadAt(11, {}).Is(ErrorCode::kOutOfRange));
  EXPECT_TRUE(reader->ReadAt(UINT64_MAX, out).Is(ErrorCode::kOutOfRange));
}

TEST_P(ObjectStoreContract, ListsInByteOrderOfWholeKeys) {
  for (const std::string key : {"a/b", "a-c", "a.d", "a/b.e", "b/a", "a/c/d", "a0"}) Put(key);
  EXPECT_EQ(Keys(""), (std::vector<std::string>{"a-c", "a.d", "a/b", "a/b.e", "a/c/d", "a0", "b/a"}));
  EXPECT_EQ(Keys("a/"), (std::vector<std::string>{"a/b", "a/b.e", "a/c/d"}));
  EXPECT_EQ(Keys("a/", "", false), (std::vector<std::string>{"a/b", "a/b.e"}));
  EXPECT_EQ(Keys("a/", "a/b"), (std::vector<std::string>{"a/b.e", "a/c/d"}));
  EXPECT_EQ(Keys("a/", "a/bz"), (std::vector<std::string>{"a/c/d"}));
  EXPECT_TRUE(Keys("z/").empty());
}

}  // namespace tarn::storage
