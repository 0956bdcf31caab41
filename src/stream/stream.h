#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/logging.h"
#include "base/metrics.h"
#include "base/result.h"
#include "engine/database.h"
#include "engine/schema.h"
#include "stream/dead_letter_topic.h"
#include "stream/source.h"
#include "table/table.h"

// A stream: one topic into one table, each record exactly once. Rows and source offsets travel in one table commit, so
// the table is the only place where progress is kept. README.md follows one record through it and lists the crash
// points.

namespace tarn::stream {

// Where to begin where the table holds no progress, and where to go on when the committed offsets are not in the topic.
enum class StartOffset { kEarliest, kLatest };
enum class OnLostOffsets { kStop, kEarliest, kLatest };

struct StreamOptions {
  std::string name;   // part of every progress key: never rename a stream that has committed
  std::string topic;  // for messages and dead letters

  // The records' values: JSON objects with these fields. A field that is not nullable must be there and not null.
  engine::Schema input;
  // The model: one SELECT over the relation `batch`, which has the input's columns and `processing_timestamp`
  // TIMESTAMP, the time of the micro-batch. Its columns are the table's.
  std::string sql = "SELECT *, CAST(timestamp AS DATE) AS date FROM batch";

  std::string key_column =
      "event_id";  // de-duplication; empty: none. A string of the input, kept under its name by the model.
  std::string time_column =
      "timestamp";  // event time; empty: no lateness, no de-duplication. A timestamp of the input.
  Micros allowed_lateness = 7 * 86'400'000'000LL;  // farther behind: dead letter too_late
  Micros watermark_delay = 600'000'000;            // farther behind: counted as late, stored
  Micros future_tolerance = 300'000'000;           // farther ahead of the record's broker time: dead letter in_future

  Micros commit_interval = 500'000;  // at most one commit in this time, unless batches are full
  uint64_t batch_rows_max = 250'000;
  uint64_t batch_bytes_max = uint64_t(24) << 20;  // of undecoded payload; a batch is committed when it is reached
  uint64_t queue_bytes_max = uint64_t(24)
                             << 20;  // decoded and waiting for the batch before; a full queue stops polling
  uint64_t deduplication_bytes_max = uint64_t(96)
                                     << 20;  // keys in memory; beyond it dates are looked up in the table again
  int decode_threads = 0;                    // 0: half the cores, at least one
  Micros health_timeout = 3'000'000;         // a failure that lasts longer makes the stream unhealthy

  StartOffset start = StartOffset::kEarliest;
  OnLostOffsets on_lost_offsets = OnLostOffsets::kStop;
  std::string compression = "zstd";  // of live Parquet files: zstd (level 1), snappy
  uint64_t row_group_rows = 30'720;
};

// The schema of a dead-letter table: reason, detail, topic, partition, offset, failed_at, key, payload.
engine::Schema DeadLetterSchema();

struct StreamDependencies {
  Source& source;
  engine::Database& database;
  std::string store_scheme;  // under which `table`'s and the dead-letter table's store is mounted in `database`
  std::shared_ptr<table::Table> table;
  std::shared_ptr<table::Table> dead_letter_table;
  DeadLetterTopic& dead_letter_topic;
  Clock& clock;
  Logger& logger;
  Metrics& metrics;
};

enum class StreamState {
  kStopped,  // not started, or stopped by request
  kRunning,
  kRetrying,  // the last try failed; tries again by itself
  kFailed,    // needs a person: fenced by another writer, offsets lost, a table that does not fit
};

struct PartitionStatus {
  int64_t committed = 0;  // next offset to read, as committed
  int64_t end = 0;        // of the topic, when last asked
  std::optional<Micros> max_event_time;
};

// What the last committed batch was.
struct BatchStatus {
  table::TableVersion version = -1;
  uint64_t input_rows = 0, stored_rows = 0, duplicates = 0, late = 0;
  std::map<std::string, uint64_t> dead_letters;            // by reason
  std::map<int32_t, std::pair<int64_t, int64_t>> offsets;  // partition -> [start, end)
  Micros duration = 0, decode = 0, deduplicate = 0, write = 0, commit = 0;
  double rows_per_second = 0;
  uint64_t files = 0, bytes = 0;
};

struct StreamStatus {
  StreamState state = StreamState::kStopped;
  bool healthy = false;
  std::string reason;      // why not healthy, or empty
  std::string last_error;  // the last failure, kept after recovery
  std::map<int32_t, PartitionStatus> partitions;
  int64_t lag = 0;  // records in the topic that are not committed
  // Since the table began, as committed with it.
  int64_t stored = 0, duplicates = 0, dead_letters = 0, late = 0;
  // Since this process began.
  uint64_t batches = 0, input_rows = 0, unknown_fields = 0;
  std::map<std::string, uint64_t> dead_letters_by_reason;
  double freshness_p50 = 0, freshness_p99 = 0;  // seconds from the record's timestamp to the commit that stored it
  uint64_t memory_bytes = 0;                    // queues and de-duplication
  Micros last_commit_at = 0;
  BatchStatus last_batch;
};

// Thread-safe. Owns two threads and the decoders; the dependencies outlive it.
class Stream {
 public:
  // kInvalidArgument: the options or the model's SQL do not fit the table; the message says what.
  static Result<std::unique_ptr<Stream>> Make(StreamOptions options, StreamDependencies dependencies);
  virtual ~Stream() = default;  // a hard stop

  // Reads progress back and begins. Returns at once: what goes wrong from here on is in CurrentStatus().
  virtual Status Start() = 0;
  // drain: commits what was polled first. Without it, what is not committed is read again at the next start.
  // Idempotent.
  virtual void Stop(bool drain) = 0;
  virtual StreamStatus CurrentStatus() const = 0;

  // Waits until everything that the topic holds now is committed and its letters are published. kTimedOut;
  // kFailedPrecondition: the stream has failed or is stopped.
  virtual Status AwaitCaughtUp(Micros timeout) = 0;
};

}  // namespace tarn::stream
