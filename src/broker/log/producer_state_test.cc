#include <limits>

#include <gtest/gtest.h>

#include "broker/log/producer_state_internal.h"

namespace tarn::broker {
namespace {

constexpr int32_t kSequenceMax = std::numeric_limits<int32_t>::max();

record::BatchHeader Batch(int16_t epoch, int32_t base_sequence, int32_t count, Offset base_offset,
                          int64_t producer_id = 5) {
  return {.base_offset = base_offset,
          .last_offset_delta = count - 1,
          .producer_id = producer_id,
          .producer_epoch = epoch,
          .base_sequence = base_sequence,
          .record_count = count};
}

TEST(ProducerState, TheLastFiveBatchesAreKnownAgain) {
  ProducerState state;
  for (int i = 0; i < 7; ++i) {
    const auto header = Batch(0, 10 * i, 10, 100 * i);
    const auto before = state.Check(header);
    ASSERT_TRUE(before.ok());
    ASSERT_EQ(*before, std::nullopt);
    state.Apply(header, 0);
  }
  for (int i = 2; i < 7; ++i) EXPECT_EQ(*state.Check(Batch(0, 10 * i, 10, -1)), 100 * i);
  EXPECT_TRUE(state.Check(Batch(0, 10, 10, -1)).Is(ErrorCode::kOutOfRange));  // too long ago
  EXPECT_TRUE(state.Check(Batch(0, 71, 10, -1)).Is(ErrorCode::kOutOfRange));  // a gap
  EXPECT_TRUE(state.Check(Batch(0, 60, 5, -1)).Is(ErrorCode::kOutOfRange));   // a part of one
}

TEST(ProducerState, EpochsFenceAndStartOver) {
  ProducerState state;
  state.Apply(Batch(3, 0, 10, 0), 0);
  EXPECT_TRUE(state.Check(Batch(2, 10, 1, -1)).Is(ErrorCode::kFenced));
  EXPECT_TRUE(state.Check(Batch(4, 10, 1, -1)).Is(ErrorCode::kOutOfRange));
  EXPECT_EQ(*state.Check(Batch(4, 0, 1, -1)), std::nullopt);
  state.Apply(Batch(4, 0, 1, 10), 0);
  EXPECT_TRUE(state.Check(Batch(3, 10, 1, -1)).Is(ErrorCode::kFenced));
  EXPECT_EQ(*state.Check(Batch(4, 1, 1, -1)), std::nullopt);
}

TEST(ProducerState, SequencesWrap) {
  ProducerState state;
  state.Apply(Batch(0, kSequenceMax - 1, 4, 50), 0);  // max - 1, max, 0, 1
  EXPECT_EQ(*state.Check(Batch(0, 2, 1, -1)), std::nullopt);
  EXPECT_EQ(*state.Check(Batch(0, kSequenceMax - 1, 4, -1)), 50);
  EXPECT_TRUE(state.Check(Batch(0, 3, 1, -1)).Is(ErrorCode::kOutOfRange));
}

TEST(ProducerState, UndoTakesBackToTheMark) {
  ProducerState state;
  state.Apply(Batch(0, 0, 1, 0), 0);
  state.Keep();
  state.Apply(Batch(0, 1, 1, 1), 0);
  const size_t mark = state.Mark();
  state.Apply(Batch(0, 2, 1, 2), 0);
  state.Apply(Batch(0, 0, 1, 3, /*producer_id=*/6), 0);
  state.Undo(mark);
  EXPECT_EQ(state.size(), 1u);
  EXPECT_EQ(*state.Check(Batch(0, 2, 1, -1)), std::nullopt);
  state.Undo(0);
  EXPECT_EQ(*state.Check(Batch(0, 1, 1, -1)), std::nullopt);
}

TEST(ProducerState, IdleProducersAreForgotten) {
  ProducerState state;
  state.Apply(Batch(0, 0, 1, 0, 1), 1000);
  state.Apply(Batch(0, 0, 1, 1, 2), 5000);
  state.Expire(1001 + ProducerState::kExpirationMs);
  EXPECT_EQ(state.size(), 1u);
}

TEST(ProducerState, ItsFileKeepsItAndShowsEveryDamage) {
  ProducerState state;
  for (int i = 0; i < 6; ++i) state.Apply(Batch(2, i, 1, i, 7), 99);
  state.Apply(Batch(1, 0, 3, 6, 8), 99);
  const std::string file = state.Encode(9);
  const auto read = ProducerState::Decode(file, 9);
  ASSERT_TRUE(read.ok()) << read.error().ToString();
  EXPECT_EQ(*read->Check(Batch(2, 1, 1, -1, 7)), 1);
  EXPECT_EQ(*read->Check(Batch(1, 0, 3, -1, 8)), 6);
  EXPECT_TRUE(ProducerState::Decode(file, 8).Is(ErrorCode::kCorruption));
  for (size_t bit = 0; bit < file.size() * 8; ++bit) {
    std::string damaged = file;
    damaged[bit / 8] = char(damaged[bit / 8] ^ (1 << (bit % 8)));
    ASSERT_TRUE(ProducerState::Decode(damaged, 9).Is(ErrorCode::kCorruption)) << bit;
  }
  for (size_t size = 0; size < file.size(); ++size)
    ASSERT_TRUE(ProducerState::Decode(file.substr(0, size), 9).Is(ErrorCode::kCorruption));
}

}  // namespace
}  // namespace tarn::broker
