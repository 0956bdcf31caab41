#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Columns and their types, in our own words: what table formats, decoders and SQL agree on. Free of DuckDB's headers;
// engine/duckdb_types.h converts.

namespace tarn::engine {

enum class TypeKind {
  kBoolean,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kFloat,
  kDouble,
  kDecimal,  // precision and scale
  kString,
  kBinary,
  kDate,
  kTimestamp,     // microseconds, UTC ("with time zone")
  kTimestampNtz,  // microseconds, without zone
  kTime,
  kUuid,
  kStruct,
  kList,
  kMap,
};

struct Field;

// Immutable value type.
struct DataType {
  TypeKind kind = TypeKind::kString;
  uint8_t precision = 0;                             // kDecimal
  uint8_t scale = 0;                                 // kDecimal
  std::shared_ptr<const std::vector<Field>> fields;  // kStruct: its fields; kList: "element"; kMap: "key", "value"

  static DataType Of(TypeKind kind) { return DataType{.kind = kind}; }
  static DataType Decimal(uint8_t precision, uint8_t scale);
  static DataType Struct(std::vector<Field> fields);
  static DataType List(DataType element, bool element_nullable = true);
  static DataType Map(DataType key, DataType value, bool value_nullable = true);

  bool operator==(const DataType& other) const;
  // SQL's spelling, as `tarn table show` prints it: "BIGINT", "DECIMAL(10,2)", "MAP(VARCHAR, INTEGER)".
  std::string ToString() const;
};

struct Field {
  std::string name;
  DataType type;
  bool nullable = true;
  std::vector<std::pair<std::string, std::string>> metadata;  // a format's own, as JSON values; kept on rewrite

  bool operator==(const Field&) const = default;
};

struct Schema {
  std::vector<Field> fields;

  // The position of a column, ignoring case, or -1.
  int IndexOf(std::string_view name) const;
  bool operator==(const Schema&) const = default;
};

}  // namespace tarn::engine
