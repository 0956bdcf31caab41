#include <algorithm>
#include <charconv>
#include <optional>
#include <set>

#include "base/failpoint.h"
#include "broker/log/batch_scanner_internal.h"
#include "broker/log/recovery_internal.h"

namespace tarn::broker {
namespace {

constexpr std::string_view kStartFile = "log-start";
constexpr std::string_view kStartMagic = "tarn-log-start 1";
constexpr std::string_view kCleanFile = "clean";
constexpr std::string_view kCleanMagic = "tarn-log-clean 1";
constexpr size_t kNameDigits = 20;

std::optional<Offset> OffsetOfName(std::string_view name, std::string_view extension) {
  if (name.size() != kNameDigits + extension.size() || !name.ends_with(extension)) return std::nullopt;
  Offset offset = 0;
  const char* const end = name.data() + kNameDigits;
  if (std::from_chars(name.data(), end, offset).ptr != end || offset < 0) return std::nullopt;
  return offset;
}

// "<magic> <number>…\n", written by WriteFileDurably: it is whole or absent.
std::optional<std::vector<int64_t>> ParseNumbers(std::string_view text, std::string_view magic, size_t count) {
  if (!text.starts_with(magic) || !text.ends_with('\n')) return std::nullopt;
  std::vector<int64_t> numbers;
  const char* at = text.data() + magic.size();
  const char* const end = text.data() + text.size() - 1;
  while (at != end && *at == ' ') {
    int64_t number = 0;
    const auto [next, error] = std::from_chars(at + 1, end, number);
    if (error != std::errc()) return std::nullopt;
    numbers.push_back(number);
    at = next;
  }
  if (at != end || numbers.size() != count) return std::nullopt;
  return numbers;
}

struct Folder {
  std::map<Offset, uint64_t> logs;  // base offset, size
  std::set<Offset> snapshots;
  bool has_start = false;
  bool has_clean = false;
};

class Recovery {
 public:
  Recovery(FileSystem& file_system, Clock& clock, const std::string& directory, const LogOptions& options)
      : fs_(file_system), clock_(clock), directory_(directory), options_(options) {}

  Result<RecoveredLog> Run() {
    TARN_TRY(ReadFolder());
    TARN_TRY(ReadStart());
    if (folder_.logs.empty()) {
      TARN_TRY(Create());
      return std::move(log_);
    }
    TARN_TRY(DropBelowStart());
    TARN_TRY(OpenClosed());
    TARN_TRY(OpenActive());
    TARN_TRY(RestoreProducers());
    log_.log_start_offset = std::max(
        log_.log_start_offset, log_.closed.empty() ? log_.active.summary.base_offset : log_.closed.begin()->first);
    TARN_FAILPOINT("broker.recover.before_unmark");
    if (folder_.has_clean) {
      TARN_TRY(fs_.Remove(directory_ + "/" + std::string(kCleanFile)));
      TARN_TRY(fs_.SyncDirectory(directory_));
    }
    return std::move(log_);
  }

 private:
  Status ReadFolder() {
    TARN_TRY(fs_.CreateDirectories(directory_));
    TARN_ASSIGN_OR_RETURN(const std::vector<FileInfo> entries, fs_.List(directory_));
    for (const FileInfo& entry : entries) {
      if (const auto log = OffsetOfName(entry.name, ".log")) folder_.logs[*log] = entry.size;
      if (const auto snapshot = OffsetOfName(entry.name, ".snapshot")) folder_.snapshots.insert(*snapshot);
      folder_.has_start |= entry.name == kStartFile;
      folder_.has_clean |= entry.name == kCleanFile;
    }
    return Ok();
  }

  Status ReadStart() {
    if (!folder_.has_start) return Ok();
    TARN_ASSIGN_OR_RETURN(const std::string text, ReadFile(fs_, directory_ + "/" + std::string(kStartFile), 4096));
    const auto numbers = ParseNumbers(text, kStartMagic, 1);
    if (!numbers || numbers->front() < 0)
      return Corrupt(std::string(kStartFile), "expected '" + std::string(kStartMagic) + " OFFSET'");
    log_.log_start_offset = numbers->front();
    return Ok();
  }

  Status Create() {
    ActiveSegment& active = log_.active;
    active.summary.base_offset = active.summary.next_offset = log_.log_start_offset;
    TARN_ASSIGN_OR_RETURN(active.file, fs_.OpenForAppend(SegmentPath(directory_, log_.log_start_offset, ".log")));
    TARN_TRY(fs_.SyncDirectory(directory_));
    return fs_.SyncDirectory(ParentPath(directory_));
  }

  // Finishes a deletion that a crash cut short. The active segment stays whatever log-start says.
  Status DropBelowStart() {
    while (folder_.logs.size() > 1 && std::next(folder_.logs.begin())->first <= log_.log_start_offset) {
      TARN_TRY(RemoveSegment(fs_, directory_, folder_.logs.begin()->first));
      folder_.snapshots.erase(folder_.logs.begin()->first);
      folder_.logs.erase(folder_.logs.begin());
    }
    return Ok();
  }

