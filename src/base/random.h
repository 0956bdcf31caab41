#pragma once

#include <array>
#include <cstdint>
#include <string>

// Randomness, passed in: the same seed gives the same run.

namespace tarn {

// A small, fast generator (xoshiro256**), the same on every platform. Thread-compatible.
class Random {
 public:
  explicit Random(uint64_t seed);
  // A generator seeded by the operating system.
  static Random FromEntropy();

  uint64_t Next();
  // Uniform in [0, bound). Requires: bound > 0.
  uint64_t Below(uint64_t bound);
  // Uniform in [low, high].
  int64_t Between(int64_t low, int64_t high);
  // Uniform in [0, 1).
  double Unit();
  // True with probability p.
  bool Chance(double p) { return Unit() < p; }
  // Standard normal (Box-Muller).
  double Normal();
  // An independent generator, for a part of the run that must not depend on how often others draw.
  Random Fork();

  // Where it stands, to go on from there after a restart.
  using State = std::array<uint64_t, 4>;
  const State& state() const { return state_; }
  static Random FromState(const State& state);

 private:
  State state_;
};

// A version 4 UUID in its canonical 36 characters (RFC 9562).
std::string MakeUuid(Random& random);

}  // namespace tarn
