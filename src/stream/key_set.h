#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace tarn::stream {

struct Key128 {
  uint64_t high = 0, low = 0;
  bool operator==(const Key128&) const = default;
};

// 128 bits of a text.
Key128 HashKey(std::string_view text);

// An exact set of 16-byte keys: about 21 bytes a key, growing in small steps. Thread-compatible.
class KeySet {
 public:
  // Whether the key was not there yet.
  bool Insert(const Key128& key);
  bool Contains(const Key128& key) const;
  // Brings the key's place into the cache: large sets are in memory, and several can be waited for at once.
  void Prefetch(const Key128& key) const;
  uint64_t size() const { return size_; }
  uint64_t bytes() const { return bytes_; }

 private:
  // Open addressing with linear probing; the zero key marks a free place and is itself kept apart.
  struct Shard {
    std::vector<Key128> places;
    uint64_t used = 0;
  };
  static constexpr size_t kShards = 64;
  static uint64_t Mix(const Key128& key);
  static size_t FirstPlace(const Shard& shard, uint64_t hash);
  static size_t PlaceOf(const Shard& shard, uint64_t hash, const Key128& key);
  void Grow(Shard& shard);

  std::array<Shard, kShards> shards_;
  bool has_zero_ = false;
  uint64_t size_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace tarn::stream
