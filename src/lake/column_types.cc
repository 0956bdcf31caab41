#include "lake/column_types_internal.h"

#include <duckdb/parser/qualified_name.hpp>

#include "engine/duckdb_access.h"
#include "engine/duckdb_types.h"

namespace tarn::lake {
namespace {

using engine::DataType;
using engine::Field;
using engine::TypeKind;

constexpr std::string_view kTypeKey = "tarn.type";
constexpr std::string_view kUuid = "\"uuid\"";

// UUIDs inside of structs, lists and maps are plain text.
DataType WithoutUuid(const DataType& type) {
  if (type.kind == TypeKind::kUuid) return DataType::Of(TypeKind::kString);
  if (!type.fields) return type;
  std::vector<Field> fields = *type.fields;
  for (Field& field : fields) field.type = WithoutUuid(field.type);
  return {.kind = type.kind, .fields = std::make_shared<const std::vector<Field>>(std::move(fields))};
}

}  // namespace

duckdb::LogicalType SqlType(const Field& field) {
  for (const auto& [key, value] : field.metadata)
    if (key == kTypeKey && value == kUuid && field.type.kind == TypeKind::kString) return duckdb::LogicalType::UUID;
  return engine::ToDuckdb(field.type);
}

duckdb::LogicalType FileType(const Field& field) {
  return engine::ToDuckdb(field.type);
}

Result<Field> TableField(const std::string& name, const duckdb::LogicalType& type, bool nullable) {
  auto stored = engine::StoredType(type);
  if (!stored.ok()) return std::move(stored.status()).error().WithContext("column " + name);
  Field field{.name = name, .type = WithoutUuid(*stored), .nullable = nullable};
  if (stored->kind == TypeKind::kUuid) field.metadata.emplace_back(kTypeKey, kUuid);
  return field;
}

Result<catalog::TableName> ParseTableName(const std::string& text, const std::string& default_space) {
  try {
    auto parts = duckdb::QualifiedName::ParseComponents(text);
    if (parts.size() == 1) return catalog::TableName{default_space, parts[0]};
    if (parts.size() >= 2) return catalog::TableName{parts[parts.size() - 2], parts.back()};
  } catch (const std::exception& exception) {
    return engine::ToError(exception);
  }
  return Error(ErrorCode::kInvalidArgument, "expected a table's name as 'schema.table', found '" + text + "'");
}

}  // namespace tarn::lake
