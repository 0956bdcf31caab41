#pragma once

#include <string>

#include <duckdb/common/types.hpp>

#include "base/result.h"
#include "engine/schema.h"
#include "lake/table_view_internal.h"

// Between a table's columns and what SQL sees of them. No table format has a UUID: it is stored as text, and the
// column's metadata remembers it.

namespace tarn::lake {

// How statements see the column.
duckdb::LogicalType SqlType(const engine::Field& field);
// How files hold it.
duckdb::LogicalType FileType(const engine::Field& field);
// The table column for a column of a CREATE TABLE or a SELECT. kUnsupported names column and type.
Result<engine::Field> TableField(const std::string& name, const duckdb::LogicalType& type, bool nullable);

// "ns.t", each part also in double quotes; `default_space` where there is one part only. kInvalidArgument.
Result<catalog::TableName> ParseTableName(const std::string& text, const std::string& default_space);

}  // namespace tarn::lake
