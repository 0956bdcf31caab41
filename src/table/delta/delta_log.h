#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "table/delta/state.h"
#include "table/open_table.h"

// The files of `_delta_log`: names, listing, and states rebuilt from them (PROTOCOL.md, "Delta Log Entries",
// "Checkpoints").

namespace tarn::table::delta {

// What lies in the folder.
struct LogListing {
  std::map<TableVersion, Micros> commits;  // version -> when, made to rise by at least a millisecond
  std::map<TableVersion, std::vector<std::string>> checkpoints;  // complete classic ones -> keys of their parts
  std::optional<TableVersion> v2_checkpoint;                     // the newest that we cannot read

  bool empty() const { return commits.empty() && checkpoints.empty() && !v2_checkpoint; }
};

// Immutable after construction, thread-safe.
class DeltaLog {
 public:
  DeltaLog(storage::ObjectStore& store, std::string location, const TableContext& context);

  std::string CommitKey(TableVersion version) const;
  std::string CheckpointKey(TableVersion version) const;

  // Everything, or what comes at or after version `from`.
  Result<LogListing> List(TableVersion from = 0) const;
  // kNotFound, kCorruption, kUnsupported.
  Result<LogEntry> ReadCommit(TableVersion version) const;
  // When a version was committed, later than `previous`.
  Micros CommittedAt(TableVersion version, Micros previous, Micros fallback) const;

  // The state at `target`, or the newest. kNotFound: no table, or the version is not reconstructable (the message says
  // which are).
  Result<std::shared_ptr<const DeltaState>> Load(std::optional<TableVersion> target) const;
  // `state` with all commits after it. kNotFound never: a log that has moved on without us is loaded anew when `verify`
  // asks to list. `on_commit(version, entry)` sees each entry read.
  template <typename OnCommit>
  Result<std::shared_ptr<const DeltaState>> Refresh(std::shared_ptr<const DeltaState> state, OnCommit on_commit) const;

  // Writes the checkpoint of `state` and the hint to it.
  Status WriteStateCheckpoint(const DeltaState& state, int64_t now_ms) const;

  const std::string& base_location() const { return base_location_; }

 private:
  std::string Folder() const { return location_ + "/_delta_log/"; }
  Result<std::shared_ptr<const DeltaState>> LoadFrom(const LogListing& listing, TableVersion target) const;

  storage::ObjectStore& store_;
  const std::string location_;
  const std::string base_location_;
  const TableContext& context_;
};

template <typename OnCommit>
Result<std::shared_ptr<const DeltaState>> DeltaLog::Refresh(std::shared_ptr<const DeltaState> state,
                                                            OnCommit on_commit) const {
  while (true) {
    const TableVersion next = state->snapshot.version + 1;
    auto entry = ReadCommit(next);
    if (entry.Is(ErrorCode::kNotFound)) return state;
    TARN_TRY(entry);
    const Micros fallback = entry->commit_info ? entry->commit_info->timestamp.value_or(0) * 1000 : 0;
    const Micros committed_at = CommittedAt(next, state->snapshot.committed_at, fallback);
    TARN_ASSIGN_OR_RETURN(state, Advance(*state, *entry, next, committed_at));
    on_commit(next, *entry);
  }
}

}  // namespace tarn::table::delta
