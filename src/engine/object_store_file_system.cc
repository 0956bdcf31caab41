#include "engine/object_store_file_system.h"

#include <algorithm>
#include <set>

#include <duckdb/common/exception.hpp>
#include <duckdb/common/types/timestamp.hpp>

#include "engine/duckdb_access.h"

// A file being read has a reader and a position; a file being written has a writer. DuckDB wants exceptions, so this is
// the one place of ours that throws: what the store returned as an Error comes back out of DuckDB as an IOException.

namespace duckdb {
// Declared in a header of DuckDB that needs another library's.
DUCKDB_API bool Glob(const char* s, idx_t slen, const char* pattern, idx_t plen, bool allow_question_mark);
}  // namespace duckdb

namespace tarn::engine {
namespace {

[[noreturn]] void Throw(const Error& error) {
  // A full disk; DuckDB's own exception for what runs out would advise about memory.
  if (error.code() == ErrorCode::kResourceExhausted) ThrowError(error);
  throw duckdb::IOException(error.ToString());
}

void ThrowIfFailed(const Status& status) {
  if (!status.ok()) Throw(status.error());
}

class Handle final : public duckdb::FileHandle {
 public:
  Handle(duckdb::FileSystem& system, const std::string& path, duckdb::FileOpenFlags flags,
         std::unique_ptr<storage::ObjectReader> reader, std::unique_ptr<storage::ObjectWriter> writer)
      : FileHandle(system, path, flags), reader(std::move(reader)), writer(std::move(writer)) {}

  void Close() override {
    if (!writer) return;
    const auto finishing = std::move(writer);
    ThrowIfFailed(finishing->Finish());
  }

  std::unique_ptr<storage::ObjectReader> reader;
  std::unique_ptr<storage::ObjectWriter> writer;  // null once finished
  uint64_t position = 0;
};

class ObjectStoreFileSystem final : public duckdb::FileSystem {
 public:
  ObjectStoreFileSystem(std::string scheme, storage::ObjectStore& store)
      : prefix_(std::move(scheme) + "://"), store_(store) {}

  std::string GetName() const override { return "ObjectStoreFileSystem(" + prefix_ + ")"; }
  bool CanHandleFile(const std::string& path) override { return path.starts_with(prefix_); }
  bool CanSeek() override { return true; }
  bool OnDiskFile(duckdb::FileHandle&) override { return true; }
  bool IsPathAbsolute(const std::string&) override { return true; }
  std::string PathSeparator(const std::string&) override { return "/"; }

  duckdb::unique_ptr<duckdb::FileHandle> OpenFile(const std::string& path, duckdb::FileOpenFlags flags,
                                                  duckdb::optional_ptr<duckdb::FileOpener>) override {
    if (flags.OpenForWriting()) {
      auto writer = store_.OpenWriter(Key(path));
      if (!writer.ok()) Throw(writer.error());
      return duckdb::make_uniq<Handle>(*this, path, flags, nullptr, std::move(*writer));
    }
    auto reader = store_.OpenReader(Key(path));
    if (!reader.ok()) {
      if (reader.Is(ErrorCode::kNotFound) && flags.ReturnNullIfNotExists()) return nullptr;
      Throw(reader.error());
    }
    return duckdb::make_uniq<Handle>(*this, path, flags, std::move(*reader), nullptr);
  }

  void Read(duckdb::FileHandle& handle, void* buffer, int64_t bytes, duckdb::idx_t location) override {
    ThrowIfFailed(ReaderOf(handle).ReadAt(location, {static_cast<char*>(buffer), size_t(bytes)}));
  }
  int64_t Read(duckdb::FileHandle& handle, void* buffer, int64_t bytes) override {
    auto& file = handle.Cast<Handle>();
    const storage::ObjectReader& reader = ReaderOf(handle);
    const uint64_t left = reader.size() - std::min(reader.size(), file.position);
    const uint64_t count = std::min<uint64_t>(left, uint64_t(bytes));
    if (count > 0) ThrowIfFailed(reader.ReadAt(file.position, {static_cast<char*>(buffer), count}));
    file.position += count;
    return int64_t(count);
  }
  void Write(duckdb::FileHandle& handle, void* buffer, int64_t bytes, duckdb::idx_t location) override {
    if (location != WriterOf(handle).written())
      throw duckdb::NotImplementedException("objects are written from front to back: " + handle.path);
    Write(handle, buffer, bytes);
  }
  int64_t Write(duckdb::FileHandle& handle, void* buffer, int64_t bytes) override {
    ThrowIfFailed(WriterOf(handle).Append({static_cast<const char*>(buffer), size_t(bytes)}));
    return bytes;
  }
  // Durability comes with Close: nothing is visible before.
  void FileSync(duckdb::FileHandle&) override {}

  int64_t GetFileSize(duckdb::FileHandle& handle) override {
    auto& file = handle.Cast<Handle>();
    return int64_t(file.reader ? file.reader->size() : file.writer ? file.writer->written() : 0);
  }
  duckdb::timestamp_t GetLastModifiedTime(duckdb::FileHandle& handle) override {
    auto& file = handle.Cast<Handle>();
    return duckdb::timestamp_t(file.reader ? file.reader->modified() : 0);
  }
  std::string GetVersionTag(duckdb::FileHandle&) override { return ""; }
  duckdb::FileType GetFileType(duckdb::FileHandle&) override { return duckdb::FileType::FILE_TYPE_REGULAR; }
  void Seek(duckdb::FileHandle& handle, duckdb::idx_t location) override { handle.Cast<Handle>().position = location; }
  void Reset(duckdb::FileHandle& handle) override { handle.Cast<Handle>().position = 0; }
  duckdb::idx_t SeekPosition(duckdb::FileHandle& handle) override {
    auto& file = handle.Cast<Handle>();
    return file.writer ? file.writer->written() : file.position;
  }

