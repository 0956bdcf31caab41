#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

// Where a stream's records come from: partitions of one topic, read in runs. Two bodies under one contract suite:
// Tarn's own partition log in the same process, and librdkafka for any other Kafka.

namespace tarn::stream {

struct PartitionRange {
  int64_t begin = 0;  // log start offset
  int64_t end = 0;    // one past the last readable record
};

// A run of consecutive record batches of one partition, still encoded (record batch format 2), or of decoded records.
// Owned by whoever holds it; views into it live as long as it.
struct SourceRecord {
  int64_t offset = 0;
  int64_t timestamp_ms = 0;  // the broker's or producer's time of the record
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;
};

struct SourceRun {
  int32_t partition = 0;
  int64_t next_offset = 0;            // progress after this run: may pass offsets that carry no record
  std::vector<SourceRecord> records;  // rising offsets; views into `buffers`
  std::vector<std::shared_ptr<const std::string>> buffers;  // padded by 64 readable bytes each, for simdjson
  uint64_t bytes = 0;                                       // memory held
};

// Thread-compatible: one reader thread.
class Source {
 public:
  virtual ~Source() = default;

  // Identity of the topic's incarnation: a re-created topic has another. Part of the progress key.
  virtual Result<std::string> TopicId() = 0;
  virtual Result<std::map<int32_t, PartitionRange>> Partitions() = 0;
  // Reads on from `offset`. kOutOfRange when the partition no longer has it.
  virtual Status Seek(int32_t partition, int64_t offset) = 0;
  // The next run of at most about `max_bytes` of any sought partition, waiting up to `timeout` for data; an empty
  // optional when there is none. Partitions are served in turn. kUnavailable: the source is gone for now, try again.
  virtual Result<std::optional<SourceRun>> Poll(uint64_t max_bytes, Micros timeout) = 0;
};

}  // namespace tarn::stream
