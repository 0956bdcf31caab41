#pragma once

#include <string>

#include "base/result.h"
#include "engine/database.h"
#include "stream/stream.h"
#include "table/table.h"

namespace tarn::stream {

// kInvalidArgument: what is wrong with the options in themselves.
Status CheckOptions(const StreamOptions& options);

// Binds the model over the relation `batch` of this connection and fits its columns to the table's. The SELECT gives
// the table's columns with their types. kInvalidArgument: the SQL, or the column that does not fit.
Result<std::string> PlanModel(engine::Connection& connection, const StreamOptions& options,
                              const table::Snapshot& snapshot);

}  // namespace tarn::stream
