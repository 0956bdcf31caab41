#include "base/random.h"

#include <bit>
#include <cmath>
#include <numbers>
#include <random>

#include "base/result.h"

namespace tarn {
namespace {

uint64_t SplitMix(uint64_t& state) {
  uint64_t z = (state += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

}  // namespace

Random::Random(uint64_t seed) {
  for (uint64_t& word : state_) word = SplitMix(seed);
}

Random Random::FromEntropy() {
  std::random_device device;
  return Random((uint64_t(device()) << 32) | device());
}

Random Random::FromState(const State& state) {
  Random random(0);
  random.state_ = state;
  return random;
}

uint64_t Random::Next() {
  const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

uint64_t Random::Below(uint64_t bound) {
  TARN_CHECK(bound > 0);
  // Multiply-shift with rejection of the uneven rest (Lemire).
  __extension__ using Wide = unsigned __int128;
  Wide product = Wide(Next()) * bound;
  if (uint64_t(product) < bound) {
    const uint64_t threshold = -bound % bound;
    while (uint64_t(product) < threshold) product = Wide(Next()) * bound;
  }
  return uint64_t(product >> 64);
}

int64_t Random::Between(int64_t low, int64_t high) {
  TARN_CHECK(low <= high);
  return low + int64_t(Below(uint64_t(high - low) + 1));
}

double Random::Unit() {
  return double(Next() >> 11) * 0x1.0p-53;
}

double Random::Normal() {
  const double radius = std::sqrt(-2 * std::log(1 - Unit()));
  return radius * std::cos(2 * std::numbers::pi * Unit());
}

Random Random::Fork() {
  return Random(Next());
}

std::string MakeUuid(Random& random) {
  uint64_t high = random.Next();
  uint64_t low = random.Next();
  high = (high & ~uint64_t(0xf000)) | 0x4000;                // version 4
  low = (low & ~(uint64_t(3) << 62)) | (uint64_t(1) << 63);  // variant 10
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text(36, '-');
  int digit = 0;
  for (int i = 0; i < 36; ++i) {
    if (i == 8 || i == 13 || i == 18 || i == 23) continue;
    const uint64_t word = digit < 16 ? high : low;
    text[i] = kHex[(word >> (60 - 4 * (digit % 16))) & 15];
    ++digit;
  }
  return text;
}

}  // namespace tarn
