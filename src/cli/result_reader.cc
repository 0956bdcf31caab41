#include "cli/result_reader.h"

#include <charconv>
#include <nlohmann/json.hpp>

namespace tarn::cli {
namespace {

using Json = nlohmann::json;

ErrorCode CodeOfName(std::string_view name) {
  for (int code = 0; code <= int(ErrorCode::kInternal); ++code)
    if (ErrorCodeName(ErrorCode(code)) == name) return ErrorCode(code);
  return ErrorCode::kInternal;
}

Error BadRow(std::string_view line, size_t at) {
  return Error(ErrorCode::kCorruption, "expected an array of strings at character " + std::to_string(at) + " of " +
                                           std::string(line.substr(0, 100)));
}

// The string whose opening quote is before `at`, which is moved behind the closing one. False: it does not end.
bool TakeString(std::string_view line, size_t* at, std::string* out) {
  while (*at < line.size()) {
    const size_t special = line.find_first_of("\"\\", *at);
    if (special == std::string_view::npos) return false;
    out->append(line.substr(*at, special - *at));
    *at = special + 1;
    if (line[special] == '"') return true;
    if (*at >= line.size()) return false;
    const char c = line[(*at)++];
    if (c == 'n')
      *out += '\n';
    else if (c == 't')
      *out += '\t';
    else if (c == 'r')
      *out += '\r';
    else if (c == 'u') {  // the writer escapes control characters alone in this way
      unsigned value = 0;
      if (*at + 4 > line.size() ||
          std::from_chars(line.data() + *at, line.data() + *at + 4, value, 16).ec != std::errc())
        return false;
      *out += char(value);
      *at += 4;
    } else
      *out += c;
  }
  return false;
}

}  // namespace

Status ResultReader::Feed(std::string_view piece) {
  while (!piece.empty()) {
    const size_t end = piece.find('\n');
    if (end == std::string_view::npos) {
      partial_ += piece;
      return Ok();
    }
    if (partial_.empty()) {
      TARN_TRY(TakeLine(piece.substr(0, end)));
    } else {
      partial_ += piece.substr(0, end);
      const std::string line = std::exchange(partial_, {});
      TARN_TRY(TakeLine(line));
    }
    piece.remove_prefix(end + 1);
  }
  return Ok();
}

Status ResultReader::TakeLine(std::string_view line) {
  if (!has_head_) {
    const Json json = Json::parse(line, nullptr, false);
    if (auto error = ParseErrorJson(line)) return *error;
    if (!json.is_object() || !json.contains("columns"))
      return Error(ErrorCode::kCorruption, "expected the columns of a result, got " + std::string(line.substr(0, 200)));
    ResultHead head{.columns = {}, .kind = json.value("kind", "result")};
    for (const Json& column : json["columns"])
      head.columns.push_back({column.value("name", ""), column.value("type", "")});
    printer_.Begin(head);
    has_head_ = true;
    return Ok();
  }
  if (held_) printer_.Row(*held_);
  held_ = std::string(line);
  return Ok();
}

Status ResultReader::Finish() {
  const Error cut(ErrorCode::kOutcomeUnknown, "the result was cut off: is `tarn up` still running?");
  if (!has_head_ || !held_ || !partial_.empty()) return cut;
  if (auto error = ParseErrorJson(*held_)) return *error;
  const Json json = Json::parse(*held_, nullptr, false);
  if (!json.is_object() || !json.contains("rows")) return cut;
  printer_.End({.rows = json.value("rows", uint64_t(0)), .seconds = json.value("seconds", 0.0)});
  return Ok();
}

Result<TextRow> ParseTextRow(std::string_view line) {
  TextRow row;
  if (line == "[]") return row;
  size_t at = 0;
  if (line.empty() || line[at++] != '[') return BadRow(line, 0);
  while (true) {
    if (line.substr(at).starts_with("null")) {
      row.emplace_back();
      at += 4;
    } else if (at < line.size() && line[at] == '"') {
      ++at;
      if (!TakeString(line, &at, &row.emplace_back().emplace())) return BadRow(line, at);
    } else {
      return BadRow(line, at);
    }
    if (at < line.size() && line[at] == ',') {
      ++at;
    } else if (at + 1 == line.size() && line[at] == ']') {
      return row;
    } else {
      return BadRow(line, at);
    }
  }
}

std::optional<Error> ParseErrorJson(std::string_view json) {
  if (!json.starts_with("{\"error\":{")) return std::nullopt;
  const Json parsed = Json::parse(json, nullptr, false);
  if (!parsed.is_object() || !parsed["error"].is_object()) return std::nullopt;
  const Json& error = parsed["error"];
  return Error(CodeOfName(error.value("code", "")), error.value("message", ""));
}

}  // namespace tarn::cli
