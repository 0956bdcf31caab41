#include "stream/key_set.h"

namespace tarn::stream {
namespace {

__extension__ using Uint128 = unsigned __int128;

// Multiplies and folds, as wyhash and its kin do.
uint64_t Fold(uint64_t a, uint64_t b) {
  const Uint128 product = Uint128(a) * b;
  return uint64_t(product) ^ uint64_t(product >> 64);
}

constexpr uint64_t kOdd[4] = {0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9, 0x94d049bb133111eb, 0xd6e8feb86659fd93};

}  // namespace

Key128 HashKey(std::string_view text) {
  uint64_t high = kOdd[0] ^ text.size(), low = kOdd[1] + text.size();
  for (size_t at = 0; at < text.size(); at += 8) {
    uint64_t word = 0;
    std::memcpy(&word, text.data() + at, std::min<size_t>(8, text.size() - at));
    high = Fold(high ^ word, kOdd[2]) + kOdd[0];
    low = Fold(low ^ word ^ kOdd[1], kOdd[3] ^ (low >> 32));
  }
  return {Fold(high ^ low, kOdd[1]), Fold(low + kOdd[0], kOdd[2] ^ high)};
}

uint64_t KeySet::Mix(const Key128& key) {
  return Fold(key.high ^ kOdd[0], key.low ^ kOdd[3]);
}

// Multiply-shift spreads the hash over any number of places.
size_t KeySet::FirstPlace(const Shard& shard, uint64_t hash) {
  return size_t(Uint128(hash) * shard.places.size() >> 64);
}

size_t KeySet::PlaceOf(const Shard& shard, uint64_t hash, const Key128& key) {
  size_t place = FirstPlace(shard, hash);
  while (!(shard.places[place] == key) && !(shard.places[place] == Key128{}))
    if (++place == shard.places.size()) place = 0;
  return place;
}

void KeySet::Grow(Shard& shard) {
  Shard larger;
  larger.places.resize(std::max<size_t>(16, shard.places.size() + shard.places.size() / 4 + 8));
  larger.used = shard.used;
  for (const Key128& key : shard.places)
    if (!(key == Key128{})) larger.places[PlaceOf(larger, Mix(key) << 6, key)] = key;
  bytes_ += (larger.places.size() - shard.places.size()) * sizeof(Key128);
  shard = std::move(larger);
}

bool KeySet::Insert(const Key128& key) {
  if (key == Key128{}) {
    const bool added = !has_zero_;
    has_zero_ = true;
    size_ += added;
    return added;
  }
  const uint64_t hash = Mix(key);
  Shard& shard = shards_[hash >> 58];
  if (shard.used * 8 >= shard.places.size() * 7) Grow(shard);
  Key128& place = shard.places[PlaceOf(shard, hash << 6, key)];
  if (place == key) return false;
  place = key;
  ++shard.used;
  ++size_;
  return true;
}

void KeySet::Prefetch(const Key128& key) const {
  const uint64_t hash = Mix(key);
  const Shard& shard = shards_[hash >> 58];
  __builtin_prefetch(shard.places.data() + FirstPlace(shard, hash << 6), 1);
}

bool KeySet::Contains(const Key128& key) const {
  if (key == Key128{}) return has_zero_;
  const uint64_t hash = Mix(key);
  const Shard& shard = shards_[hash >> 58];
  return !shard.places.empty() && shard.places[PlaceOf(shard, hash << 6, key)] == key;
}

}  // namespace tarn::stream
