#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "stream/column_writer.h"

namespace tarn::stream {

// The layout of a record: the texts between its values, and where each value goes. Another record fits when those texts
// are the same and its values are plain: ASCII strings without escapes, numbers, literals. It accepts nothing that
// JsonReader refuses or reads otherwise; in doubt it declines. Thread-compatible.
class JsonShape {
 public:
  // Learns from a record that JsonReader has read. Nothing: the record has what a layout can not express.
  static std::optional<JsonShape> Learn(std::string_view text, std::vector<ColumnWriter>& columns);

  // Writes the record into `row`, or declines: then the row is half written, and child rows are taken.
  // Requires: 64 readable bytes after `text`.
  bool Read(std::string_view text, uint64_t row) const;

  uint64_t unknown_fields() const { return unknown_fields_; }
  bool SameLayout(const JsonShape& other) const;

 private:
  friend class ShapeLearner;
  struct Slot {
    std::string before;              // the text up to the value
    ColumnWriter* writer = nullptr;  // null: an unknown field's
    int map = -1;                    // in maps_, when the value is of an entry of a map
    uint32_t entry = 0;
    bool is_string = false;  // the writer's column
  };
  struct MapLayout {
    ColumnWriter* writer = nullptr;
    std::vector<std::string> keys;
  };

  std::vector<Slot> slots_;
  std::string after_;
  std::vector<MapLayout> maps_;
  std::vector<ColumnWriter*> structs_;
  std::vector<ColumnWriter*> missing_;
  uint64_t unknown_fields_ = 0;
};

}  // namespace tarn::stream
