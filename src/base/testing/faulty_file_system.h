#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/random.h"

// A disk in memory that fails, fills up and loses power as a test tells it to.

namespace tarn {

// What an operation does to the disk; a hook sees it before it happens.
enum class DiskOperation { kWrite, kSync, kTruncate, kCreate, kRename, kRemove, kSyncDirectory, kRead };

// Keeps two images: what programs see, and what has been synced. Crash brings the first back to the second plus a
// random part of what was under way: names change in the order of the operations (as a journal has it), bytes of an
// unsynced tail come back in any mixture of right, zero and missing. Thread-safe. Files opened before a Crash fail with
// kIoError.
class FaultyFileSystem final : public FileSystem {
 public:
  // The same seed loses the same bytes.
  explicit FaultyFileSystem(uint64_t seed = 1) : random_(seed) {}

  // Called before each operation, outside any lock; its error becomes the operation's, which then does nothing. It may
  // block.
  using Hook = std::function<Status(DiskOperation operation, const std::string& path)>;
  void SetHook(Hook hook);
  // Fails the n-th (from 1) operation that changes the disk, counted from now; a write leaves a random prefix behind.
  // 0: none.
  void FailChange(uint64_t n, ErrorCode code = ErrorCode::kIoError);
  // Writes beyond so many bytes in all get kResourceExhausted, and a part of them is written.
  void SetCapacity(uint64_t bytes);
  // Power goes off and on again. Without `tails` nothing is left of what was not synced at a file's end.
  void Crash(bool tails = true);

  uint64_t syncs() const;
  uint64_t changes() const;
  // The bytes that programs see; empty when absent.
  std::string Content(const std::string& path) const;
  // Replaces them, durably: damage, or a cut.
  void SetContent(const std::string& path, std::string content);

  Result<std::unique_ptr<File>> OpenForRead(const std::string& path) override;
  Result<std::unique_ptr<File>> OpenForAppend(const std::string& path) override;
  Result<std::unique_ptr<File>> CreateExclusive(const std::string& path) override;
  Status Rename(const std::string& from, const std::string& to) override;
  Status Link(const std::string& from, const std::string& to) override;
  Status Remove(const std::string& path) override;
  Status RemoveTree(const std::string& path) override;
  Status CreateDirectories(const std::string& path) override;
  Status SyncDirectory(const std::string& path) override;
  Result<std::vector<FileInfo>> List(const std::string& path) override;
  Result<FileInfo> Stat(const std::string& path) override;

 private:
  friend class FaultyFile;
  struct Inode {
    std::string content;
    std::string durable;
    size_t same = 0;  // a prefix of this size is equal in both
    bool is_directory = false;
  };
  using Names = std::map<std::string, std::shared_ptr<Inode>>;
  // A change of names that is not synced: what the path leads to from then on, or nothing.
  struct NameChange {
    std::vector<std::pair<std::string, std::shared_ptr<Inode>>> names;  // all at once
  };

  Status Before(DiskOperation operation, const std::string& path);
  // Counts a change; whether it is the one to fail.
  Status CountLocked();
  void ChangeNamesLocked(NameChange change);
  static void Apply(const NameChange& change, Names& names);
  uint64_t UsedLocked() const;
  Status Write(Inode& inode, uint64_t generation, std::span<const Bytes> pieces, const std::string& path);

  mutable std::mutex mutex_;
  Random random_;
  Hook hook_;
  Names names_;
  Names durable_names_;
  std::vector<NameChange> unsynced_;
  uint64_t generation_ = 0;
  uint64_t capacity_ = UINT64_MAX;
  uint64_t syncs_ = 0;
  uint64_t changes_ = 0;
  uint64_t fail_at_ = 0;
  ErrorCode fail_code_ = ErrorCode::kIoError;
};

}  // namespace tarn
