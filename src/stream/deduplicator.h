#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <vector>

#include "base/result.h"
#include "stream/key_set.h"
#include "stream/micro_batch.h"

namespace tarn::stream {

// Which rows are stored already. The table is the truth: the keys of one event date are read from it when that date is
// first seen, kept in memory up to a budget, and dropped, least recently used date first, beyond it. A date that alone
// is larger than the budget is looked up in the table for every batch. Thread-compatible.
class Deduplicator {
 public:
  // Calls back with the key of every stored row of an event date (days since 1970-01-01).
  using ScanKeys = std::function<Status(int32_t day, const std::function<void(const Key128&)>& each)>;
  Deduplicator(uint64_t bytes_max, ScanKeys scan) : bytes_max_(bytes_max), scan_(std::move(scan)) {}

  // Marks as dropped what is stored already or comes twice among `rows`: the first one wins. `done` holds the days
  // that an earlier, failed call for the same rows got through.
  Status Deduplicate(const std::vector<RowInfo*>& rows, std::set<int32_t>& done, uint64_t& duplicates);

  uint64_t bytes() const { return bytes_; }

 private:
  struct Day {
    KeySet keys;
    bool too_large = false;  // keys are not kept
    uint64_t used_at = 0;
  };
  Result<Day*> Load(int32_t number);
  Status LookUp(int32_t number, const std::vector<RowInfo*>& rows, uint64_t& duplicates);
  // Drops other days until `extra` more bytes fit, or until there are none.
  bool MakeRoom(int32_t keep, uint64_t extra);
  void Account();

  const uint64_t bytes_max_;
  const ScanKeys scan_;
  std::map<int32_t, Day> days_;
  uint64_t uses_ = 0;
  uint64_t bytes_ = 0;
};

// The event date of a time, also before 1970.
int32_t DayOf(Micros time);

}  // namespace tarn::stream
