#include <gtest/gtest.h>

#include "broker/log/segment_index_internal.h"

namespace tarn::broker {
namespace {

record::BatchHeader Header(Offset base_offset, int32_t size, int64_t max_timestamp) {
  return {.base_offset = base_offset,
          .batch_length = size - int32_t(record::kBatchPrefixSize),
          .last_offset_delta = 9,
          .max_timestamp = max_timestamp};
}

TEST(SegmentIndex, FindsByOffsetPositionAndTime) {
  SegmentSummary summary{.base_offset = 1000, .next_offset = 1000};
  IndexEntries entries;
  const int64_t times[] = {50, 40, 90, 60, 95, 10};
  for (int i = 0; i < 6; ++i) AddToIndex(Header(1000 + 10 * i, 300, times[i]), 500, summary, entries);
  EXPECT_EQ(summary.next_offset, 1060);
  EXPECT_EQ(summary.size, 1800u);
  EXPECT_EQ(summary.max_timestamp_ms, 95);
  ASSERT_EQ(entries.size(), 3u);  // at 0, 600, 1200
  EXPECT_EQ(PositionOf(entries, 1000, 1000), 0u);
  EXPECT_EQ(PositionOf(entries, 1000, 1019), 0u);
  EXPECT_EQ(PositionOf(entries, 1000, 1020), 600u);
  EXPECT_EQ(PositionOf(entries, 1000, 5000), 1200u);
  EXPECT_EQ(PositionBelow(entries, 0, 1100), 600u);
  EXPECT_EQ(PositionBelow(entries, 600, 1100), std::nullopt);
  EXPECT_EQ(PositionOfTimestamp(entries, 45), 0u);
  EXPECT_EQ(PositionOfTimestamp(entries, 51), 600u);
  EXPECT_EQ(PositionOfTimestamp(entries, 91), 1200u);
}

TEST(SegmentIndex, ItsFileKeepsItAndShowsEveryDamage) {
  SegmentSummary summary{.base_offset = 7, .next_offset = 7};
  IndexEntries entries;
  for (int i = 0; i < 3; ++i) AddToIndex(Header(7 + 10 * i, 300, i), 100, summary, entries);
  const std::string file = EncodeIndex(summary, entries);
  const auto read = DecodeIndexHeader(file);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->base_offset, 7);
  EXPECT_EQ(read->next_offset, 37);
  EXPECT_EQ(read->size, 900u);
  EXPECT_EQ(read->max_timestamp_ms, 2);
  const auto decoded = DecodeIndexEntries(file);
  ASSERT_TRUE(decoded.ok());
  ASSERT_EQ(decoded->size(), 3u);
  EXPECT_EQ((*decoded)[2].position, 600u);
  for (size_t bit = 0; bit < file.size() * 8; ++bit) {
    std::string damaged = file;
    damaged[bit / 8] = char(damaged[bit / 8] ^ (1 << (bit % 8)));
    ASSERT_TRUE(DecodeIndexEntries(damaged).Is(ErrorCode::kCorruption)) << bit;
  }
  for (size_t size = 0; size < file.size(); ++size)
    ASSERT_TRUE(DecodeIndexEntries(file.substr(0, size)).Is(ErrorCode::kCorruption)) << size;
}

}  // namespace
}  // namespace tarn::broker
