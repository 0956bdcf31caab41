#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>

#include <unistd.h>

#include "base/failpoint.h"
#include "storage/object_stores.h"

// Every object is written to a temporary file in its own folder and synced; then it gets its name by link (create if
// absent) or rename (replace), and the folder is synced. Folders that had to be made are synced up to the first that
// was there.

namespace tarn::storage {
namespace {

constexpr std::string_view kTemporary = ".tmp-";

class LocalReader final : public ObjectReader {
 public:
  LocalReader(std::unique_ptr<File> file, std::string key, uint64_t size, Micros modified)
      : file_(std::move(file)), key_(std::move(key)), size_(size), modified_(modified) {}
  uint64_t size() const override { return size_; }
  Micros modified() const override { return modified_; }
  Status ReadAt(uint64_t offset, std::span<char> out) const override {
    if (offset > size_ || out.size() > size_ - offset)
      return Error(ErrorCode::kOutOfRange, key_ + ": read of " + std::to_string(out.size()) + " bytes at " +
                                               std::to_string(offset) + ", but it has " + std::to_string(size_));
    TARN_ASSIGN_OR_RETURN(const size_t read, file_->ReadAt(offset, out));
    if (read != out.size())
      return Error(ErrorCode::kCorruption,
                   key_ + " was cut while it was open: expected " + std::to_string(size_) + " bytes");
    return Ok();
  }

 private:
  const std::unique_ptr<File> file_;
  const std::string key_;
  const uint64_t size_;
  const Micros modified_;
};

class LocalObjectStore final : public ObjectStore {
 public:
  LocalObjectStore(FileSystem& fs, std::string root) : fs_(fs), root_(std::move(root)) {}

  Status Probe() {
    TARN_TRY(fs_.CreateDirectories(root_));
    const std::string probe = Temporary(root_), second = Temporary(root_);
    TARN_TRY(WriteTemporary(probe, "probe"));
    Status linked = fs_.Link(probe, second);
    const Status again = linked.ok() ? fs_.Link(probe, second) : Status();
    (void)fs_.Remove(probe);
    (void)fs_.Remove(second);
    if (!linked.ok()) return std::move(linked).error().WithContext("the object store needs hard links in " + root_);
    if (!again.Is(ErrorCode::kAlreadyExists))
      return Error(ErrorCode::kFailedPrecondition,
                   root_ + " does not refuse to create a name twice; commits would overwrite each other there");
    return Ok();
  }

  Result<std::string> Get(const std::string& key) override {
    TARN_TRY(CheckKey(key));
    auto content = ReadFile(fs_, Path(key));
    if (content.Is(ErrorCode::kNotFound) || (!content.ok() && IsFolder(key))) return NotFound(key);
    return content;
  }

  Result<ObjectInfo> Head(const std::string& key) override {
    TARN_TRY(CheckKey(key));
    const auto info = fs_.Stat(Path(key));
    if (info.Is(ErrorCode::kNotFound) || (info.ok() && info->is_directory)) return NotFound(key);
    TARN_TRY(info);
    return ObjectInfo{key, info->size, info->modified};
  }

  Result<std::unique_ptr<ObjectReader>> OpenReader(const std::string& key) override {
    TARN_ASSIGN_OR_RETURN(const ObjectInfo info, Head(key));
    auto file = fs_.OpenForRead(Path(key));
    if (file.Is(ErrorCode::kNotFound)) return NotFound(key);
    TARN_TRY(file);
    return std::unique_ptr<ObjectReader>(
        std::make_unique<LocalReader>(std::move(*file), key, info.size, info.modified));
  }

  Result<std::unique_ptr<ObjectWriter>> OpenWriter(const std::string& key) override {
    TARN_TRY(CheckKey(key));
    const std::string folder = ParentPath(Path(key));
    TARN_TRY(EnsureFolder(folder));
    const std::string temporary = Temporary(folder);
    TARN_ASSIGN_OR_RETURN(auto file, CreateTemporary(temporary));
    return std::unique_ptr<ObjectWriter>(std::make_unique<Writer>(*this, Path(key), temporary, std::move(file)));
  }

  Status PutIfAbsent(const std::string& key, std::string_view content) override {
    TARN_TRY(CheckKey(key));
    const std::string path = Path(key), folder = ParentPath(path);
    TARN_TRY(EnsureFolder(folder));
    const std::string temporary = Temporary(folder);
    TARN_TRY(WriteTemporary(temporary, content));
    Status linked = PassFailpoint("storage.put_if_absent.before_link");
    if (linked.ok()) linked = fs_.Link(temporary, path);
    (void)fs_.Remove(temporary);
    if (linked.Is(ErrorCode::kAlreadyExists)) return Error(ErrorCode::kConflict, key + " exists");
    TARN_TRY(linked);
    if (const Status lost = PassFailpoint("storage.put_if_absent.after_link"); !lost.ok())
      return Error(ErrorCode::kOutcomeUnknown, key + ": " + lost.error().message());
    return SyncName(folder, key);
  }

  Status Put(const std::string& key, std::string_view content) override {
    TARN_ASSIGN_OR_RETURN(const auto writer, OpenWriter(key));
    TARN_TRY(writer->Append(content));
    return writer->Finish();
  }

  Status Delete(const std::string& key) override {
    TARN_TRY(CheckKey(key));
    TARN_FAILPOINT("storage.delete.before_remove");
    const Status removed = fs_.Remove(Path(key));
    return removed.Is(ErrorCode::kNotFound) || (!removed.ok() && IsFolder(key)) ? Ok() : removed;
  }

