#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "stream/column_writer.h"
#include "stream/json_decoder.h"

namespace tarn::stream {

// Any JSON object into the columns, by simdjson: the definition of what a record means. Whatever the record holds is
// parsed to its end, so that broken text is told from a bad value. Thread-compatible.
class JsonReader {
 public:
  // `columns` outlive it.
  explicit JsonReader(std::vector<ColumnWriter>& columns);
  ~JsonReader();

  // Requires: 64 readable bytes after `text`. On a problem the row is half written.
  std::optional<DecodeProblem> Read(std::string_view text, uint64_t row);
  // Of the last record, at any depth of the declared fields.
  uint64_t unknown_fields() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tarn::stream
