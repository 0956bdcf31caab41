#include "broker/topics.h"

#include <gtest/gtest.h>

#include "base/failpoint.h"
#include "broker/testing/log_fixture.h"
#include "broker/topic_config.h"

namespace tarn::broker {
namespace {

class TopicsTest : public ::testing::Test {
 protected:
  void Open() {
    topics_.reset();
    auto topics = OpenTopics(fs_, clock_, Random(7), NullLogger(), "/data", {});
    ASSERT_TRUE(topics.ok()) << topics.error().ToString();
    topics_ = std::move(*topics);
  }
  void Restart() {
    topics_.reset();
    fs_.Crash();
    Open();
  }

  FaultyFileSystem fs_;
  FakeClock clock_;
  std::unique_ptr<Topics> topics_;
};

TEST_F(TopicsTest, CreatedTopicsAndTheirRecordsSurviveAPowerCut) {
  Open();
  const auto created =
      topics_->Create({.name = "clickstream-events", .partitions = 3, .config = {{"retention.ms", "1000"}}});
  ASSERT_TRUE(created.ok()) << created.error().ToString();
  const std::string id = (*created)->id;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(AppendNow(*(*created)->partitions[size_t(i)], MakeBatch("a", i + 1)).ok());
  Restart();
  const auto found = topics_->Find("clickstream-events");
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->id, id);
  EXPECT_EQ(found->config.at("retention.ms"), "1000");
  ASSERT_EQ(found->partitions.size(), 3u);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(found->partitions[size_t(i)]->high_watermark(), i + 1);
  EXPECT_EQ(topics_->List().size(), 1u);
  EXPECT_TRUE(topics_->Create({.name = "clickstream-events"}).Is(ErrorCode::kAlreadyExists));
}

TEST_F(TopicsTest, ADeletedTopicIsGoneAndItsNameIsFree) {
  Open();
  const auto first = topics_->Create({.name = "t", .partitions = 2});
  ASSERT_TRUE(AppendNow(*(*first)->partitions[0], MakeBatch("old")).ok());
  ASSERT_TRUE(topics_->Delete("t").ok());
  EXPECT_TRUE(topics_->Delete("t").Is(ErrorCode::kNotFound));
  EXPECT_TRUE((*first)->partitions[0]->Read(0, 100).Is(ErrorCode::kUnavailable));
  EXPECT_EQ(topics_->Find("t"), nullptr);
  EXPECT_TRUE(fs_.Stat("/data/t-0").Is(ErrorCode::kNotFound));
  const auto second = topics_->Create({.name = "t"});
  ASSERT_TRUE(second.ok());
  EXPECT_NE((*second)->id, (*first)->id);
  EXPECT_EQ((*second)->partitions[0]->high_watermark(), 0);
}

TEST_F(TopicsTest, AddsPartitions) {
  Open();
  ASSERT_TRUE(topics_->Create({.name = "t", .partitions = 2}).ok());
  EXPECT_TRUE(topics_->AddPartitions("t", 2).Is(ErrorCode::kInvalidArgument));
  EXPECT_TRUE(topics_->AddPartitions("u", 3).Is(ErrorCode::kNotFound));
  ASSERT_TRUE(topics_->AddPartitions("t", 4).ok());
  ASSERT_TRUE(AppendNow(*topics_->Find("t")->partitions[3], MakeBatch("a")).ok());
  Restart();
  ASSERT_EQ(topics_->Find("t")->partitions.size(), 4u);
  EXPECT_EQ(topics_->Find("t")->partitions[3]->high_watermark(), 1);
}

TEST_F(TopicsTest, ConfigIsCheckedKeptAndInForce) {
  Open();
  ASSERT_TRUE(topics_->Create({.name = "t"}).ok());
  const auto unknown = topics_->SetConfig("t", {{"retention.m", "5"}});
  ASSERT_TRUE(unknown.Is(ErrorCode::kInvalidArgument));
  EXPECT_NE(unknown.error().ToString().find("did you mean retention.ms?"), std::string::npos)
      << unknown.error().ToString();
  EXPECT_TRUE(topics_->SetConfig("t", {{"retention.ms", "soon"}}).Is(ErrorCode::kInvalidArgument));
  EXPECT_TRUE(topics_->SetConfig("t", {{"cleanup.policy", "compact"}}).Is(ErrorCode::kInvalidArgument));
  ASSERT_TRUE(topics_->SetConfig("t", {{"max.message.bytes", "100"}}).ok());
  EXPECT_TRUE(AppendNow(*topics_->Find("t")->partitions[0], MakeBatch(std::string(200, 'x')))
                  .Is(ErrorCode::kResourceExhausted));
  Restart();
  EXPECT_EQ(topics_->Find("t")->config.at("max.message.bytes"), "100");
  EXPECT_TRUE(AppendNow(*topics_->Find("t")->partitions[0], MakeBatch(std::string(200, 'x')))
                  .Is(ErrorCode::kResourceExhausted));
  EXPECT_EQ(EffectiveTopicConfig(topics_->Find("t")->config, {}).at("max.message.bytes"), "100");
  EXPECT_EQ(EffectiveTopicConfig({}, {}).at("retention.ms"), "604800000");
}

TEST_F(TopicsTest, NamesAreChecked) {
  Open();
  for (const std::string& name : {std::string(), std::string("."), std::string(".."), std::string("a/b"),
                                  std::string("ä"), std::string(250, 'a')})
    EXPECT_TRUE(topics_->Create({.name = name}).Is(ErrorCode::kInvalidArgument)) << name;
  EXPECT_TRUE(topics_->Create({.name = "t", .partitions = 0}).Is(ErrorCode::kInvalidArgument));
  EXPECT_TRUE(topics_->Create({.name = std::string(249, 'a')}).ok());
}

// Create, append, add, delete: at every failing change of the disk, and at every failpoint, what was answered holds
// afterwards.
TEST(TopicsFaults, WhatWasAnsweredHolds) {
  for (uint64_t n = 1;; ++n) {
    SCOPED_TRACE("change " + std::to_string(n));
    FaultyFileSystem fs(n);
    FakeClock clock;
    bool created = false, kept = false, added = false, deleted = false;
    fs.FailChange(n);
    {
      auto topics = OpenTopics(fs, clock, Random(1), NullLogger(), "/data", {});
      if (topics.ok()) {
        const auto topic = (*topics)->Create({.name = "keep"});
        created = topic.ok();
        kept = created && AppendNow(*(*topic)->partitions[0], MakeBatch("a")).ok();
        added = created && (*topics)->AddPartitions("keep", 2).ok();
        deleted = (*topics)->Create({.name = "drop"}).ok() && (*topics)->Delete("drop").ok();
      }
    }
    fs.FailChange(0);
    fs.Crash();
    auto topics = OpenTopics(fs, clock, Random(1), NullLogger(), "/data", {});
    ASSERT_TRUE(topics.ok()) << topics.error().ToString();
    const auto keep = (*topics)->Find("keep");
    if (created) {
      ASSERT_NE(keep, nullptr);
    }
    if (kept) {
      EXPECT_EQ(keep->partitions[0]->high_watermark(), 1);
    }
    if (added) {
      EXPECT_EQ(keep->partitions.size(), 2u);
    }
    if (deleted) {
      EXPECT_EQ((*topics)->Find("drop"), nullptr);
      EXPECT_TRUE(fs.Stat("/data/drop-0").Is(ErrorCode::kNotFound));
    }
    if (created && kept && added && deleted) break;
    ASSERT_LT(n, 200u);
  }
}

TEST_F(TopicsTest, ADeletionCutShortIsFinishedByTheNextOpen) {
  Open();
  const auto topic = topics_->Create({.name = "t"});
  ASSERT_TRUE(AppendNow(*(*topic)->partitions[0], MakeBatch("old")).ok());
  ASSERT_TRUE(SetFailpoints("broker.topics.before_remove=error").ok());
  EXPECT_FALSE(topics_->Delete("t").ok());
  ASSERT_TRUE(SetFailpoints("").ok());
  EXPECT_TRUE(fs_.Stat("/data/t-0").ok());
  Restart();
  EXPECT_EQ(topics_->Find("t"), nullptr);
  EXPECT_TRUE(fs_.Stat("/data/t-0").Is(ErrorCode::kNotFound));
}

TEST_F(TopicsTest, ADamagedPartitionOrFileIsNamed) {
  Open();
  ASSERT_TRUE(topics_->Create({.name = "t"}).ok());
  ASSERT_TRUE(topics_->Close().ok());
  EXPECT_TRUE(topics_->Create({.name = "u"}).Is(ErrorCode::kUnavailable));
  topics_.reset();
  fs_.SetContent("/data/t-0/log-start", "nonsense");
  const auto partition = OpenTopics(fs_, clock_, Random(7), NullLogger(), "/data", {});
  ASSERT_TRUE(partition.Is(ErrorCode::kCorruption));
  EXPECT_NE(partition.error().ToString().find("/data/t-0"), std::string::npos);
  fs_.SetContent("/data/topics.json", "{");
  const auto file = OpenTopics(fs_, clock_, Random(7), NullLogger(), "/data", {});
  ASSERT_TRUE(file.Is(ErrorCode::kCorruption));
  EXPECT_NE(file.error().ToString().find("/data/topics.json"), std::string::npos);
}

}  // namespace
}  // namespace tarn::broker
