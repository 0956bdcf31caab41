#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <utility>

#include "cli/yaml_reader_internal.h"

namespace tarn::cli {
namespace {

const char* KindName(YamlNode::Kind kind) {
  switch (kind) {
    case YamlNode::Kind::kNull:
      return "nothing";
    case YamlNode::Kind::kScalar:
      return "a value";
    case YamlNode::Kind::kSequence:
      return "a list";
    case YamlNode::Kind::kMapping:
      return "a mapping (key: value)";
  }
  return "";
}

// The number at the start of `text`, which loses it.
std::optional<double> TakeNumber(std::string_view* text) {
  double number = 0;
  const auto parsed = std::from_chars(text->data(), text->data() + text->size(), number);
  if (parsed.ec != std::errc() || !std::isfinite(number) || number < 0) return std::nullopt;
  text->remove_prefix(size_t(parsed.ptr - text->data()));
  while (text->starts_with(' ')) text->remove_prefix(1);
  return number;
}

std::optional<double> UnitOf(std::string_view unit, std::initializer_list<std::pair<std::string_view, double>> units) {
  for (const auto& [name, factor] : units)
    if (unit == name) return factor;
  return std::nullopt;
}

}  // namespace

Result<Micros> ParseDuration(std::string_view text) {
  std::string_view rest = text;
  const auto number = TakeNumber(&rest);
  const auto unit = UnitOf(rest, {{"us", 1}, {"ms", 1e3}, {"s", 1e6}, {"m", 60e6}, {"h", 3600e6}, {"d", 86400e6}});
  if (!number || !unit || *number * *unit > 9e15)
    return Error(ErrorCode::kInvalidArgument,
                 "'" + std::string(text) + "' is not a duration like 500ms, 10s, 5m, 2h or 7d");
  return Micros(std::llround(*number * *unit));
}

Result<uint64_t> ParseByteCount(std::string_view text) {
  std::string_view rest = text;
  const auto number = TakeNumber(&rest);
  const auto unit = UnitOf(rest, {{"", 1},
                                  {"B", 1},
                                  {"kB", 1e3},
                                  {"KB", 1e3},
                                  {"MB", 1e6},
                                  {"GB", 1e9},
                                  {"KiB", 1024},
                                  {"MiB", 1048576},
                                  {"GiB", 1073741824}});
  if (!number || !unit || *number * *unit > 9e15)
    return Error(ErrorCode::kInvalidArgument, "'" + std::string(text) + "' is not a size like 256MB, 64KiB or 1GB");
  return uint64_t(*number * *unit);
}

Result<Micros> ParseTime(std::string_view text, const Clock& clock) {
  if (text == "now") return clock.Now();
  const Error wrong(ErrorCode::kInvalidArgument,
                    "'" + std::string(text) + "' is not a time like 2026-11-24, 2026-11-24T10:00:00Z or now");
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, used = 0;
  double second = 0;
  const std::string copy(text);
  if (std::sscanf(copy.c_str(), "%4d-%2d-%2d%n", &year, &month, &day, &used) != 3) return wrong;
  std::string_view rest = text.substr(size_t(used));
  if (!rest.empty() && (rest[0] == 'T' || rest[0] == ' ')) {
    used = 0;
    if (std::sscanf(copy.c_str() + (text.size() - rest.size()) + 1, "%2d:%2d%n", &hour, &minute, &used) != 2)
      return wrong;
    rest.remove_prefix(size_t(used) + 1);
    if (rest.starts_with(':')) {
      rest.remove_prefix(1);
      const auto parsed = TakeNumber(&rest);
      if (!parsed) return wrong;
      second = *parsed;
    }
  }
  int zone_minutes = 0;
  if (rest == "Z" || rest == "z") {
    rest = {};
  } else if (rest.size() == 6 && (rest[0] == '+' || rest[0] == '-')) {
    int hours = 0, minutes = 0;
    if (std::sscanf(std::string(rest).c_str() + 1, "%2d:%2d", &hours, &minutes) != 2) return wrong;
    zone_minutes = (rest[0] == '-' ? -1 : 1) * (hours * 60 + minutes);
    rest = {};
  }
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(unsigned(month)),
                                         std::chrono::day(unsigned(day))};
  if (!rest.empty() || !date.ok() || hour > 23 || minute > 59 || second >= 60) return wrong;
  const int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return ((days * 24 + hour) * 60 + minute - zone_minutes) * 60'000'000 + Micros(std::llround(second * 1e6));
}

MappingReader::MappingReader(const YamlNode& node, const std::string& file, std::string what)
    : node_(node), file_(file), what_(std::move(what)) {
  if (node_.kind != YamlNode::Kind::kMapping && !node_.IsNull())
    Fail(node_, what_ + " must be a mapping (key: value), not " + KindName(node_.kind));
}