  // Asked by COPY alone: over a file that exists it would write a second one, remove the first, and rename. An object
  // appears whole and replaces the old one at once, so COPY is told to write it directly.
  bool FileExists(const std::string&, duckdb::optional_ptr<duckdb::FileOpener>) override { return false; }
  bool IsPipe(const std::string&, duckdb::optional_ptr<duckdb::FileOpener>) override { return false; }
  void RemoveFile(const std::string& path, duckdb::optional_ptr<duckdb::FileOpener>) override {
    ThrowIfFailed(store_.Delete(Key(path)));
  }
  // Asked by a COPY that failed, to remove what it has begun. Nothing of that shows before Close, so what lies at the
  // key is older and stays.
  bool TryRemoveFile(const std::string&, duckdb::optional_ptr<duckdb::FileOpener>) override { return false; }

  // A directory needs no making; it "exists" when something lies in it.
  void CreateDirectory(const std::string&, duckdb::optional_ptr<duckdb::FileOpener>) override {}
  void CreateDirectoriesRecursive(const std::string&, duckdb::optional_ptr<duckdb::FileOpener>) override {}
  bool DirectoryExists(const std::string& path, duckdb::optional_ptr<duckdb::FileOpener>) override {
    return !Objects(Folder(path), true).empty();
  }
  bool ListFiles(const std::string& path, const std::function<void(const std::string&, bool)>& callback,
                 duckdb::FileOpener*) override {
    const std::string folder = Folder(path);
    std::set<std::string> directories;
    bool any = false;
    for (const storage::ObjectInfo& object : Objects(folder, true)) {
      any = true;
      const std::string rest = object.key.substr(folder.size());
      const size_t slash = rest.find('/');
      if (slash == rest.npos)
        callback(rest, false);
      else if (directories.insert(rest.substr(0, slash)).second)
        callback(rest.substr(0, slash), true);
    }
    return any;
  }

  duckdb::vector<duckdb::OpenFileInfo> Glob(const std::string& path, duckdb::FileOpener*) override {
    duckdb::vector<duckdb::OpenFileInfo> found;
    const std::string key = Key(path);
    const size_t wildcard = key.find_first_of("*?[");
    if (wildcard == key.npos) {
      if (Exists(path)) found.emplace_back(path);
      return found;
    }
    const size_t slash = key.rfind('/', wildcard);
    const std::string folder = slash == key.npos ? "" : key.substr(0, slash + 1);
    for (const storage::ObjectInfo& object : Objects(folder, true))
      if (Matches(object.key, key)) found.emplace_back(prefix_ + object.key);
    return found;
  }

 private:
  std::string Key(const std::string& path) const { return path.substr(prefix_.size()); }

  bool Exists(const std::string& path) {
    const auto info = store_.Head(Key(path));
    if (!info.ok() && !info.Is(ErrorCode::kNotFound)) Throw(info.error());
    return info.ok();
  }

  std::string Folder(const std::string& path) const {
    std::string folder = Key(path);
    if (!folder.empty() && folder.back() != '/') folder += '/';
    return folder;
  }

  std::vector<storage::ObjectInfo> Objects(const std::string& folder, bool recursive) {
    auto objects = store_.List(folder, "", recursive);
    if (!objects.ok()) Throw(objects.error());
    return std::move(*objects);
  }

  // Segment by segment; "**" stands for any number of segments.
  static bool Matches(std::string_view key, std::string_view pattern) {
    while (true) {
      const std::string_view part = pattern.substr(0, pattern.find('/'));
      const bool last_part = part.size() == pattern.size();
      if (part == "**") {
        if (last_part) return true;
        const std::string_view rest = pattern.substr(part.size() + 1);
        for (std::string_view tail = key;;) {
          if (Matches(tail, rest)) return true;
          const size_t slash = tail.find('/');
          if (slash == tail.npos) return false;
          tail.remove_prefix(slash + 1);
        }
      }
      const std::string_view segment = key.substr(0, key.find('/'));
      const bool last_segment = segment.size() == key.size();
      if (!duckdb::Glob(segment.data(), segment.size(), part.data(), part.size(), true)) return false;
      if (last_part || last_segment) return last_part && last_segment;
      key.remove_prefix(segment.size() + 1);
      pattern.remove_prefix(part.size() + 1);
    }
  }

  static const storage::ObjectReader& ReaderOf(duckdb::FileHandle& handle) {
    const auto& file = handle.Cast<Handle>();
    if (!file.reader) throw duckdb::IOException("not open for reading: " + handle.path);
    return *file.reader;
  }
  static storage::ObjectWriter& WriterOf(duckdb::FileHandle& handle) {
    const auto& file = handle.Cast<Handle>();
    if (!file.writer) throw duckdb::IOException("not open for writing: " + handle.path);
    return *file.writer;
  }

  const std::string prefix_;
  storage::ObjectStore& store_;
};

}  // namespace

duckdb::unique_ptr<duckdb::FileSystem> MakeObjectStoreFileSystem(const std::string& scheme,
                                                                 storage::ObjectStore& store) {
  return duckdb::make_uniq<ObjectStoreFileSystem>(scheme, store);
}

}  // namespace tarn::engine
