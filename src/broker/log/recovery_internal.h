#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/result.h"
#include "broker/log/producer_state_internal.h"
#include "broker/log/segment_index_internal.h"
#include "broker/partition_log.h"

// The files of a partition's folder, and how a log comes back from them.
//
//   <base offset, 20 digits>.log        batches as received; the one with the greatest base offset is the active
//   segment <base offset, 20 digits>.index      of closed segments; segment_index_internal.h <offset, 20
//   digits>.snapshot        producers as of that offset; producer_state_internal.h log-start "tarn-log-start 1
//   <offset>\n": what lies below was deleted clean                               "tarn-log-clean 1 <base offset>
//   <size>\n": the active segment as Close left it

namespace tarn::broker {

struct ActiveSegment {
  SegmentSummary summary;
  std::shared_ptr<File> file;
  IndexEntries entries;
  int64_t created_ms = 0;  // of its first batch: when segment.ms begins
};

struct RecoveredLog {
  Offset log_start_offset = 0;
  std::map<Offset, SegmentSummary> closed;  // by base offset
  ActiveSegment active;
  ProducerState producers;
};

std::string SegmentPath(const std::string& directory, Offset offset, std::string_view extension);

// Brings back what the folder holds, or makes it. After an unclean stop the active segment is read whole and cut at the
// first batch that does not hold, then synced, since what was written before a crash may not have been.
Result<RecoveredLog> RecoverLog(FileSystem& file_system, Clock& clock, const std::string& directory,
                                const LogOptions& options);

// Index and summary made from the .log file's batches up to `size`. kCorruption: a batch does not hold.
struct RebuiltIndex {
  SegmentSummary summary;
  IndexEntries entries;
};
Result<RebuiltIndex> RebuildIndex(const File& file, Offset base_offset, uint64_t size, uint64_t interval);

Status WriteLogStart(FileSystem& file_system, const std::string& directory, Offset offset);
Status WriteCleanMark(FileSystem& file_system, const std::string& directory, const SegmentSummary& active);
// Removes the segment's file and those that belong to it; what is gone already is no error.
Status RemoveSegment(FileSystem& file_system, const std::string& directory, Offset base_offset);

}  // namespace tarn::broker
