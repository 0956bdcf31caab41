#include "broker/groups/offset_store.h"

#include <condition_variable>
#include <cstring>
#include <mutex>
#include <thread>
#include <utility>

#include "base/failpoint.h"
#include "record/record_batch.h"

// The file, frozen; integers are little-endian, a text is u32 length and bytes:
//
//   "TARNOFS1"
//   entry *:  u32 length | u32 crc32c of the payload | payload of `length` bytes
//   payload:  u8 1 | group | topic | i32 partition | i64 offset | i32 leader epoch | i64 committed ms | topic id |
//   metadata    commit
//             u8 2 | group | topic | i32 partition one removed u8 3 | group group removed

namespace tarn::broker {
namespace {

constexpr std::string_view kMagic = "TARNOFS1";
constexpr size_t kEntryHead = 8;
// A commit's texts are bounded by the protocol (topic 249, group and metadata 32767 bytes); anything longer is no
// entry.
constexpr uint32_t kPayloadMax = 1 << 20;

enum class EntryType : uint8_t { kCommit = 1, kRemove = 2, kRemoveGroup = 3 };

template <typename T>
void PutInteger(std::string& out, T value) {
  for (size_t i = 0; i < sizeof(T); ++i) out.push_back(char(uint8_t(uint64_t(value) >> (8 * i))));
}

void PutText(std::string& out, std::string_view text) {
  PutInteger(out, uint32_t(text.size()));
  out += text;
}

// Reads a payload; `ok` turns false at the first thing that does not fit.
struct PayloadReader {
  std::string_view rest;
  bool ok = true;

  template <typename T>
  T Integer() {
    if (rest.size() < sizeof(T)) {
      ok = false;
      return 0;
    }
    uint64_t value = 0;
    for (size_t i = 0; i < sizeof(T); ++i) value |= uint64_t(uint8_t(rest[i])) << (8 * i);
    rest.remove_prefix(sizeof(T));
    return T(value);
  }
  std::string Text() {
    const auto size = Integer<uint32_t>();
    if (!ok || size > rest.size()) {
      ok = false;
      return "";
    }
    std::string text(rest.substr(0, size));
    rest.remove_prefix(size);
    return text;
  }
};

std::string Entry(const std::string& payload) {
  std::string entry;
  entry.reserve(kEntryHead + payload.size());
  PutInteger(entry, uint32_t(payload.size()));
  PutInteger(entry, record::Crc32c(payload));
  entry += payload;
  return entry;
}

std::string CommitEntry(const std::string& group, const GroupPartition& at, const CommittedOffset& committed) {
  std::string payload(1, char(EntryType::kCommit));
  PutText(payload, group);
  PutText(payload, at.topic);
  PutInteger(payload, at.partition);
  PutInteger(payload, committed.offset);
  PutInteger(payload, committed.leader_epoch);
  PutInteger(payload, committed.committed_ms);
  PutText(payload, committed.topic_id);
  PutText(payload, committed.metadata);
  return Entry(payload);
}

std::string RemoveEntry(const std::string& group, const GroupPartition& at) {
  std::string payload(1, char(EntryType::kRemove));
  PutText(payload, group);
  PutText(payload, at.topic);
  PutInteger(payload, at.partition);
  return Entry(payload);
}

std::string RemoveGroupEntry(const std::string& group) {
  std::string payload(1, char(EntryType::kRemoveGroup));
  PutText(payload, group);
  return Entry(payload);
}

using AllOffsets = std::map<std::string, GroupOffsets>;

bool ApplyPayload(std::string_view payload, AllOffsets& offsets) {
  PayloadReader reader{payload};
  const auto type = EntryType(reader.Integer<uint8_t>());
  const std::string group = reader.Text();
  if (type == EntryType::kRemoveGroup) {
    if (!reader.ok || !reader.rest.empty()) return false;
    offsets.erase(group);
    return true;
  }
  GroupPartition at;
  at.topic = reader.Text();
  at.partition = reader.Integer<int32_t>();
  if (type == EntryType::kRemove) {
    if (!reader.ok || !reader.rest.empty()) return false;
    if (const auto found = offsets.find(group); found != offsets.end()) {
      found->second.erase(at);
      if (found->second.empty()) offsets.erase(found);
    }
    return true;
  }
  CommittedOffset committed;
  committed.offset = reader.Integer<int64_t>();
  committed.leader_epoch = reader.Integer<int32_t>();
  committed.committed_ms = reader.Integer<int64_t>();
  committed.topic_id = reader.Text();
  committed.metadata = reader.Text();
  if (type != EntryType::kCommit || !reader.ok || !reader.rest.empty()) return false;
  offsets[group][at] = std::move(committed);
  return true;
}

// Applies whole entries and returns how many bytes of the file they take.
size_t ReadEntries(std::string_view file, AllOffsets& offsets) {
  size_t at = kMagic.size();
  while (file.size() - at >= kEntryHead) {
    PayloadReader head{file.substr(at, kEntryHead)};
    const auto length = head.Integer<uint32_t>();
    const auto crc = head.Integer<uint32_t>();
    if (length > kPayloadMax || length > file.size() - at - kEntryHead) break;
    const std::string_view payload = file.substr(at + kEntryHead, length);
    if (record::Crc32c(payload) != crc || !ApplyPayload(payload, offsets)) break;
    at += kEntryHead + length;
  }
  return at;
}

class OffsetStoreImpl final : public OffsetStore {
 public:
  OffsetStoreImpl(FileSystem& file_system, Logger& logger, std::string path, uint64_t compaction_bytes_min)
      : file_system_(file_system),
        logger_(logger),
        path_(std::move(path)),
        compaction_bytes_min_(compaction_bytes_min) {}

