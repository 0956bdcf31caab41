#include "engine/cells.h"

#include <charconv>
#include <cmath>
#include <duckdb.hpp>
#include <string_view>

namespace tarn::engine {
namespace {

using duckdb::FlatVector;
using duckdb::LogicalTypeId;
using duckdb::Value;

template <typename T>
void AppendNumber(T value, std::string* out) {
  char digits[32];
  out->append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

void AppendJsonValue(const Value& value, std::string* out) {
  if (value.IsNull()) {
    *out += "null";
    return;
  }
  const auto& type = value.type();
  switch (type.id()) {
    case LogicalTypeId::BOOLEAN:
    case LogicalTypeId::TINYINT:
    case LogicalTypeId::SMALLINT:
    case LogicalTypeId::INTEGER:
    case LogicalTypeId::BIGINT:
    case LogicalTypeId::HUGEINT:
    case LogicalTypeId::UTINYINT:
    case LogicalTypeId::USMALLINT:
    case LogicalTypeId::UINTEGER:
    case LogicalTypeId::UBIGINT:
    case LogicalTypeId::UHUGEINT:
    case LogicalTypeId::DECIMAL:
      *out += value.ToString();
      return;
    case LogicalTypeId::FLOAT:
    case LogicalTypeId::DOUBLE: {
      const double number = value.GetValue<double>();
      if (std::isfinite(number))
        *out += value.ToString();
      else
        AppendJsonString(value.ToString(), out);
      return;
    }
    case LogicalTypeId::LIST:
    case LogicalTypeId::ARRAY: {
      const auto& items = type.id() == LogicalTypeId::LIST ? duckdb::ListValue::GetChildren(value)
                                                           : duckdb::ArrayValue::GetChildren(value);
      *out += '[';
      for (size_t i = 0; i < items.size(); ++i) {
        if (i > 0) *out += ',';
        AppendJsonValue(items[i], out);
      }
      *out += ']';
      return;
    }
    case LogicalTypeId::STRUCT: {
      const auto& items = duckdb::StructValue::GetChildren(value);
      *out += '{';
      for (size_t i = 0; i < items.size(); ++i) {
        if (i > 0) *out += ',';
        AppendJsonString(duckdb::StructType::GetChildName(type, i), out);
        *out += ':';
        AppendJsonValue(items[i], out);
      }
      *out += '}';
      return;
    }
    case LogicalTypeId::MAP: {
      const auto& entries = duckdb::MapValue::GetChildren(value);
      *out += '{';
      for (size_t i = 0; i < entries.size(); ++i) {
        if (i > 0) *out += ',';
        const auto& entry = duckdb::StructValue::GetChildren(entries[i]);
        AppendJsonString(entry[0].ToString(), out);
        *out += ':';
        AppendJsonValue(entry[1], out);
      }
      *out += '}';
      return;
    }
    default:
      if (type.IsJSONType())
        *out += value.ToString();
      else
        AppendJsonString(value.ToString(), out);
  }
}

}  // namespace

Cells::Cells(duckdb::DataChunk& chunk) : chunk_(chunk) {
  chunk_.Flatten();
}
Cells::~Cells() = default;

size_t Cells::rows() const {
  return chunk_.size();
}
size_t Cells::columns() const {
  return chunk_.ColumnCount();
}

bool Cells::IsNull(size_t column, size_t row) const {
  return FlatVector::IsNull(chunk_.data[column], row);
}

void Cells::AppendText(size_t column, size_t row, std::string* out) const {
  const duckdb::Vector& vector = chunk_.data[column];
  switch (vector.GetType().id()) {
    case LogicalTypeId::VARCHAR: {
      const auto& text = FlatVector::GetData<duckdb::string_t>(vector)[row];
      out->append(text.GetData(), text.GetSize());
      return;
    }
    case LogicalTypeId::INTEGER:
      return AppendNumber(FlatVector::GetData<int32_t>(vector)[row], out);
    case LogicalTypeId::BIGINT:
      return AppendNumber(FlatVector::GetData<int64_t>(vector)[row], out);
    default:
      *out += chunk_.GetValue(column, row).ToString();
  }
}

void Cells::AppendJson(size_t column, size_t row, std::string* out) const {
  if (IsNull(column, row)) {
    *out += "null";
    return;
  }
  const duckdb::Vector& vector = chunk_.data[column];
  const auto& type = vector.GetType();
  switch (type.id()) {
    case LogicalTypeId::VARCHAR:
      if (!type.IsJSONType()) {
        const auto& text = FlatVector::GetData<duckdb::string_t>(vector)[row];
        return AppendJsonString({text.GetData(), text.GetSize()}, out);
      }
      break;
    case LogicalTypeId::INTEGER:
    case LogicalTypeId::BIGINT:
      return AppendText(column, row, out);
    default:
      break;
  }
  AppendJsonValue(chunk_.GetValue(column, row), out);
}

}  // namespace tarn::engine
