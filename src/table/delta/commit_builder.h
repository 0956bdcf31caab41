#pragma once

#include <string>
#include <vector>

#include "table/delta/state.h"

// From a TableChange to the actions of a log entry, and the checks that decide whether it may follow what others
// committed (PROTOCOL.md, "Delta Log Entries"; the rules of concurrent writers).

namespace tarn::table::delta {

// What needs no table to check: identity, paths, repeated names. kInvalidArgument.
Status CheckShape(const TableChange& change);

// Whether several such changes may share one log entry.
bool IsPlainAppend(const TableChange& change);

// Whether commits after `change.read_version` have touched what the change builds on. `between` are those commits.
// kConflict.
Status CheckConflicts(const TableChange& change, const DeltaState& state, const std::vector<LogEntry>& between);

// Adds the change's actions, as made now on top of `state`, to `entry`. On an error `entry` is unchanged. kFenced: a
// progress entry is not as expected. kConflict: a file to remove is gone. kAlreadyExists: a file to add is in the
// table. kInvalidArgument, kUnsupported (a writer feature), kFailedPrecondition (append-only).
Status AddChange(const TableChange& change, const DeltaState& state, int64_t now_ms, LogEntry& entry);

// commitInfo of an entry that carries `changes`, in order.
CommitInfo MakeCommitInfo(const std::vector<const TableChange*>& changes, int64_t now_ms);

// Version 0 of a new table. kInvalidArgument, kUnsupported.
Result<LogEntry> MakeFirstEntry(const TableOptions& options, const std::string& table_id, const std::string& commit_id,
                                int64_t now_ms);

}  // namespace tarn::table::delta
