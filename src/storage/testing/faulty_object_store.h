#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <mutex>

#include "base/random.h"
#include "storage/object_store.h"

namespace tarn::storage::testing {

// How likely each fault is, for one operation. A write is PutIfAbsent, Put, Delete, or an ObjectWriter's Finish.
struct ObjectStoreFaults {
  double unavailable = 0;  // of any operation: nothing happens, kUnavailable
  double lost_reply = 0;   // of a write: it happens, kOutcomeUnknown
  double late = 0;         // of a write: kOutcomeUnknown, and it happens some operations later
  double duplicated = 0;   // of a write: it happens, and once more some operations later
  bool disk_full = false;  // every write but Delete: nothing happens, kResourceExhausted
};

// A store behind a bad network: what it does is within ObjectStore's contract, and as unpleasant as that allows.
// Thread-safe; the same seed and the same order of operations give the same faults.
class FaultyObjectStore final : public ObjectStore {
 public:
  // Without faults until told otherwise. `base` outlives it.
  FaultyObjectStore(ObjectStore& base, uint64_t seed) : base_(base), random_(seed) {}

  void SetFaults(const ObjectStoreFaults& faults);
  // All writes that are still on their way land now.
  void Settle();
  // Faults so far.
  uint64_t injected() const;

  Result<std::string> Get(const std::string& key) override;
  Result<ObjectInfo> Head(const std::string& key) override;
  Result<std::unique_ptr<ObjectReader>> OpenReader(const std::string& key) override;
  Result<std::unique_ptr<ObjectWriter>> OpenWriter(const std::string& key) override;
  Status PutIfAbsent(const std::string& key, std::string_view content) override;
  Status Put(const std::string& key, std::string_view content) override;
  Status Delete(const std::string& key) override;
  Result<std::vector<ObjectInfo>> List(const std::string& prefix, const std::string& start_after = "",
                                       bool recursive = true) override;
  std::string Location(const std::string& key) const override { return base_.Location(key); }

 private:
  class Writer;
  struct Pending {
    uint64_t due = 0;  // operation
    std::function<void()> write;
  };

  // Lets writes land that are due, and fails the operation that begins here, perhaps.
  Status Begin();
  Status Write(const std::function<Status()>& write, bool takes_space);
  void LandDue(uint64_t operation);

  ObjectStore& base_;
  mutable std::mutex mutex_;  // guards what follows
  Random random_;
  ObjectStoreFaults faults_;
  uint64_t operations_ = 0, injected_ = 0;
  std::list<Pending> pending_;
};

}  // namespace tarn::storage::testing
