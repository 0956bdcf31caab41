#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/result.h"

// One topic partition on disk: record batches (format 2) as received, in segments with an offset and a time index.

namespace tarn::broker {

using Offset = int64_t;

struct LogOptions {
  uint64_t segment_bytes = uint64_t(1) << 30;  // segment.bytes
  int64_t segment_ms = 7 * 86'400'000LL;       // segment.ms
  int64_t retention_ms = 7 * 86'400'000LL;     // retention.ms, -1: unlimited
  int64_t retention_bytes = -1;                // retention.bytes, -1: unlimited
  uint64_t max_message_bytes = 1'048'588;      // max.message.bytes, of one batch after compression
  uint64_t index_interval_bytes = 4096;        // index.interval.bytes
  bool log_append_time = false;                // message.timestamp.type
};

// What a Produce gets to hear. The outcome's error codes: kInvalidArgument (bad batch), kCorruption (CRC),
// kResourceExhausted (disk full or batch too large), kFenced (old producer epoch), kOutOfRange (sequence gap), kIoError
// (the partition has stopped).
struct AppendOutcome {
  Offset base_offset = -1;
  int64_t log_append_time_ms = -1;
  Offset log_start_offset = 0;
};
using AppendDone = std::function<void(Result<AppendOutcome>)>;

// A stretch of whole record batches as they lie on disk. Either bytes in memory or a range of a segment file.
struct FetchedBatches {
  std::string bytes;       // whole batches, first one may begin below the asked offset
  Offset next_offset = 0;  // where to go on
  Offset high_watermark = 0;
  Offset last_stable_offset = 0;
  Offset log_start_offset = 0;
};

struct TimestampAndOffset {
  int64_t timestamp_ms = -1;
  Offset offset = -1;
};

class LogThreads;  // broker/log/log_threads.h

// Thread-safe. One writer at a time orders appends; all that wait while it writes or syncs share the next fsync.
// Invariants:
//  1. A batch is acknowledged (AppendDone with success) only after an fsync that covers it; it is readable only then,
//  too.
//  2. Offsets in the log rise without gaps; what survives a crash is a prefix of what was appended, cut at the first
//  bad batch.
//  3. After a failed write or fsync the partition takes no more appends (kIoError) until it is opened anew. A full disk
//  is no
//     such failure while what was half written could be cut off: that append gets kResourceExhausted, the next one may
//     succeed.
// Destroying it without Close is what a crash does to the disk; what is queued then gets kUnavailable.
class PartitionLog {
 public:
  virtual ~PartitionLog() = default;

  // Checks the batches (sizes, magic, CRC-32C, count, producer sequence), stamps base offset and leader epoch, appends,
  // and calls `done` from a log thread after the group-committed fsync, or at once, from the caller's thread, when they
  // are refused unseen. A repeated batch of an idempotent producer answers with its first offset. `batches`: one or
  // more whole record batches, stored all or none. A full queue of waiting appends (64 MiB) blocks the caller. `done`
  // must not block for long, nor close or destroy the log.
  virtual void Append(std::string batches, AppendDone done) = 0;
  // Reads from the batch that contains `offset`, up to `max_bytes` but at least one whole batch, never past the high
  // watermark. Empty bytes at the end of the log. kOutOfRange outside [log_start_offset, high_watermark].
  virtual Result<FetchedBatches> Read(Offset offset, uint64_t max_bytes) = 0;

  virtual Offset log_start_offset() const = 0;
  virtual Offset high_watermark() const = 0;  // one past the last durable record
  virtual uint64_t size_bytes() const = 0;

  // The first record with a timestamp at or after `timestamp_ms`; (-1, -1) when there is none.
  virtual Result<TimestampAndOffset> FindTimestamp(int64_t timestamp_ms) = 0;
  // The record with the greatest timestamp.
  virtual Result<TimestampAndOffset> MaxTimestamp() = 0;

  // Calls `wake` once when the high watermark is past `offset` (at once if it is already); from any thread.
  // Returns a token for CancelWait. Close wakes all. A wake that is already under way may come after CancelWait.
  virtual uint64_t WaitForData(Offset offset, std::function<void()> wake) = 0;
  virtual void CancelWait(uint64_t token) = 0;

  // Why the log has stopped taking appends; empty while it has not.
  virtual std::string Problem() const = 0;

  // Deletes whole segments by retention.ms and retention.bytes; moves log_start_offset. The active segment stays.
  virtual Status ApplyRetention() = 0;
  // DeleteRecords: moves log_start_offset to `offset` (durably); nothing happens when it is there already. kOutOfRange
  // above the high watermark.
  virtual Status DeleteRecordsBefore(Offset offset) = 0;
  virtual void SetOptions(const LogOptions& options) = 0;
  // Waits for what is queued, syncs, leaves a mark that makes the next open fast, and closes: whatever is called after
  // it fails with kUnavailable. Idempotent.
  virtual Status Close() = 0;
};

// Opens or creates the log in `directory`, rebuilding indexes and producer state and cutting the tail at the first
// batch that does not hold after an unclean stop. `file_system`, `clock` and `threads` outlive it; without `threads` it
// has one thread of its own. kCorruption: a closed segment is damaged or missing; nothing is cut then.
Result<std::unique_ptr<PartitionLog>> OpenPartitionLog(FileSystem& file_system, Clock& clock,
                                                       const std::string& directory, const LogOptions& options,
                                                       LogThreads* threads = nullptr);

}  // namespace tarn::broker
