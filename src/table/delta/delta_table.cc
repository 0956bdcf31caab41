#include "table/delta/delta_table.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "base/failpoint.h"
#include "table/delta/commit_builder.h"

// How a change becomes a version:
//   1. The leader takes what waits: one change, or many plain appends that share no path and no application id.
//   2. It brings the state up to date by reading the log entries after it, drops changes that are in them already (by
//   commit id), and
//      checks the others against them: conflicts, progress, live files.
//   3. It writes the entry's text, reads it back from memory into the next state, and puts it as <version>.json if
//   absent.
//   4. Put: done. Conflict: round again from 2. Unknown: read the version back; whatever is there decides in 2; when
//   nothing is there, the
//      same version is tried again, so that a late arrival of the first try and the second cannot both land.
// A change therefore lands at most once: its id is looked for in every entry between the state it was checked against
// and the version it is put as.

namespace tarn::table::delta {
namespace {

constexpr size_t kBatchChangesMax = 256;
constexpr size_t kBatchFilesMax = 10'000;
constexpr int kCommitAttemptsMax = 100;
constexpr int kReadBackAttemptsMax = 6;
constexpr size_t kRecentCommitsMax = 10'000;
// A log that is cleaned up under a table object that slept longer than this is noticed by listing it.
constexpr Micros kTrustWithoutListing = 600'000'000;

int64_t CheckpointInterval(const Snapshot& snapshot) {
  const auto found = snapshot.properties.find("delta.checkpointInterval");
  int64_t interval = 0;
  if (found != snapshot.properties.end() &&
      std::from_chars(found->second.data(), found->second.data() + found->second.size(), interval).ec == std::errc() &&
      interval > 0)
    return interval;
  // The cost of one grows with the table, so large tables write it more rarely.
  return std::clamp<int64_t>(int64_t(snapshot.files.size()) / 10, 10, 100);
}

}  // namespace

DeltaTable::DeltaTable(storage::ObjectStore& store, std::string location, TableContext context)
    : store_(store), location_(std::move(location)), context_(std::move(context)), log_(store, location_, context_) {}

Status DeltaTable::Create(const TableOptions& options) {
  const int64_t now_ms = context_.clock.NowMillis();
  const std::string id = MakeUuid(context_.random), commit_id = MakeUuid(context_.random);
  TARN_ASSIGN_OR_RETURN(const LogEntry entry, MakeFirstEntry(options, id, commit_id, now_ms));
  TARN_ASSIGN_OR_RETURN(const LogListing listing, log_.List());
  if (!listing.empty()) return Error(ErrorCode::kAlreadyExists, "there is a Delta table at " + location_);
  TARN_FAILPOINT("delta.create.before_put");
  const Status put = store_.PutIfAbsent(log_.CommitKey(0), FormatLogEntry(entry));
  if (!put.ok() && !put.Is(ErrorCode::kConflict) && !put.Is(ErrorCode::kOutcomeUnknown)) return put;
  if (!put.ok()) {
    auto written = log_.ReadCommit(0);
    if (written.Is(ErrorCode::kNotFound))
      return Error(ErrorCode::kUnavailable, "creating the table at " + location_ + ": the log entry did not arrive");
    if (!written.ok())
      return Error(ErrorCode::kOutcomeUnknown,
                   "creating the table at " + location_ + ": " + written.error().ToString());
    const bool ours = written->commit_info && written->commit_info->commit_ids == std::vector<std::string>{commit_id};
    if (!ours) return Error(ErrorCode::kAlreadyExists, "there is a Delta table at " + location_);
  }
  TARN_TRY(RefreshState());
  return Ok();
}

void DeltaTable::Install(StatePointer state) {
  std::lock_guard lock(mutex_);
  if (!state_ || state->snapshot.version > state_->snapshot.version) state_ = std::move(state);
}

void DeltaTable::Remember(TableVersion version, const LogEntry& entry) {
  if (!entry.commit_info) return;
  std::lock_guard lock(mutex_);
  for (const std::string& id : entry.commit_info->commit_ids)
    if (recent_commits_.emplace(id, version).second) recent_order_.push_back(id);
  for (; recent_order_.size() > kRecentCommitsMax; recent_order_.pop_front())
    recent_commits_.erase(recent_order_.front());
}

Result<DeltaTable::StatePointer> DeltaTable::RefreshState() {
  std::lock_guard refreshing(refresh_mutex_);
  StatePointer state;
  {
    std::lock_guard lock(mutex_);
    state = state_;
  }
  const Micros now = context_.clock.Steady();
  if (state && now - listed_at_ > kTrustWithoutListing) {
    TARN_ASSIGN_OR_RETURN(const LogListing listing, log_.List(state->snapshot.version + 1));
    const bool moved_on = !listing.empty() && !listing.commits.contains(state->snapshot.version + 1);
    if (moved_on) state = nullptr;
    listed_at_ = now;
  }
  if (!state) {
    TARN_ASSIGN_OR_RETURN(state, log_.Load(std::nullopt));
    listed_at_ = now;
    if (checkpointed_ < 0)
      checkpointed_ = state->snapshot.version - state->snapshot.version % CheckpointInterval(state->snapshot);
  } else {
    TARN_ASSIGN_OR_RETURN(
        state, log_.Refresh(state, [this](TableVersion version, const LogEntry& entry) { Remember(version, entry); }));
  }
  Install(state);
  return state;
}

Result<std::shared_ptr<const Snapshot>> DeltaTable::Latest() {
  TARN_ASSIGN_OR_RETURN(const StatePointer state, RefreshState());
  outcome_unknown_ = false;
  return SnapshotOf(state);
}

Result<std::shared_ptr<const Snapshot>> DeltaTable::AtVersion(TableVersion version) {
  {
    std::lock_guard lock(mutex_);
    if (state_ && state_->snapshot.version == version) return SnapshotOf(state_);
  }
  TARN_ASSIGN_OR_RETURN(const StatePointer state, log_.Load(version));
  return SnapshotOf(state);
}

Result<std::shared_ptr<const Snapshot>> DeltaTable::AtTime(Micros time) {
  TARN_ASSIGN_OR_RETURN(const LogListing listing, log_.List());
  if (listing.empty()) return Error(ErrorCode::kNotFound, "no Delta table at " + location_);
  std::optional<TableVersion> found;
  for (const auto& [version, committed_at] : listing.commits)
    if (committed_at <= time) found = version;
  if (!found)
    return Error(
        ErrorCode::kNotFound,
        location_ + " has no version of " + FormatTimestamp(time) + " or before" +
            (listing.commits.empty() ? "" : "; its first is of " + FormatTimestamp(listing.commits.begin()->second)));
  return AtVersion(*found);
}

Result<std::vector<HistoryEntry>> DeltaTable::History(size_t limit) {
  TARN_ASSIGN_OR_RETURN(const LogListing listing, log_.List());
  if (listing.empty()) return Error(ErrorCode::kNotFound, "no Delta table at " + location_);
  std::vector<HistoryEntry> history;
  for (auto it = listing.commits.rbegin(); it != listing.commits.rend() && history.size() < limit; ++it) {
    auto entry = log_.ReadCommit(it->first);
    if (entry.Is(ErrorCode::kNotFound)) break;  // cleaned up meanwhile
    HistoryEntry line{.version = it->first, .committed_at = it->second};
    if (!entry.ok() && !entry.Is(ErrorCode::kUnsupported)) return std::move(entry).error();
    if (entry.ok() && entry->commit_info) {
      line.operation = entry->commit_info->operation;
      line.engine = entry->commit_info->engine;
      line.metrics = entry->commit_info->metrics;
      if (!entry->commit_info->commit_ids.empty()) line.commit_id = entry->commit_info->commit_ids.front();
    }
    history.push_back(std::move(line));
  }
  return history;
}

Result<std::optional<TableVersion>> DeltaTable::FindCommit(const std::string& commit_id, TableVersion after) {
  TARN_ASSIGN_OR_RETURN(const StatePointer state, RefreshState());
  {
    std::lock_guard lock(mutex_);
    const auto found = recent_commits_.find(commit_id);
    if (found != recent_commits_.end())
      return found->second > after ? std::optional<TableVersion>(found->second) : std::nullopt;
  }
  for (TableVersion version = std::max<TableVersion>(after + 1, 0); version <= state->snapshot.version; ++version) {
    auto entry = log_.ReadCommit(version);
    if (entry.Is(ErrorCode::kNotFound)) continue;  // cleaned up
    TARN_TRY(entry);
    if (!entry->commit_info) continue;
    const auto& ids = entry->commit_info->commit_ids;
    if (std::find(ids.begin(), ids.end(), commit_id) != ids.end()) return std::optional<TableVersion>(version);
  }
  return std::optional<TableVersion>();
}

Result<std::optional<std::vector<PartitionValues>>> DeltaTable::ChangedPartitions(TableVersion after,
                                                                                  TableVersion until) {
  const std::optional<std::vector<PartitionValues>> untold;
  std::set<PartitionValues> changed;
  for (TableVersion version = std::max<TableVersion>(after + 1, 0); version <= until; ++version) {
    const auto entry = log_.ReadCommit(version);
    if (entry.Is(ErrorCode::kNotFound)) return untold;
    TARN_TRY(entry);
    for (const auto& add : entry->adds)
      if (add->data_change) changed.insert(add->partition_values);
    for (const auto& remove : entry->removes) {
      if (!remove->data_change) continue;
      if (!remove->partition_values) return untold;
      changed.insert(*remove->partition_values);
    }
  }
  return std::optional(std::vector<PartitionValues>(changed.begin(), changed.end()));
}

std::string DeltaTable::NewDataFilePath(const PartitionValues& partition_values) {
  std::string uuid;
  std::vector<std::string> columns;
  {
    std::lock_guard lock(mutex_);
    uuid = MakeUuid(context_.random);
    if (state_) columns = state_->snapshot.partition_columns;
  }
  const std::string folder = PartitionFolder(columns, partition_values);
  return (folder.empty() ? "" : folder + "/") + "part-00000-" + uuid + ".zstd.parquet";
}

Result<TableVersion> DeltaTable::CommitTable(const TableChange& change) {
  TARN_TRY(CheckShape(change));
  Request request{.change = &change};
  {
    std::unique_lock lock(mutex_);
    queue_.push_back(&request);
    while (!request.done) {
      if (leading_) {
        turn_.wait(lock);
        continue;
      }
      leading_ = true;
      const std::vector<Request*> batch = TakeBatch();
      lock.unlock();
      CommitBatch(batch);
      lock.lock();
      for (Request* done : batch) done->done = true;
      leading_ = false;
      turn_.notify_all();
    }
  }
  if (request.result->ok())
    WriteCheckpointIfDue();
  else
    return std::move(*request.result).error().WithContext("committing to " + location_);
  return std::move(*request.result);
}

std::vector<DeltaTable::Request*> DeltaTable::TakeBatch() {
  std::vector<Request*> batch{queue_.front()};
  queue_.pop_front();
  if (!IsPlainAppend(*batch.front()->change)) return batch;
  std::set<std::string_view> taken;  // paths, application ids and commit ids of the batch
  size_t files = 0;
  const auto clashes = [&](const TableChange& change) {
    for (const DataFile& file : change.added_files)
      if (taken.contains(file.path)) return true;
    for (const ProgressStep& step : change.progress)
      if (taken.contains(step.application_id)) return true;
    return taken.contains(change.commit_id);
  };
  const auto take = [&](const TableChange& change) {
    for (const DataFile& file : change.added_files) taken.insert(file.path);
    for (const ProgressStep& step : change.progress) taken.insert(step.application_id);
    taken.insert(change.commit_id);
    files += change.added_files.size();
  };
  take(*batch.front()->change);
  for (auto it = queue_.begin(); it != queue_.end() && batch.size() < kBatchChangesMax;) {
    const TableChange& change = *(*it)->change;
    if (!IsPlainAppend(change) || clashes(change) || files + change.added_files.size() > kBatchFilesMax) {
      ++it;
      continue;
    }
    take(change);
    batch.push_back(*it);
    it = queue_.erase(it);
  }
  return batch;
}

void DeltaTable::CommitBatch(const std::vector<Request*>& batch) {
  std::vector<Request*> pending = batch;
  if (outcome_unknown_) {
    for (Request* request : pending)
      request->result = Error(ErrorCode::kFailedPrecondition,
                              "an earlier commit's outcome is unknown; read the newest version first");
    return;
  }
  Status failed;
  std::optional<TableVersion> unsettled;
  for (int attempt = 0; attempt < kCommitAttemptsMax && !pending.empty() && failed.ok(); ++attempt) {
    if (attempt > 1) BackOff(attempt);
    failed = TryCommit(pending, unsettled);
  }
  if (!failed.ok() && unsettled) {
    outcome_unknown_ = true;
    failed = Error(ErrorCode::kOutcomeUnknown, "version " + std::to_string(*unsettled) +
                                                   " may or may not hold the commit: " + failed.error().ToString());
  }
  if (failed.ok() && !pending.empty())
    failed =
        Error(ErrorCode::kUnavailable, "other writers won the race " + std::to_string(kCommitAttemptsMax) + " times");
  for (Request* request : pending) request->result = failed.error();
}

void DeltaTable::BackOff(int attempt) {
  uint64_t share = 0;
  {
    std::lock_guard lock(mutex_);
    share = context_.random.Below(1000);
  }
  const Micros longest = std::min<Micros>(Micros(1000) << std::min(attempt, 8), 200'000);
  context_.clock.SleepFor(longest * Micros(share) / 1000);
}

void DeltaTable::AnswerLanded(std::vector<Request*>& pending) {
  std::lock_guard lock(mutex_);
  std::erase_if(pending, [&](Request* request) {
    const auto found = recent_commits_.find(request->change->commit_id);
    if (found == recent_commits_.end()) return false;
    request->result = found->second;
    return true;
  });
}

Status DeltaTable::CheckAgainst(const TableChange& change, const DeltaState& state) const {
  std::vector<LogEntry> between;
  if (change.mode != WriteMode::kAppend && change.read_version) {
    for (TableVersion version = *change.read_version + 1; version <= state.snapshot.version; ++version) {
      auto entry = log_.ReadCommit(version);
      if (entry.Is(ErrorCode::kNotFound))
        return Error(ErrorCode::kConflict,
                     "the log no longer tells what version " + std::to_string(version) + " changed");
      TARN_TRY(entry);
      between.push_back(std::move(*entry));
    }
  }
  return CheckConflicts(change, state, between);
}

// `unsettled` is the version that a put of this batch may have made, until the log has been read up to it: a failure in
// between does not mean that nothing happened.
Status DeltaTable::TryCommit(std::vector<Request*>& pending, std::optional<TableVersion>& unsettled) {
  TARN_ASSIGN_OR_RETURN(const StatePointer state, RefreshState());
  AnswerLanded(pending);
  if (unsettled && state->snapshot.version >= *unsettled) unsettled.reset();
  const int64_t now_ms = context_.clock.NowMillis();
  LogEntry entry;
  std::vector<const TableChange*> changes;
  std::erase_if(pending, [&](Request* request) {
    Status added = CheckAgainst(*request->change, *state);
    if (added.ok()) added = AddChange(*request->change, *state, now_ms, entry);
    if (added.ok())
      changes.push_back(request->change);
    else
      request->result = std::move(added).error();
    return request->result.has_value();
  });
  if (pending.empty()) return Ok();
  entry.commit_info = MakeCommitInfo(changes, now_ms);
  entry.commit_info->action_count = int64_t(entry.adds.size() + entry.removes.size() + entry.transactions.size() +
                                            (entry.metadata ? 1 : 0) + (entry.protocol ? 1 : 0));
  const std::string text = FormatLogEntry(entry);
  const TableVersion version = state->snapshot.version + 1;
  // What is about to be published must read back as the state that we mean; our own slip must not damage a table.
  TARN_ASSIGN_OR_RETURN(const LogEntry parsed, ParseLogEntry(text, log_.CommitKey(version), log_.base_location()));
  TARN_ASSIGN_OR_RETURN(const std::shared_ptr<DeltaState> next, Advance(*state, parsed, version, now_ms * 1000));

  TARN_FAILPOINT("delta.commit.before_put");
  Status put = store_.PutIfAbsent(log_.CommitKey(version), text);
  if (const Status lost = PassFailpoint("delta.commit.after_put"); !lost.ok())
    put = Error(ErrorCode::kOutcomeUnknown, lost.error().message());
  // A conflict, too, may be with ourselves: a request that the way to the store repeated. The next round finds our
  // commit ids, or tries the same version again.
  if (put.Is(ErrorCode::kConflict) || put.Is(ErrorCode::kOutcomeUnknown)) unsettled = version;
  if (put.Is(ErrorCode::kConflict)) return Ok();
  if (put.Is(ErrorCode::kOutcomeUnknown)) return ReadBack(version).status();
  TARN_TRY(put);
  next->snapshot.committed_at = log_.CommittedAt(version, state->snapshot.committed_at, now_ms * 1000);
  Install(next);
  Remember(version, parsed);
  for (Request* request : pending) request->result = version;
  pending.clear();
  return Ok();
}

Result<bool> DeltaTable::ReadBack(TableVersion version) {
  Status failed;
  for (int attempt = 0; attempt < kReadBackAttemptsMax; ++attempt) {
    if (attempt > 0) BackOff(attempt + 3);
    const auto info = store_.Head(log_.CommitKey(version));
    if (info.ok()) return true;
    if (info.Is(ErrorCode::kNotFound)) return false;
    failed = info.error();
  }
  return std::move(failed).error();
}

void DeltaTable::WriteCheckpointIfDue() {
  if (context_.database == nullptr) return;
  StatePointer state;
  {
    std::lock_guard lock(mutex_);
    state = state_;
  }
  if (state->snapshot.version - checkpointed_ < CheckpointInterval(state->snapshot)) return;
  if (writing_checkpoint_.exchange(true)) return;
  // The commit stands whatever happens here; the next one that is due tries again.
  const Status written = log_.WriteStateCheckpoint(*state, context_.clock.NowMillis());
  checkpointed_ = state->snapshot.version;
  if (!written.ok())
    context_.logger.Warn(
        "table", "no checkpoint",
        {{"table", location_}, {"version", state->snapshot.version}, {"error", written.error().ToString()}});
  writing_checkpoint_ = false;
}

}  // namespace tarn::table::delta
