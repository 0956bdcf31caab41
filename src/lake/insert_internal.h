#pragma once

#include <duckdb/execution/physical_operator.hpp>

#include "lake/lake_catalog_internal.h"

namespace tarn::lake {

// What a CREATE TABLE [AS] of these columns would write; `intent` as LakeTransaction's. Throws: the name is taken, a
// type, a constraint or a partitioning that tables do not have.
WriteTarget TargetOfCreate(LakeContext& context, LakeTransaction& transaction, const catalog::TableName& name,
                           duckdb::CreateTableInfo& info);

// A target's own name for the files of one statement.
std::string NewFilePrefix(LakeContext& context);

}  // namespace tarn::lake
