#include "broker/protocol/codec.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "base/random.h"
#include "broker/testing/random_filler.h"
#include "kafka_messages/all.h"

namespace tarn::broker {
namespace {

std::string Join(const std::vector<std::string>& pieces) {
  return std::accumulate(pieces.begin(), pieces.end(), std::string());
}

template <typename Message>
std::string Encode(Message message, int version) {
  Writer writer(version, version >= Message::kFlexibleFrom);
  message.Visit(writer);
  return Join(writer.Finish());
}

template <typename Message>
Result<Message> Decode(const std::string& bytes, int version) {
  Message message;
  Reader reader(bytes, version, version >= Message::kFlexibleFrom);
  message.Visit(reader);
  TARN_TRY(reader.status());
  if (!reader.rest().empty()) return Error(ErrorCode::kCorruption, "bytes are left over");
  return message;
}

// Random values of every field of every version come back as they were, and no prefix of the bytes is taken for the
// whole.
template <typename Message>
void RoundTrip(const char* name) {
  Random random(7);
  for (int version = Message::kVersionMin; version <= Message::kVersionMax; ++version) {
    for (int round = 0; round < 20; ++round) {
      Filler filler(version, version >= Message::kFlexibleFrom, random);
      Message message;
      message.Visit(filler);
      const std::string bytes = Encode(message, version);
      const auto decoded = Decode<Message>(bytes, version);
      ASSERT_TRUE(decoded.ok()) << name << " v" << version << ": " << decoded.error().ToString();
      ASSERT_TRUE(decoded.value() == message) << name << " v" << version << " round " << round;
      for (size_t cut = 0; cut < bytes.size(); cut += 1 + bytes.size() / 50) {
        const std::string prefix = bytes.substr(0, cut);
        ASSERT_FALSE(Decode<Message>(prefix, version).ok()) << name << " v" << version << " cut at " << cut;
      }
    }
  }
}

TEST(KafkaMessages, EveryVersionOfEveryMessageRoundTrips) {
#define TARN_ROUND_TRIP(Name) RoundTrip<Name>(#Name);
  TARN_KAFKA_MESSAGES(TARN_ROUND_TRIP)
#undef TARN_ROUND_TRIP
}

TEST(Codec, NullAndEmptyDiffer) {
  MetadataRequest all;
  all.topics.reset();
  MetadataRequest none;
  none.topics.emplace();
  for (int version : {1, 4, 9, 12}) {
    const std::string all_bytes = Encode(all, version), none_bytes = Encode(none, version);
    EXPECT_NE(all_bytes, none_bytes);
    EXPECT_FALSE(Decode<MetadataRequest>(all_bytes, version)->topics.has_value());
    EXPECT_TRUE(Decode<MetadataRequest>(none_bytes, version)->topics.has_value());
  }
}

TEST(Codec, BytesOfAnApiVersionsRequestAsClientsSendThem) {
  // Version 3: compact "kcat", compact "1.7", no tagged fields.
  const std::string bytes(
      "\x05kcat\x04"
      "1.7\x00",
      10);
  const auto decoded = Decode<ApiVersionsRequest>(bytes, 3);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded.value().client_software_name, "kcat");
  EXPECT_EQ(decoded.value().client_software_version, "1.7");
  EXPECT_EQ(Encode(decoded.value(), 3), bytes);
}

TEST(Codec, UnknownTaggedFieldsAreSkipped) {
  const std::string bytes(
      "\x05kcat\x04"
      "1.7\x01\x2a\x02hi",
      14);
  EXPECT_TRUE(Decode<ApiVersionsRequest>(bytes, 3).ok());
}

TEST(Codec, AnAnnouncedLengthAllocatesNothing) {
  // A Metadata request of version 1 that says it has 2^31-1 topics.
  const std::string bytes("\x7f\xff\xff\xff", 4);
  const auto decoded = Decode<MetadataRequest>(bytes, 1);
  ASSERT_FALSE(decoded.ok());
  EXPECT_EQ(decoded.error().code(), ErrorCode::kCorruption);
  EXPECT_NE(decoded.error().message().find("at byte 4"), std::string::npos) << decoded.error().message();
}

TEST(Codec, LargeRecordsAreMovedNotCopied) {
  FetchResponse response;
  auto& partition = response.responses.emplace_back().partitions.emplace_back();
  partition.records = std::string(1 << 20, 'r');
  const char* const data = partition.records->data();
  Writer writer(11, false);
  response.Visit(writer);
  const auto pieces = writer.Finish();
  EXPECT_TRUE(
      std::any_of(pieces.begin(), pieces.end(), [data](const std::string& piece) { return piece.data() == data; }));
}

}  // namespace
}  // namespace tarn::broker
