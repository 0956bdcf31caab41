#pragma once

#include <memory>
#include <string>

#include "table/delta/actions.h"

// What a Delta log says at one version: the sum of its actions (PROTOCOL.md, "Action Reconciliation").

namespace tarn::table::delta {

// Immutable once shared. `snapshot.files` holds AddFile objects.
struct DeltaState {
  Snapshot snapshot;
  std::optional<Protocol> protocol;
  std::optional<Metadata> metadata;
  TableVersion metadata_version =
      -1;  // of the last metaData or protocol seen in a log file; -1: in a checkpoint or earlier
  std::map<std::string, Transaction> transactions;
  PathMap<RemoveFile> tombstones;
};

// The state after `entry`, which is version `version`, committed at `committed_at`. Shares what the entry leaves alone.
// kCorruption, kUnsupported: the table as of then may not be read.
Result<std::shared_ptr<DeltaState>> Advance(const DeltaState& before, const LogEntry& entry, TableVersion version,
                                            Micros committed_at);

// The state that a checkpoint holds.
Result<std::shared_ptr<DeltaState>> FromCheckpoint(const LogEntry& entry, TableVersion version, Micros committed_at);

// The public part, sharing ownership.
inline std::shared_ptr<const Snapshot> SnapshotOf(const std::shared_ptr<const DeltaState>& state) {
  return {state, &state->snapshot};
}

}  // namespace tarn::table::delta
