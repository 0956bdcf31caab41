#include "stream/json_values.h"

#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdlib>

namespace tarn::stream {
namespace {

__extension__ using Uint128 = unsigned __int128;

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

// The value of a hexadecimal digit, 0x80 for every other byte.
constexpr std::array<uint8_t, 256> kHexDigits = [] {
  std::array<uint8_t, 256> digits{};
  for (size_t i = 0; i < 256; ++i) digits[i] = 0x80;
  for (uint8_t i = 0; i < 10; ++i) digits[size_t('0' + i)] = i;
  for (uint8_t i = 0; i < 6; ++i) digits[size_t('a' + i)] = digits[size_t('A' + i)] = uint8_t(10 + i);
  return digits;
}();

bool ReadDigits(std::string_view& text, size_t count, int& out) {
  if (text.size() < count) return false;
  out = 0;
  for (size_t i = 0; i < count; ++i) {
    if (!IsDigit(text[i])) return false;
    out = out * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return true;
}

bool Skip(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

bool ReadDate(std::string_view& text, int32_t& days) {
  int year = 0, month = 0, day = 0;
  if (!ReadDigits(text, 4, year) || !Skip(text, '-') || !ReadDigits(text, 2, month) || !Skip(text, '-') ||
      !ReadDigits(text, 2, day))
    return false;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(unsigned(month)),
                                         std::chrono::day(unsigned(day))};
  if (!date.ok() || year < 1) return false;
  days = int32_t(std::chrono::sys_days(date).time_since_epoch().count());
  return true;
}

bool ReadTime(std::string_view& text, int64_t& micros) {
  int hour = 0, minute = 0, second = 0;
  if (!ReadDigits(text, 2, hour) || !Skip(text, ':') || !ReadDigits(text, 2, minute)) return false;
  int64_t fraction = 0;
  if (Skip(text, ':')) {
    if (!ReadDigits(text, 2, second)) return false;
    if (Skip(text, '.')) {
      int digits = 0;
      for (; !text.empty() && IsDigit(text.front()); text.remove_prefix(1), ++digits)
        if (digits < 6) fraction = fraction * 10 + (text.front() - '0');
      if (digits == 0 || digits > 9) return false;
      for (; digits < 6; ++digits) fraction *= 10;
    }
  }
  if (hour > 23 || minute > 59 || second > 59) return false;
  micros = (int64_t(hour) * 3600 + minute * 60 + second) * 1'000'000 + fraction;
  return true;
}

// "", "Z", "+01", "+0130", "+01:30" in seconds.
bool ReadOffset(std::string_view text, int64_t& seconds) {
  seconds = 0;
  if (text.empty() || text == "Z") return true;
  const int sign = text.front() == '-' ? -1 : 1;
  if (!Skip(text, '+') && !Skip(text, '-')) return false;
  int hours = 0, minutes = 0;
  if (!ReadDigits(text, 2, hours)) return false;
  if (!text.empty()) {
    Skip(text, ':');
    if (!ReadDigits(text, 2, minutes)) return false;
  }
  seconds = sign * (hours * 3600 + minutes * 60);
  return text.empty() && hours <= 23 && minutes <= 59;
}

}  // namespace

bool IsJsonNumber(std::string_view text) {
  Skip(text, '-');
  const auto digits = [&] {
    size_t count = 0;
    for (; count < text.size() && IsDigit(text[count]);) ++count;
    text.remove_prefix(count);
    return count;
  };
  const bool zero = !text.empty() && text.front() == '0';
  const size_t whole = digits();
  if (whole == 0 || (zero && whole > 1)) return false;
  if (Skip(text, '.') && digits() == 0) return false;
  if (Skip(text, 'e') || Skip(text, 'E')) {
    if (!Skip(text, '+')) Skip(text, '-');
    if (digits() == 0) return false;
  }
  return text.empty();
}

bool ParseInteger(std::string_view text, int64_t& out) {
  if (!IsJsonNumber(text)) return false;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), out);
  return end.ec == std::errc() && end.ptr == text.data() + text.size();
}

bool ParseDouble(std::string_view text, double& out) {
  if (!IsJsonNumber(text)) return false;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), out);
  if (end.ec == std::errc::result_out_of_range) out = std::strtod(std::string(text).c_str(), nullptr);
  return std::isfinite(out);
}

