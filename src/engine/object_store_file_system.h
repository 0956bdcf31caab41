#pragma once

#include <memory>
#include <string>

#include <duckdb/common/file_system.hpp>

#include "storage/object_store.h"

namespace tarn::engine {

// The object store as a DuckDB file system under "<scheme>://": reads are ranged, a written file is durable and becomes
// visible when DuckDB closes it, and one that is not closed leaves nothing. Directories exist by name only. The store
// outlives it. Thread-safe.
duckdb::unique_ptr<duckdb::FileSystem> MakeObjectStoreFileSystem(const std::string& scheme,
                                                                 storage::ObjectStore& store);

}  // namespace tarn::engine