  // A segment closes only when all of it is synced, so a closed one is whole: if it is not, the disk lost what was
  // acknowledged.
  Status OpenClosed() {
    for (auto log = folder_.logs.begin(); std::next(log) != folder_.logs.end(); ++log) {
      const Offset next_base = std::next(log)->first;
      auto summary = ReadIndexHeader(log->first, log->second);
      if (!summary.ok()) {
        if (summary.Is(ErrorCode::kIoError)) return std::move(summary).error();
        TARN_ASSIGN_OR_RETURN(summary, RebuildClosed(log->first, log->second));
      }
      if (summary->next_offset != next_base)
        return Corrupt(SegmentName(log->first), "ends at offset " + std::to_string(summary->next_offset) +
                                                    ", expected " + std::to_string(next_base));
      log_.closed[log->first] = *summary;
    }
    return Ok();
  }

  Result<SegmentSummary> ReadIndexHeader(Offset base_offset, uint64_t size) {
    TARN_ASSIGN_OR_RETURN(const auto file, fs_.OpenForRead(SegmentPath(directory_, base_offset, ".index")));
    std::string header(kIndexHeaderSize, '\0');
    TARN_ASSIGN_OR_RETURN(const size_t read, file->ReadAt(0, header));
    header.resize(read);
    TARN_ASSIGN_OR_RETURN(const SegmentSummary summary, DecodeIndexHeader(header));
    if (summary.base_offset != base_offset || summary.size != size)
      return Error(ErrorCode::kCorruption, "the index is of another segment");
    return summary;
  }

  Result<SegmentSummary> RebuildClosed(Offset base_offset, uint64_t size) {
    TARN_ASSIGN_OR_RETURN(const auto file, fs_.OpenForRead(SegmentPath(directory_, base_offset, ".log")));
    auto rebuilt = RebuildIndex(*file, base_offset, size, options_.index_interval_bytes);
    if (!rebuilt.ok()) return std::move(rebuilt).error().WithContext(SegmentName(base_offset));
    TARN_TRY(WriteFileDurably(fs_, SegmentPath(directory_, base_offset, ".index"),
                              EncodeIndex(rebuilt->summary, rebuilt->entries)));
    return rebuilt->summary;
  }

  Status OpenActive() {
    const auto [base_offset, size] = *folder_.logs.rbegin();
    ActiveSegment& active = log_.active;
    TARN_ASSIGN_OR_RETURN(active.file, fs_.OpenForAppend(SegmentPath(directory_, base_offset, ".log")));
    if (IsMarkedClean(base_offset, size))
      TARN_TRY(OpenAfterCleanStop(base_offset, size));
    else
      TARN_TRY(ScanActive(base_offset, size));
    return SetCreated();
  }

  bool IsMarkedClean(Offset base_offset, uint64_t size) {
    if (!folder_.has_clean) return false;
    const auto text = ReadFile(fs_, directory_ + "/" + std::string(kCleanFile), 4096);
    if (!text.ok()) return false;
    const auto numbers = ParseNumbers(*text, kCleanMagic, 2);
    return numbers && (*numbers)[0] == base_offset && (*numbers)[1] == int64_t(size);
  }

  Status OpenAfterCleanStop(Offset base_offset, uint64_t size) {
    const auto file = ReadFile(fs_, SegmentPath(directory_, base_offset, ".index"));
    if (file.ok()) {
      const auto summary = DecodeIndexHeader(*file);
      auto entries = DecodeIndexEntries(*file);
      if (summary.ok() && entries.ok() && summary->base_offset == base_offset && summary->size == size) {
        log_.active.summary = *summary;
        log_.active.entries = std::move(*entries);
        return Ok();
      }
    }
    return ScanActive(base_offset, size);
  }

  // Walks the active segment as far as its batches hold, and cuts off the rest.
  Status ScanActive(Offset base_offset, uint64_t size) {
    ActiveSegment& active = log_.active;
    active.summary = {.base_offset = base_offset, .next_offset = base_offset};
    active.entries.clear();
    BatchScanner scanner(*active.file, 0, size, BatchScanner::What::kWholeBatches);
    while (true) {
      const auto batch = scanner.Next();
      if (!batch.ok() && !batch.Is(ErrorCode::kCorruption)) return batch.error();
      if (!batch.ok() || !batch->has_value()) break;
      const record::BatchHeader& header = (*batch)->header;
      if (header.base_offset != active.summary.next_offset || !record::CheckBatch((*batch)->bytes, header).ok()) break;
      AddToIndex(header, options_.index_interval_bytes, active.summary, active.entries);
    }
    TARN_FAILPOINT("broker.recover.before_cut");
    if (active.summary.size < size) TARN_TRY(active.file->Truncate(active.summary.size));
    return active.file->Sync();
  }

  Status SetCreated() {
    ActiveSegment& active = log_.active;
    active.created_ms = clock_.NowMillis();
    BatchScanner scanner(*active.file, 0, active.summary.size, BatchScanner::What::kHeaders);
    TARN_ASSIGN_OR_RETURN(const auto first, scanner.Next());
    // A producer's clock may be wrong; ours says when at the latest.
    if (first.has_value() && first->header.max_timestamp >= 0)
      active.created_ms = std::min(active.created_ms, first->header.max_timestamp);
    return Ok();
  }

