#include "stream/deduplicator.h"

#include <gtest/gtest.h>

#include <set>

#include "base/random.h"

namespace tarn::stream {
namespace {

constexpr Micros kDay = 86'400'000'000;

TEST(KeySet, IsExactAndSmall) {
  KeySet set;
  Random random(1);
  std::set<std::pair<uint64_t, uint64_t>> model;
  for (int i = 0; i < 100'000; ++i) {
    // Few enough to repeat; the zero key among them.
    const Key128 key{random.Below(300), random.Below(300)};
    EXPECT_EQ(set.Contains(key), model.contains({key.high, key.low}));
    EXPECT_EQ(set.Insert(key), model.insert({key.high, key.low}).second);
  }
  EXPECT_EQ(set.size(), model.size());
  EXPECT_LT(set.bytes(), model.size() * 26 + 64 * 16 * 40);
}

TEST(KeySet, KeysOfTexts) {
  const Key128 lower = KeyOfText("3dd1e46e-e59a-43d2-af4d-5bdeaef705f8");
  EXPECT_EQ(lower.high, 0x3dd1e46ee59a43d2u);
  EXPECT_EQ(lower.low, 0xaf4d5bdeaef705f8u);
  // Another text is another key.
  EXPECT_FALSE(KeyOfText("3DD1E46E-e59a-43d2-af4d-5bdeaef705f8") == lower);
  EXPECT_FALSE(KeyOfText("a") == KeyOfText(std::string("a\0", 2)));
  std::set<std::pair<uint64_t, uint64_t>> seen;
  for (int i = 0; i < 100'000; ++i) {
    const Key128 key = KeyOfText("order-" + std::to_string(i));
    EXPECT_TRUE(seen.insert({key.high, key.low}).second);
  }
}

TEST(Deduplicator, StaysInItsBudgetAndExact) {
  std::map<int32_t, std::set<std::pair<uint64_t, uint64_t>>> table;  // what is stored, by day
  uint64_t scans = 0;
  Deduplicator deduplicator(64 << 10, [&](int32_t day, const std::function<void(const Key128&)>& each) {
    ++scans;
    for (const auto& [high, low] : table[day]) each({high, low});
    return Ok();
  });
  Random random(2);
  for (int batch = 0; batch < 200; ++batch) {
    std::vector<RowInfo> infos(200);
    std::vector<RowInfo*> rows;
    for (RowInfo& info : infos) {
      info.event_time = kDay * int64_t(random.Below(6)) - kDay * 2;
      info.key = {1 + random.Below(3000), 5};
      info.has_key = true;
      rows.push_back(&info);
    }
    std::set<int32_t> done;
    uint64_t duplicates = 0, expected = 0;
    ASSERT_TRUE(deduplicator.Deduplicate(rows, done, duplicates).ok());
    for (const RowInfo& info : infos) {
      const bool added = table[DayOf(info.event_time)].insert({info.key.high, info.key.low}).second;
      EXPECT_EQ(info.dropped, !added);
      expected += !added;
    }
    EXPECT_EQ(duplicates, expected);
    EXPECT_LE(deduplicator.bytes(), uint64_t(64) << 10);
  }
  EXPECT_GT(scans, 6u);
}

TEST(Deduplicator, GoesOnAfterAFailedScan) {
  int failures = 1;
  Deduplicator deduplicator(1 << 20, [&](int32_t day, const std::function<void(const Key128&)>&) -> Status {
    if (day == 1 && failures-- > 0) return Error(ErrorCode::kIoError, "disk");
    return Ok();
  });
  std::vector<RowInfo> infos(4);
  std::vector<RowInfo*> rows;
  for (size_t i = 0; i < 4; ++i) {
    infos[i].event_time = kDay * int64_t(i / 2);
    infos[i].key = {7, 7};
    infos[i].has_key = true;
    rows.push_back(&infos[i]);
  }
  std::set<int32_t> done;
  uint64_t duplicates = 0;
  EXPECT_FALSE(deduplicator.Deduplicate(rows, done, duplicates).ok());
  EXPECT_TRUE(deduplicator.Deduplicate(rows, done, duplicates).ok());
  EXPECT_EQ(duplicates, 2u);
  EXPECT_FALSE(infos[0].dropped);
  EXPECT_TRUE(infos[1].dropped);
  EXPECT_FALSE(infos[2].dropped);
  EXPECT_TRUE(infos[3].dropped);
}

}  // namespace
}  // namespace tarn::stream
