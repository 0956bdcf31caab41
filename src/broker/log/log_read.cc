#include <algorithm>

#include "base/failpoint.h"
#include "broker/log/batch_scanner_internal.h"
#include "broker/log/disk_log_internal.h"

namespace tarn::broker {
namespace {

// Closed segments whose file and index stay at hand: readers are near the end, or one after the other further back.
constexpr size_t kOpenedMax = 4;
// Of one batch, to find a timestamp in it. Far above what max.message.bytes lets in, even well compressed.
constexpr uint64_t kInflatedMax = 256 << 20;

// What is left of the bytes read from `start` on once batches below `offset` and a torn end are taken off. `needed` is
// how many bytes the first batch takes when it is not whole.
struct Trimmed {
  size_t begin = 0;
  size_t end = 0;
  Offset next_offset = 0;
  uint64_t needed = 0;
};

Result<Trimmed> TrimToBatches(std::string_view bytes, Offset offset) {
  Trimmed trimmed{.next_offset = offset};
  size_t at = 0;
  while (bytes.size() - at >= record::kBatchHeaderSize) {
    TARN_ASSIGN_OR_RETURN(const record::BatchHeader header, record::ParseBatchHeader(bytes.substr(at)));
    if (header.total_size() > bytes.size() - at) {
      if (trimmed.end == trimmed.begin) trimmed.needed = at - trimmed.begin + header.total_size();
      break;
    }
    at += header.total_size();
    if (header.last_offset() < offset) {
      trimmed.begin = at;
    } else {
      trimmed.next_offset = header.last_offset() + 1;
    }
    trimmed.end = at;
  }
  if (trimmed.end == trimmed.begin && trimmed.needed == 0) trimmed.needed = record::kBatchHeaderSize;
  return trimmed;
}

// The first record of the batch at or after `from` whose timestamp is at or after `timestamp_ms`.
Result<std::optional<TimestampAndOffset>> FindInBatch(const ScannedBatch& batch, int64_t timestamp_ms, Offset from) {
  std::string inflated;
  std::vector<record::Record> records;
  TARN_TRY(record::DecodeBatch(batch.bytes, batch.header, kInflatedMax, 0, inflated, records));
  for (const record::Record& record : records)
    if (record.timestamp_ms >= timestamp_ms && record.offset >= from)
      return std::optional(TimestampAndOffset{record.timestamp_ms, record.offset});
  return std::optional<TimestampAndOffset>();
}

}  // namespace

Result<std::shared_ptr<const ClosedSegment>> DiskLog::OpenClosed(const SegmentSummary& summary) {
  {
    std::lock_guard lock(mutex_);
    const auto found = std::find_if(opened_.begin(), opened_.end(),
                                    [&](const auto& item) { return item.first == summary.base_offset; });
    if (found != opened_.end()) {
      opened_.splice(opened_.begin(), opened_, found);
      return opened_.front().second;
    }
  }
  auto opened = std::make_shared<ClosedSegment>();
  TARN_ASSIGN_OR_RETURN(opened->file, fs_.OpenForRead(SegmentPath(directory_, summary.base_offset, ".log")));
  const auto index = ReadFile(fs_, SegmentPath(directory_, summary.base_offset, ".index"));
  auto entries = index.ok() ? DecodeIndexEntries(*index) : Result<IndexEntries>(index.error());
  if (!entries.ok()) {
    uint64_t interval;
    {
      std::lock_guard lock(mutex_);
      interval = options_.index_interval_bytes;
    }
    TARN_ASSIGN_OR_RETURN(auto rebuilt, RebuildIndex(*opened->file, summary.base_offset, summary.size, interval));
    TARN_TRY(WriteFileDurably(fs_, SegmentPath(directory_, summary.base_offset, ".index"),
                              EncodeIndex(rebuilt.summary, rebuilt.entries)));
    entries = std::move(rebuilt.entries);
  }
  opened->entries = std::move(*entries);
  std::lock_guard lock(mutex_);
  opened_.emplace_front(summary.base_offset, opened);
  if (opened_.size() > kOpenedMax) opened_.pop_back();
  return std::shared_ptr<const ClosedSegment>(opened);
}

Result<DiskLog::Readable> DiskLog::Locate(Offset offset, uint64_t max_bytes) {
  const auto range = [&](const IndexEntries& entries, const SegmentSummary& summary, Readable& readable) {
    readable.start = PositionOf(entries, summary.base_offset, offset);
    readable.limit = summary.size;
    readable.end = summary.size;
    if (summary.size - readable.start <= std::max<uint64_t>(max_bytes, record::kBatchHeaderSize)) return;
    readable.end = readable.start + std::max<uint64_t>(max_bytes, record::kBatchHeaderSize);
    readable.end = PositionBelow(entries, readable.start, readable.end).value_or(readable.end);
  };
  SegmentSummary summary;
  {
    std::lock_guard lock(mutex_);
    if (offset >= active_.summary.base_offset) {
      Readable readable{.active = active_.file};
      range(active_.entries, active_.summary, readable);
      return readable;
    }
    const auto after = closed_.upper_bound(offset);
    if (after == closed_.begin())
      return Error(ErrorCode::kOutOfRange, "offset " + std::to_string(offset) + " was just deleted");
    summary = std::prev(after)->second;
  }
  Readable readable;
  auto closed = OpenClosed(summary);
  if (closed.Is(ErrorCode::kNotFound))
    return Error(ErrorCode::kOutOfRange, "offset " + std::to_string(offset) + " was just deleted");
  TARN_ASSIGN_OR_RETURN(readable.closed, std::move(closed));
  range(readable.closed->entries, summary, readable);
  return readable;
}

Result<FetchedBatches> DiskLog::Read(Offset offset, uint64_t max_bytes) {
  FetchedBatches fetched;
  {
    std::lock_guard lock(mutex_);
    if (closed_for_good_) return Error(ErrorCode::kUnavailable, "partition " + directory_ + " is closed");
    if (offset < log_start_ || offset > high_watermark_)
      return Error(ErrorCode::kOutOfRange, "offset " + std::to_string(offset) + " is outside " +
                                               std::to_string(log_start_) + " to " + std::to_string(high_watermark_));
    fetched.next_offset = offset;
    fetched.high_watermark = fetched.last_stable_offset = high_watermark_;
    fetched.log_start_offset = log_start_;
    if (offset == high_watermark_) return fetched;
  }
  TARN_FAILPOINT("broker.read.before_read");
  TARN_ASSIGN_OR_RETURN(const Readable readable, Locate(offset, max_bytes));
  uint64_t size = readable.end - readable.start;
  while (true) {
    fetched.bytes.resize(size);
    TARN_ASSIGN_OR_RETURN(const size_t read, readable.file().ReadAt(readable.start, fetched.bytes));
    auto trimmed = TrimToBatches(std::string_view(fetched.bytes).substr(0, read), offset);
    if (!trimmed.ok()) return std::move(trimmed).error().WithContext("partition " + directory_);
    if (trimmed->end > trimmed->begin) {
      fetched.bytes.resize(trimmed->end);
      if (trimmed->begin > 0) fetched.bytes.erase(0, trimmed->begin);
      fetched.next_offset = trimmed->next_offset;
      return fetched;
    }
    // Not one whole batch: read as far as the first one reaches.
    const uint64_t wanted = trimmed->begin + trimmed->needed;
    if (read < size || wanted <= size || readable.start + wanted > readable.limit)
      return Error(ErrorCode::kCorruption,
                   "partition " + directory_ + ": no whole batch at offset " + std::to_string(offset));
    size = wanted;
  }
}

Result<TimestampAndOffset> DiskLog::FindInSegment(const SegmentSummary& summary, int64_t timestamp_ms, Offset from) {
  std::shared_ptr<const ClosedSegment> closed;
  std::shared_ptr<File> active;
  uint64_t position = 0;
  {
    std::lock_guard lock(mutex_);
    if (summary.base_offset == active_.summary.base_offset) {
      active = active_.file;
      position = PositionOfTimestamp(active_.entries, timestamp_ms);
    }
  }
  if (!active) {
    TARN_ASSIGN_OR_RETURN(closed, OpenClosed(summary));
    position = PositionOfTimestamp(closed->entries, timestamp_ms);
  }
  BatchScanner scanner(active ? *active : *closed->file, position, summary.size, BatchScanner::What::kWholeBatches);
  while (true) {
    TARN_ASSIGN_OR_RETURN(const auto batch, scanner.Next());
    if (!batch.has_value()) return TimestampAndOffset{};
    if (batch->header.max_timestamp < timestamp_ms || batch->header.last_offset() < from) continue;
    TARN_ASSIGN_OR_RETURN(const auto found, FindInBatch(*batch, timestamp_ms, from));
    if (found.has_value()) return *found;
  }
}

Result<TimestampAndOffset> DiskLog::FindTimestamp(int64_t timestamp_ms) {
  std::vector<SegmentSummary> candidates;
  Offset from = 0;
  {
    std::lock_guard lock(mutex_);
    if (closed_for_good_) return Error(ErrorCode::kUnavailable, "partition " + directory_ + " is closed");
    from = log_start_;
    for (const auto& [base_offset, summary] : closed_)
      if (summary.max_timestamp_ms >= timestamp_ms) candidates.push_back(summary);
    if (active_.summary.size > 0 && active_.summary.max_timestamp_ms >= timestamp_ms)
      candidates.push_back(active_.summary);
  }
  // The first one holds it, but for records deleted from its front or a batch whose header promises what its records
  // lack.
  for (const SegmentSummary& summary : candidates) {
    TARN_ASSIGN_OR_RETURN(const TimestampAndOffset found, FindInSegment(summary, timestamp_ms, from));
    if (found.offset >= 0) return found;
  }
  return TimestampAndOffset{};
}

Result<TimestampAndOffset> DiskLog::MaxTimestamp() {
  int64_t max_timestamp_ms = -1;
  {
    std::lock_guard lock(mutex_);
    if (high_watermark_ == log_start_) return TimestampAndOffset{};
    for (const auto& [base_offset, summary] : closed_)
      max_timestamp_ms = std::max(max_timestamp_ms, summary.max_timestamp_ms);
    max_timestamp_ms = std::max(max_timestamp_ms, active_.summary.max_timestamp_ms);
  }
  return FindTimestamp(max_timestamp_ms);
}

}  // namespace tarn::broker
