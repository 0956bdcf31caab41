#include "table/delta/state.h"

#include "table/delta/protocol_check.h"
#include "table/delta/statistics.h"

namespace tarn::table::delta {
namespace {

// Later in one entry wins; a removed path leaves a tombstone, an added one clears it.
void ApplyFiles(const LogEntry& entry, const engine::Schema& schema, DeltaState& state) {
  FileList::Edits files;
  PathMap<RemoveFile>::Edits tombstones;
  for (const auto& remove : entry.removes) {
    files[remove->path] = nullptr;
    tombstones[remove->path] = remove;
  }
  for (const auto& add : entry.adds) {
    auto file = std::make_shared<AddFile>(*add);
    ParseStatistics(file->stats, schema, *file);
    tombstones[file->path] = nullptr;
    files[file->path] = std::move(file);
  }
  state.snapshot.files = state.snapshot.files.Edited(files);
  state.tombstones = state.tombstones.Edited(tombstones);
}

Status Apply(const LogEntry& entry, TableVersion version, Micros committed_at, DeltaState& state) {
  state.snapshot.version = version;
  state.snapshot.committed_at = committed_at;
  if (entry.protocol) state.protocol = entry.protocol;
  if (entry.metadata) state.metadata = entry.metadata;
  if (!state.protocol)
    return Error(ErrorCode::kCorruption, "version " + std::to_string(version) + ": the log has no protocol action");
  if (!state.metadata)
    return Error(ErrorCode::kCorruption, "version " + std::to_string(version) + ": the log has no metaData action");
  if (entry.protocol || entry.metadata) {
    if (Status readable = CheckReadable(*state.protocol, *state.metadata); !readable.ok())
      return std::move(readable).error().WithContext("reading version " + std::to_string(version));
    Snapshot& snapshot = state.snapshot;
    snapshot.table_id = state.metadata->id;
    snapshot.schema = state.metadata->schema;
    snapshot.partition_columns = state.metadata->partition_columns;
    snapshot.properties = state.metadata->configuration;
  }
  for (const Transaction& transaction : entry.transactions) {
    state.transactions[transaction.application_id] = transaction;
    state.snapshot.progress[transaction.application_id] = transaction.version;
  }
  ApplyFiles(entry, state.metadata->schema, state);
  return Ok();
}

}  // namespace

Result<std::shared_ptr<DeltaState>> Advance(const DeltaState& before, const LogEntry& entry, TableVersion version,
                                            Micros committed_at) {
  auto state = std::make_shared<DeltaState>(before);
  TARN_TRY(Apply(entry, version, committed_at, *state));
  if (entry.metadata || entry.protocol) state->metadata_version = version;
  return state;
}

Result<std::shared_ptr<DeltaState>> FromCheckpoint(const LogEntry& entry, TableVersion version, Micros committed_at) {
  auto state = std::make_shared<DeltaState>();
  TARN_TRY(Apply(entry, version, committed_at, *state));
  return state;
}

}  // namespace tarn::table::delta
