#pragma once

#include <string_view>

#include "base/result.h"
#include "engine/schema.h"

// Column types as tarn.yml writes them, in the words of SQL and of Spark alike, ignoring case:
//
//   string   int   timestamp not null   decimal(10,2)   map<string, int>   struct<x: int, y: int>   list<double> int[]

namespace tarn::cli {

struct ColumnType {
  engine::DataType type;
  bool nullable = true;
};

// kInvalidArgument: what is wrong at which character, with the nearest type name. Nesting is limited to 16 levels.
Result<ColumnType> ParseColumnType(std::string_view text);

}  // namespace tarn::cli
