#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "broker/partition_log.h"
#include "record/record_batch.h"

// The sparse index of one segment: by offset and, because it carries the greatest timestamp so far, by time.
//
// File "<base offset>.index", version 1. Frozen. All numbers big-endian:
//    0  8  "TARNIDX1"
//    8  8  base offset of the segment
//   16  8  next offset: one past its last record
//   24  8  size of the .log file
//   32  8  greatest timestamp in the segment, -1 when it is empty
//   40  4  number of entries
//   44  4  CRC-32C of the entries
//   48  4  CRC-32C of the bytes before this field
//   52     entries of 16 bytes: 4 offset - base offset, 4 position of that batch in the .log file,
//          8 greatest timestamp from the start of the segment to the end of this entry's stretch
// It is written once, when the segment closes; what is missing or does not fit is made anew from the .log file.

namespace tarn::broker {

struct SegmentSummary {
  Offset base_offset = 0;
  Offset next_offset = 0;
  uint64_t size = 0;
  int64_t max_timestamp_ms = -1;
};

struct IndexEntry {
  uint32_t relative_offset = 0;
  uint32_t position = 0;
  int64_t max_timestamp_ms = -1;
};
using IndexEntries = std::vector<IndexEntry>;

// Takes note of the next batch, at `position`: counts it in `summary`, and adds an entry after each `interval` bytes.
void AddToIndex(const record::BatchHeader& header, uint64_t interval, SegmentSummary& summary, IndexEntries& entries);

// Where to start reading for `offset`: the position of the last entry at or before it, 0 when there is none.
uint64_t PositionOf(const IndexEntries& entries, Offset base_offset, Offset offset);
// The greatest indexed position at or below `position` and above `above`; nothing when there is none.
std::optional<uint64_t> PositionBelow(const IndexEntries& entries, uint64_t above, uint64_t position);
// The start of the first stretch that has a timestamp at or after `timestamp_ms`. Requires: the segment has one.
uint64_t PositionOfTimestamp(const IndexEntries& entries, int64_t timestamp_ms);

inline constexpr size_t kIndexHeaderSize = 52;

std::string EncodeIndex(const SegmentSummary& summary, const IndexEntries& entries);
// kCorruption.
Result<SegmentSummary> DecodeIndexHeader(std::string_view file);
Result<IndexEntries> DecodeIndexEntries(std::string_view file);

}  // namespace tarn::broker
