#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

// The reading side of serve/sql_stream.h.

namespace tarn::cli {

struct ResultColumn {
  std::string name;
  std::string type;
};

struct ResultHead {
  std::vector<ResultColumn> columns;
  std::string kind;  // result, changed, nothing
};

struct ResultEnd {
  uint64_t rows = 0;
  double seconds = 0;
};

using TextRow = std::vector<std::optional<std::string>>;

// Hears of a result in this order: Begin, Row for each row, End unless it broke off.
class ResultPrinter {
 public:
  virtual ~ResultPrinter() = default;
  virtual void Begin(const ResultHead& head) = 0;
  // One row's line, without its line feed. Valid for the call.
  virtual void Row(std::string_view line) = 0;
  virtual void End(const ResultEnd& end) = 0;
};

// Puts pieces together to lines and tells them apart: the first one is the head, the last one the end.
// Thread-compatible.
class ResultReader {
 public:
  explicit ResultReader(ResultPrinter& printer) : printer_(printer) {}
  Status Feed(std::string_view piece);
  // The text is over. The statement's error if it had one; kOutcomeUnknown: the text was cut off.
  Status Finish();

 private:
  Status TakeLine(std::string_view line);

  ResultPrinter& printer_;
  std::string partial_;              // a line whose end has not come
  std::optional<std::string> held_;  // the newest whole line: a row, or the end
  bool has_head_ = false;
};

// A row of RowFormat::kText: ["text",null]. kCorruption.
Result<TextRow> ParseTextRow(std::string_view line);
// The error of {"error":{"code":…,"message":…}}, or nothing when `json` is something else.
std::optional<Error> ParseErrorJson(std::string_view json);

}  // namespace tarn::cli
