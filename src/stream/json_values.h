#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"

// The texts of JSON values as typed values. All exact: what does not fit is refused, never rounded. Thread-safe.

namespace tarn::stream {

// A number by the grammar of RFC 8259, section 6.
bool IsJsonNumber(std::string_view text);
// A number without fraction and exponent that fits.
bool ParseInteger(std::string_view text, int64_t& out);
// A JSON number that a double can hold without overflow.
bool ParseDouble(std::string_view text, double& out);
// A JSON number as an integer scaled by 10^scale of at most `precision` digits, two's complement in two halves.
struct Wide {
  uint64_t low = 0;
  int64_t high = 0;
};
bool ParseDecimal(std::string_view text, int precision, int scale, Wide& out);

// ISO 8601: date, 'T' or a blank, time with optional seconds and up to nine fractional digits (cut to microseconds),
// then nothing (UTC), 'Z' or an offset. Years 1 to 9999.
bool ParseTimestamp(std::string_view text, Micros& out);
// "2026-11-24" as days since 1970-01-01.
bool ParseDate(std::string_view text, int32_t& days);
// "14:05[:06[.123456]]" as microseconds since midnight.
bool ParseTime(std::string_view text, int64_t& micros);
// 36 characters, any case; the bytes in order, big-endian in two halves.
bool ParseUuid(std::string_view text, uint64_t& high, uint64_t& low);
// RFC 4648, section 4, with padding.
bool DecodeBase64(std::string_view text, std::string& out);

}  // namespace tarn::stream
