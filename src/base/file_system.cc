#include "base/file_system.h"

#include <limits.h>
#include <cerrno>
#include <cstring>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

namespace tarn {
namespace {

Error Failure(std::string_view doing, const std::string& path, int number = errno) {
  ErrorCode code = ErrorCode::kIoError;
  if (number == ENOENT)
    code = ErrorCode::kNotFound;
  else if (number == EEXIST)
    code = ErrorCode::kAlreadyExists;
  else if (number == ENOSPC || number == EDQUOT || number == EMFILE || number == ENFILE)
    code = ErrorCode::kResourceExhausted;
  else if (number == EACCES || number == EPERM || number == EROFS)
    code = ErrorCode::kPermissionDenied;
  return Error(code, std::string(doing) + " " + path + ": " + std::strerror(number));
}

template <typename Call>
auto Retried(Call call) {
  decltype(call()) result;
  do result = call();
  while (result < 0 && errno == EINTR);
  return result;
}

class PosixFile final : public File {
 public:
  PosixFile(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  ~PosixFile() override { ::close(descriptor_); }

  Result<size_t> ReadAt(uint64_t offset, std::span<char> out) const override {
    size_t done = 0;
    while (done < out.size()) {
      const ssize_t n =
          Retried([&] { return ::pread(descriptor_, out.data() + done, out.size() - done, off_t(offset + done)); });
      if (n < 0) return Failure("reading", path_);
      if (n == 0) break;
      done += size_t(n);
    }
    return done;
  }

  Status Append(Bytes data) override { return AppendAll({&data, 1}); }

  Status AppendAll(std::span<const Bytes> pieces) override {
    std::vector<iovec> parts;
    for (const Bytes piece : pieces)
      if (!piece.empty()) parts.push_back({const_cast<char*>(piece.data()), piece.size()});
    size_t next = 0;
    while (next < parts.size()) {
      const int count = int(std::min<size_t>(parts.size() - next, IOV_MAX));
      ssize_t n = Retried([&] { return ::writev(descriptor_, parts.data() + next, count); });
      if (n < 0) return Failure("writing", path_);
      while (next < parts.size() && size_t(n) >= parts[next].iov_len) n -= ssize_t(parts[next++].iov_len);
      if (n > 0) {
        parts[next].iov_base = static_cast<char*>(parts[next].iov_base) + n;
        parts[next].iov_len -= size_t(n);
      }
    }
    return Ok();
  }

  Status Sync() override {
    if (Retried([&] { return ::fdatasync(descriptor_); }) < 0) return Failure("syncing", path_);
    return Ok();
  }

  Status Truncate(uint64_t size) override {
    if (Retried([&] { return ::ftruncate(descriptor_, off_t(size)); }) < 0) return Failure("truncating", path_);
    return Ok();
  }

  Result<uint64_t> Size() const override {
    struct stat info;
    if (::fstat(descriptor_, &info) < 0) return Failure("examining", path_);
    return uint64_t(info.st_size);
  }

  int Descriptor() const override { return descriptor_; }

 private:
  const int descriptor_;
  const std::string path_;
};

FileInfo ToInfo(std::string name, const struct stat& info) {
  return {std::move(name), uint64_t(info.st_size),
          Micros(info.st_mtim.tv_sec) * 1'000'000 + info.st_mtim.tv_nsec / 1000, S_ISDIR(info.st_mode)};
}

class Posix final : public FileSystem {
 public:
  Result<std::unique_ptr<File>> OpenForRead(const std::string& path) override {
    return Open(path, O_RDONLY, "opening");
  }
  Result<std::unique_ptr<File>> OpenForAppend(const std::string& path) override {
    return Open(path, O_RDWR | O_APPEND | O_CREAT, "opening");
  }
  Result<std::unique_ptr<File>> CreateExclusive(const std::string& path) override {
    return Open(path, O_RDWR | O_APPEND | O_CREAT | O_EXCL, "creating");
  }
  Status Rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) < 0) return Failure("renaming to", to);
    return Ok();
  }
  Status Link(const std::string& from, const std::string& to) override {
    if (::link(from.c_str(), to.c_str()) < 0) return Failure("linking", to);
    return Ok();
  }
  Status Remove(const std::string& path) override {
    if (::unlink(path.c_str()) < 0 && (errno != EISDIR || ::rmdir(path.c_str()) < 0)) return Failure("removing", path);
    return Ok();
  }
  Status RemoveTree(const std::string& path) override {
    std::error_code error;
    std::filesystem::remove_all(path, error);
    if (error) return Failure("removing", path, error.value());
    return Ok();
  }
  Status CreateDirectories(const std::string& path) override {
    std::error_code error;
    std::filesystem::create_directories(path, error);
    if (error) return Failure("creating directory", path, error.value());
    return Ok();
  }
  Status SyncDirectory(const std::string& path) override {
    const int descriptor = Retried([&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
    if (descriptor < 0) return Failure("opening directory", path);
    const int synced = Retried([&] { return ::fsync(descriptor); });
    const Status status = synced < 0 ? Status(Failure("syncing directory", path)) : Ok();
    ::close(descriptor);
    return status;
  }
  Result<std::vector<FileInfo>> List(const std::string& path) override {
    DIR* directory = ::opendir(path.c_str());
    if (directory == nullptr) return Failure("listing", path);
    std::vector<FileInfo> entries;
    while (const dirent* entry = ::readdir(directory)) {
      const std::string name = entry->d_name;
      struct stat info;
      if (name == "." || name == "..") continue;
      // An entry that vanished in between is not listed.
      if (::fstatat(::dirfd(directory), entry->d_name, &info, 0) == 0) entries.push_back(ToInfo(name, info));
    }
    ::closedir(directory);
    return entries;
  }
  Result<FileInfo> Stat(const std::string& path) override {
    struct stat info;
    if (::stat(path.c_str(), &info) < 0) return Failure("examining", path);
    return ToInfo(path.substr(path.rfind('/') + 1), info);
  }

 private:
  static Result<std::unique_ptr<File>> Open(const std::string& path, int flags, std::string_view doing) {
    const int descriptor = Retried([&] { return ::open(path.c_str(), flags | O_CLOEXEC, 0644); });
    if (descriptor < 0) return Failure(doing, path);
    return std::unique_ptr<File>(std::make_unique<PosixFile>(descriptor, path));
  }
};

}  // namespace

FileSystem& PosixFileSystem() {
  static Posix fs;
  return fs;
}

Result<std::string> ReadFile(FileSystem& fs, const std::string& path, uint64_t limit) {
  TARN_ASSIGN_OR_RETURN(const auto file, fs.OpenForRead(path));
  TARN_ASSIGN_OR_RETURN(const uint64_t size, file->Size());
  if (size > limit)
    return Error(ErrorCode::kResourceExhausted,
                 "reading " + path + ": " + std::to_string(size) + " bytes, the limit is " + std::to_string(limit));
  std::string content(size, '\0');
  TARN_ASSIGN_OR_RETURN(const size_t read, file->ReadAt(0, content));
  content.resize(read);
  return content;
}

Status WriteFileDurably(FileSystem& fs, const std::string& path, std::string_view content) {
  const std::string temporary = path + ".tmp";
  if (const Status removed = fs.Remove(temporary); !removed.ok() && !removed.Is(ErrorCode::kNotFound)) return removed;
  {
    TARN_ASSIGN_OR_RETURN(const auto file, fs.CreateExclusive(temporary));
    TARN_TRY(file->Append(content));
    TARN_TRY(file->Sync());
  }
  TARN_TRY(fs.Rename(temporary, path));
  return fs.SyncDirectory(ParentPath(path));
}

std::string ParentPath(std::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash == path.npos) return ".";
  return slash == 0 ? "/" : std::string(path.substr(0, slash));
}

}  // namespace tarn
