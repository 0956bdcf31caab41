#include "engine/duckdb_types.h"

#include <duckdb/common/types.hpp>

namespace tarn::engine {

using duckdb::LogicalType;
using duckdb::LogicalTypeId;

LogicalType ToDuckdb(const DataType& type) {
  switch (type.kind) {
    case TypeKind::kBoolean:
      return LogicalType::BOOLEAN;
    case TypeKind::kInt8:
      return LogicalType::TINYINT;
    case TypeKind::kInt16:
      return LogicalType::SMALLINT;
    case TypeKind::kInt32:
      return LogicalType::INTEGER;
    case TypeKind::kInt64:
      return LogicalType::BIGINT;
    case TypeKind::kFloat:
      return LogicalType::FLOAT;
    case TypeKind::kDouble:
      return LogicalType::DOUBLE;
    case TypeKind::kDecimal:
      return LogicalType::DECIMAL(type.precision, type.scale);
    case TypeKind::kString:
      return LogicalType::VARCHAR;
    case TypeKind::kBinary:
      return LogicalType::BLOB;
    case TypeKind::kDate:
      return LogicalType::DATE;
    case TypeKind::kTimestamp:
      return LogicalType::TIMESTAMP_TZ;
    case TypeKind::kTimestampNtz:
      return LogicalType::TIMESTAMP;
    case TypeKind::kTime:
      return LogicalType::TIME;
    case TypeKind::kUuid:
      return LogicalType::UUID;
    case TypeKind::kStruct: {
      duckdb::child_list_t<LogicalType> children;
      for (const Field& field : *type.fields) children.emplace_back(field.name, ToDuckdb(field.type));
      return LogicalType::STRUCT(std::move(children));
    }
    case TypeKind::kList:
      return LogicalType::LIST(ToDuckdb((*type.fields)[0].type));
    case TypeKind::kMap:
      return LogicalType::MAP(ToDuckdb((*type.fields)[0].type), ToDuckdb((*type.fields)[1].type));
  }
  return LogicalType::VARCHAR;
}

Result<DataType> StoredType(const LogicalType& type) {
  switch (type.id()) {
    case LogicalTypeId::BOOLEAN:
      return DataType::Of(TypeKind::kBoolean);
    case LogicalTypeId::TINYINT:
      return DataType::Of(TypeKind::kInt8);
    case LogicalTypeId::SMALLINT:
    case LogicalTypeId::UTINYINT:
      return DataType::Of(TypeKind::kInt16);
    case LogicalTypeId::INTEGER:
    case LogicalTypeId::SQLNULL:
    case LogicalTypeId::USMALLINT:
      return DataType::Of(TypeKind::kInt32);
    case LogicalTypeId::BIGINT:
    case LogicalTypeId::UINTEGER:
      return DataType::Of(TypeKind::kInt64);
    case LogicalTypeId::UBIGINT:
      return DataType::Decimal(20, 0);
    case LogicalTypeId::HUGEINT:
      return DataType::Decimal(38, 0);
    case LogicalTypeId::FLOAT:
      return DataType::Of(TypeKind::kFloat);
    case LogicalTypeId::DOUBLE:
      return DataType::Of(TypeKind::kDouble);
    case LogicalTypeId::DECIMAL:
      return DataType::Decimal(duckdb::DecimalType::GetWidth(type), duckdb::DecimalType::GetScale(type));
    case LogicalTypeId::VARCHAR:
    case LogicalTypeId::ENUM:
      return DataType::Of(TypeKind::kString);
    case LogicalTypeId::BLOB:
      return DataType::Of(TypeKind::kBinary);
    case LogicalTypeId::DATE:
      return DataType::Of(TypeKind::kDate);
    case LogicalTypeId::TIMESTAMP_TZ:
      return DataType::Of(TypeKind::kTimestamp);
    case LogicalTypeId::TIMESTAMP:
    case LogicalTypeId::TIMESTAMP_SEC:
    case LogicalTypeId::TIMESTAMP_MS:
      return DataType::Of(TypeKind::kTimestampNtz);
    case LogicalTypeId::TIME:
      return DataType::Of(TypeKind::kTime);
    case LogicalTypeId::UUID:
      return DataType::Of(TypeKind::kUuid);
    case LogicalTypeId::STRUCT: {
      std::vector<Field> fields;
      for (const auto& [name, child] : duckdb::StructType::GetChildTypes(type)) {
        TARN_ASSIGN_OR_RETURN(DataType stored, StoredType(child));
        fields.push_back({.name = name, .type = std::move(stored)});
      }
      return DataType::Struct(std::move(fields));
    }
    case LogicalTypeId::LIST: {
      TARN_ASSIGN_OR_RETURN(DataType element, StoredType(duckdb::ListType::GetChildType(type)));
      return DataType::List(std::move(element));
    }
    case LogicalTypeId::MAP: {
      TARN_ASSIGN_OR_RETURN(DataType key, StoredType(duckdb::MapType::KeyType(type)));
      TARN_ASSIGN_OR_RETURN(DataType value, StoredType(duckdb::MapType::ValueType(type)));
      return DataType::Map(std::move(key), std::move(value));
    }
    default:
      return Error(ErrorCode::kUnsupported,
                   "no table format stores the type " + type.ToString() + ": cast it, to VARCHAR for example");
  }
}

DataType FromDuckdb(const LogicalType& type) {
  Result<DataType> stored = StoredType(type);
  return stored.ok() ? *stored : DataType::Of(TypeKind::kString);
}

}  // namespace tarn::engine
