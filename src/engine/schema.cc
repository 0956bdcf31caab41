#include "engine/schema.h"

#include <strings.h>

#include <algorithm>
#include <cctype>

#include "engine/database.h"

namespace tarn::engine {
namespace {

bool IsPlainName(std::string_view name) {
  const auto is_word = [](unsigned char c) { return std::isalnum(c) || c == '_'; };
  return !name.empty() && !std::isdigit(static_cast<unsigned char>(name[0])) &&
         std::all_of(name.begin(), name.end(), is_word);
}

}  // namespace

DataType DataType::Decimal(uint8_t precision, uint8_t scale) {
  return {.kind = TypeKind::kDecimal, .precision = precision, .scale = scale};
}

DataType DataType::Struct(std::vector<Field> fields) {
  return {.kind = TypeKind::kStruct, .fields = std::make_shared<const std::vector<Field>>(std::move(fields))};
}

DataType DataType::List(DataType element, bool element_nullable) {
  std::vector<Field> fields{{.name = "element", .type = std::move(element), .nullable = element_nullable}};
  return {.kind = TypeKind::kList, .fields = std::make_shared<const std::vector<Field>>(std::move(fields))};
}

DataType DataType::Map(DataType key, DataType value, bool value_nullable) {
  std::vector<Field> fields{{.name = "key", .type = std::move(key), .nullable = false},
                            {.name = "value", .type = std::move(value), .nullable = value_nullable}};
  return {.kind = TypeKind::kMap, .fields = std::make_shared<const std::vector<Field>>(std::move(fields))};
}

bool DataType::operator==(const DataType& other) const {
  if (kind != other.kind || precision != other.precision || scale != other.scale) return false;
  if (!fields || !other.fields) return !fields && !other.fields;
  return *fields == *other.fields;
}

std::string DataType::ToString() const {
  switch (kind) {
    case TypeKind::kBoolean:
      return "BOOLEAN";
    case TypeKind::kInt8:
      return "TINYINT";
    case TypeKind::kInt16:
      return "SMALLINT";
    case TypeKind::kInt32:
      return "INTEGER";
    case TypeKind::kInt64:
      return "BIGINT";
    case TypeKind::kFloat:
      return "FLOAT";
    case TypeKind::kDouble:
      return "DOUBLE";
    case TypeKind::kDecimal:
      return "DECIMAL(" + std::to_string(precision) + "," + std::to_string(scale) + ")";
    case TypeKind::kString:
      return "VARCHAR";
    case TypeKind::kBinary:
      return "BLOB";
    case TypeKind::kDate:
      return "DATE";
    case TypeKind::kTimestamp:
      return "TIMESTAMP WITH TIME ZONE";
    case TypeKind::kTimestampNtz:
      return "TIMESTAMP";
    case TypeKind::kTime:
      return "TIME";
    case TypeKind::kUuid:
      return "UUID";
    case TypeKind::kStruct: {
      std::string out = "STRUCT(";
      for (const Field& field : *fields) {
        if (out.size() > 7) out += ", ";
        out += (IsPlainName(field.name) ? field.name : QuoteIdentifier(field.name)) + " " + field.type.ToString();
      }
      return out + ")";
    }
    case TypeKind::kList:
      return (*fields)[0].type.ToString() + "[]";
    case TypeKind::kMap:
      return "MAP(" + (*fields)[0].type.ToString() + ", " + (*fields)[1].type.ToString() + ")";
  }
  return "VARCHAR";
}

int Schema::IndexOf(std::string_view name) const {
  for (size_t i = 0; i < fields.size(); ++i)
    if (fields[i].name.size() == name.size() && strncasecmp(fields[i].name.data(), name.data(), name.size()) == 0)
      return int(i);
  return -1;
}

}  // namespace tarn::engine
