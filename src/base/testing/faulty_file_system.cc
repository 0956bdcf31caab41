#include "base/testing/faulty_file_system.h"

#include <algorithm>
#include <set>

namespace tarn {
namespace {

Error NotFound(const std::string& path) {
  return Error(ErrorCode::kNotFound, path + ": no such file");
}

bool IsBelow(const std::string& path, const std::string& directory) {
  return path.size() > directory.size() && path.starts_with(directory) && path[directory.size()] == '/';
}

}  // namespace

class FaultyFile final : public File {
 public:
  FaultyFile(FaultyFileSystem& fs, std::shared_ptr<FaultyFileSystem::Inode> inode, std::string path,
             uint64_t generation)
      : fs_(fs), inode_(std::move(inode)), path_(std::move(path)), generation_(generation) {}

  Result<size_t> ReadAt(uint64_t offset, std::span<char> out) const override {
    TARN_TRY(fs_.Before(DiskOperation::kRead, path_));
    std::lock_guard lock(fs_.mutex_);
    TARN_TRY(AliveLocked());
    if (offset >= inode_->content.size()) return size_t(0);
    return inode_->content.copy(out.data(), out.size(), offset);
  }
  Status Append(Bytes data) override { return AppendAll({&data, 1}); }
  Status AppendAll(std::span<const Bytes> pieces) override {
    TARN_TRY(fs_.Before(DiskOperation::kWrite, path_));
    return fs_.Write(*inode_, generation_, pieces, path_);
  }
  Status Sync() override {
    TARN_TRY(fs_.Before(DiskOperation::kSync, path_));
    std::lock_guard lock(fs_.mutex_);
    TARN_TRY(AliveLocked());
    TARN_TRY(fs_.CountLocked());
    ++fs_.syncs_;
    inode_->durable.resize(inode_->same);
    inode_->durable.append(inode_->content, inode_->same);
    inode_->same = inode_->content.size();
    return Ok();
  }
  Status Truncate(uint64_t size) override {
    TARN_TRY(fs_.Before(DiskOperation::kTruncate, path_));
    std::lock_guard lock(fs_.mutex_);
    TARN_TRY(AliveLocked());
    TARN_TRY(fs_.CountLocked());
    inode_->content.resize(size);
    inode_->same = std::min<size_t>(inode_->same, size);
    return Ok();
  }
  Result<uint64_t> Size() const override {
    std::lock_guard lock(fs_.mutex_);
    TARN_TRY(AliveLocked());
    return uint64_t(inode_->content.size());
  }

 private:
  Status AliveLocked() const {
    if (fs_.generation_ != generation_) return Error(ErrorCode::kIoError, path_ + ": opened before the power went off");
    return Ok();
  }

