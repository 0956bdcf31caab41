#include "broker/log/disk_log_internal.h"

#include <algorithm>
#include <limits>

#include "base/failpoint.h"

namespace tarn::broker {

DiskLog::DiskLog(FileSystem& file_system, Clock& clock, std::string directory, const LogOptions& options,
                 LogThreads* threads, RecoveredLog recovered)
    : fs_(file_system),
      clock_(clock),
      directory_(std::move(directory)),
      own_threads_(threads ? nullptr : std::make_unique<LogThreads>(1)),
      threads_(threads ? *threads : *own_threads_),
      options_(options),
      log_start_(recovered.log_start_offset),
      high_watermark_(recovered.active.summary.next_offset),
      closed_(std::move(recovered.closed)),
      active_(std::move(recovered.active)) {
  for (const auto& [base_offset, summary] : closed_) closed_size_ += summary.size;
  writer_.producers = std::move(recovered.producers);
  writer_.producers.Keep();
  writer_.next_offset = high_watermark_;
  writer_.expired_ms = clock_.NowMillis();
}

DiskLog::~DiskLog() {
  std::deque<PendingAppend> unanswered;
  {
    std::unique_lock lock(mutex_);
    closing_ = closed_for_good_ = true;
    room_.notify_all();
    idle_.wait(lock, [&] { return !draining_; });
    unanswered.swap(queue_);
  }
  for (PendingAppend& append : unanswered)
    append.done(Error(ErrorCode::kUnavailable, "partition " + directory_ + " was closed"));
}

Offset DiskLog::log_start_offset() const {
  std::lock_guard lock(mutex_);
  return log_start_;
}

Offset DiskLog::high_watermark() const {
  std::lock_guard lock(mutex_);
  return high_watermark_;
}

uint64_t DiskLog::size_bytes() const {
  std::lock_guard lock(mutex_);
  return closed_size_ + active_.summary.size;
}

std::string DiskLog::Problem() const {
  std::lock_guard lock(mutex_);
  return problem_;
}

void DiskLog::SetOptions(const LogOptions& options) {
  std::lock_guard lock(mutex_);
  options_ = options;
}

std::optional<Error> DiskLog::RefusalLocked() const {
  if (closing_) return Error(ErrorCode::kUnavailable, "partition " + directory_ + " is closed");
  if (!problem_.empty()) return Error(ErrorCode::kIoError, problem_);
  return std::nullopt;
}

uint64_t DiskLog::WaitForData(Offset offset, std::function<void()> wake) {
  std::unique_lock lock(mutex_);
  const uint64_t token = ++last_token_;
  if (high_watermark_ > offset || closing_) {
    lock.unlock();
    wake();
    return token;
  }
  waiters_.emplace(offset, Waiter{token, std::move(wake)});
  return token;
}

void DiskLog::CancelWait(uint64_t token) {
  std::lock_guard lock(mutex_);
  const auto found =
      std::find_if(waiters_.begin(), waiters_.end(), [&](const auto& item) { return item.second.token == token; });
  if (found != waiters_.end()) waiters_.erase(found);
}

std::vector<std::function<void()>> DiskLog::TakeWakesLocked(Offset below) {
  std::vector<std::function<void()>> wakes;
  const auto end = waiters_.lower_bound(below);
  for (auto at = waiters_.begin(); at != end; ++at) wakes.push_back(std::move(at->second.wake));
  waiters_.erase(waiters_.begin(), end);
  return wakes;
}

Offset DiskLog::RetainedFromLocked(int64_t now_ms) const {
  Offset from = log_start_;
  uint64_t size = closed_size_ + active_.summary.size;
  for (const auto& [base_offset, summary] : closed_) {
    // Records without a timestamp do not age.
    const bool too_old = options_.retention_ms >= 0 && summary.max_timestamp_ms >= 0 &&
                         now_ms - summary.max_timestamp_ms > options_.retention_ms;
    const bool too_much = options_.retention_bytes >= 0 && size >= summary.size + uint64_t(options_.retention_bytes);
    if (!too_old && !too_much) break;
    size -= summary.size;
    from = std::max(from, summary.next_offset);
  }
  return from;
}

Status DiskLog::ApplyRetention() {
  std::lock_guard maintenance(maintenance_);
  Offset from;
  {
    std::lock_guard lock(mutex_);
    if (closing_) return Error(ErrorCode::kUnavailable, "partition " + directory_ + " is closed");
    from = RetainedFromLocked(clock_.NowMillis());
    if (from == log_start_) return Ok();
  }
  return AdvanceStart(from);
}

Status DiskLog::DeleteRecordsBefore(Offset offset) {
  std::lock_guard maintenance(maintenance_);
  {
    std::lock_guard lock(mutex_);
    if (closing_) return Error(ErrorCode::kUnavailable, "partition " + directory_ + " is closed");
    if (offset > high_watermark_)
      return Error(ErrorCode::kOutOfRange, "offset " + std::to_string(offset) + " is above the high watermark, " +
                                               std::to_string(high_watermark_));
    if (offset <= log_start_) return Ok();
  }
  return AdvanceStart(offset);
}

// The new start is durable before a file goes, so that whatever part of the deletion a crash leaves is finished by the
// next open.
Status DiskLog::AdvanceStart(Offset offset) {
  TARN_FAILPOINT("broker.retention.before_start");
  TARN_TRY(WriteLogStart(fs_, directory_, offset));
  TARN_FAILPOINT("broker.retention.after_start");
  std::vector<Offset> gone;
  {
    std::lock_guard lock(mutex_);
    log_start_ = offset;
    while (!closed_.empty() && closed_.begin()->second.next_offset <= offset) {
      const SegmentSummary& summary = closed_.begin()->second;
      gone.push_back(summary.base_offset);
      closed_size_ -= summary.size;
      opened_.remove_if([&](const auto& item) { return item.first == summary.base_offset; });
      closed_.erase(closed_.begin());
    }
  }
  for (const Offset base_offset : gone) {
    TARN_FAILPOINT("broker.retention.before_remove");
    TARN_TRY(RemoveSegment(fs_, directory_, base_offset));
  }
  return Ok();
}

Status DiskLog::Close() {
  std::lock_guard maintenance(maintenance_);
  std::vector<std::function<void()>> wakes;
  {
    std::unique_lock lock(mutex_);
    if (closed_for_good_) return Ok();
    closing_ = true;
    room_.notify_all();
    idle_.wait(lock, [&] { return !draining_; });
    closed_for_good_ = true;
    wakes = TakeWakesLocked(std::numeric_limits<Offset>::max());
  }
  for (const auto& wake : wakes) wake();
  // No writer is at work and none will be: what it owns is ours. A log that has stopped leaves no mark, so that it is
  // recovered.
  if (!problem_.empty()) return Error(ErrorCode::kIoError, problem_);
  const SegmentSummary& summary = active_.summary;
  TARN_FAILPOINT("broker.close.before_mark");
  TARN_TRY(WriteFileDurably(fs_, SegmentPath(directory_, summary.base_offset, ".index"),
                            EncodeIndex(summary, active_.entries)));
  TARN_TRY(WriteFileDurably(fs_, SegmentPath(directory_, summary.next_offset, ".snapshot"),
                            writer_.producers.Encode(summary.next_offset)));
  return WriteCleanMark(fs_, directory_, summary);
}

Result<std::unique_ptr<PartitionLog>> OpenPartitionLog(FileSystem& file_system, Clock& clock,
                                                       const std::string& directory, const LogOptions& options,
                                                       LogThreads* threads) {
  auto recovered = RecoverLog(file_system, clock, directory, options);
  if (!recovered.ok()) return std::move(recovered).error().WithContext("opening partition " + directory);
  return std::unique_ptr<PartitionLog>(
      std::make_unique<DiskLog>(file_system, clock, directory, options, threads, std::move(*recovered)));
}

}  // namespace tarn::broker
