#include "generate/clickstream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "generate/clickstream_event_internal.h"

namespace tarn::generate {
namespace {

using nlohmann::json;
constexpr Micros kSecond = 1'000'000;
constexpr Micros kDay = 86'400 * kSecond;
constexpr Micros kStart = 1'790'000'000 * kSecond;  // 2026-09-21, a Monday, 14:13:20

std::vector<GeneratedRecord> Take(ClickstreamGenerator& generator, uint64_t count) {
  std::vector<GeneratedRecord> records;
  for (uint64_t i = 0; i < count; ++i) records.push_back(generator.Next());
  return records;
}

std::vector<GeneratedRecord> Generate(const ClickstreamOptions& options) {
  return Take(*MakeClickstreamGenerator(options), options.count);
}

ClickstreamOptions Backlog(uint64_t count, uint64_t seed = 42) {
  return BacklogOptions({.seed = seed, .start = kStart, .count = count});
}

ClickstreamOptions WithoutFaults(ClickstreamOptions options) {
  options.late_rate = options.too_late_rate = options.duplicate_rate = options.malformed_rate = 0;
  return options;
}

// FNV-1a over all bytes, times and kinds.
uint64_t Hash(const std::vector<GeneratedRecord>& records) {
  uint64_t hash = 0xcbf29ce484222325;
  const auto add = [&](std::string_view bytes) {
    for (const char byte : bytes) hash = (hash ^ uint8_t(byte)) * 0x100000001b3;
  };
  for (const auto& record : records) {
    add(record.value);
    add(std::to_string(record.send_time) + "/" + std::to_string(record.event_time) + "/" +
        std::to_string(int(record.kind)));
  }
  return hash;
}

std::map<RecordKind, uint64_t> Count(const std::vector<GeneratedRecord>& records) {
  std::map<RecordKind, uint64_t> counts;
  for (const auto& record : records) ++counts[record.kind];
  return counts;
}

// Without parsing the whole.
std::string UserOf(const GeneratedRecord& record) {
  constexpr std::string_view kName = "\"user_id\":\"";
  return record.value.substr(record.value.find(kName) + kName.size(), 36);
}

bool Stored(const GeneratedRecord& record) {
  return record.kind == RecordKind::kValid || record.kind == RecordKind::kLate;
}

TEST(Clickstream, SameOptionsSameBytesOnEveryMachine) {
  EXPECT_EQ(Hash(Generate(Backlog(20'000))), 4919406630477795126u);
  auto original = WithoutFaults(Backlog(2'000));
  original.mode = ClickstreamMode::kOriginal;
  EXPECT_EQ(Hash(Generate(original)), 4509289196462517528u);
}

TEST(Clickstream, AnotherSeedOrStartHasOtherEventsOfTheSameKind) {
  std::set<std::string> ids;
  auto later = Backlog(5'000);
  later.start += 1;
  for (const auto& options : {Backlog(5'000, 1), Backlog(5'000, 2), Backlog(5'000), later})
    for (const auto& record : Generate(options))
      if (Stored(record)) {
        EXPECT_TRUE(ids.insert(json::parse(record.value)["event_id"]).second);
      }
}

TEST(Clickstream, UsersReturnInAnotherRunOfTheSameSeed) {
  std::map<std::string, int> runs;
  auto later = Backlog(20'000);
  later.start += kDay;
  for (const auto& options : {Backlog(20'000), later}) {
    std::set<std::string> users;
    for (const auto& record : Generate(options))
      if (Stored(record)) users.insert(json::parse(record.value)["user_id"]);
    for (const auto& user : users) ++runs[user];
  }
  EXPECT_GT(std::ranges::count_if(runs, [](const auto& user) { return user.second == 2; }), 500);
}

TEST(Clickstream, SharesOfFaultsAreAsAsked) {
  auto options = Backlog(200'000);
  options.too_late_rate = 0.001;
  const auto counts = Count(Generate(options));
  EXPECT_NEAR(counts.at(RecordKind::kLate), 4000, 250);
  EXPECT_NEAR(counts.at(RecordKind::kTooLate), 200, 60);
  EXPECT_NEAR(counts.at(RecordKind::kDuplicate), 1000, 130);
  EXPECT_NEAR(counts.at(RecordKind::kMalformed), 400, 80);
}

TEST(Clickstream, FieldsAreThoseOfTheScenarioInItsOrder) {
  const std::vector<std::string> fields = {
      "event_id", "user_id",    "session_id",        "event_type",   "product_id",   "timestamp",
      "page_url", "user_agent", "ip_address",        "device_type",  "browser",      "os",
      "country",  "referrer",   "screen_resolution", "time_on_page", "scroll_depth", "click_coordinates"};
  auto original = WithoutFaults(Backlog(2'000));
  original.mode = ClickstreamMode::kOriginal;
  for (const auto& options : {Backlog(20'000), original}) {
    for (const auto& record : Generate(options)) {
      if (!Stored(record)) continue;
      const auto event = nlohmann::ordered_json::parse(record.value);
      std::vector<std::string> found;
      for (const auto& [name, value] : event.items()) found.push_back(name);
      ASSERT_EQ(found, fields);
      EXPECT_EQ(event["timestamp"], clickstream::FormatEventTime(record.event_time));
      EXPECT_EQ(event["timestamp"].get<std::string>() + "Z", FormatTimestamp(record.event_time));
      EXPECT_THAT(event["time_on_page"].get<int>(), testing::AllOf(testing::Ge(1), testing::Le(300)));
      EXPECT_THAT(event["scroll_depth"].get<int>(), testing::AllOf(testing::Ge(0), testing::Le(100)));
      int width = 0, height = 0;
      ASSERT_EQ(std::sscanf(event["screen_resolution"].get<std::string>().c_str(), "%dx%d", &width, &height), 2);
      if (options.mode == ClickstreamMode::kRealistic) {
        EXPECT_LT(event["click_coordinates"]["x"].get<int>(), width);
        EXPECT_LT(event["click_coordinates"]["y"].get<int>(), height);
        EXPECT_EQ(event["product_id"].is_null(), event["event_type"] == "page_view");
      }
    }
  }
}

// Event times: sent in step with the series' clock, nothing is from the future, and late is never too late.
TEST(Clickstream, TimesKeepTheirPromises) {
  auto options = Backlog(100'000);
  options.too_late_rate = 0.01;
  const auto records = Generate(options);
  EXPECT_EQ(records[0].send_time, kStart);
  EXPECT_EQ(records[0].event_time, kStart);
  EXPECT_LE(records.back().send_time - kStart, 240 * kSecond);
  Micros sent = kStart, newest = kStart;
  for (const auto& record : records) {
    EXPECT_GE(record.send_time, sent);
    sent = record.send_time;
    EXPECT_LE(record.event_time, record.send_time);
    if (record.kind == RecordKind::kTooLate) {
      EXPECT_GE(newest - record.event_time, 8 * kDay);
      EXPECT_LE(newest - record.event_time, 30 * kDay);
    } else {
      EXPECT_GE(record.event_time, kStart);
      EXPECT_LE(record.send_time - record.event_time, 601 * kSecond);
      newest = std::max(newest, record.event_time);
    }
  }
}

TEST(Clickstream, NothingIsTooLateBeforeThereIsAnythingToBeTooLateFor) {
  auto options = Backlog(5'000);
  options.too_late_rate = 0.9;
  const auto records = Generate(options);
  for (int i = 0; i < 1000; ++i) EXPECT_NE(records[size_t(i)].kind, RecordKind::kTooLate);
  EXPECT_NEAR(Count(records)[RecordKind::kTooLate], 4000, 150);
}

TEST(Clickstream, LateRecordsAreHeldBackByAMedianOfTwentySeconds) {
  auto options = Backlog(100'000);
  options.late_rate = 0.1;
  options.event_rate = 100;
  std::vector<Micros> delays;
  for (const auto& record : Generate(options))
    if (record.kind == RecordKind::kLate) delays.push_back(record.send_time - record.event_time);
  std::ranges::nth_element(delays, delays.begin() + ptrdiff_t(delays.size() / 2));
  EXPECT_NEAR(double(delays[delays.size() / 2]) / double(kSecond), 20, 2);
}

TEST(Clickstream, DuplicatesRepeatAValidRecordWithinAMinute) {
  auto options = Backlog(100'000);
  options.duplicate_rate = 0.05;
  std::map<std::string, Micros> valid;
  uint64_t at_once = 0, copies = 0;
  const auto records = Generate(options);
  for (const auto& record : records) {
    if (record.kind == RecordKind::kValid) {
      ASSERT_TRUE(valid.emplace(record.value, record.send_time).second);
    }
    if (record.kind != RecordKind::kDuplicate) continue;
    ASSERT_TRUE(valid.contains(record.value));
    const Micros delay = record.send_time - valid[record.value];
    EXPECT_LE(delay, 60 * kSecond);
    ++copies;
    if (delay < kSecond) ++at_once;
  }
  EXPECT_NEAR(double(at_once) / double(copies), 0.8, 0.03);
}

// Every malformed record must surely become a dead letter, for one reason.
TEST(Clickstream, MalformedRecordsAreReallyMalformed) {
  auto options = Backlog(100'000);
  options.malformed_rate = 0.1;
  std::map<std::string, double> kinds;
  for (const auto& record : Generate(options)) {
    if (record.kind != RecordKind::kMalformed) continue;
    ASSERT_FALSE(record.value.empty());
    const json event = json::parse(record.value, nullptr, false);
    if (event.is_discarded())
      ++kinds[record.value[0] == '{' ? "cut off" : "random"];
    else if (!event.contains("event_id") || !event.contains("timestamp"))
      ++kinds["missing"];
    else if (event["time_on_page"].is_string() || event["scroll_depth"].is_string())
      ++kinds["text"];
    else if (event["timestamp"].get<std::string>().find("27:61") != std::string::npos)
      ++kinds["timestamp"];
    else
      ADD_FAILURE() << record.value;
  }
  double all = 0;
  for (const auto& [kind, count] : kinds) all += count;
  EXPECT_NEAR(kinds["cut off"] / all, 0.4, 0.02);
  EXPECT_NEAR(kinds["random"] / all, 0.2, 0.02);
  EXPECT_NEAR(kinds["missing"] / all, 0.2, 0.02);
  EXPECT_NEAR(kinds["text"] / all, 0.1, 0.02);
  EXPECT_NEAR(kinds["timestamp"] / all, 0.1, 0.02);
}

// With all faults on: what is stored is complete sessions.
TEST(Clickstream, SessionsFollowTheFunnel) {
  std::map<std::string, std::vector<std::pair<Micros, json>>> sessions;
  std::map<std::string, std::set<std::string>> sessions_of_user;
  for (const auto& record : Generate({.start = kStart, .count = 40'000, .event_rate = 100})) {
    if (!Stored(record)) continue;
    auto event = json::parse(record.value);
    sessions_of_user[event["user_id"]].insert(event["session_id"].get<std::string>());
    sessions[event["session_id"]].emplace_back(record.event_time, std::move(event));
  }
  int purchases = 0;
  for (auto& [id, events] : sessions) {
    std::ranges::sort(events, {}, [](const auto& event) { return event.first; });
    std::set<std::string> cart;
    std::string before, page, viewed;
    Micros time = 0;
    for (const auto& [at, event] : events) {
      const std::string type = event["event_type"];
      EXPECT_EQ(event["user_id"], events[0].second["user_id"]);
      EXPECT_EQ(event["ip_address"], events[0].second["ip_address"]);
      EXPECT_EQ(event["user_agent"], events[0].second["user_agent"]);
      if (before.empty()) {
        EXPECT_TRUE(type == "page_view" || type == "product_view") << type;
        EXPECT_FALSE(event["referrer"].get<std::string>().starts_with("https://shop.example.com"));
      } else {
        EXPECT_EQ(event["referrer"], page);
        EXPECT_GE(at - time, kSecond);
        EXPECT_LE(at - time, 1799 * kSecond);
      }
      if (type == "product_view") viewed = event["product_id"];
      if (type == "add_to_cart") {
        EXPECT_EQ(before, "product_view");
        EXPECT_EQ(event["product_id"], viewed);
        cart.insert(viewed);
      }
      if (type == "checkout" || type == "purchase") {
        EXPECT_EQ(before, type == "checkout" ? "add_to_cart" : "checkout");
        EXPECT_TRUE(cart.contains(event["product_id"].get<std::string>()));
      }
      if (type == "purchase") cart.clear(), ++purchases;
      before = type;
      page = event["page_url"];
      time = at;
    }
  }
  EXPECT_GT(purchases, 200);
  EXPECT_GT(std::ranges::count_if(sessions_of_user, [](const auto& user) { return user.second.size() > 1; }), 500);
}

TEST(Clickstream, StepsProductsAndCountriesHaveTheStatedShares) {
  std::map<std::string, std::map<std::string, double>> steps;
  std::map<std::string, std::string> last;
  std::map<std::string, double> products, countries;
  const auto options = WithoutFaults({.start = kStart, .count = 60'000, .event_rate = 10, .daily_curve = false});
  std::set<std::string> users;
  for (const auto& record : Generate(options)) {
    const auto event = json::parse(record.value);
    const std::string type = event["event_type"];
    auto& before = last[event["session_id"]];
    ++steps[before.empty() ? "start" : before][type];
    before = type;
    if (type == "product_view") ++products[event["product_id"]];
    if (users.insert(event["user_id"]).second) ++countries[event["country"]];
  }
  for (const auto& [session, type] : last) ++steps[type]["end"];  // those still open are few
  const auto share = [](std::map<std::string, double>& of, const std::string& name) {
    double all = 0;
    for (const auto& [key, count] : of) all += count;
    return of[name] / all;
  };
  EXPECT_NEAR(share(steps["start"], "page_view"), .60, .02);
  EXPECT_NEAR(share(steps["page_view"], "product_view"), .45, .02);
  EXPECT_NEAR(share(steps["product_view"], "add_to_cart"), .18, .02);
  EXPECT_NEAR(share(steps["product_view"], "end"), .27, .02);
  EXPECT_NEAR(share(steps["add_to_cart"], "checkout"), .40, .05);
  EXPECT_NEAR(share(steps["checkout"], "purchase"), .70, .05);
  EXPECT_NEAR(share(products, "smartphone"), .35, .01);
  EXPECT_NEAR(share(products, "smartwatch"), .08, .01);
  EXPECT_NEAR(share(countries, "US"), .25, .04);
}

TEST(Clickstream, TheDailyCurveMovesTheRateAndKeepsItsMean) {
  auto options = WithoutFaults({.start = 1'789'948'800 * kSecond /* Monday 00:00 */, .event_rate = 0.2});
  auto generator = MakeClickstreamGenerator(options);
  std::map<Micros, double> by_hour;
  double week = 0;
  while (true) {
    const Micros since = generator->Next().send_time - options.start;
    if (since >= 7 * kDay) break;
    ++week;
    ++by_hour[since / (3600 * kSecond)];
  }
  EXPECT_NEAR(week / (7 * 86'400 * 0.2), 1, 0.01);
  EXPECT_NEAR(by_hour[15] / by_hour[3], 1.6 / 0.4, 0.1);
  EXPECT_NEAR(by_hour[5 * 24 + 12] / by_hour[12], 0.8, 0.03);
}

TEST(Clickstream, ThePopulationGrows) {
  std::set<std::string> users;
  auto generator = MakeClickstreamGenerator(WithoutFaults({.start = kStart, .event_rate = 0.5, .daily_curve = false}));
  while (generator->Next().send_time < kStart + 20 * kDay) {
  }
  // Nobody knows who is new, but there were only 5,000 at the start.
  for (int i = 0; i < 300'000; ++i) users.insert(UserOf(generator->Next()));
  EXPECT_GT(users.size(), 5000u);
}

TEST(Clickstream, GoesOnAfterARestartAsIfThereHadBeenNone) {
  auto options = Backlog(30'000);
  options.too_late_rate = 0.01;
  const auto expected = Generate(options);
  for (const uint64_t stop : {0u, 1u, 500u, 1001u, 17'000u, 29'990u}) {
    auto before = MakeClickstreamGenerator(options);
    auto records = Take(*before, stop);
    const auto restored = RestoreClickstreamGenerator(options, before->SaveState());
    ASSERT_TRUE(restored.ok()) << restored.error().ToString();
    EXPECT_EQ((*restored)->position(), stop);
    for (auto& record : Take(**restored, options.count - stop)) records.push_back(std::move(record));
    EXPECT_EQ(Hash(records), Hash(expected)) << stop;
  }
}

TEST(Clickstream, AStateOfOtherOptionsOrCutOffIsRefused) {
  const auto options = Backlog(5'000);
  auto generator = MakeClickstreamGenerator(options);
  Take(*generator, 3'000);
  const std::string state = generator->SaveState();
  auto other = options;
  other.late_rate = 0.5;
  EXPECT_TRUE(RestoreClickstreamGenerator(other, state).Is(ErrorCode::kInvalidArgument));
  for (size_t size = 0; size < state.size(); size += 1 + size / 50)
    EXPECT_FALSE(RestoreClickstreamGenerator(options, state.substr(0, size)).ok()) << size;
  EXPECT_TRUE(RestoreClickstreamGenerator(options, state + "x").Is(ErrorCode::kCorruption));
}

TEST(Clickstream, ALongBacklogStaysWithinFourMinutes) {
  const auto options = BacklogOptions({.count = 2'000'000});
  EXPECT_LE(SeriesDuration(options), 240 * kSecond);
  EXPECT_EQ(BacklogOptions({.count = 1'000}).event_rate, 1000);
}

}  // namespace
}  // namespace tarn::generate