  FaultyFileSystem& fs_;
  const std::shared_ptr<FaultyFileSystem::Inode> inode_;
  const std::string path_;
  const uint64_t generation_;
};

void FaultyFileSystem::SetHook(Hook hook) {
  std::lock_guard lock(mutex_);
  hook_ = std::move(hook);
}

void FaultyFileSystem::FailChange(uint64_t n, ErrorCode code) {
  std::lock_guard lock(mutex_);
  fail_at_ = changes_ + n;
  fail_code_ = code;
}

void FaultyFileSystem::SetCapacity(uint64_t bytes) {
  std::lock_guard lock(mutex_);
  capacity_ = bytes;
}

uint64_t FaultyFileSystem::syncs() const {
  std::lock_guard lock(mutex_);
  return syncs_;
}

uint64_t FaultyFileSystem::changes() const {
  std::lock_guard lock(mutex_);
  return changes_;
}

std::string FaultyFileSystem::Content(const std::string& path) const {
  std::lock_guard lock(mutex_);
  const auto found = names_.find(path);
  return found == names_.end() ? "" : found->second->content;
}

void FaultyFileSystem::SetContent(const std::string& path, std::string content) {
  std::lock_guard lock(mutex_);
  auto inode = std::make_shared<Inode>(Inode{content, content, content.size(), false});
  names_[path] = durable_names_[path] = std::move(inode);
}

Status FaultyFileSystem::Before(DiskOperation operation, const std::string& path) {
  Hook hook;
  {
    std::lock_guard lock(mutex_);
    hook = hook_;
  }
  return hook ? hook(operation, path) : Ok();
}

Status FaultyFileSystem::CountLocked() {
  if (++changes_ != fail_at_) return Ok();
  return Error(fail_code_, "change " + std::to_string(changes_) + " of the disk fails");
}

uint64_t FaultyFileSystem::UsedLocked() const {
  uint64_t used = 0;
  std::set<const Inode*> counted;
  for (const auto& [path, inode] : names_)
    if (counted.insert(inode.get()).second) used += inode->content.size();
  return used;
}

Status FaultyFileSystem::Write(Inode& inode, uint64_t generation, std::span<const Bytes> pieces,
                               const std::string& path) {
  std::lock_guard lock(mutex_);
  if (generation != generation_) return Error(ErrorCode::kIoError, path + ": opened before the power went off");
  std::string data;
  for (const Bytes piece : pieces) data.append(piece.data(), piece.size());
  if (const Status counted = CountLocked(); !counted.ok()) {
    inode.content.append(data, 0, random_.Below(data.size() + 1));
    return counted;
  }
  if (capacity_ != UINT64_MAX) {
    const uint64_t used = UsedLocked();
    const uint64_t room = used < capacity_ ? capacity_ - used : 0;
    if (room < data.size()) {
      inode.content.append(data, 0, room);
      return Error(ErrorCode::kResourceExhausted, "writing " + path + ": no space left");
    }
  }
  inode.content.append(data);
  return Ok();
}

void FaultyFileSystem::Apply(const NameChange& change, Names& names) {
  for (const auto& [path, inode] : change.names) {
    if (inode)
      names[path] = inode;
    else
      names.erase(path);
  }
}

void FaultyFileSystem::ChangeNamesLocked(NameChange change) {
  Apply(change, names_);
  unsynced_.push_back(std::move(change));
}

void FaultyFileSystem::Crash(bool tails) {
  std::lock_guard lock(mutex_);
  ++generation_;
  const uint64_t survive = random_.Below(unsynced_.size() + 1);
  for (uint64_t i = 0; i < survive; ++i) Apply(unsynced_[i], durable_names_);
  unsynced_.clear();
  names_ = durable_names_;
  for (auto& [path, inode] : names_) {
    const std::string lost = inode->content.substr(std::min(inode->same, inode->content.size()));
    std::string content = inode->durable;
    if (tails && inode->same == inode->durable.size() && !lost.empty()) {
      content.append(lost, 0, random_.Below(lost.size() + 1));
      // Pages reach the disk in any order: one may be missing before one that came.
      if (content.size() > inode->same && random_.Chance(0.5)) {
        const size_t from = inode->same + random_.Below(content.size() - inode->same);
        const size_t size = std::min<size_t>(content.size() - from, 1 + random_.Below(4096));
        std::fill_n(content.begin() + std::ptrdiff_t(from), size, '\0');
      }
    }
    inode->content = inode->durable = std::move(content);
    inode->same = inode->content.size();
  }
}

Result<std::unique_ptr<File>> FaultyFileSystem::OpenForRead(const std::string& path) {
  std::lock_guard lock(mutex_);
  const auto found = names_.find(path);
  if (found == names_.end() || found->second->is_directory) return NotFound(path);
  return std::unique_ptr<File>(std::make_unique<FaultyFile>(*this, found->second, path, generation_));
}

Result<std::unique_ptr<File>> FaultyFileSystem::OpenForAppend(const std::string& path) {
  auto created = CreateExclusive(path);
  return created.Is(ErrorCode::kAlreadyExists) ? OpenForRead(path) : std::move(created);
}

Result<std::unique_ptr<File>> FaultyFileSystem::CreateExclusive(const std::string& path) {
  {
    std::lock_guard lock(mutex_);
    if (names_.contains(path)) return Error(ErrorCode::kAlreadyExists, path + " exists");
  }
  TARN_TRY(Before(DiskOperation::kCreate, path));
  std::lock_guard lock(mutex_);
  const std::string parent = ParentPath(path);
  const auto directory = names_.find(parent);
  if (parent != "/" && parent != "." && (directory == names_.end() || !directory->second->is_directory))
    return NotFound(parent);
  TARN_TRY(CountLocked());
  auto inode = std::make_shared<Inode>();
  ChangeNamesLocked({{{path, inode}}});
  return std::unique_ptr<File>(std::make_unique<FaultyFile>(*this, std::move(inode), path, generation_));
}

Status FaultyFileSystem::Rename(const std::string& from, const std::string& to) {
  TARN_TRY(Before(DiskOperation::kRename, to));
  std::lock_guard lock(mutex_);
  const auto found = names_.find(from);
  if (found == names_.end()) return NotFound(from);
  TARN_TRY(CountLocked());
  ChangeNamesLocked({{{to, found->second}, {from, nullptr}}});
  return Ok();
}

Status FaultyFileSystem::Link(const std::string& from, const std::string& to) {
  TARN_TRY(Before(DiskOperation::kCreate, to));
  std::lock_guard lock(mutex_);
  const auto found = names_.find(from);
  if (found == names_.end()) return NotFound(from);
  if (names_.contains(to)) return Error(ErrorCode::kAlreadyExists, to + " exists");
  TARN_TRY(CountLocked());
  ChangeNamesLocked({{{to, found->second}}});
  return Ok();
}

Status FaultyFileSystem::Remove(const std::string& path) {
  TARN_TRY(Before(DiskOperation::kRemove, path));
  std::lock_guard lock(mutex_);
  if (!names_.contains(path)) return NotFound(path);
  TARN_TRY(CountLocked());
  ChangeNamesLocked({{{path, nullptr}}});
  return Ok();
}

Status FaultyFileSystem::RemoveTree(const std::string& path) {
  TARN_TRY(Before(DiskOperation::kRemove, path));
  std::lock_guard lock(mutex_);
  std::vector<std::string> below;
  for (const auto& [name, inode] : names_)
    if (name == path || IsBelow(name, path)) below.push_back(name);
  if (below.empty()) return Ok();
  TARN_TRY(CountLocked());
  // One name after the other, the folder last: a crash may leave a part.
  for (auto name = below.rbegin(); name != below.rend(); ++name) ChangeNamesLocked({{{*name, nullptr}}});
  return Ok();
}

Status FaultyFileSystem::CreateDirectories(const std::string& path) {
  TARN_TRY(Before(DiskOperation::kCreate, path));
  std::lock_guard lock(mutex_);
  for (size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    const std::string part = path.substr(0, slash);
    if (!names_.contains(part)) {
      TARN_TRY(CountLocked());
      ChangeNamesLocked({{{part, std::make_shared<Inode>(Inode{.is_directory = true})}}});
    }
    if (slash == path.npos) return Ok();
  }
}

Status FaultyFileSystem::SyncDirectory(const std::string& path) {
  TARN_TRY(Before(DiskOperation::kSyncDirectory, path));
  std::lock_guard lock(mutex_);
  if (path != "/" && path != "." && !names_.contains(path)) return NotFound(path);
  TARN_TRY(CountLocked());
  // A journal commits in order: what came before in other folders goes along.
  size_t last = 0;
  for (size_t i = 0; i < unsynced_.size(); ++i)
    for (const auto& [name, inode] : unsynced_[i].names)
      if (ParentPath(name) == path) last = i + 1;
  for (size_t i = 0; i < last; ++i) Apply(unsynced_[i], durable_names_);
  unsynced_.erase(unsynced_.begin(), unsynced_.begin() + std::ptrdiff_t(last));
  return Ok();
}

Result<std::vector<FileInfo>> FaultyFileSystem::List(const std::string& path) {
  std::lock_guard lock(mutex_);
  if (!names_.contains(path)) return NotFound(path);
  std::vector<FileInfo> entries;
  for (const auto& [name, inode] : names_)
    if (IsBelow(name, path) && ParentPath(name) == path)
      entries.push_back({name.substr(path.size() + 1), inode->content.size(), 0, inode->is_directory});
  return entries;
}

Result<FileInfo> FaultyFileSystem::Stat(const std::string& path) {
  std::lock_guard lock(mutex_);
  const auto found = names_.find(path);
  if (found == names_.end()) return NotFound(path);
  return FileInfo{path.substr(path.rfind('/') + 1), found->second->content.size(), 0, found->second->is_directory};
}

}  // namespace tarn
