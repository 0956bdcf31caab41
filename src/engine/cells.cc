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

// The length of the UTF-8 sequence at the start of `text`, or 0 when there is none (RFC 3629).
size_t Utf8Length(std::string_view text) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const auto continues = [&](size_t i) { return (byte(i) & 0xC0u) == 0x80u; };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return continues(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const bool legal = lead == 0xE0 ? byte(1) >= 0xA0 : lead == 0xED ? byte(1) <= 0x9F : true;
    return legal && continues(1) && continues(2) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const bool legal = lead == 0xF0 ? byte(1) >= 0x90 : lead == 0xF4 ? byte(1) <= 0x8F : true;
    return legal && continues(1) && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

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
      const auto& items =
          type.id() == LogicalTypeId::LIST ? duckdb::ListValue::GetChildren(value) : duckdb::ArrayValue::GetChildren(value);
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

Cells::Cells(duckdb::DataChunk& chunk) : chunk_(chunk) { chunk_.Flatten(); }
Cells::~Cells() = default;

size_t Cells::rows() const { return chunk_.size(); }
size_t Cells::columns() const { return chunk_.ColumnCount(); }

bool Cells::IsNull(size_t column, size_t row) const { return FlatVector::IsNull(chunk_.data[column], row); }

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

void AppendJsonString(std::string_view text, std::string* out) {
  static constexpr char kHex[] = "0123456789abcdef";
  *out += '"';
  while (!text.empty()) {
    // The longest run that needs no escape is copied at once.
    size_t plain = 0;
    while (plain < text.size() && static_cast<unsigned char>(text[plain]) >= 0x20 && text[plain] != '"' &&
           text[plain] != '\\' && static_cast<unsigned char>(text[plain]) < 0x80)
      ++plain;
    out->append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) break;
    const auto c = static_cast<unsigned char>(text.front());
    size_t taken = 1;
    if (c == '"' || c == '\\') {
      *out += '\\';
      *out += char(c);
    } else if (c == '\n') {
      *out += "\\n";
    } else if (c == '\r') {
      *out += "\\r";
    } else if (c == '\t') {
      *out += "\\t";
    } else if (c < 0x20) {
      *out += "\\u00";
      *out += kHex[c >> 4];
      *out += kHex[c & 15];
    } else if (taken = Utf8Length(text); taken > 0) {
      out->append(text.substr(0, taken));
    } else {
      taken = 1;
      *out += "\xEF\xBF\xBD";
    }
    text.remove_prefix(taken);
  }
  *out += '"';
}

}  // namespace tarn::engine
