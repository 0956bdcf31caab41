#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/json_text.h"

namespace duckdb {
class DataChunk;
}

// The cells of a result as text or JSON, for the edges that show rows.

namespace tarn::engine {

// One chunk of a result, flattened to be read cell by cell. Thread-compatible; the chunk outlives it.
class Cells {
 public:
  explicit Cells(duckdb::DataChunk& chunk);
  ~Cells();
  Cells(const Cells&) = delete;
  Cells& operator=(const Cells&) = delete;

  size_t rows() const;
  size_t columns() const;
  bool IsNull(size_t column, size_t row) const;
  // As DuckDB spells the value in text. Requires: !IsNull.
  void AppendText(size_t column, size_t row, std::string* out) const;
  // Numbers and booleans bare (decimals and huge integers with all their digits), lists as arrays, structs and maps as
  // objects, NULL as null, everything else, NaN and infinities too, as a string of its text.
  void AppendJson(size_t column, size_t row, std::string* out) const;

 private:
  duckdb::DataChunk& chunk_;
};

using tarn::AppendJsonString;

}  // namespace tarn::engine
