#pragma once

#include <string>
#include <string_view>

#include "engine/schema.h"
#include "table/table.h"

// Per-file statistics (PROTOCOL.md, "Per-file Statistics"): `add.stats`.

namespace tarn::table::delta {

// The JSON of what `file` says. A bound that cannot be written exactly or wider is left out: timestamps go down and up
// to milliseconds, strings are cut to 32 characters with the maximum raised, zeros take the sign that widens, floats
// that may hold NaN and values of other types than the column's have no bounds.
std::string FormatStatistics(const DataFile& file, const engine::Schema& schema);

// Fills record_count and statistics from `json`; maximum timestamps, which others cut to milliseconds, are widened by
// one. Statistics that do not parse count as none. Column names are as in the JSON, nested ones joined with dots.
void ParseStatistics(std::string_view json, const engine::Schema& schema, DataFile& file);

}  // namespace tarn::table::delta
