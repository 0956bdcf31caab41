#include <algorithm>

#include "broker/log/segment_index_internal.h"
#include "record/byte_order.h"

namespace tarn::broker {
namespace {

using record::LoadBigEndian;
using record::StoreBigEndian;

constexpr std::string_view kMagic = "TARNIDX1";
constexpr size_t kEntrySize = 16;

Error Corrupt(std::string_view what) {
  return Error(ErrorCode::kCorruption, "segment index: " + std::string(what));
}

}  // namespace

void AddToIndex(const record::BatchHeader& header, uint64_t interval, SegmentSummary& summary, IndexEntries& entries) {
  if (entries.empty() || summary.size - entries.back().position >= interval)
    entries.push_back({uint32_t(header.base_offset - summary.base_offset), uint32_t(summary.size), -1});
  summary.max_timestamp_ms = std::max(summary.max_timestamp_ms, header.max_timestamp);
  entries.back().max_timestamp_ms = summary.max_timestamp_ms;
  summary.size += header.total_size();
  summary.next_offset = header.last_offset() + 1;
}

uint64_t PositionOf(const IndexEntries& entries, Offset base_offset, Offset offset) {
  const auto after =
      std::upper_bound(entries.begin(), entries.end(), offset - base_offset,
                       [](Offset relative, const IndexEntry& entry) { return relative < entry.relative_offset; });
  return after == entries.begin() ? 0 : std::prev(after)->position;
}

std::optional<uint64_t> PositionBelow(const IndexEntries& entries, uint64_t above, uint64_t position) {
  const auto after = std::upper_bound(entries.begin(), entries.end(), position,
                                      [](uint64_t wanted, const IndexEntry& entry) { return wanted < entry.position; });
  if (after == entries.begin() || std::prev(after)->position <= above) return std::nullopt;
  return std::prev(after)->position;
}

uint64_t PositionOfTimestamp(const IndexEntries& entries, int64_t timestamp_ms) {
  const auto found =
      std::lower_bound(entries.begin(), entries.end(), timestamp_ms,
                       [](const IndexEntry& entry, int64_t wanted) { return entry.max_timestamp_ms < wanted; });
  return found == entries.end() ? 0 : found->position;
}

std::string EncodeIndex(const SegmentSummary& summary, const IndexEntries& entries) {
  std::string file(kIndexHeaderSize + entries.size() * kEntrySize, '\0');
  char* at = file.data() + kIndexHeaderSize;
  for (const IndexEntry& entry : entries) {
    StoreBigEndian(at, entry.relative_offset);
    StoreBigEndian(at + 4, entry.position);
    StoreBigEndian(at + 8, entry.max_timestamp_ms);
    at += kEntrySize;
  }
  kMagic.copy(file.data(), kMagic.size());
  StoreBigEndian(file.data() + 8, summary.base_offset);
  StoreBigEndian(file.data() + 16, summary.next_offset);
  StoreBigEndian(file.data() + 24, summary.size);
  StoreBigEndian(file.data() + 32, summary.max_timestamp_ms);
  StoreBigEndian(file.data() + 40, uint32_t(entries.size()));
  StoreBigEndian(file.data() + 44, record::Crc32c(std::string_view(file).substr(kIndexHeaderSize)));
  StoreBigEndian(file.data() + 48, record::Crc32c(std::string_view(file).substr(0, 48)));
  return file;
}

Result<SegmentSummary> DecodeIndexHeader(std::string_view file) {
  if (file.size() < kIndexHeaderSize || !file.starts_with(kMagic))
    return Corrupt("expected a header of 52 bytes, TARNIDX1");
  if (LoadBigEndian<uint32_t>(file.data() + 48) != record::Crc32c(file.substr(0, 48)))
    return Corrupt("the header's CRC is wrong");
  return SegmentSummary{LoadBigEndian<int64_t>(file.data() + 8), LoadBigEndian<int64_t>(file.data() + 16),
                        LoadBigEndian<uint64_t>(file.data() + 24), LoadBigEndian<int64_t>(file.data() + 32)};
}

Result<IndexEntries> DecodeIndexEntries(std::string_view file) {
  TARN_TRY(DecodeIndexHeader(file));
  const std::string_view body = file.substr(kIndexHeaderSize);
  const size_t count = LoadBigEndian<uint32_t>(file.data() + 40);
  if (body.size() != count * kEntrySize) return Corrupt("expected " + std::to_string(count) + " entries");
  if (LoadBigEndian<uint32_t>(file.data() + 44) != record::Crc32c(body)) return Corrupt("the entries' CRC is wrong");
  IndexEntries entries(count);
  for (size_t i = 0; i < count; ++i) {
    const char* const at = body.data() + i * kEntrySize;
    entries[i] = {LoadBigEndian<uint32_t>(at), LoadBigEndian<uint32_t>(at + 4), LoadBigEndian<int64_t>(at + 8)};
  }
  return entries;
}

}  // namespace tarn::broker
