#pragma once

#include <memory>
#include <string>

#include "base/file_system.h"
#include "storage/object_store.h"

// The object stores that come with Tarn.

namespace tarn::storage {

// Objects as files below `root` (an absolute path, created when absent). Temporary files are named ".tmp-…" and never
// listed; those that a crash left are removed when their folder is next written. `file_system` outlives the store.
// kFailedPrecondition: the folder does not refuse a second creation of one name, so commits would not be safe on it.
Result<std::unique_ptr<ObjectStore>> OpenLocalObjectStore(FileSystem& file_system, const std::string& root);

// Objects in memory: for tests and throw-away work. `clock` outlives the store.
std::unique_ptr<ObjectStore> MakeMemoryObjectStore(Clock& clock);

// kInvalidArgument unless `key` is relative, at most 1024 bytes, without NUL, and without segments that are empty, "."
// or
// ".." or begin like a temporary file's. Every store asks this before any I/O.
Status CheckKey(const std::string& key);
// The same for the prefix of a listing: empty, or a key and '/'.
Status CheckPrefix(const std::string& prefix);

}  // namespace tarn::storage
