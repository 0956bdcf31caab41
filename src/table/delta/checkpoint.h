#pragma once

#include <string>
#include <vector>

#include "table/delta/state.h"
#include "table/open_table.h"

// Classic (V1) log checkpoints: the state of a version as rows of a Parquet file (PROTOCOL.md, "Checkpoints").

namespace tarn::table::delta {

// Reads a checkpoint of one or several parts (keys of the table's store). kCorruption; kUnsupported: names the feature,
// or that there is no database to read Parquet with.
Result<LogEntry> ReadCheckpoint(const TableContext& context, const std::vector<std::string>& keys,
                                const std::string& base_location);

// The actions that a checkpoint of `state` holds: all but commitInfo and the tombstones that are older than the table
// keeps them.
LogEntry CheckpointActions(const DeltaState& state, int64_t now_ms);

// Writes `entry` as the checkpoint `key`; visible and durable on return. Leaves at most a hidden staging file behind on
// a crash.
Status WriteCheckpoint(storage::ObjectStore& store, const TableContext& context, const LogEntry& entry,
                       const std::string& key, const std::string& staging_key);

}  // namespace tarn::table::delta
