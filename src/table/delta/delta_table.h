#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "table/delta/delta_log.h"
#include "table/open_table.h"

namespace tarn::table::delta {

// A Delta table. Thread-safe. Readers share immutable states; commits go through one group committer: the thread that
// finds no leader becomes it and commits everybody's waiting appends as one log entry.
class DeltaTable final : public Table {
 public:
  // `context` is taken over; its references outlive the table.
  DeltaTable(storage::ObjectStore& store, std::string location, TableContext context);

  // Writes version 0.
  Status Create(const TableOptions& options);

  const std::string& location() const override { return location_; }
  std::string_view format() const override { return "delta"; }
  storage::ObjectStore& store() const override { return store_; }

  Result<std::shared_ptr<const Snapshot>> Latest() override;
  Result<std::shared_ptr<const Snapshot>> AtVersion(TableVersion version) override;
  Result<std::shared_ptr<const Snapshot>> AtTime(Micros time) override;
  Result<std::vector<HistoryEntry>> History(size_t limit) override;
  Result<TableVersion> CommitTable(const TableChange& change) override;
  Result<std::optional<TableVersion>> FindCommit(const std::string& commit_id, TableVersion after) override;
  Result<std::optional<std::vector<PartitionValues>>> ChangedPartitions(TableVersion after,
                                                                        TableVersion until) override;
  std::string NewDataFilePath(const PartitionValues& partition_values) override;

 private:
  using StatePointer = std::shared_ptr<const DeltaState>;
  struct Request {
    const TableChange* change;
    std::optional<Result<TableVersion>> result;
    bool done = false;
  };

  // The newest state, from storage.
  Result<StatePointer> RefreshState();
  std::vector<Request*> TakeBatch();
  void CommitBatch(const std::vector<Request*>& batch);
  // One try for those in `pending`; leaves in it those that must go round again.
  Status TryCommit(std::vector<Request*>& pending, std::optional<TableVersion>& unsettled);
  Status CheckAgainst(const TableChange& change, const DeltaState& state) const;
  // Answers those whose commit id is already in the log.
  void AnswerLanded(std::vector<Request*>& pending);
  // Whether version `version` can be read back: true, it is there; false, it is not.
  Result<bool> ReadBack(TableVersion version);
  void Remember(TableVersion version, const LogEntry& entry);
  void Install(StatePointer state);
  void WriteCheckpointIfDue();
  void BackOff(int attempt);

  storage::ObjectStore& store_;
  const std::string location_;
  TableContext context_;
  const DeltaLog log_;

  // One thread reads the log at a time; the others would read the same. Held over I/O, never by readers of state_.
  std::mutex refresh_mutex_;
  Micros listed_at_ = 0;  // guarded by refresh_mutex_; steady time of the last listing

  std::mutex mutex_;  // never held over I/O; guards what follows
  StatePointer state_;
  std::unordered_map<std::string, TableVersion> recent_commits_;
  std::deque<std::string> recent_order_;
  std::deque<Request*> queue_;
  bool leading_ = false;
  std::condition_variable turn_;

  std::atomic<bool> outcome_unknown_{false};
  std::atomic<bool> writing_checkpoint_{false};
  std::atomic<TableVersion> checkpointed_{-1};
};

}  // namespace tarn::table::delta