  // From the newest snapshot that holds and lies within the log, then from the batches behind it.
  Status RestoreProducers() {
    Offset from = log_.closed.empty() ? log_.active.summary.base_offset : log_.closed.begin()->first;
    for (auto at = folder_.snapshots.rbegin(); at != folder_.snapshots.rend(); ++at) {
      if (*at > log_.active.summary.next_offset || *at < from) continue;
      const auto file = ReadFile(fs_, SegmentPath(directory_, *at, ".snapshot"));
      if (!file.ok()) continue;
      auto state = ProducerState::Decode(*file, *at);
      if (!state.ok()) continue;
      log_.producers = std::move(*state);
      from = *at;
      break;
    }
    for (const Offset snapshot : folder_.snapshots)
      if (snapshot < from || snapshot > log_.active.summary.next_offset)
        TARN_TRY(fs_.Remove(SegmentPath(directory_, snapshot, ".snapshot")));
    for (const auto& [base_offset, summary] : log_.closed) {
      if (summary.next_offset <= from) continue;
      TARN_ASSIGN_OR_RETURN(const auto file, fs_.OpenForRead(SegmentPath(directory_, base_offset, ".log")));
      TARN_TRY(ReplayProducers(*file, 0, summary.size, from));
    }
    const ActiveSegment& active = log_.active;
    if (active.summary.next_offset <= from) return Ok();
    return ReplayProducers(*active.file, PositionOf(active.entries, active.summary.base_offset, from),
                           active.summary.size, from);
  }

  Status ReplayProducers(const File& file, uint64_t position, uint64_t size, Offset from) {
    BatchScanner scanner(file, position, size, BatchScanner::What::kHeaders);
    const int64_t now_ms = clock_.NowMillis();
    while (true) {
      TARN_ASSIGN_OR_RETURN(const auto batch, scanner.Next());
      if (!batch.has_value()) return Ok();
      if (batch->header.base_offset >= from && batch->header.producer_id >= 0)
        log_.producers.Apply(batch->header, now_ms);
      log_.producers.Keep();
    }
  }

  static std::string SegmentName(Offset base_offset) { return "segment " + std::to_string(base_offset); }
  Error Corrupt(const std::string& what, const std::string& why) const {
    return Error(ErrorCode::kCorruption, what + ": " + why);
  }

  FileSystem& fs_;
  Clock& clock_;
  const std::string& directory_;
  const LogOptions& options_;
  Folder folder_;
  RecoveredLog log_;
};

}  // namespace

std::string SegmentPath(const std::string& directory, Offset offset, std::string_view extension) {
  const std::string digits = std::to_string(offset);
  return directory + "/" + std::string(kNameDigits - digits.size(), '0') + digits + std::string(extension);
}

Result<RecoveredLog> RecoverLog(FileSystem& file_system, Clock& clock, const std::string& directory,
                                const LogOptions& options) {
  return Recovery(file_system, clock, directory, options).Run();
}

Result<RebuiltIndex> RebuildIndex(const File& file, Offset base_offset, uint64_t size, uint64_t interval) {
  RebuiltIndex rebuilt{.summary = {.base_offset = base_offset, .next_offset = base_offset}};
  BatchScanner scanner(file, 0, size, BatchScanner::What::kWholeBatches);
  while (true) {
    TARN_ASSIGN_OR_RETURN(const auto batch, scanner.Next());
    if (!batch.has_value()) return rebuilt;
    TARN_TRY(record::CheckBatch(batch->bytes, batch->header));
    if (batch->header.base_offset != rebuilt.summary.next_offset)
      return Error(ErrorCode::kCorruption, "position " + std::to_string(batch->position) + ": offset " +
                                               std::to_string(batch->header.base_offset) + ", expected " +
                                               std::to_string(rebuilt.summary.next_offset));
    AddToIndex(batch->header, interval, rebuilt.summary, rebuilt.entries);
  }
}

Status WriteLogStart(FileSystem& file_system, const std::string& directory, Offset offset) {
  return WriteFileDurably(file_system, directory + "/" + std::string(kStartFile),
                          std::string(kStartMagic) + " " + std::to_string(offset) + "\n");
}

Status WriteCleanMark(FileSystem& file_system, const std::string& directory, const SegmentSummary& active) {
  return WriteFileDurably(
      file_system, directory + "/" + std::string(kCleanFile),
      std::string(kCleanMagic) + " " + std::to_string(active.base_offset) + " " + std::to_string(active.size) + "\n");
}

Status RemoveSegment(FileSystem& file_system, const std::string& directory, Offset base_offset) {
  for (const std::string_view extension : {".log", ".index", ".snapshot"}) {
    const Status removed = file_system.Remove(SegmentPath(directory, base_offset, extension));
    if (!removed.ok() && !removed.Is(ErrorCode::kNotFound)) return removed;
  }
  return Ok();
}

}  // namespace tarn::broker
