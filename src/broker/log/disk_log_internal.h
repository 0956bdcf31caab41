#pragma once

#include <condition_variable>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "broker/log/log_threads.h"
#include "broker/log/producer_state_internal.h"
#include "broker/log/recovery_internal.h"
#include "broker/log/segment_index_internal.h"
#include "broker/partition_log.h"

namespace tarn::broker {

// What a reader of a closed segment needs; immutable.
struct ClosedSegment {
  std::unique_ptr<File> file;
  IndexEntries entries;
};

// The PartitionLog on disk. Three parts, in three sources: appends (log_append.cc), reads (log_read.cc), and what runs
// beside them: retention, waiting, closing (disk_log.cc).
//
// Who owns what. The *writer* is whichever log thread runs Drain; there is one at most. It alone touches `writer_` and
// appends to the active file. `mutex_` guards what readers see, is held for moments and never during I/O or a callback;
// only the writer changes the active segment and the high watermark, so it may read them unlocked. `maintenance_` makes
// retention, DeleteRecords and Close take turns; it is taken before `mutex_`.
class DiskLog final : public PartitionLog {
 public:
  DiskLog(FileSystem& file_system, Clock& clock, std::string directory, const LogOptions& options, LogThreads* threads,
          RecoveredLog recovered);
  ~DiskLog() override;

  void Append(std::string batches, AppendDone done) override;
  Result<FetchedBatches> Read(Offset offset, uint64_t max_bytes) override;
  Offset log_start_offset() const override;
  Offset high_watermark() const override;
  uint64_t size_bytes() const override;
  Result<TimestampAndOffset> FindTimestamp(int64_t timestamp_ms) override;
  Result<TimestampAndOffset> MaxTimestamp() override;
  uint64_t WaitForData(Offset offset, std::function<void()> wake) override;
  void CancelWait(uint64_t token) override;
  std::string Problem() const override;
  Status ApplyRetention() override;
  Status DeleteRecordsBefore(Offset offset) override;
  void SetOptions(const LogOptions& options) override;
  Status Close() override;

 private:
  struct PendingAppend {
    std::string batches;
    std::vector<record::BatchHeader> headers;
    AppendDone done;
    Result<AppendOutcome> outcome = AppendOutcome{};
  };
  // Appends that go to the active segment in one write and one sync.
  struct Stretch {
    std::vector<Bytes> pieces;
    std::vector<record::BatchHeader> placed;
    std::vector<PendingAppend*> waiting;  // for this stretch to be durable, duplicates of its batches included
    uint64_t size = 0;
  };
  // Owned by the writer.
  struct Writer {
    ProducerState producers;
    Stretch stretch;
    Offset next_offset = 0;  // one past what was admitted, stretch included
    int64_t expired_ms = 0;  // when producers were last swept
  };
  struct Waiter {
    uint64_t token = 0;
    std::function<void()> wake;
  };
  // A part of one segment that may be read.
  struct Readable {
    std::shared_ptr<const ClosedSegment> closed;  // keeps the file open
    std::shared_ptr<File> active;
    uint64_t start = 0;  // a batch begins here
    uint64_t end = 0;    // a batch ends here, as near as the index tells
    uint64_t limit = 0;  // of the segment
    const File& file() const { return closed ? *closed->file : *active; }
  };

  // log_append.cc
  Result<std::vector<record::BatchHeader>> CheckAppend(std::string_view batches) const;
  void Drain();
  std::deque<PendingAppend> TakeGroup();
  void StoreGroup(std::deque<PendingAppend>& group);
  Status Admit(PendingAppend& append, const LogOptions& options, int64_t now_ms);
  bool MustRoll(const PendingAppend& append, const LogOptions& options, int64_t now_ms) const;
  void Flush(const LogOptions& options);
  Status WriteStretch();
  Status Roll();
  void Publish(const LogOptions& options);
  void Stop(const Error& why);

  // log_read.cc
  Result<std::shared_ptr<const ClosedSegment>> OpenClosed(const SegmentSummary& summary);
  Result<Readable> Locate(Offset offset, uint64_t max_bytes);
  Result<TimestampAndOffset> FindInSegment(const SegmentSummary& summary, int64_t timestamp_ms, Offset from);

  // disk_log.cc
  std::optional<Error> RefusalLocked() const;
  std::vector<std::function<void()>> TakeWakesLocked(Offset below);
  Status AdvanceStart(Offset offset);
  Offset RetainedFromLocked(int64_t now_ms) const;

  FileSystem& fs_;
  Clock& clock_;
  const std::string directory_;
  const std::unique_ptr<LogThreads> own_threads_;
  LogThreads& threads_;

  std::mutex maintenance_;
  mutable std::mutex mutex_;
  std::condition_variable room_;  // in the queue
  std::condition_variable idle_;  // no writer is at work
  LogOptions options_;
  Offset log_start_ = 0;
  Offset high_watermark_ = 0;
  std::map<Offset, SegmentSummary> closed_;
  uint64_t closed_size_ = 0;
  ActiveSegment active_;
  std::list<std::pair<Offset, std::shared_ptr<const ClosedSegment>>>
      opened_;  // closed segments last read, newest first
  std::deque<PendingAppend> queue_;
  uint64_t queued_size_ = 0;
  bool draining_ = false;
  bool closing_ = false;
  bool closed_for_good_ = false;
  std::string problem_;
  std::multimap<Offset, Waiter> waiters_;
  uint64_t last_token_ = 0;

  Writer writer_;
};

}  // namespace tarn::broker
