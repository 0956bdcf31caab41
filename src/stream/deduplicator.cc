#include "stream/deduplicator.h"

#include <unordered_map>

namespace tarn::stream {
namespace {

constexpr Micros kDay = 86'400'000'000;
// How often a load that may outgrow the budget looks at it.
constexpr uint64_t kKeysBetweenChecks = 4096;
constexpr size_t kPrefetchAhead = 16;

struct KeyHash {
  size_t operator()(const Key128& key) const { return key.high ^ key.low * 0x9e3779b97f4a7c15; }
};

}  // namespace

int32_t DayOf(Micros time) {
  return int32_t(time / kDay - (time % kDay < 0));
}

void Deduplicator::Account() {
  bytes_ = 0;
  for (const auto& [number, day] : days_) bytes_ += day.keys.bytes();
}

bool Deduplicator::MakeRoom(int32_t keep, uint64_t extra) {
  Account();
  while (bytes_ + extra > bytes_max_) {
    auto oldest = days_.end();
    for (auto it = days_.begin(); it != days_.end(); ++it)
      if (it->first != keep && it->second.keys.bytes() > 0 &&
          (oldest == days_.end() || it->second.used_at < oldest->second.used_at))
        oldest = it;
    if (oldest == days_.end()) return false;
    days_.erase(oldest);
    Account();
  }
  return true;
}

Result<Deduplicator::Day*> Deduplicator::Load(int32_t number) {
  const auto found = days_.find(number);
  if (found != days_.end()) return &found->second;
  Day day;
  uint64_t since_check = 0;
  TARN_TRY(scan_(number, [&](const Key128& key) {
    if (day.too_large) return;
    day.keys.Insert(key);
    if (++since_check < kKeysBetweenChecks) return;
    since_check = 0;
    if (!MakeRoom(number, day.keys.bytes())) {
      day.too_large = true;
      day.keys = KeySet();
    }
  }));
  // Marks of days that keep nothing are few bytes; still, they end.
  constexpr size_t kDaysMax = 4096;
  if (days_.size() >= kDaysMax) days_.erase(days_.begin());
  return &days_.emplace(number, std::move(day)).first->second;
}

Status Deduplicator::LookUp(int32_t number, const std::vector<RowInfo*>& rows, uint64_t& duplicates) {
  std::unordered_map<Key128, RowInfo*, KeyHash> first;
  std::vector<RowInfo*> repeated;
  for (RowInfo* row : rows)
    if (!first.emplace(row->key, row).second) repeated.push_back(row);
  std::vector<RowInfo*> stored;
  TARN_TRY(scan_(number, [&](const Key128& key) {
    const auto found = first.find(key);
    if (found == first.end()) return;
    stored.push_back(found->second);
    first.erase(found);
  }));
  for (const auto* list : {&repeated, &stored})
    for (RowInfo* row : *list) row->dropped = true;
  duplicates += repeated.size() + stored.size();
  return Ok();
}

Status Deduplicator::Deduplicate(const std::vector<RowInfo*>& rows, std::set<int32_t>& done, uint64_t& duplicates) {
  std::map<int32_t, std::vector<RowInfo*>> by_day;
  std::vector<RowInfo*>* current = nullptr;
  int32_t current_day = 0;
  for (RowInfo* row : rows) {
    if (!row->has_key) continue;
    const int32_t day = DayOf(row->event_time);
    if (current == nullptr || day != current_day) {
      current = &by_day[day];
      current_day = day;
    }
    current->push_back(row);
  }
  for (auto& [number, list] : by_day) {
    if (done.contains(number)) continue;
    std::erase_if(list, [](const RowInfo* row) { return row->dropped; });
    TARN_ASSIGN_OR_RETURN(Day * day, Load(number));
    day->used_at = ++uses_;
    if (day->too_large) {
      TARN_TRY(LookUp(number, list, duplicates));
    } else {
      for (size_t i = 0; i < list.size(); ++i) {
        if (i + kPrefetchAhead < list.size()) day->keys.Prefetch(list[i + kPrefetchAhead]->key);
        list[i]->dropped = !day->keys.Insert(list[i]->key);
        duplicates += list[i]->dropped;
      }
      if (!MakeRoom(number, 0)) {
        day->too_large = true;
        day->keys = KeySet();
      }
    }
    done.insert(number);
  }
  Account();
  return Ok();
}

}  // namespace tarn::stream
