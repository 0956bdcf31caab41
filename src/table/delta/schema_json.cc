#include "table/delta/schema_json.h"

#include <charconv>

#include <simdjson.h>

#include "table/delta/json_text.h"

namespace tarn::table::delta {
namespace {

using engine::DataType;
using engine::Field;
using engine::TypeKind;
using simdjson::dom::element;

struct Primitive {
  std::string_view name;
  TypeKind kind;
};
constexpr Primitive kPrimitives[] = {
    {"string", TypeKind::kString}, {"long", TypeKind::kInt64},          {"integer", TypeKind::kInt32},
    {"short", TypeKind::kInt16},   {"byte", TypeKind::kInt8},           {"float", TypeKind::kFloat},
    {"double", TypeKind::kDouble}, {"boolean", TypeKind::kBoolean},     {"binary", TypeKind::kBinary},
    {"date", TypeKind::kDate},     {"timestamp", TypeKind::kTimestamp}, {"timestamp_ntz", TypeKind::kTimestampNtz}};

Error Bad(const std::string& where, std::string_view expected) {
  return Error(ErrorCode::kCorruption, "table schema: column '" + where + "': expected " + std::string(expected));
}

Result<DataType> ParseType(const element& json, const std::string& where);

Result<std::vector<Field>> ParseFields(const element& json, const std::string& where) {
  simdjson::dom::array list;
  if (json["fields"].get(list) != simdjson::SUCCESS) return Bad(where, "an array 'fields'");
  std::vector<Field> fields;
  for (const element item : list) {
    Field field;
    std::string_view name;
    if (item["name"].get(name) != simdjson::SUCCESS) return Bad(where, "a field with a 'name'");
    field.name = std::string(name);
    const std::string path = where.empty() ? field.name : where + "." + field.name;
    element type;
    if (item["type"].get(type) != simdjson::SUCCESS) return Bad(path, "a 'type'");
    TARN_ASSIGN_OR_RETURN(field.type, ParseType(type, path));
    if (item["nullable"].get(field.nullable) != simdjson::SUCCESS) return Bad(path, "a boolean 'nullable'");
    simdjson::dom::object metadata;
    if (item["metadata"].get(metadata) == simdjson::SUCCESS)
      for (const auto& [key, value] : metadata) field.metadata.emplace_back(std::string(key), simdjson::minify(value));
    fields.push_back(std::move(field));
  }
  return fields;
}

Result<DataType> ParsePrimitive(std::string_view name, const std::string& where) {
  for (const Primitive& primitive : kPrimitives)
    if (primitive.name == name) return DataType::Of(primitive.kind);
  if (name == "decimal") return DataType::Decimal(10, 0);
  if (name.starts_with("decimal(") && name.ends_with(")")) {
    int precision = 0, scale = 0;
    const char* end = name.data() + name.size() - 1;
    auto parsed = std::from_chars(name.data() + 8, end, precision);
    if (parsed.ec == std::errc() && parsed.ptr != end && *parsed.ptr == ',') {
      const char* digits = parsed.ptr + 1;
      while (digits != end && *digits == ' ') ++digits;
      parsed = std::from_chars(digits, end, scale);
      if (parsed.ec == std::errc() && parsed.ptr == end && precision >= 1 && precision <= 38 && scale >= 0 &&
          scale <= precision)
        return DataType::Decimal(uint8_t(precision), uint8_t(scale));
    }
    return Bad(where, "decimal(precision,scale), found " + std::string(name));
  }
  return Error(ErrorCode::kUnsupported, "table schema: column '" + where + "' has type " + std::string(name));
}

Result<DataType> ParseType(const element& json, const std::string& where) {
  std::string_view name;
  if (json.get(name) == simdjson::SUCCESS) return ParsePrimitive(name, where);
  if (json["type"].get(name) != simdjson::SUCCESS) return Bad(where, "a type name or an object with 'type'");
  if (name == "struct") {
    TARN_ASSIGN_OR_RETURN(auto fields, ParseFields(json, where));
    return DataType::Struct(std::move(fields));
  }
  if (name == "array") {
    element type;
    bool nullable = true;
    if (json["elementType"].get(type) != simdjson::SUCCESS || json["containsNull"].get(nullable) != simdjson::SUCCESS)
      return Bad(where, "'elementType' and 'containsNull'");
    TARN_ASSIGN_OR_RETURN(auto item, ParseType(type, where + ".element"));
    return DataType::List(std::move(item), nullable);
  }
  if (name == "map") {
    element key, value;
    bool nullable = true;
    if (json["keyType"].get(key) != simdjson::SUCCESS || json["valueType"].get(value) != simdjson::SUCCESS ||
        json["valueContainsNull"].get(nullable) != simdjson::SUCCESS)
      return Bad(where, "'keyType', 'valueType' and 'valueContainsNull'");
    TARN_ASSIGN_OR_RETURN(auto key_type, ParseType(key, where + ".key"));
    TARN_ASSIGN_OR_RETURN(auto value_type, ParseType(value, where + ".value"));
    return DataType::Map(std::move(key_type), std::move(value_type), nullable);
  }
  return Error(ErrorCode::kUnsupported, "table schema: column '" + where + "' has type " + std::string(name));
}

Status AppendType(std::string& out, const DataType& type, const std::string& where);

Status AppendFields(std::string& out, const std::vector<Field>& fields, const std::string& where) {
  out += "{\"type\":\"struct\",\"fields\":[";
  bool first = true;
  for (const Field& field : fields) {
    if (!first) out += ',';
    first = false;
    out += "{\"name\":";
    AppendJsonString(out, field.name);
    out += ",\"type\":";
    TARN_TRY(AppendType(out, field.type, where.empty() ? field.name : where + "." + field.name));
    out += field.nullable ? ",\"nullable\":true,\"metadata\":{" : ",\"nullable\":false,\"metadata\":{";
    for (size_t i = 0; i < field.metadata.size(); ++i) {
      if (i > 0) out += ',';
      AppendJsonString(out, field.metadata[i].first);
      out += ':' + field.metadata[i].second;
    }
    out += "}}";
  }
  out += "]}";
  return Ok();
}

Status AppendType(std::string& out, const DataType& type, const std::string& where) {
  for (const Primitive& primitive : kPrimitives) {
    if (primitive.kind != type.kind) continue;
    AppendJsonString(out, primitive.name);
    return Ok();
  }
  switch (type.kind) {
    case TypeKind::kDecimal:
      out += "\"decimal(" + std::to_string(type.precision) + "," + std::to_string(type.scale) + ")\"";
      return Ok();
    case TypeKind::kStruct:
      return AppendFields(out, *type.fields, where);
    case TypeKind::kList:
      out += "{\"type\":\"array\",\"elementType\":";
      TARN_TRY(AppendType(out, (*type.fields)[0].type, where + ".element"));
      out += (*type.fields)[0].nullable ? ",\"containsNull\":true}" : ",\"containsNull\":false}";
      return Ok();
    case TypeKind::kMap:
      out += "{\"type\":\"map\",\"keyType\":";
      TARN_TRY(AppendType(out, (*type.fields)[0].type, where + ".key"));
      out += ",\"valueType\":";
      TARN_TRY(AppendType(out, (*type.fields)[1].type, where + ".value"));
      out += (*type.fields)[1].nullable ? ",\"valueContainsNull\":true}" : ",\"valueContainsNull\":false}";
      return Ok();
    default:
      return Error(ErrorCode::kUnsupported, "column '" + where + "': Delta has no type for " + type.ToString());
  }
}

}  // namespace

Result<engine::Schema> ParseSchema(std::string_view json) {
  simdjson::dom::parser parser;
  element root;
  if (parser.parse(json.data(), json.size()).get(root) != simdjson::SUCCESS)
    return Error(ErrorCode::kCorruption, "table schema: schemaString is not JSON");
  TARN_ASSIGN_OR_RETURN(auto fields, ParseFields(root, ""));
  return engine::Schema{std::move(fields)};
}

Result<std::string> FormatSchema(const engine::Schema& schema) {
  std::string out;
  TARN_TRY(AppendFields(out, schema.fields, ""));
  return out;
}

}  // namespace tarn::table::delta