bool ParseDecimal(std::string_view text, int precision, int scale, Wide& out) {
  if (!IsJsonNumber(text)) return false;
  const bool negative = Skip(text, '-');
  int exponent = 0;
  if (const size_t e = text.find_first_of("eE"); e != text.npos) {
    std::string_view digits = text.substr(e + 1);
    Skip(digits, '+');
    // An exponent that does not fit an int moves any digit but zero out of reach.
    if (std::from_chars(digits.data(), digits.data() + digits.size(), exponent).ec != std::errc())
      exponent = digits.front() == '-' ? -100'000 : 100'000;
    if (exponent > 100'000 || exponent < -100'000) exponent = exponent < 0 ? -100'000 : 100'000;
    text = text.substr(0, e);
  }
  const size_t point = text.find('.');
  const int64_t fraction = point == text.npos ? 0 : int64_t(text.size() - point - 1);
  // The value is the digits times 10^-fraction+exponent; `shift` zeros are to be added, or cut when negative.
  const int64_t shift = scale - fraction + exponent;
  const size_t digit_count = text.size() - (point == text.npos ? 0 : 1);
  Uint128 value = 0;
  int used = 0;
  const auto push = [&](int digit) {
    if (used > 0 || digit > 0) ++used;
    if (used > precision) return false;
    value = value * 10 + unsigned(digit);
    return true;
  };
  size_t seen = 0;
  for (const char c : text) {
    if (c == '.') continue;
    if (int64_t(digit_count - seen++) <= -shift) {
      if (c != '0') return false;
      continue;
    }
    if (!push(c - '0')) return false;
  }
  if (value != 0)
    for (int64_t i = 0; i < shift; ++i)
      if (!push(0)) return false;
  if (negative) value = ~value + 1;
  out = {uint64_t(value), int64_t(value >> 64)};
  return true;
}

bool ParseTimestamp(std::string_view text, Micros& out) {
  int32_t days = 0;
  int64_t time = 0, offset = 0;
  if (!ReadDate(text, days) || (!Skip(text, 'T') && !Skip(text, ' ')) || !ReadTime(text, time) ||
      !ReadOffset(text, offset))
    return false;
  out = (int64_t(days) * 86'400 - offset) * 1'000'000 + time;
  return true;
}

bool ParseDate(std::string_view text, int32_t& days) {
  return ReadDate(text, days) && text.empty();
}

bool ParseTime(std::string_view text, int64_t& micros) {
  return ReadTime(text, micros) && text.empty();
}

bool ParseUuid(std::string_view text, uint64_t& high, uint64_t& low) {
  if (text.size() != 36) return false;
  if (text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-') return false;
  uint8_t bad = 0;
  const auto hex = [&](size_t begin, size_t end) {
    uint64_t value = 0;
    for (size_t i = begin; i < end; ++i) {
      const uint8_t digit = kHexDigits[static_cast<unsigned char>(text[i])];
      bad |= digit;
      value = value << 4 | (digit & 0xf);
    }
    return value;
  };
  high = hex(0, 8) << 32 | hex(9, 13) << 16 | hex(14, 18);
  low = hex(19, 23) << 48 | hex(24, 36);
  return bad < 16;
}

bool DecodeBase64(std::string_view text, std::string& out) {
  if (text.size() % 4 != 0) return false;
  const auto sextet = [](char c) -> int {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (IsDigit(c)) return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
  };
  out.clear();
  for (size_t i = 0; i < text.size(); i += 4) {
    const bool last = i + 4 == text.size();
    const int padding = last && text[i + 3] == '=' ? (text[i + 2] == '=' ? 2 : 1) : 0;
    uint32_t bits = 0;
    for (size_t j = 0; j < 4; ++j) {
      const int value = int(j) >= 4 - padding ? 0 : sextet(text[i + j]);
      if (value < 0) return false;
      bits = bits << 6 | uint32_t(value);
    }
    for (int j = 0; j < 3 - padding; ++j) out += char(bits >> (16 - 8 * j) & 0xff);
  }
  return true;
}

}  // namespace tarn::stream