  ~OffsetStoreImpl() override {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    if (writer_.joinable()) writer_.join();
  }

  Status Load() {
    auto content = ReadFile(file_system_, path_);
    if (content.Is(ErrorCode::kNotFound)) {
      TARN_TRY(WriteFileDurably(file_system_, path_, kMagic));
      content = std::string(kMagic);
    }
    if (!content.ok()) return std::move(content).error();
    const std::string& bytes = *content;
    if (!bytes.starts_with(kMagic)) {
      return Error(ErrorCode::kCorruption,
                   "not a file of consumer offsets (expected it to begin with TARNOFS1): " + path_);
    }
    file_bytes_ = ReadEntries(bytes, offsets_);
    TARN_ASSIGN_OR_RETURN(file_, file_system_.OpenForAppend(path_));
    if (file_bytes_ < bytes.size()) {
      logger_.Warn("broker", "cut a torn tail off the consumer offsets",
                   {{"path", path_}, {"kept_bytes", file_bytes_}, {"cut_bytes", bytes.size() - file_bytes_}});
      TARN_TRY(file_->Truncate(file_bytes_));
      TARN_TRY(file_->Sync());
    }
    writer_ = std::thread([this] { Write(); });
    return Ok();
  }

  void Commit(const std::string& group, GroupOffsets offsets, OffsetsDone done) override {
    std::string entries;
    for (const auto& [at, committed] : offsets) entries += CommitEntry(group, at, committed);
    Enqueue(std::move(entries), std::move(done));
  }
  void Remove(const std::string& group, std::vector<GroupPartition> partitions, OffsetsDone done) override {
    std::string entries;
    for (const GroupPartition& at : partitions) entries += RemoveEntry(group, at);
    Enqueue(std::move(entries), std::move(done));
  }
  void RemoveGroup(const std::string& group, OffsetsDone done) override {
    Enqueue(RemoveGroupEntry(group), std::move(done));
  }

  std::optional<CommittedOffset> Find(const std::string& group, const GroupPartition& partition) const override {
    std::lock_guard lock(mutex_);
    const auto found = offsets_.find(group);
    if (found == offsets_.end()) return std::nullopt;
    const auto at = found->second.find(partition);
    return at == found->second.end() ? std::nullopt : std::optional(at->second);
  }
  GroupOffsets List(const std::string& group) const override {
    std::lock_guard lock(mutex_);
    const auto found = offsets_.find(group);
    return found == offsets_.end() ? GroupOffsets() : found->second;
  }
  std::vector<std::string> Groups() const override {
    std::lock_guard lock(mutex_);
    std::vector<std::string> groups;
    for (const auto& [group, offsets] : offsets_) groups.push_back(group);
    return groups;
  }
  std::string Problem() const override {
    std::lock_guard lock(mutex_);
    return failed_ ? "consumer offsets cannot be stored: " + failed_->ToString() : "";
  }

