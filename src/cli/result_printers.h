#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "cli/result_reader.h"
#include "serve/sql_stream.h"

// Results for people and for other programs.

namespace tarn::cli {

enum class OutputMode { kBox, kCsv, kJson, kMarkdown, kVertical };

// "box", "csv", "json" (one object a row, a row a line), "markdown", "vertical". kInvalidArgument names the nearest.
Result<OutputMode> ParseOutputMode(const std::string& name);

struct OutputOptions {
  OutputMode mode = OutputMode::kBox;
  bool timing = true;  // a last line with the number of rows and the time; box and vertical only
  bool color = false;
  int width = 0;        // of the terminal: wider boxes are cut; 0: no limit
  size_t rows_max = 0;  // a box shows the first and last of more rows; 0: all
};

// The format that a mode's printer wants to read.
serve::RowFormat RowFormatOf(OutputMode mode);
// `out` outlives it.
std::unique_ptr<ResultPrinter> MakePrinter(const OutputOptions& options, std::FILE* out);

// Options for a file: colour, width and a limit of rows on a terminal only.
OutputOptions OutputOptionsFor(std::FILE* out);

// A table of strings in a box, for commands that show lists: `head` names the columns.
std::string FormatBox(const std::vector<ResultColumn>& head, const std::vector<TextRow>& rows,
                      const OutputOptions& options);

// Columns on a terminal that a UTF-8 text takes.
size_t DisplayWidth(std::string_view text);
// "1,234,567".
std::string GroupDigits(uint64_t number);

}  // namespace tarn::cli
