#include "storage/testing/faulty_object_store.h"

#include "storage/object_stores.h"

namespace tarn::storage::testing {
namespace {

constexpr uint64_t kDelayMax = 12;  // operations until a late write lands

Error Unknown() {
  return Error(ErrorCode::kOutcomeUnknown, "injected: no reply");
}

}  // namespace

// Gathers the object, and writes it when it is finished.
class FaultyObjectStore::Writer final : public ObjectWriter {
 public:
  Writer(FaultyObjectStore& store, std::string key) : store_(store), key_(std::move(key)) {}
  Status Append(std::string_view data) override {
    TARN_TRY(store_.Begin());
    content_ += data;
    return Ok();
  }
  Status Finish() override { return store_.Put(key_, content_); }
  uint64_t written() const override { return content_.size(); }

 private:
  FaultyObjectStore& store_;
  const std::string key_;
  std::string content_;
};

void FaultyObjectStore::SetFaults(const ObjectStoreFaults& faults) {
  std::lock_guard lock(mutex_);
  faults_ = faults;
}

void FaultyObjectStore::Settle() {
  LandDue(UINT64_MAX);
}

uint64_t FaultyObjectStore::injected() const {
  std::lock_guard lock(mutex_);
  return injected_;
}

void FaultyObjectStore::LandDue(uint64_t operation) {
  std::list<Pending> due;
  {
    std::lock_guard lock(mutex_);
    for (auto it = pending_.begin(); it != pending_.end();) {
      const auto next = std::next(it);
      if (it->due <= operation) due.splice(due.end(), pending_, it);
      it = next;
    }
  }
  for (const Pending& pending : due) pending.write();
}

Status FaultyObjectStore::Begin() {
  uint64_t operation = 0;
  bool fails = false;
  {
    std::lock_guard lock(mutex_);
    operation = ++operations_;
    fails = random_.Chance(faults_.unavailable);
    injected_ += fails;
  }
  LandDue(operation);
  if (fails) return Error(ErrorCode::kUnavailable, "injected: unavailable");
  return Ok();
}

Status FaultyObjectStore::Write(const std::function<Status()>& write, bool takes_space) {
  TARN_TRY(Begin());
  bool lost = false;
  {
    std::lock_guard lock(mutex_);
    if (faults_.disk_full && takes_space) {
      ++injected_;
      return Error(ErrorCode::kResourceExhausted, "injected: disk full");
    }
    const bool late = random_.Chance(faults_.late), duplicated = random_.Chance(faults_.duplicated);
    lost = random_.Chance(faults_.lost_reply);
    injected_ += late || duplicated || lost;
    // What the write finds when it lands, nobody is told.
    if (late || duplicated)
      pending_.push_back({.due = operations_ + 1 + random_.Below(kDelayMax), .write = [write] { (void)write(); }});
    if (late) return Unknown();
  }
  Status written = write();
  if (lost) return Unknown();
  return written;
}

Result<std::string> FaultyObjectStore::Get(const std::string& key) {
  TARN_TRY(Begin());
  return base_.Get(key);
}

Result<ObjectInfo> FaultyObjectStore::Head(const std::string& key) {
  TARN_TRY(Begin());
  return base_.Head(key);
}

Result<std::unique_ptr<ObjectReader>> FaultyObjectStore::OpenReader(const std::string& key) {
  TARN_TRY(Begin());
  return base_.OpenReader(key);
}

Result<std::unique_ptr<ObjectWriter>> FaultyObjectStore::OpenWriter(const std::string& key) {
  TARN_TRY(CheckKey(key));
  TARN_TRY(Begin());
  return std::unique_ptr<ObjectWriter>(std::make_unique<Writer>(*this, key));
}

Status FaultyObjectStore::PutIfAbsent(const std::string& key, std::string_view content) {
  TARN_TRY(CheckKey(key));
  return Write([this, key, content = std::string(content)] { return base_.PutIfAbsent(key, content); }, true);
}

Status FaultyObjectStore::Put(const std::string& key, std::string_view content) {
  TARN_TRY(CheckKey(key));
  return Write([this, key, content = std::string(content)] { return base_.Put(key, content); }, true);
}

Status FaultyObjectStore::Delete(const std::string& key) {
  TARN_TRY(CheckKey(key));
  return Write([this, key] { return base_.Delete(key); }, false);
}

Result<std::vector<ObjectInfo>> FaultyObjectStore::List(const std::string& prefix, const std::string& start_after,
                                                        bool recursive) {
  TARN_TRY(Begin());
  return base_.List(prefix, start_after, recursive);
}

}  // namespace tarn::storage::testing
