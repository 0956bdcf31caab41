#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <type_traits>

// Kafka's fixed-width fields are big-endian.

namespace tarn::record {

static_assert(std::endian::native == std::endian::little, "the conversions below swap");

template <typename T>
T LoadBigEndian(const char* from) {
  std::make_unsigned_t<T> value;
  std::memcpy(&value, from, sizeof value);
  if constexpr (sizeof(T) == 2) value = __builtin_bswap16(value);
  if constexpr (sizeof(T) == 4) value = __builtin_bswap32(value);
  if constexpr (sizeof(T) == 8) value = __builtin_bswap64(value);
  return T(value);
}

template <typename T>
void StoreBigEndian(char* to, T from) {
  auto value = std::make_unsigned_t<T>(from);
  if constexpr (sizeof(T) == 2) value = __builtin_bswap16(value);
  if constexpr (sizeof(T) == 4) value = __builtin_bswap32(value);
  if constexpr (sizeof(T) == 8) value = __builtin_bswap64(value);
  std::memcpy(to, &value, sizeof value);
}

}  // namespace tarn::record