const YamlNode* MappingReader::Take(const std::string& key) {
  known_.push_back(key);
  const YamlNode* value = node_.Find(key);
  return value != nullptr && !value->IsNull() ? value : nullptr;
}

const YamlNode* MappingReader::Take(const std::string& key, YamlNode::Kind kind) {
  const YamlNode* value = Take(key);
  if (value == nullptr || value->kind == kind) return value;
  Fail(*value, key + " must be " + KindName(kind) + ", not " + KindName(value->kind));
  return nullptr;
}

void MappingReader::Text(const std::string& key, std::string* out) {
  if (const YamlNode* value = Take(key, YamlNode::Kind::kScalar)) *out = value->text;
}

void MappingReader::Required(const std::string& key, std::string* out) {
  Text(key, out);
  if (out->empty() && !error_)
    error_ = YamlError(file_, node_.line, node_.column, what_ + " needs the key '" + key + "'");
}

void MappingReader::TextList(const std::string& key, std::vector<std::string>* out) {
  const YamlNode* value = Take(key);
  if (value == nullptr) return;
  out->clear();
  if (value->kind == YamlNode::Kind::kScalar) return out->push_back(value->text);
  if (value->kind != YamlNode::Kind::kSequence) return Fail(*value, key + " must be a list of names");
  for (const YamlNode& item : value->items) {
    if (item.kind != YamlNode::Kind::kScalar) return Fail(item, key + " must be a list of names");
    out->push_back(item.text);
  }
}

void MappingReader::Integer(const std::string& key, int64_t low, int64_t high, int64_t* out) {
  const YamlNode* value = Take(key, YamlNode::Kind::kScalar);
  if (value == nullptr) return;
  const auto number = value->AsInt();
  if (!number || *number < low || *number > high)
    return Fail(*value, key + ": '" + value->text + "' must be a whole number from " + std::to_string(low) + " to " +
                            std::to_string(high));
  *out = *number;
}

void MappingReader::Number(const std::string& key, double low, double high, double* out) {
  const YamlNode* value = Take(key, YamlNode::Kind::kScalar);
  if (value == nullptr) return;
  const auto number = value->AsDouble();
  char range[64];
  std::snprintf(range, sizeof range, "%g to %g", low, high);
  if (!number || *number < low || *number > high)
    return Fail(*value, key + ": '" + value->text + "' must be a number from " + range);
  *out = *number;
}

void MappingReader::Duration(const std::string& key, Micros* out) {
  const YamlNode* value = Take(key, YamlNode::Kind::kScalar);
  if (value == nullptr) return;
  const auto duration = ParseDuration(value->text);
  if (!duration.ok()) return Fail(*value, key + ": " + duration.error().message());
  *out = *duration;
}

void MappingReader::ByteCount(const std::string& key, uint64_t* out) {
  const YamlNode* value = Take(key, YamlNode::Kind::kScalar);
  if (value == nullptr) return;
  const auto bytes = ParseByteCount(value->text);
  if (!bytes.ok()) return Fail(*value, key + ": " + bytes.error().message());
  *out = *bytes;
}

void MappingReader::Choice(const std::string& key, const std::vector<std::string>& choices, std::string* out) {
  const YamlNode* value = Take(key, YamlNode::Kind::kScalar);
  if (value == nullptr) return;
  std::string all;
  for (const std::string& choice : choices) {
    if (value->text == choice) {
      *out = choice;
      return;
    }
    all += (all.empty() ? "" : ", ") + choice;
  }
  const auto nearest = NearestWord(value->text, choices);
  Fail(*value,
       key + ": '" + value->text + "' must be one of " + all + (nearest ? "; did you mean '" + *nearest + "'?" : ""));
}

void MappingReader::Fail(const YamlNode& at, const std::string& what) {
  if (!error_) error_ = YamlError(file_, at.line, at.column, what);
}

Error MappingReader::ErrorAtKey(size_t index, const std::string& what) const {
  return YamlError(file_, node_.entry_positions[index].first, node_.entry_positions[index].second, what);
}

// A misspelt key comes before what is missing: it tells why.
Status MappingReader::Finish() {
  for (size_t i = 0; i < node_.entries.size(); ++i) {
    const std::string& key = node_.entries[i].first;
    if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
    const auto nearest = NearestWord(key, known_);
    std::string all;
    for (const std::string& known : known_) all += (all.empty() ? "" : ", ") + known;
    return ErrorAtKey(i, what_ + " has no key '" + key + "'; " +
                             (nearest ? "did you mean '" + *nearest + "'?" : "it may have " + all));
  }
  if (error_) return *error_;
  return Ok();
}

}  // namespace tarn::cli
