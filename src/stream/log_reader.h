#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "stream/source.h"

// What stream needs of an event log in the same process. cli/assemble.cc adapts the broker's partition logs to it.

namespace tarn::stream {

// One topic's log. Thread-safe.
class LogReader {
 public:
  virtual ~LogReader() = default;

  // The topic's UUID: another one after the topic was deleted and created again.
  virtual Result<std::string> TopicId() = 0;
  virtual Result<std::map<int32_t, PartitionRange>> Partitions() = 0;
  // Whole record batches from the one that contains `offset` (it may begin below), at most `max_bytes` but at least
  // one; empty at the end of the log. Only what is durable. kOutOfRange: outside the log; kUnavailable: the log is
  // stopped.
  virtual Result<std::string> Read(int32_t partition, int64_t offset, uint64_t max_bytes) = 0;
  // Returns when a partition has records at or after its position in `positions`, or after `timeout`.
  virtual void WaitForData(const std::map<int32_t, int64_t>& positions, Micros timeout) = 0;
};

// Reads that log without leaving the process: one decompression, no copy of the records. `log` outlives it.
std::unique_ptr<Source> MakeEmbeddedSource(LogReader& log);

}  // namespace tarn::stream
