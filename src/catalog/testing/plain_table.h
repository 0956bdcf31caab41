#pragma once

#include <functional>
#include <memory>
#include <string>

#include "catalog/open_catalog.h"

// A table for tests of the catalog and the lake, without a format's rules: its log is one object a version, which holds
// the change. Durable, so that tests can kill the process; conflicts and lost replies on cue.

namespace tarn::catalog {

// Asked before each commit of any plain table; a failure is what the commit returns, without effect.
using CommitHook = std::function<Status(const std::string& location, const table::TableChange& change)>;

TableFactory MakePlainTableFactory(storage::ObjectStore& store, Clock& clock, CommitHook hook = nullptr);

}  // namespace tarn::catalog
