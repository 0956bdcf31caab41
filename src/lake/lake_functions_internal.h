#pragma once

#include <memory>

#include "lake/transaction_work_internal.h"

namespace tarn::lake {

// Registers tarn_table_version, tarn_table_progress and tarn_changed_partitions. Throws DuckDB's exceptions.
void RegisterFunctions(std::shared_ptr<LakeContext> context);

}  // namespace tarn::lake
