#pragma once

#include "base/result.h"
#include "engine/schema.h"

// Between our column types and DuckDB's.

namespace duckdb {
struct LogicalType;
}

namespace tarn::engine {

duckdb::LogicalType ToDuckdb(const DataType& type);
// Types that we have no word for (enums, intervals, unsigned numbers …) become kString for display. StoredType tells
// those apart.
DataType FromDuckdb(const duckdb::LogicalType& type);
// The type that a table column gets for a result column: unsigned numbers widen, HUGEINT becomes DECIMAL(38,0).
// kUnsupported names the type that no table format has.
Result<DataType> StoredType(const duckdb::LogicalType& type);

}  // namespace tarn::engine
