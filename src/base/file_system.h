#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

// The seam to the disk: the partition log and the local object store do all their I/O through it, so that a test can
// fail, tear or delay any of it (base/testing/faulty_file_system.h).

namespace tarn {

using Bytes = std::span<const char>;

// One open file. Thread-compatible, but ReadAt may run beside anything. Closing is the destructor's and loses unsynced
// data like a crash may: Sync first.
class File {
 public:
  virtual ~File() = default;
  // Reads up to out.size() bytes at `offset`; fewer only at the end of the file.
  virtual Result<size_t> ReadAt(uint64_t offset, std::span<char> out) const = 0;
  // Writes all of `data` at the end. On failure any prefix of it may have been written. kResourceExhausted: disk full.
  virtual Status Append(Bytes data) = 0;
  // Appends several pieces as one write where the system can.
  virtual Status AppendAll(std::span<const Bytes> pieces) = 0;
  // fdatasync: what was written survives a power cut. After a failure the file must not be written again: the kernel
  // may have dropped the dirty pages and report success the next time.
  virtual Status Sync() = 0;
  virtual Status Truncate(uint64_t size) = 0;
  virtual Result<uint64_t> Size() const = 0;
  // A descriptor for sendfile, or -1 where there is none. Valid as long as the file is open.
  virtual int Descriptor() const { return -1; }
};

struct FileInfo {
  std::string name;  // within its directory
  uint64_t size = 0;
  Micros modified = 0;
  bool is_directory = false;
};

// Thread-safe. Paths are absolute or relative to the working directory.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  // kNotFound.
  virtual Result<std::unique_ptr<File>> OpenForRead(const std::string& path) = 0;
  // Opens for reading and appending; creates it when absent.
  virtual Result<std::unique_ptr<File>> OpenForAppend(const std::string& path) = 0;
  // kAlreadyExists.
  virtual Result<std::unique_ptr<File>> CreateExclusive(const std::string& path) = 0;
  // Replaces `to` atomically.
  virtual Status Rename(const std::string& from, const std::string& to) = 0;
  // Gives `from` a second name; never replaces: kAlreadyExists.
  virtual Status Link(const std::string& from, const std::string& to) = 0;
  // kNotFound.
  virtual Status Remove(const std::string& path) = 0;
  // Removes a directory and all below it; success when absent.
  virtual Status RemoveTree(const std::string& path) = 0;
  virtual Status CreateDirectories(const std::string& path) = 0;
  // Makes creations, renames and removals of names in `path` survive a power cut.
  virtual Status SyncDirectory(const std::string& path) = 0;
  // Entries in no order, without . and ..; kNotFound.
  virtual Result<std::vector<FileInfo>> List(const std::string& path) = 0;
  // kNotFound.
  virtual Result<FileInfo> Stat(const std::string& path) = 0;
};

// The machine's file system (POSIX). Lives as long as the process.
FileSystem& PosixFileSystem();

// Reads a whole file. kNotFound; kResourceExhausted when it is larger than `limit`.
Result<std::string> ReadFile(FileSystem& fs, const std::string& path, uint64_t limit = uint64_t(1) << 30);

// Replaces `path` atomically and durably: temporary file, sync, rename, sync of the folder.
Status WriteFileDurably(FileSystem& fs, const std::string& path, std::string_view content);

// "a/b" of "a/b/c"; "." where there is no slash.
std::string ParentPath(std::string_view path);

}  // namespace tarn
