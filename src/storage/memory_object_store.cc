#include <cstring>
#include <map>
#include <mutex>

#include "storage/object_stores.h"

namespace tarn::storage {
namespace {

struct Object {
  std::shared_ptr<const std::string> content;
  Micros modified = 0;
};

class MemoryReader final : public ObjectReader {
 public:
  explicit MemoryReader(Object object) : object_(std::move(object)) {}
  uint64_t size() const override { return object_.content->size(); }
  Micros modified() const override { return object_.modified; }
  Status ReadAt(uint64_t offset, std::span<char> out) const override {
    if (offset > size() || out.size() > size() - offset)
      return Error(ErrorCode::kOutOfRange,
                   "read past the end: " + std::to_string(offset) + " + " + std::to_string(out.size()));
    std::memcpy(out.data(), object_.content->data() + offset, out.size());
    return Ok();
  }

 private:
  const Object object_;
};

class MemoryObjectStore final : public ObjectStore {
 public:
  explicit MemoryObjectStore(Clock& clock) : clock_(clock) {}

  Result<std::string> Get(const std::string& key) override {
    TARN_ASSIGN_OR_RETURN(const Object object, Find(key));
    return *object.content;
  }
  Result<ObjectInfo> Head(const std::string& key) override {
    TARN_ASSIGN_OR_RETURN(const Object object, Find(key));
    return ObjectInfo{key, object.content->size(), object.modified};
  }
  Result<std::unique_ptr<ObjectReader>> OpenReader(const std::string& key) override {
    TARN_ASSIGN_OR_RETURN(Object object, Find(key));
    return std::unique_ptr<ObjectReader>(std::make_unique<MemoryReader>(std::move(object)));
  }
  Result<std::unique_ptr<ObjectWriter>> OpenWriter(const std::string& key) override {
    TARN_TRY(CheckKey(key));
    return std::unique_ptr<ObjectWriter>(std::make_unique<Writer>(*this, key));
  }
  Status PutIfAbsent(const std::string& key, std::string_view content) override {
    TARN_TRY(CheckKey(key));
    std::lock_guard lock(mutex_);
    if (objects_.contains(key)) return Error(ErrorCode::kConflict, key + " exists");
    objects_[key] = {std::make_shared<const std::string>(content), clock_.Now()};
    return Ok();
  }
  Status Put(const std::string& key, std::string_view content) override {
    TARN_TRY(CheckKey(key));
    std::lock_guard lock(mutex_);
    objects_[key] = {std::make_shared<const std::string>(content), clock_.Now()};
    return Ok();
  }
  Status Delete(const std::string& key) override {
    TARN_TRY(CheckKey(key));
    std::lock_guard lock(mutex_);
    objects_.erase(key);
    return Ok();
  }
  Result<std::vector<ObjectInfo>> List(const std::string& prefix, const std::string& start_after,
                                       bool recursive) override {
    TARN_TRY(CheckPrefix(prefix));
    std::vector<ObjectInfo> found;
    std::lock_guard lock(mutex_);
    for (auto it = objects_.lower_bound(std::max(prefix, start_after));
         it != objects_.end() && it->first.starts_with(prefix); ++it) {
      if (it->first <= start_after) continue;
      if (!recursive && it->first.find('/', prefix.size()) != std::string::npos) continue;
      found.push_back({it->first, it->second.content->size(), it->second.modified});
    }
    return found;
  }
  std::string Location(const std::string& key) const override { return "memory://" + key; }

 private:
  class Writer final : public ObjectWriter {
   public:
    Writer(MemoryObjectStore& store, std::string key) : store_(store), key_(std::move(key)) {}
    Status Append(std::string_view data) override {
      content_ += data;
      return Ok();
    }
    Status Finish() override { return store_.Put(key_, content_); }
    uint64_t written() const override { return content_.size(); }

   private:
    MemoryObjectStore& store_;
    const std::string key_;
    std::string content_;
  };

  Result<Object> Find(const std::string& key) {
    TARN_TRY(CheckKey(key));
    std::lock_guard lock(mutex_);
    const auto found = objects_.find(key);
    if (found == objects_.end()) return Error(ErrorCode::kNotFound, "no object " + key);
    return found->second;
  }

  Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, Object> objects_;
};

}  // namespace

std::unique_ptr<ObjectStore> MakeMemoryObjectStore(Clock& clock) {
  return std::make_unique<MemoryObjectStore>(clock);
}

}  // namespace tarn::storage
