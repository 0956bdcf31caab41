#include "stream/dead_letter_topic.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/failpoint.h"
#include "stream/log_reader.h"
#include "stream/testing/memory_log.h"

namespace tarn::stream {
namespace {

DeadLetter Letter(int64_t offset) {
  return {.reason = "bad_value", .detail = "d", .topic = "events", .partition = 2, .offset = offset, .payload = "p"};
}

struct LogTopic {
  testing::MemoryLog log{1};
  std::unique_ptr<Source> source = MakeEmbeddedSource(log);
  int appends_left = 1'000'000;  // before they fail
  bool failing_append_lands = false;
  std::unique_ptr<DeadLetterTopic> topic = MakeLogDeadLetterTopic(*source, [this](std::string batch) -> Status {
    const bool fails = appends_left-- <= 0;
    if (!fails || failing_append_lands) log.Append(0, std::move(batch));
    return fails ? Status(Error(ErrorCode::kOutcomeUnknown, "no answer")) : Ok();
  });
};

TEST(DeadLetterCodec, CarriesAllFieldsAndThePayloadInBase64) {
  DeadLetter letter = Letter(7);
  letter.payload = std::string("\0\xff{\"", 4);
  letter.key = "k\xff";
  const auto json = nlohmann::json::parse(EncodeDeadLetter(letter));
  EXPECT_EQ(json["payload"], "AP97Ig==");
  EXPECT_EQ(json["reason"], "bad_value");
  EXPECT_EQ(json["offset"], 7);
  EXPECT_EQ(json["failed_at"], "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(*DecodeLetterOrigin(EncodeDeadLetter(letter)), LetterOrigin("events", 2, 7));
}

TEST(DeadLetterCodec, AHugePayloadIsCutAndSaysSo) {
  DeadLetter letter = Letter(0);
  letter.payload.assign(5 << 20, 'x');
  const std::string encoded = EncodeDeadLetter(letter);
  EXPECT_LT(encoded.size(), 1'000'000u);
  EXPECT_EQ(nlohmann::json::parse(encoded)["payload_size"], 5 << 20);
}

TEST(DeadLetterCodec, WhatIsNoLetterIsCorruption) {
  for (const char* value : {"", "{", "[]", "{}", "{\"topic\":1,\"partition\":0,\"offset\":0}",
                            "{\"topic\":\"t\",\"partition\":-1,\"offset\":0}"})
    EXPECT_TRUE(DecodeLetterOrigin(value).Is(ErrorCode::kCorruption)) << value;
}

TEST(DeadLetterTopic, WhatWasPublishedIsReadBack) {
  LogTopic world;
  EXPECT_EQ(*world.topic->End(), 0);
  ASSERT_TRUE(world.topic->Publish({Letter(1), Letter(2), Letter(3)}).ok());
  EXPECT_EQ(*world.topic->End(), 3);
  EXPECT_EQ(world.topic->OriginsFrom(0)->size(), 3u);
  EXPECT_EQ(*world.topic->OriginsFrom(2), (std::set<LetterOrigin>{{"events", 2, 3}}));
  EXPECT_TRUE(world.topic->OriginsFrom(3)->empty());
  EXPECT_EQ(world.topic->OriginsFrom(99)->size(), 3u) << "a topic that does not reach that far is another one";
}

// Fails after any number of batches, landed or not; what is missing is published again; each letter is there once.
TEST(DeadLetterTopic, AfterAnyPrefixTheRestCanBePublished) {
  for (const bool lands : {false, true}) {
    for (int appends = 0; appends < 4; ++appends) {
      LogTopic world;
      world.appends_left = appends;
      world.failing_append_lands = lands;
      std::vector<DeadLetter> letters;
      for (int64_t i = 0; i < 4; ++i) {
        letters.push_back(Letter(i));
        letters.back().payload.assign(500'000, 'x');  // a batch of its own
      }
      ASSERT_FALSE(world.topic->Publish(letters).ok());
      world.appends_left = 1'000'000;
      const auto there = world.topic->OriginsFrom(0);
      ASSERT_TRUE(there.ok()) << there.error().ToString();
      EXPECT_EQ(there->size(), size_t(appends + (lands ? 1 : 0)));
      std::erase_if(letters, [&](const DeadLetter& letter) {
        return there->contains({letter.topic, letter.partition, letter.offset});
      });
      ASSERT_TRUE(world.topic->Publish(letters).ok());
      EXPECT_EQ(*world.topic->End(), 4);
      EXPECT_EQ(world.topic->OriginsFrom(0)->size(), 4u);
    }
  }
}

TEST(DeadLetterTopic, TheFailpointStopsItBeforeAnythingIsAppended) {
  LogTopic world;
  ASSERT_TRUE(SetFailpoints("stream.dead_letters.before_append=error").ok());
  EXPECT_FALSE(world.topic->Publish({Letter(1)}).ok());
  ASSERT_TRUE(SetFailpoints("").ok());
  EXPECT_EQ(*world.topic->End(), 0);
}

TEST(DeadLetterTopic, NoneTakesAllAndKeepsNothing) {
  const auto none = MakeNoDeadLetterTopic();
  EXPECT_TRUE(none->Publish({Letter(1)}).ok());
  EXPECT_EQ(*none->End(), 0);
}

}  // namespace
}  // namespace tarn::stream
