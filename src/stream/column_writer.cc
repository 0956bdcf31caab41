#include "stream/column_writer.h"

#include <cmath>
#include <limits>

#include "stream/json_values.h"

namespace tarn::stream {

using engine::TypeKind;

ColumnWriter::ColumnWriter(const engine::Field& field)
    : type_(field.type), name_(field.name), nullable_(field.nullable) {
  if (!type_.fields) return;
  for (const engine::Field& child : *type_.fields) children_.emplace_back(child);
}

void ColumnWriter::Bind(duckdb::Vector& vector, TextArena& texts) {
  vector_ = &vector;
  texts_ = &texts;
  size_ = 0;
  Rebind();
}

void ColumnWriter::Rebind() {
  validity_ = &duckdb::FlatVector::Validity(*vector_);
  data_ = is_struct() ? nullptr : static_cast<void*>(duckdb::FlatVector::GetData(*vector_));
  const auto below = [this](ColumnWriter& writer, duckdb::Vector& vector) {
    writer.vector_ = &vector;
    writer.texts_ = texts_;
    writer.Rebind();
  };
  if (is_struct()) {
    auto& entries = duckdb::StructVector::GetEntries(*vector_);
    for (size_t i = 0; i < children_.size(); ++i) below(children_[i], *entries[i]);
  } else if (is_list() || is_map()) {
    capacity_ = duckdb::ListVector::GetListCapacity(*vector_);
    duckdb::Vector& entry = duckdb::ListVector::GetEntry(*vector_);
    if (is_list()) {
      below(children_[0], entry);
    } else {
      auto& entries = duckdb::StructVector::GetEntries(entry);
      below(children_[0], *entries[0]);
      below(children_[1], *entries[1]);
    }
  }
}

void ColumnWriter::Reserve(uint64_t rows) {
  if (rows <= capacity_) return;
  duckdb::ListVector::Reserve(*vector_, std::max(rows, capacity_ * 2));
  Rebind();
}

void ColumnWriter::WriteNull(uint64_t row) {
  validity_->SetInvalid(row);
  if (is_struct())
    for (ColumnWriter& child : children_) child.WriteNull(row);
  if (is_list() || is_map()) data<duckdb::list_entry_t>()[row] = {size_, 0};
}

uint64_t ColumnWriter::BeginChildren(uint64_t row, uint64_t count) {
  const uint64_t first = size_;
  Reserve(size_ + count);
  size_ += count;
  MarkValid(row);
  data<duckdb::list_entry_t>()[row] = {first, count};
  return first;
}

uint64_t ColumnWriter::AddChild() {
  Reserve(size_ + 1);
  return size_++;
}

void ColumnWriter::EndChildren(uint64_t row, uint64_t first) {
  MarkValid(row);
  data<duckdb::list_entry_t>()[row] = {first, size_ - first};
}

void ColumnWriter::Finish() {
  if (is_list() || is_map()) duckdb::ListVector::SetListSize(*vector_, size_);
  for (ColumnWriter& child : children_) child.Finish();
}

void ColumnWriter::PutWide(uint64_t row, uint64_t low, int64_t high) {
  duckdb::hugeint_t value;
  value.lower = low;
  value.upper = high;
  data<duckdb::hugeint_t>()[row] = value;
}

bool ColumnWriter::WriteText(uint64_t row, std::string_view text, bool stable) {
  std::string bytes;
  int64_t micros = 0;
  switch (type_.kind) {
    case TypeKind::kBinary:
      if (!DecodeBase64(text, bytes)) return false;
      text = bytes;
      stable = false;
      [[fallthrough]];
    case TypeKind::kString:
      if (text.size() > std::numeric_limits<uint32_t>::max()) return false;
      if (!stable && text.size() > duckdb::string_t::INLINE_LENGTH) text = texts_->emplace_back(text);
      data<duckdb::string_t>()[row] = duckdb::string_t(text.data(), uint32_t(text.size()));
      break;
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampNtz:
      if (!ParseTimestamp(text, micros)) return false;
      data<int64_t>()[row] = micros;
      break;
    case TypeKind::kDate:
      if (!ParseDate(text, data<int32_t>()[row])) return false;
      break;
    case TypeKind::kTime:
      if (!ParseTime(text, data<int64_t>()[row])) return false;
      break;
    case TypeKind::kUuid: {
      uint64_t high = 0, low = 0;
      if (!ParseUuid(text, high, low)) return false;
      // DuckDB flips the first bit, so that signed order is the order of the text.
      PutWide(row, low, int64_t(high ^ (uint64_t(1) << 63)));
      break;
    }
    case TypeKind::kDecimal:
      return IsJsonNumber(text) && WriteNumber(row, text);
    default:
      return false;
  }
  MarkValid(row);
  return true;
}

bool ColumnWriter::PutInteger(uint64_t row, int64_t value) {
  const auto put = [&]<typename T>(T) {
    if (value < std::numeric_limits<T>::min() || value > std::numeric_limits<T>::max()) return false;
    data<T>()[row] = T(value);
    return true;
  };
  switch (type_.kind) {
    case TypeKind::kInt8:
      return put(int8_t());
    case TypeKind::kInt16:
      return put(int16_t());
    case TypeKind::kInt32:
      return put(int32_t());
    default:
      return put(int64_t());
  }
}

bool ColumnWriter::WriteNumber(uint64_t row, std::string_view token) {
  switch (type_.kind) {
    case TypeKind::kInt8:
    case TypeKind::kInt16:
    case TypeKind::kInt32:
    case TypeKind::kInt64: {
      int64_t value = 0;
      if (!ParseInteger(token, value) || !PutInteger(row, value)) return false;
      break;
    }
    case TypeKind::kFloat: {
      double value = 0;
      if (!ParseDouble(token, value) || !std::isfinite(float(value))) return false;
      data<float>()[row] = float(value);
      break;
    }
    case TypeKind::kDouble:
      if (!ParseDouble(token, data<double>()[row])) return false;
      break;
    case TypeKind::kDecimal: {
      Wide wide;
      if (!ParseDecimal(token, type_.precision, type_.scale, wide)) return false;
      if (type_.precision <= 4)
        data<int16_t>()[row] = int16_t(wide.low);
      else if (type_.precision <= 9)
        data<int32_t>()[row] = int32_t(wide.low);
      else if (type_.precision <= 18)
        data<int64_t>()[row] = int64_t(wide.low);
      else
        PutWide(row, wide.low, wide.high);
      break;
    }
    default:
      return false;
  }
  MarkValid(row);
  return true;
}

bool ColumnWriter::WriteBoolean(uint64_t row, bool value) {
  if (type_.kind != TypeKind::kBoolean) return false;
  data<bool>()[row] = value;
  MarkValid(row);
  return true;
}

}  // namespace tarn::stream
