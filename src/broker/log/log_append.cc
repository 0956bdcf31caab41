#include <algorithm>
#include <limits>

#include "base/failpoint.h"
#include "broker/log/disk_log_internal.h"

// How an append becomes durable:
//
//   Append   checks the batches (caller's thread), queues them, starts a writer if none is at work
//   Drain    takes all that is queued as one group                                          <- writer from here on
//   Admit    each append: producer sequence, offsets stamped, joined to the stretch
//   Flush    one write, one fdatasync for the stretch; also before a roll
//   Publish  readers see it, waiters wake; after the group each append is answered
//
// What arrives meanwhile is the next group. A stretch that fails takes back what Admit noted; after a failed sync, or a
// write that could not be cut off again, the log stops.

namespace tarn::broker {
namespace {

constexpr uint64_t kQueueSizeMax = 64 << 20;
constexpr uint64_t kGroupSizeMax = 32 << 20;
constexpr int64_t kProducerSweepMs = 60'000;

Error Invalid(std::string_view what) {
  return Error(ErrorCode::kInvalidArgument, "record batch: " + std::string(what));
}

Status CheckProduced(const record::BatchHeader& header) {
  if (header.record_count < 1) return Invalid("no records");
  if (header.last_offset_delta != header.record_count - 1)
    return Invalid("the last offset delta and the record count disagree");
  if (header.control()) return Invalid("control batches are the broker's to write");
  if (header.transactional()) return Error(ErrorCode::kUnsupported, "transactions are not supported");
  if (header.producer_id >= 0 && (header.producer_epoch < 0 || header.base_sequence < 0))
    return Invalid("a producer id without an epoch and a sequence");
  return Ok();
}

}  // namespace

Result<std::vector<record::BatchHeader>> DiskLog::CheckAppend(std::string_view batches) const {
  uint64_t message_max;
  {
    std::lock_guard lock(mutex_);
    message_max = options_.max_message_bytes;
  }
  std::vector<record::BatchHeader> headers;
  while (!batches.empty()) {
    TARN_ASSIGN_OR_RETURN(const record::BatchHeader header, record::ParseBatchHeader(batches));
    if (header.total_size() > batches.size())
      return Error(ErrorCode::kCorruption, "record batch: " + std::to_string(batches.size()) + " bytes, expected " +
                                               std::to_string(header.total_size()));
    if (header.total_size() > message_max)
      return Error(ErrorCode::kResourceExhausted, "a record batch of " + std::to_string(header.total_size()) +
                                                      " bytes is above max.message.bytes, " +
                                                      std::to_string(message_max));
    TARN_TRY(record::CheckBatch(batches.substr(0, header.total_size()), header));
    TARN_TRY(CheckProduced(header));
    headers.push_back(header);
    batches.remove_prefix(header.total_size());
  }
  if (headers.empty()) return Invalid("none in the request");
  return headers;
}

void DiskLog::Append(std::string batches, AppendDone done) {
  auto headers = CheckAppend(batches);
  if (!headers.ok()) return done(std::move(headers).error());
  std::unique_lock lock(mutex_);
  room_.wait(lock, [&] { return queued_size_ < kQueueSizeMax || closing_; });
  if (std::optional<Error> refusal = RefusalLocked()) {
    lock.unlock();
    return done(std::move(*refusal));
  }
  queued_size_ += batches.size();
  queue_.push_back({std::move(batches), std::move(*headers), std::move(done)});
  if (draining_) return;
  draining_ = true;
  lock.unlock();
  threads_.Run([this] { Drain(); });
}

void DiskLog::Drain() {
  std::deque<PendingAppend> group = TakeGroup();
  StoreGroup(group);
  for (PendingAppend& append : group) append.done(std::move(append.outcome));
  std::unique_lock lock(mutex_);
  if (queue_.empty() || closed_for_good_) {
    draining_ = false;
    idle_.notify_all();  // under the lock: the log may be gone right after it
    return;
  }
  lock.unlock();
  // To the back of the threads' queue: partitions take turns.
  threads_.Run([this] { Drain(); });
}

std::deque<DiskLog::PendingAppend> DiskLog::TakeGroup() {
  std::deque<PendingAppend> group;
  std::lock_guard lock(mutex_);
  for (uint64_t size = 0; !queue_.empty() && size < kGroupSizeMax; queue_.pop_front()) {
    size += queue_.front().batches.size();
    queued_size_ -= queue_.front().batches.size();
    group.push_back(std::move(queue_.front()));
  }
  room_.notify_all();
  return group;
}

void DiskLog::StoreGroup(std::deque<PendingAppend>& group) {
  const int64_t now_ms = clock_.NowMillis();
  LogOptions options;
  {
    std::lock_guard lock(mutex_);
    options = options_;
  }
  if (now_ms - writer_.expired_ms >= kProducerSweepMs) {
    writer_.producers.Expire(now_ms);
    writer_.expired_ms = now_ms;
  }
  for (PendingAppend& append : group) {
    if (MustRoll(append, options, now_ms)) {
      Flush(options);
      if (const Status rolled = Roll(); !rolled.ok()) {
        append.outcome = rolled.error();
        continue;
      }
    }
    if (const Status admitted = Admit(append, options, now_ms); !admitted.ok())
      append.outcome = admitted.error();
    else
      writer_.stretch.waiting.push_back(&append);
  }
  Flush(options);
}

bool DiskLog::MustRoll(const PendingAppend& append, const LogOptions& options, int64_t now_ms) const {
  if (!problem_.empty()) return false;
  const uint64_t size = active_.summary.size + writer_.stretch.size;
  if (size == 0) return false;
  const bool is_old = active_.summary.size > 0 && now_ms - active_.created_ms >= options.segment_ms;
  // The index has 32 bits for offsets and positions within a segment.
  const bool is_long = writer_.next_offset - active_.summary.base_offset > std::numeric_limits<int32_t>::max();
  return is_old || is_long ||
         size + append.batches.size() > std::min<uint64_t>(options.segment_bytes, std::numeric_limits<int32_t>::max());
}

Status DiskLog::Admit(PendingAppend& append, const LogOptions& options, int64_t now_ms) {
  if (!problem_.empty()) return Error(ErrorCode::kIoError, problem_);
  Stretch& stretch = writer_.stretch;
  const size_t mark = writer_.producers.Mark();
  const size_t placed = stretch.placed.size();
  const size_t pieces = stretch.pieces.size();
  const uint64_t size = stretch.size;
  Offset next_offset = writer_.next_offset;
  AppendOutcome outcome{.log_append_time_ms = options.log_append_time ? now_ms : -1};
  char* at = append.batches.data();
  for (record::BatchHeader& header : append.headers) {
    Result<std::optional<Offset>> before = std::optional<Offset>();
    if (header.producer_id >= 0) before = writer_.producers.Check(header);
    if (!before.ok()) {
      writer_.producers.Undo(mark);
      stretch.placed.resize(placed);
      stretch.pieces.resize(pieces);
      stretch.size = size;
      return std::move(before).error();
    }
    if (outcome.base_offset < 0) outcome.base_offset = before->value_or(next_offset);
    if (!before->has_value()) {
      header.base_offset = next_offset;
      record::StampBatch(at, next_offset, 0);
      if (options.log_append_time) {
        record::StampLogAppendTime(at, header.total_size(), now_ms);
        header.max_timestamp = now_ms;
      }
      if (header.producer_id >= 0) writer_.producers.Apply(header, now_ms);
      stretch.pieces.emplace_back(at, header.total_size());
      stretch.placed.push_back(header);
      stretch.size += header.total_size();
      next_offset = header.last_offset() + 1;
    }
    at += header.total_size();
  }
  writer_.next_offset = next_offset;
  append.outcome = outcome;
  return Ok();
}

void DiskLog::Flush(const LogOptions& options) {
  Stretch& stretch = writer_.stretch;
  const Status written = stretch.pieces.empty() ? Ok() : WriteStretch();
  if (written.ok()) {
    writer_.producers.Keep();
    Publish(options);
  } else {
    writer_.producers.Undo(0);
    writer_.next_offset = high_watermark_;
  }
  const Offset log_start = log_start_offset();
  for (PendingAppend* append : stretch.waiting) {
    if (written.ok())
      append->outcome->log_start_offset = log_start;
    else
      append->outcome = written.error();
  }
  stretch = {};
}

Status DiskLog::WriteStretch() {
  const auto write = [&]() -> Status {
    TARN_FAILPOINT("broker.append.before_write");
    TARN_TRY(active_.file->AppendAll(writer_.stretch.pieces));
    TARN_FAILPOINT("broker.append.after_write");
    return Ok();
  };
  if (const Status written = write(); !written.ok()) {
    // A full disk is expected: with the torn bytes cut off nothing has happened. All else stops the log.
    if (written.Is(ErrorCode::kResourceExhausted) && active_.file->Truncate(active_.summary.size).ok()) return written;
    Stop(written.error());
    return Error(ErrorCode::kIoError, Problem());
  }
  const auto sync = [&]() -> Status {
    TARN_FAILPOINT("broker.append.before_sync");
    TARN_TRY(active_.file->Sync());
    TARN_FAILPOINT("broker.append.after_sync");
    return Ok();
  };
  if (const Status synced = sync(); !synced.ok()) {
    Stop(synced.error());
    return Error(ErrorCode::kIoError, Problem());
  }
  return Ok();
}

// Everything of the active segment is synced. Index and snapshot first, so that a segment that is not the last has
// both; a crash in between leaves files that the next roll replaces.
Status DiskLog::Roll() {
  if (!problem_.empty()) return Error(ErrorCode::kIoError, problem_);
  const Offset next_offset = high_watermark_;
  const SegmentSummary& summary = active_.summary;
  ActiveSegment next{.summary = {.base_offset = next_offset, .next_offset = next_offset}};
  const auto roll = [&]() -> Status {
    TARN_FAILPOINT("broker.roll.before_index");
    TARN_TRY(WriteFileDurably(fs_, SegmentPath(directory_, summary.base_offset, ".index"),
                              EncodeIndex(summary, active_.entries)));
    TARN_TRY(WriteFileDurably(fs_, SegmentPath(directory_, next_offset, ".snapshot"),
                              writer_.producers.Encode(next_offset)));
    TARN_FAILPOINT("broker.roll.before_create");
    TARN_ASSIGN_OR_RETURN(next.file, fs_.OpenForAppend(SegmentPath(directory_, next_offset, ".log")));
    TARN_FAILPOINT("broker.roll.before_sync");
    TARN_TRY(fs_.SyncDirectory(directory_));
    TARN_FAILPOINT("broker.roll.after_sync");
    return Ok();
  };
  if (const Status rolled = roll(); !rolled.ok()) {
    if (rolled.Is(ErrorCode::kResourceExhausted)) return rolled;
    Stop(rolled.error());
    return Error(ErrorCode::kIoError, Problem());
  }
  std::lock_guard lock(mutex_);
  closed_.emplace(summary.base_offset, summary);
  closed_size_ += summary.size;
  active_ = std::move(next);
  return Ok();
}

void DiskLog::Publish(const LogOptions& options) {
  std::vector<std::function<void()>> wakes;
  {
    std::lock_guard lock(mutex_);
    if (active_.summary.size == 0) active_.created_ms = clock_.NowMillis();
    for (const record::BatchHeader& header : writer_.stretch.placed)
      AddToIndex(header, options.index_interval_bytes, active_.summary, active_.entries);
    high_watermark_ = active_.summary.next_offset;
    wakes = TakeWakesLocked(high_watermark_);
  }
  for (const auto& wake : wakes) wake();
}

void DiskLog::Stop(const Error& why) {
  std::lock_guard lock(mutex_);
  problem_ = "partition " + directory_ + " has stopped taking records: " + why.ToString() + "; restart to recover it";
}

}  // namespace tarn::broker
