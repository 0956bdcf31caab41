#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"
#include "broker/partition_log.h"
#include "record/record_batch.h"

// What a partition remembers of its idempotent producers: the epoch and the last five batches of each, so that a batch
// sent again is found and answered with the offset of the first time (KIP-98; five is what a producer may have in
// flight).
//
// File "<offset>.snapshot", version 1: the state of all batches below that offset. Frozen. All numbers big-endian:
//    0  8  "TARNPRD1"
//    8  8  offset
//   16  4  number of producers
//   20     producers: 8 id, 2 epoch, 8 time of its last batch (ms), 1 number of batches,
//          batches, oldest first: 4 base sequence, 4 last sequence, 8 base offset
//   end-4  CRC-32C of all before

namespace tarn::broker {

// Thread-compatible: the partition's writer owns it.
class ProducerState {
 public:
  // How long a producer that sends nothing is remembered: Kafka's producer.id.expiration.ms.
  static constexpr int64_t kExpirationMs = 86'400'000;

  // Whether this batch may follow. Nothing: it is new. An offset: it was appended before, there. kFenced: its epoch is
  // old; kOutOfRange: sequences are missing before it. A producer that is not known may start anywhere.
  Result<std::optional<Offset>> Check(const record::BatchHeader& header) const;
  // Takes note of a batch that Check let pass. Until Keep, Undo can take it back.
  void Apply(const record::BatchHeader& header, int64_t now_ms);

  // A place to come back to.
  size_t Mark() const { return undo_.size(); }
  // Takes back what was applied after `mark`.
  void Undo(size_t mark);
  // Everything applied stays.
  void Keep() { undo_.clear(); }

  void Expire(int64_t now_ms);
  size_t size() const { return producers_.size(); }

  std::string Encode(Offset offset) const;
  // kCorruption. `offset`: what the file's name says.
  static Result<ProducerState> Decode(std::string_view file, Offset offset);

 private:
  struct Batch {
    int32_t base_sequence = 0;
    int32_t last_sequence = 0;
    Offset base_offset = 0;
  };
  struct Producer {
    int16_t epoch = 0;
    int64_t last_ms = 0;
    uint8_t count = 0;
    Batch batches[5];  // oldest first
  };

  std::unordered_map<int64_t, Producer> producers_;
  std::vector<std::pair<int64_t, std::optional<Producer>>> undo_;  // as they were before Apply
};

}  // namespace tarn::broker