 private:
  struct Change {
    std::string entries;
    OffsetsDone done;
  };

  void Enqueue(std::string entries, OffsetsDone done) {
    {
      std::lock_guard lock(mutex_);
      queue_.push_back({std::move(entries), std::move(done)});
    }
    wake_.notify_one();
  }

  void Write() {
    for (;;) {
      std::vector<Change> changes;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
        if (queue_.empty()) return;
        changes.swap(queue_);
      }
      const Status written = WriteChanges(changes);
      for (Change& change : changes) change.done(written);
    }
  }

  // Writer thread. Appends and syncs all, then makes them visible.
  Status WriteChanges(const std::vector<Change>& changes) {
    if (failed_) return Error(ErrorCode::kIoError, "the consumer offsets take no writes since: " + failed_->ToString());
    std::string entries;
    for (const Change& change : changes) entries += change.entries;
    if (Status status = AppendDurably(entries); !status.ok()) {
      logger_.Error("broker", "cannot store consumer offsets", {{"path", path_}, {"error", status.error().ToString()}});
      std::lock_guard lock(mutex_);
      failed_ = status.error();
      return status;
    }
    std::string framed(kMagic);
    framed += entries;
    {
      std::lock_guard lock(mutex_);
      (void)ReadEntries(framed, offsets_);
    }
    if (Status status = MaybeCompact(); !status.ok()) {
      // The old file is whole and in use: only its size is amiss.
      logger_.Warn("broker", "cannot compact the consumer offsets",
                   {{"path", path_}, {"error", status.error().ToString()}});
      compaction_bytes_min_ = 2 * file_bytes_;
    }
    return Ok();
  }

  Status AppendDurably(const std::string& entries) {
    TARN_FAILPOINT("broker.offsets.before_write");
    TARN_TRY(file_->Append(entries));
    TARN_FAILPOINT("broker.offsets.before_sync");
    TARN_TRY(file_->Sync());
    file_bytes_ += entries.size();
    return Ok();
  }

  Status MaybeCompact() {
    if (file_bytes_ < compaction_bytes_min_) return Ok();
    std::string live(kMagic);
    for (const auto& [group, offsets] : offsets_) {  // only this thread changes them
      for (const auto& [at, committed] : offsets) live += CommitEntry(group, at, committed);
    }
    if (live.size() > file_bytes_ / 4) return Ok();
    const std::string fresh = path_ + ".compacting";
    if (Status removed = file_system_.Remove(fresh); !removed.ok() && !removed.Is(ErrorCode::kNotFound)) return removed;
    TARN_ASSIGN_OR_RETURN(auto file, file_system_.OpenForAppend(fresh));
    TARN_TRY(file->Append(live));
    TARN_TRY(file->Sync());
    TARN_FAILPOINT("broker.offsets.before_rename");
    TARN_TRY(file_system_.Rename(fresh, path_));
    // From here on the name means the new file, so appends must go there, whatever the folder's sync says.
    file_ = std::move(file);
    file_bytes_ = live.size();
    if (Status status = file_system_.SyncDirectory(ParentPath(path_)); !status.ok()) {
      std::lock_guard lock(mutex_);
      failed_ = status.error();
    }
    return Ok();
  }

  FileSystem& file_system_;
  Logger& logger_;
  const std::string path_;
  uint64_t compaction_bytes_min_;
  std::unique_ptr<File> file_;  // the writer's, like file_bytes_
  uint64_t file_bytes_ = 0;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  AllOffsets offsets_;  // changed by the writer under the mutex
  std::vector<Change> queue_;
  std::optional<Error> failed_;  // likewise
  bool stopping_ = false;
  std::thread writer_;
};

}  // namespace

Result<std::unique_ptr<OffsetStore>> OffsetStore::Open(FileSystem& file_system, Logger& logger, std::string path,
                                                       uint64_t compaction_bytes_min) {
  auto store = std::make_unique<OffsetStoreImpl>(file_system, logger, std::move(path), compaction_bytes_min);
  TARN_TRY(store->Load());
  return std::unique_ptr<OffsetStore>(std::move(store));
}

}  // namespace tarn::broker