  Result<std::vector<ObjectInfo>> List(const std::string& prefix, const std::string& start_after,
                                       bool recursive) override {
    TARN_TRY(CheckPrefix(prefix));
    std::vector<ObjectInfo> found;
    TARN_TRY(Collect(prefix, recursive, found));
    std::erase_if(found, [&](const ObjectInfo& object) { return object.key <= start_after; });
    std::sort(found.begin(), found.end(), [](const ObjectInfo& a, const ObjectInfo& b) { return a.key < b.key; });
    return found;
  }

  std::string Location(const std::string& key) const override { return Path(key); }

 private:
  class Writer final : public ObjectWriter {
   public:
    Writer(LocalObjectStore& store, std::string path, std::string temporary, std::unique_ptr<File> file)
        : store_(store), path_(std::move(path)), temporary_(std::move(temporary)), file_(std::move(file)) {}
    ~Writer() override {
      if (!finished_) (void)store_.fs_.Remove(temporary_);
    }
    Status Append(std::string_view data) override {
      written_ += data.size();
      return file_->Append(data);
    }
    Status Finish() override {
      TARN_TRY(file_->Sync());
      TARN_FAILPOINT("storage.write.before_rename");
      TARN_TRY(store_.fs_.Rename(temporary_, path_));
      finished_ = true;
      return store_.SyncName(ParentPath(path_), path_);
    }
    uint64_t written() const override { return written_; }

   private:
    LocalObjectStore& store_;
    const std::string path_, temporary_;
    const std::unique_ptr<File> file_;
    uint64_t written_ = 0;
    bool finished_ = false;
  };

  std::string Path(const std::string& key) const { return root_ + "/" + key; }
  // A folder of objects is no object.
  bool IsFolder(const std::string& key) const {
    const auto info = fs_.Stat(Path(key));
    return info.ok() && info->is_directory;
  }
  static Error NotFound(const std::string& key) { return Error(ErrorCode::kNotFound, "no object " + key); }

  // Unique in this process and, by the process id, among those that run now; CreateExclusive refuses the rest.
  std::string Temporary(const std::string& folder) {
    return folder + "/" + std::string(kTemporary) + std::to_string(::getpid()) + "-" +
           std::to_string(next_temporary_++);
  }

  Result<std::unique_ptr<File>> CreateTemporary(const std::string& path) {
    auto file = fs_.CreateExclusive(path);
    if (!file.Is(ErrorCode::kAlreadyExists)) return file;
    // Left by a crashed process that had our id.
    TARN_TRY(fs_.Remove(path));
    return fs_.CreateExclusive(path);
  }

  Status WriteTemporary(const std::string& path, std::string_view content) {
    auto file = CreateTemporary(path);
    TARN_TRY(file);
    Status written = (*file)->Append(content);
    if (written.ok()) written = (*file)->Sync();
    if (!written.ok()) (void)fs_.Remove(path);
    return written;
  }

  // The name is there, but a power cut may take it away: the outcome is open.
  Status SyncName(const std::string& folder, const std::string& what) {
    if (const Status synced = fs_.SyncDirectory(folder); !synced.ok())
      return Error(ErrorCode::kOutcomeUnknown,
                   what + " was named, but its folder could not be synced: " + synced.error().ToString());
    return Ok();
  }

  Status EnsureFolder(const std::string& folder) {
    {
      std::lock_guard lock(mutex_);
      if (known_folders_.contains(folder)) return Ok();
    }
    std::vector<std::string> made;
    for (std::string path = folder; path.size() > root_.size() && fs_.Stat(path).Is(ErrorCode::kNotFound);
         path = ParentPath(path))
      made.push_back(path);
    TARN_TRY(fs_.CreateDirectories(folder));
    for (const std::string& path : made) TARN_TRY(fs_.SyncDirectory(ParentPath(path)));
    TARN_TRY(RemoveStale(folder));
    std::lock_guard lock(mutex_);
    known_folders_.insert(folder);
    return Ok();
  }

  // Temporary files of processes that no longer run.
  Status RemoveStale(const std::string& folder) {
    TARN_ASSIGN_OR_RETURN(const auto entries, fs_.List(folder));
    for (const FileInfo& entry : entries) {
      if (!entry.name.starts_with(kTemporary)) continue;
      const std::string owner =
          entry.name.substr(kTemporary.size(), entry.name.find('-', kTemporary.size()) - kTemporary.size());
      if (owner == std::to_string(::getpid()) || ::access(("/proc/" + owner).c_str(), F_OK) == 0) continue;
      (void)fs_.Remove(folder + "/" + entry.name);
    }
    return Ok();
  }

  Status Collect(const std::string& prefix, bool recursive, std::vector<ObjectInfo>& found) {
    const auto entries = fs_.List(prefix.empty() ? root_ : root_ + "/" + prefix.substr(0, prefix.size() - 1));
    if (entries.Is(ErrorCode::kNotFound)) return Ok();
    TARN_TRY(entries);
    for (const FileInfo& entry : *entries) {
      if (entry.is_directory) {
        if (recursive) TARN_TRY(Collect(prefix + entry.name + "/", true, found));
      } else if (!entry.name.starts_with(kTemporary)) {
        found.push_back({prefix + entry.name, entry.size, entry.modified});
      }
    }
    return Ok();
  }

  FileSystem& fs_;
  const std::string root_;
  std::atomic<uint64_t> next_temporary_{0};
  std::mutex mutex_;
  std::set<std::string> known_folders_;  // guarded by mutex_
};

}  // namespace

Result<std::unique_ptr<ObjectStore>> OpenLocalObjectStore(FileSystem& file_system, const std::string& root) {
  auto store = std::make_unique<LocalObjectStore>(file_system, root);
  TARN_TRY(store->Probe());
  return std::unique_ptr<ObjectStore>(std::move(store));
}

}  // namespace tarn::storage
