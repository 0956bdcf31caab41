#include "record/crc32c_internal.h"

#include <array>
#include <cstring>

#include <nmmintrin.h>

#include "record/record_batch.h"

// CRC-32C (RFC 3720, section 12.1), reflected. The processor's instruction takes 3 cycles but starts one each cycle, so
// three stretches of the input run side by side; a stretch's CRC is moved past the following ones by multiplying it
// with the operator "append kStretch zero bytes", kept as four tables of 256.

namespace tarn::record {
namespace {

constexpr uint32_t kPolynomial = 0x82f63b78;
constexpr size_t kStretch = 1024;  // a power of two; long enough that joining is noise, short enough for small batches

using Matrix = std::array<uint32_t, 32>;
using Tables = std::array<std::array<uint32_t, 256>, 8>;

constexpr uint32_t Times(const Matrix& matrix, uint32_t vector) {
  uint32_t sum = 0;
  for (size_t i = 0; vector != 0; ++i, vector >>= 1)
    if (vector & 1) sum ^= matrix[i];
  return sum;
}

constexpr Matrix Squared(const Matrix& matrix) {
  Matrix square{};
  for (size_t i = 0; i < 32; ++i) square[i] = Times(matrix, matrix[i]);
  return square;
}

constexpr std::array<std::array<uint32_t, 256>, 4> MakeShift() {
  Matrix op{};
  op[0] = kPolynomial;  // one zero bit
  for (size_t i = 1; i < 32; ++i) op[i] = uint32_t(1) << (i - 1);
  for (size_t bits = 1; bits < kStretch * 8; bits *= 2) op = Squared(op);
  std::array<std::array<uint32_t, 256>, 4> tables{};
  for (size_t part = 0; part < 4; ++part)
    for (uint32_t byte = 0; byte < 256; ++byte) tables[part][byte] = Times(op, byte << (8 * part));
  return tables;
}

constexpr Tables MakeSlices() {
  Tables tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) ? kPolynomial : 0);
    tables[0][byte] = crc;
  }
  for (size_t slice = 1; slice < 8; ++slice)
    for (size_t byte = 0; byte < 256; ++byte)
      tables[slice][byte] = (tables[slice - 1][byte] >> 8) ^ tables[0][tables[slice - 1][byte] & 0xff];
  return tables;
}

constexpr auto kShift = MakeShift();
constexpr Tables kSlices = MakeSlices();

uint64_t Load(const char* from) {
  uint64_t word;
  std::memcpy(&word, from, 8);
  return word;
}

uint32_t Shift(uint32_t crc) {
  return kShift[0][crc & 0xff] ^ kShift[1][(crc >> 8) & 0xff] ^ kShift[2][(crc >> 16) & 0xff] ^ kShift[3][crc >> 24];
}

__attribute__((target("sse4.2"))) uint32_t ByInstruction(const char* data, size_t size, uint32_t crc) {
  while (size >= 3 * kStretch) {
    uint64_t a = crc, b = 0, c = 0;
    for (size_t i = 0; i < kStretch; i += 8) {
      a = _mm_crc32_u64(a, Load(data + i));
      b = _mm_crc32_u64(b, Load(data + kStretch + i));
      c = _mm_crc32_u64(c, Load(data + 2 * kStretch + i));
    }
    crc = Shift(Shift(uint32_t(a)) ^ uint32_t(b)) ^ uint32_t(c);
    data += 3 * kStretch;
    size -= 3 * kStretch;
  }
  uint64_t wide = crc;
  for (; size >= 8; size -= 8, data += 8) wide = _mm_crc32_u64(wide, Load(data));
  crc = uint32_t(wide);
  for (; size > 0; --size, ++data) crc = _mm_crc32_u8(crc, uint8_t(*data));
  return crc;
}

uint32_t ByTable(const char* data, size_t size, uint32_t crc) {
  for (; size >= 8; size -= 8, data += 8) {
    const uint64_t word = Load(data) ^ crc;
    crc = 0;
    for (size_t i = 0; i < 8; ++i) crc ^= kSlices[7 - i][(word >> (8 * i)) & 0xff];
  }
  for (; size > 0; --size, ++data) crc = (crc >> 8) ^ kSlices[0][(crc ^ uint8_t(*data)) & 0xff];
  return crc;
}

}  // namespace

uint32_t Crc32cByTable(std::string_view bytes, uint32_t crc) {
  return ~ByTable(bytes.data(), bytes.size(), ~crc);
}

uint32_t Crc32c(std::string_view bytes, uint32_t crc) {
  static const bool has_instruction = __builtin_cpu_supports("sse4.2");
  if (!has_instruction) return Crc32cByTable(bytes, crc);
  return ~ByInstruction(bytes.data(), bytes.size(), ~crc);
}

}  // namespace tarn::record
