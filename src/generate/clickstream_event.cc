#include <cstring>

#include "generate/clickstream_event_internal.h"

namespace tarn::generate::clickstream {
namespace {

constexpr size_t kEventSizeMax = 2048;  // far above what the texts of this generator add up to

constexpr std::array<char, 512> kHexPairs = [] {
  std::array<char, 512> pairs{};
  for (int i = 0; i < 256; ++i) {
    pairs[2 * i] = "0123456789abcdef"[i >> 4];
    pairs[2 * i + 1] = "0123456789abcdef"[i & 15];
  }
  return pairs;
}();

char* Put(char* to, std::string_view text) {
  std::memcpy(to, text.data(), text.size());
  return to + text.size();
}

char* PutUuid(char* to, const Uuid& uuid) {
  for (int i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) *to++ = '-';
    const uint64_t word = i < 8 ? uuid.high : uuid.low;
    std::memcpy(to, &kHexPairs[2 * (word >> (56 - 8 * (i % 8)) & 0xff)], 2);
    to += 2;
  }
  return to;
}

// With leading zeros.
char* PutDigits(char* to, uint32_t value, int digits) {
  for (int i = digits - 1; i >= 0; --i, value /= 10) to[i] = char('0' + value % 10);
  return to + digits;
}

char* PutNumber(char* to, uint32_t value) {
  int digits = 1;
  for (uint32_t rest = value; rest >= 10; rest /= 10) ++digits;
  return PutDigits(to, value, digits);
}

char* PutTime(char* to, Micros time) {
  constexpr Micros kSecond = 1'000'000;
  const Micros second = time >= 0 ? time / kSecond : -((kSecond - 1 - time) / kSecond);
  const int64_t day = second >= 0 ? second / 86'400 : -((86'399 - second) / 86'400);
  const uint32_t of_day = uint32_t(second - day * 86'400);
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(day))};
  to = PutDigits(to, uint32_t(int(date.year())), 4), *to++ = '-';
  to = PutDigits(to, unsigned(date.month()), 2), *to++ = '-';
  to = PutDigits(to, unsigned(date.day()), 2), *to++ = 'T';
  to = PutDigits(to, of_day / 3600, 2), *to++ = ':';
  to = PutDigits(to, of_day / 60 % 60, 2), *to++ = ':';
  to = PutDigits(to, of_day % 60, 2), *to++ = '.';
  return PutDigits(to, uint32_t(time - second * kSecond), 6);
}

char* PutAddress(char* to, uint32_t address) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    to = PutNumber(to, address >> shift & 0xff);
    if (shift > 0) *to++ = '.';
  }
  return to;
}

// Unreadable by any rule, lenient ones included.
constexpr std::string_view kBadTime = "2026-02-31T27:61:00.000000";

}  // namespace

Uuid DrawUuid(Random& random) {
  const uint64_t high = random.Next();
  const uint64_t low = random.Next();
  return {.high = (high & ~uint64_t(0xf000)) | 0x4000, .low = (low & ~(uint64_t(3) << 62)) | (uint64_t(1) << 63)};
}

std::string FormatEventTime(Micros time) {
  char text[32];
  return {text, PutTime(text, time)};
}

void WriteEvent(const Event& event, Damage damage, std::string& json) {
  json.resize(kEventSizeMax);
  char* to = json.data();
  *to++ = '{';
  if (damage != Damage::kNoEventId) to = PutUuid(Put(to, "\"event_id\":\""), event.event_id), to = Put(to, "\",");
  to = PutUuid(Put(to, "\"user_id\":\""), event.user_id);
  to = PutUuid(Put(to, "\",\"session_id\":\""), event.session_id);
  to = Put(Put(to, "\",\"event_type\":\""), kEventTypeNames[size_t(event.type)]);
  if (event.product < 0) {
    to = Put(to, "\",\"product_id\":null");
  } else {
    to = Put(Put(to, "\",\"product_id\":\""), kProductNames[size_t(event.product)]);
    *to++ = '"';
  }
  if (damage == Damage::kBadTimestamp)
    to = Put(Put(to, ",\"timestamp\":\""), kBadTime), *to++ = '"';
  else if (damage != Damage::kNoTimestamp)
    to = PutTime(Put(to, ",\"timestamp\":\""), event.timestamp), *to++ = '"';
  to = Put(Put(to, ",\"page_url\":\""), event.page_url);
  to = Put(Put(to, "\",\"user_agent\":\""), event.user_agent);
  to = PutAddress(Put(to, "\",\"ip_address\":\""), event.ip_address);
  to = Put(Put(to, "\",\"device_type\":\""), event.device_type);
  to = Put(Put(to, "\",\"browser\":\""), event.browser);
  to = Put(Put(to, "\",\"os\":\""), event.os);
  to = Put(Put(to, "\",\"country\":\""), event.country);
  to = Put(Put(to, "\",\"referrer\":\""), event.referrer);
  to = PutNumber(Put(to, "\",\"screen_resolution\":\""), uint32_t(event.screen_width));
  *to++ = 'x';
  to = PutNumber(to, uint32_t(event.screen_height));
  to = Put(to, "\",\"time_on_page\":");
  to = damage == Damage::kTextTimeOnPage ? Put(to, "\"a while\"") : PutNumber(to, uint32_t(event.time_on_page));
  to = Put(to, ",\"scroll_depth\":");
  to = damage == Damage::kTextScrollDepth ? Put(to, "\"halfway\"") : PutNumber(to, uint32_t(event.scroll_depth));
  to = PutNumber(Put(to, ",\"click_coordinates\":{\"x\":"), uint32_t(event.click_x));
  to = PutNumber(Put(to, ",\"y\":"), uint32_t(event.click_y));
  to = Put(to, "}}");
  json.resize(size_t(to - json.data()));
}

}  // namespace tarn::generate::clickstream
