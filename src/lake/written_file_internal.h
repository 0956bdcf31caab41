#pragma once

#include <duckdb/common/types/value.hpp>

#include "base/result.h"
#include "lake/transaction_work_internal.h"

namespace tarn::lake {

// One row of a COPY with RETURN_STATS, as a data file of the target: path, counts, partition values, bounds. Bounds
// that cannot be told exactly are left out.
Result<table::DataFile> ToDataFile(const LakeContext& context, const WriteTarget& target,
                                   const duckdb::vector<duckdb::Value>& row);

}  // namespace tarn::lake
