#include "stream/kafka/topic_uuid.h"

#include <gtest/gtest.h>

namespace tarn::stream::kafka {
namespace {

std::string Answer(const std::string& error) {
  const std::string zeros(4, '\0');
  std::string answer("\0", 1);  // tags of the head
  answer += zeros + "\2";       // throttle time; one broker
  answer += zeros + std::string("\2h") + zeros + std::string("\0\0", 2);
  answer += std::string("\3id") + zeros + "\2";  // cluster, controller; one topic
  return answer + error + "\7events" + "0123456789abcdef" + "what follows";
}

TEST(TopicUuid, IsReadOutOfTheAnswer) {
  for (const char code : {0, 5}) {
    const auto uuid = TopicUuidOf(Answer({'\0', code}), "events");
    ASSERT_TRUE(uuid.ok()) << uuid.error().ToString();
    EXPECT_EQ(*uuid, "30313233343536373839616263646566");
  }
  EXPECT_TRUE(TopicUuidOf(Answer({'\0', 3}), "events").Is(ErrorCode::kNotFound));
  EXPECT_TRUE(TopicUuidOf(Answer({'\0', 9}), "events").Is(ErrorCode::kUnavailable));
  EXPECT_TRUE(TopicUuidOf(Answer({'\0', 0}), "other!").Is(ErrorCode::kCorruption));
}

TEST(TopicUuid, ACutAnswerIsRefusedAtEveryByte) {
  const std::string whole = Answer({'\0', '\0'}),
                    needed = whole.substr(0, whole.size() - std::string("what follows").size());
  for (size_t size = 0; size < needed.size(); ++size)
    EXPECT_TRUE(TopicUuidOf(needed.substr(0, size), "events").Is(ErrorCode::kCorruption)) << size;
  EXPECT_TRUE(TopicUuidOf(needed, "events").ok());
  EXPECT_TRUE(TopicUuidOf(std::string(100, '\xff'), "events").Is(ErrorCode::kCorruption));
}

TEST(TopicUuid, NobodyThereIsUnavailable) {
  EXPECT_TRUE(AskTopicUuid("127.0.0.1:1", "events", 300'000).Is(ErrorCode::kUnavailable));
  EXPECT_TRUE(AskTopicUuid("", "events", 300'000).Is(ErrorCode::kUnavailable));
}

}  // namespace
}  // namespace tarn::stream::kafka
