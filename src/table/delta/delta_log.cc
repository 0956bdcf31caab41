#include "table/delta/delta_log.h"

#include <algorithm>
#include <charconv>

#include "base/failpoint.h"
#include "table/delta/checkpoint.h"

namespace tarn::table::delta {
namespace {

constexpr size_t kVersionDigits = 20;

std::string Padded(TableVersion version) {
  std::string digits = std::to_string(version);
  return std::string(kVersionDigits - digits.size(), '0') + digits;
}

bool ParseNumber(std::string_view text, int64_t& number) {
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  return !text.empty() && parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() && number >= 0;
}

std::string VersionRange(const LogListing& listing) {
  const TableVersion first =
      listing.checkpoints.empty() || (!listing.commits.empty() && listing.commits.begin()->first == 0)
          ? (listing.commits.empty() ? 0 : listing.commits.begin()->first)
          : listing.checkpoints.begin()->first;
  TableVersion last = listing.commits.empty() ? 0 : listing.commits.rbegin()->first;
  if (!listing.checkpoints.empty()) last = std::max(last, listing.checkpoints.rbegin()->first);
  return std::to_string(first) + " to " + std::to_string(last);
}

// Files times are whole milliseconds to other engines; a step back of the clock must not reorder versions.
Micros RisingTime(Micros modified, std::optional<Micros> previous) {
  Micros time = modified - ((modified % 1000) + 1000) % 1000;
  if (previous && time <= *previous) time = *previous + 1000;
  return time;
}

}  // namespace

DeltaLog::DeltaLog(storage::ObjectStore& store, std::string location, const TableContext& context)
    : store_(store), location_(std::move(location)), base_location_(store.Location(location_)), context_(context) {}

std::string DeltaLog::CommitKey(TableVersion version) const {
  return Folder() + Padded(version) + ".json";
}
std::string DeltaLog::CheckpointKey(TableVersion version) const {
  return Folder() + Padded(version) + ".checkpoint.parquet";
}

Result<LogListing> DeltaLog::List(TableVersion from) const {
  const std::string folder = Folder();
  TARN_ASSIGN_OR_RETURN(const auto objects, store_.List(folder, from > 0 ? folder + Padded(from) + "." : "", false));
  LogListing listing;
  std::map<std::pair<TableVersion, int64_t>, std::vector<std::string>> parts;
  std::optional<Micros> previous;
  for (const storage::ObjectInfo& object : objects) {
    const std::string_view name = std::string_view(object.key).substr(folder.size());
    TableVersion version = 0;
    if (name.size() <= kVersionDigits || !ParseNumber(name.substr(0, kVersionDigits), version)) continue;
    const std::string_view rest = name.substr(kVersionDigits);
    if (rest == ".json") {
      previous = RisingTime(object.modified, previous);
      listing.commits[version] = *previous;
    } else if (rest == ".checkpoint.parquet") {
      listing.checkpoints[version] = {object.key};
    } else if (rest.starts_with(".checkpoint.") && rest.ends_with(".parquet") && rest.size() == 12 + 10 + 1 + 10 + 8) {
      int64_t part = 0, count = 0;
      if (ParseNumber(rest.substr(12, 10), part) && ParseNumber(rest.substr(23, 10), count))
        parts[{version, count}].push_back(object.key);
    } else if (rest.starts_with(".checkpoint.")) {
      listing.v2_checkpoint = version;
    }
  }
  for (auto& [id, keys] : parts)
    if (int64_t(keys.size()) == id.second && !listing.checkpoints.contains(id.first))
      listing.checkpoints[id.first] = std::move(keys);
  return listing;
}

Result<LogEntry> DeltaLog::ReadCommit(TableVersion version) const {
  const std::string key = CommitKey(version);
  TARN_ASSIGN_OR_RETURN(const std::string text, store_.Get(key));
  return ParseLogEntry(text, key, base_location_);
}

Micros DeltaLog::CommittedAt(TableVersion version, Micros previous, Micros fallback) const {
  const auto info = store_.Head(CommitKey(version));
  return RisingTime(info.ok() ? info->modified : fallback, previous);
}

Result<std::shared_ptr<const DeltaState>> DeltaLog::Load(std::optional<TableVersion> target) const {
  // The hint to the newest checkpoint is for others. A listing that began there would date versions otherwise than one
  // of the whole log, once the clock has stepped back before it; and the hint may lie.
  TARN_ASSIGN_OR_RETURN(const LogListing listing, List());
  if (listing.empty()) return Error(ErrorCode::kNotFound, "no Delta table at " + location_);
  TableVersion newest = listing.commits.empty() ? -1 : listing.commits.rbegin()->first;
  if (!listing.checkpoints.empty()) newest = std::max(newest, listing.checkpoints.rbegin()->first);
  if (newest < 0) return Error(ErrorCode::kUnsupported, location_ + ": table feature v2Checkpoint");
  if (target && (*target < 0 || *target > newest))
    return Error(ErrorCode::kNotFound,
                 location_ + " has no version " + std::to_string(*target) + "; it has " + VersionRange(listing));
  return LoadFrom(listing, target.value_or(newest));
}

Result<std::shared_ptr<const DeltaState>> DeltaLog::LoadFrom(const LogListing& listing, TableVersion target) const {
  std::shared_ptr<const DeltaState> state;
  std::optional<Error> checkpoint_error;
  for (auto it = std::make_reverse_iterator(listing.checkpoints.upper_bound(target));
       it != listing.checkpoints.rend() && !state; ++it) {
    auto entry = ReadCheckpoint(context_, it->second, base_location_);
    const auto time = listing.commits.find(it->first);
    auto loaded = entry.ok() ? FromCheckpoint(*entry, it->first, time == listing.commits.end() ? 0 : time->second)
                             : Result<std::shared_ptr<DeltaState>>(entry.error());
    if (loaded.ok()) {
      state = std::move(*loaded);
      break;
    }
    context_.logger.Warn("table", "checkpoint cannot be used",
                         {{"table", location_}, {"version", it->first}, {"error", loaded.error().ToString()}});
    if (!checkpoint_error) checkpoint_error = loaded.error();
  }
  const TableVersion first = state ? state->snapshot.version + 1 : 0;
  DeltaState empty;
  for (TableVersion version = first; version <= target; ++version) {
    const auto listed = listing.commits.find(version);
    if (listed == listing.commits.end()) {
      // A checkpoint would have bridged the gap: what it lacks is the reason, be it damage or a feature.
      if (checkpoint_error) return std::move(*checkpoint_error).WithContext("without " + CommitKey(version));
      if (!state && listing.v2_checkpoint)
        return Error(ErrorCode::kUnsupported, location_ + ": table feature v2Checkpoint");
      if (!state && !listing.checkpoints.empty() && listing.checkpoints.begin()->first > target)
        return Error(ErrorCode::kNotFound, location_ + ": version " + std::to_string(target) +
                                               " can no longer be rebuilt; there are " + VersionRange(listing));
      return Error(ErrorCode::kCorruption,
                   location_ + ": the log entry " + CommitKey(version) + " is missing, but later ones are there");
    }
    TARN_ASSIGN_OR_RETURN(const LogEntry entry, ReadCommit(version));
    auto advanced = Advance(state ? *state : empty, entry, version, listed->second);
    if (!advanced.ok()) return std::move(advanced).error().WithContext(CommitKey(version));
    state = std::move(*advanced);
  }
  return state;
}

Status DeltaLog::WriteStateCheckpoint(const DeltaState& state, int64_t now_ms) const {
  const TableVersion version = state.snapshot.version;
  const LogEntry entry = CheckpointActions(state, now_ms);
  TARN_TRY(WriteCheckpoint(store_, context_, entry, CheckpointKey(version),
                           Folder() + "." + Padded(version) + ".checkpoint.staging.json"));
  TARN_FAILPOINT("delta.checkpoint.before_hint");
  const size_t size = entry.adds.size() + entry.removes.size() + entry.transactions.size() + 2;
  return store_.Put(Folder() + "_last_checkpoint", "{\"version\":" + std::to_string(version) +
                                                       ",\"size\":" + std::to_string(size) +
                                                       ",\"numOfAddFiles\":" + std::to_string(entry.adds.size()) + "}");
}

}  // namespace tarn::table::delta
