#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/logging.h"
#include "base/result.h"

// The committed offsets of all consumer groups, in one append-only file.

namespace tarn::broker {

struct GroupPartition {
  std::string topic;
  int32_t partition = 0;
  auto operator<=>(const GroupPartition&) const = default;
};

struct CommittedOffset {
  int64_t offset = -1;
  int32_t leader_epoch = -1;
  std::string metadata;  // the client's, byte for byte
  std::string topic_id;  // of the topic that it was committed for: a topic created again has another one
  int64_t committed_ms = 0;
  bool operator==(const CommittedOffset&) const = default;
};

using GroupOffsets = std::map<GroupPartition, CommittedOffset>;
using OffsetsDone = std::function<void(Status)>;

// Owned by the coordinator; `file_system` and `logger` outlive it. Thread-safe: one writer thread inside appends and
// syncs, many waiting commits share one fsync. Invariants:
//  1. Done is called with success only after an fsync that covers the change; only then is it visible to Find and List.
//  2. Changes take effect in the order of the calls.
//  3. After a failed write or fsync every later change fails with kIoError until the store is opened anew.
// The file grows by appending and is rewritten with the live offsets alone when they are less than a quarter of it.
class OffsetStore {
 public:
  // Reads `path`, cutting it after the last whole entry (a torn tail of a crash; logged). kCorruption: not such a file.
  static Result<std::unique_ptr<OffsetStore>> Open(FileSystem& file_system, Logger& logger, std::string path,
                                                   uint64_t compaction_bytes_min = 1 << 20);
  // Writes what is queued.
  virtual ~OffsetStore() = default;

  // `done` runs on the writer thread. The queue is bounded by the requests in flight.
  virtual void Commit(const std::string& group, GroupOffsets offsets, OffsetsDone done) = 0;
  virtual void Remove(const std::string& group, std::vector<GroupPartition> partitions, OffsetsDone done) = 0;
  virtual void RemoveGroup(const std::string& group, OffsetsDone done) = 0;

  virtual std::optional<CommittedOffset> Find(const std::string& group, const GroupPartition& partition) const = 0;
  // Empty for an unknown group.
  virtual GroupOffsets List(const std::string& group) const = 0;
  virtual std::vector<std::string> Groups() const = 0;
  // Why it takes no more commits, or empty.
  virtual std::string Problem() const = 0;
};

}  // namespace tarn::broker
