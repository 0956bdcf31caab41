#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

// Where tables live: objects under slash-separated keys, written whole, made visible at once, durable when the call
// returns.

namespace tarn::storage {

struct ObjectInfo {
  std::string key;
  uint64_t size = 0;
  Micros modified = 0;
};

// Random access to one object. Sees the object as it was when opened. ReadAt is thread-safe.
class ObjectReader {
 public:
  virtual ~ObjectReader() = default;
  virtual uint64_t size() const = 0;
  virtual Micros modified() const = 0;
  // Fills `out` completely. kOutOfRange past the end; kCorruption when the object was replaced or cut underneath.
  virtual Status ReadAt(uint64_t offset, std::span<char> out) const = 0;
};

// Writes one new object piece by piece. Nothing is visible before Finish; without it the destructor leaves nothing
// behind (a crash may leave a temporary object, which List never shows). Thread-compatible.
class ObjectWriter {
 public:
  virtual ~ObjectWriter() = default;
  virtual Status Append(std::string_view data) = 0;
  // Makes the object durable, then visible, replacing an older one of that key. kOutcomeUnknown: it may be there.
  // After any failure the writer is of no more use.
  virtual Status Finish() = 0;
  virtual uint64_t written() const = 0;
};

// Thread-safe. Keys are relative ("lake/sales/orders/_delta_log/00000000000000000000.json"), without empty, "." or ".."
// segments: kInvalidArgument otherwise, before any I/O. Every failure may also be kUnavailable (nothing happened) or
// kIoError.
class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  // kNotFound.
  virtual Result<std::string> Get(const std::string& key) = 0;
  // kNotFound.
  virtual Result<ObjectInfo> Head(const std::string& key) = 0;
  // kNotFound.
  virtual Result<std::unique_ptr<ObjectReader>> OpenReader(const std::string& key) = 0;
  virtual Result<std::unique_ptr<ObjectWriter>> OpenWriter(const std::string& key) = 0;

  // Creates the object durably; of several callers exactly one wins. kConflict: it exists, and this call did not make
  // it; kOutcomeUnknown: read it back to learn whose it is. After a failure of another kind nothing is there of this
  // call.
  virtual Status PutIfAbsent(const std::string& key, std::string_view content) = 0;
  // Creates or replaces the object, atomically and durably. kOutcomeUnknown.
  virtual Status Put(const std::string& key, std::string_view content) = 0;
  // Removes the object; success when it is absent.
  virtual Status Delete(const std::string& key) = 0;

  // Objects whose key starts with `prefix` (ends with '/' or is empty) and sorts after `start_after`, in byte order of
  // keys. `recursive` false: only those directly below the prefix. An absent prefix is an empty list.
  virtual Result<std::vector<ObjectInfo>> List(const std::string& prefix, const std::string& start_after = "",
                                               bool recursive = true) = 0;

  // Where an object is for other programs: an absolute path of a local store, a URL of a remote one.
  virtual std::string Location(const std::string& key) const = 0;
};

}  // namespace tarn::storage
