#include "serve/sql_stream.h"

#include <cstdio>
#include <vector>

#include "engine/cells.h"
#include "serve/http_errors.h"

namespace tarn::serve {
namespace {

constexpr size_t kPieceBytes = 64 * 1024;  // handed on at once: large enough for the network, small beside a chunk

std::string_view KindName(engine::RowsKind kind) {
  switch (kind) {
    case engine::RowsKind::kResult:
      return "result";
    case engine::RowsKind::kChanged:
      return "changed";
    case engine::RowsKind::kNothing:
      return "nothing";
  }
  return "result";
}

std::string ColumnsLine(const engine::Rows& rows) {
  const engine::Schema& schema = rows.schema();
  std::string line = "{\"columns\":[";
  for (size_t i = 0; i < schema.fields.size(); ++i) {
    if (i > 0) line += ',';
    line += "{\"name\":";
    engine::AppendJsonString(schema.fields[i].name, &line);
    line += ",\"type\":";
    engine::AppendJsonString(schema.fields[i].type.ToString(), &line);
    line += '}';
  }
  line += "],\"kind\":";
  engine::AppendJsonString(KindName(rows.kind()), &line);
  return line + "}\n";
}

void AppendRow(const engine::Cells& cells, size_t row, RowFormat format, const std::vector<std::string>& keys,
               std::string* line) {
  *line += format == RowFormat::kObjects ? '{' : '[';
  std::string text;
  for (size_t column = 0; column < cells.columns(); ++column) {
    if (column > 0) *line += ',';
    if (format == RowFormat::kObjects) *line += keys[column];
    if (format == RowFormat::kText && !cells.IsNull(column, row)) {
      text.clear();
      cells.AppendText(column, row, &text);
      engine::AppendJsonString(text, line);
    } else {
      cells.AppendJson(column, row, line);
    }
  }
  *line += format == RowFormat::kObjects ? "}\n" : "]\n";
}

Result<uint64_t> StreamRows(engine::Rows& rows, RowFormat format, const LineSink& sink) {
  std::vector<std::string> keys;
  for (const auto& field : rows.schema().fields) {
    engine::AppendJsonString(field.name, &keys.emplace_back());
    keys.back() += ':';
  }
  uint64_t count = 0;
  std::string lines;
  while (true) {
    TARN_ASSIGN_OR_RETURN(duckdb::DataChunk * chunk, rows.Next());
    if (chunk == nullptr) return count;
    const engine::Cells cells(*chunk);
    for (size_t row = 0; row < cells.rows(); ++row) {
      AppendRow(cells, row, format, keys, &lines);
      if (lines.size() >= kPieceBytes) {
        TARN_TRY(sink(lines));
        lines.clear();
      }
    }
    count += cells.rows();
    if (!lines.empty()) TARN_TRY(sink(lines));
    lines.clear();
  }
}

}  // namespace

Result<RowFormat> ParseRowFormat(std::string_view name) {
  if (name == "objects") return RowFormat::kObjects;
  if (name == "arrays") return RowFormat::kArrays;
  if (name == "text") return RowFormat::kText;
  return Error(ErrorCode::kInvalidArgument, "rows=" + std::string(name) + ": must be objects, arrays or text");
}

Status StreamSql(engine::Connection& connection, const std::string& sql, RowFormat format, const Clock& clock,
                 const LineSink& sink) {
  const Micros started = clock.Steady();
  TARN_ASSIGN_OR_RETURN(const auto rows, connection.Query(sql));
  TARN_TRY(sink(ColumnsLine(*rows)));
  const auto count = StreamRows(*rows, format, sink);
  if (!count.ok()) return sink(ErrorJson(count.error()));
  char line[96];
  std::snprintf(line, sizeof line, "{\"rows\":%llu,\"seconds\":%.6f}\n", static_cast<unsigned long long>(*count),
                double(clock.Steady() - started) / 1e6);
  return sink(line);
}

}  // namespace tarn::serve
