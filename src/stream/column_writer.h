#pragma once

#include <cstdint>
#include <cstring>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include <duckdb/common/types/data_chunk.hpp>

#include "engine/schema.h"

// Decoded values on their way into a DuckDB chunk: one writer a column, with one below it for each nested type.

namespace tarn::stream {

// Texts that had to be copied; they never move.
using TextArena = std::deque<std::string>;

// Writes values into one vector, row by row in any order; a row may be written again. Thread-compatible.
// A write of false leaves the row unwritten: the value does not fit the type.
class ColumnWriter {
 public:
  ColumnWriter(const engine::Field& field);

  // Writes into `vector` from now on, which has room for its rows.
  void Bind(duckdb::Vector& vector, TextArena& texts);

  void WriteNull(uint64_t row);
  // A JSON string's text. `stable`: it lives as long as the chunk, so that it need not be copied.
  bool WriteText(uint64_t row, std::string_view text, bool stable);
  // The same for a column of strings and a stable text below 4 GiB, which has 12 readable bytes from its begin on.
  void WriteStableString(uint64_t row, std::string_view text) {
    data<duckdb::string_t>()[row] = text.size() <= duckdb::string_t::INLINE_LENGTH
                                        ? ShortString(text)
                                        : duckdb::string_t(text.data(), uint32_t(text.size()));
    MarkValid(row);
  }
  bool is_string() const { return type_.kind == engine::TypeKind::kString; }
  // A JSON number's token, which is one by the grammar.
  bool WriteNumber(uint64_t row, std::string_view token);
  bool WriteBoolean(uint64_t row, bool value);
  // Lists and maps: `count` child rows from the returned one on belong to `row`.
  uint64_t BeginChildren(uint64_t row, uint64_t count);
  // One more child row of the list whose rows so far began at `first`; returns it.
  uint64_t AddChild();
  void EndChildren(uint64_t row, uint64_t first);
  // Takes back child rows after an unwritten row.
  void TruncateChildren(uint64_t size) { size_ = size; }
  uint64_t child_size() const { return size_; }
  // Structs: the row itself is there.
  void MarkValid(uint64_t row) {
    if (!validity_->AllValid()) validity_->SetValid(row);
  }
  // Tells DuckDB the child counts, here and below.
  void Finish();

  const engine::DataType& type() const { return type_; }
  const std::string& name() const { return name_; }
  bool nullable() const { return nullable_; }
  bool is_map() const { return type_.kind == engine::TypeKind::kMap; }
  bool is_list() const { return type_.kind == engine::TypeKind::kList; }
  bool is_struct() const { return type_.kind == engine::TypeKind::kStruct; }
  // Struct fields; a list's element; a map's key and value.
  std::vector<ColumnWriter>& children() { return children_; }
  const std::vector<ColumnWriter>& children() const { return children_; }

  template <typename T>
  T* data() {
    return static_cast<T*>(data_);
  }

 private:
  // Without a copy of variable length: most texts of events are short.
  static duckdb::string_t ShortString(std::string_view text) {
    uint64_t low = 0;
    uint32_t high = 0;
    std::memcpy(&low, text.data(), sizeof low);
    std::memcpy(&high, text.data() + sizeof low, sizeof high);
    const auto size = uint32_t(text.size());
    if (size < 8) {
      low &= (uint64_t(1) << size * 8) - 1;
      high = 0;
    } else {
      high &= uint32_t((uint64_t(1) << (size - 8) * 8) - 1);
    }
    duckdb::string_t string(size);
    char* const place = string.GetPrefixWriteable();
    std::memcpy(place, &low, sizeof low);
    std::memcpy(place + sizeof low, &high, sizeof high);
    return string;
  }
  void Reserve(uint64_t rows);
  void Rebind();
  void PutWide(uint64_t row, uint64_t low, int64_t high);
  bool PutInteger(uint64_t row, int64_t value);

  engine::DataType type_;
  std::string name_;
  bool nullable_;
  std::vector<ColumnWriter> children_;
  duckdb::Vector* vector_ = nullptr;
  duckdb::ValidityMask* validity_ = nullptr;
  TextArena* texts_ = nullptr;
  void* data_ = nullptr;
  uint64_t size_ = 0;      // lists and maps: child rows in use
  uint64_t capacity_ = 0;  // and there
};

}  // namespace tarn::stream
