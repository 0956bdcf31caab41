#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "engine/database.h"

// A statement's result as lines of JSON, the way POST /api/v1/sql answers and `tarn sql` reads, here or over the
// network:
//
//   {"columns":[{"name":"n","type":"BIGINT"}],"kind":"result"}   first; kind: result, changed (the one row tells how
//   many
//                                                  rows the statement changed) or nothing
//   {"n":1}   or [1]   or ["1"]                    one line a row
//   {"rows":1,"seconds":0.002}                     last; or {"error":{"code":…,"message":…}} when it broke off
//
// A text without a last line was cut off.

namespace tarn::serve {

enum class RowFormat {
  kObjects,  // one JSON object a row, by column name; of equal names the last counts for most readers
  kArrays,   // JSON values in column order
  kText,     // strings in DuckDB's spelling, or null
};

// "objects", "arrays", "text".
Result<RowFormat> ParseRowFormat(std::string_view name);

// Takes whole lines. A failure ends the statement.
using LineSink = std::function<Status(std::string_view lines)>;

// Runs the statements of `sql` and writes the last one's rows. An error is returned only while nothing was written;
// later ones are the last line.
Status StreamSql(engine::Connection& connection, const std::string& sql, RowFormat format, const Clock& clock,
                 const LineSink& sink);

}  // namespace tarn::serve
