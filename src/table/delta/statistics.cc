#include "table/delta/statistics.h"

#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>

#include <simdjson.h>

#include "table/delta/json_text.h"

namespace tarn::table::delta {
namespace {

using engine::DataType;
using engine::Field;
using engine::TypeKind;

enum class Bound { kMin, kMax };

// The prefix length that Delta's own writer indexes ("delta.dataSkippingStringPrefixLength").
constexpr size_t kStringCharacters = 32;

bool ReadDigits(std::string_view& text, size_t count, int& out) {
  if (text.size() < count) return false;
  out = 0;
  for (size_t i = 0; i < count; ++i) {
    if (text[i] < '0' || text[i] > '9') return false;
    out = out * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return true;
}

bool Skip(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

bool ReadDate(std::string_view& text, int64_t& days) {
  int year = 0, month = 0, day = 0;
  if (!ReadDigits(text, 4, year) || !Skip(text, '-') || !ReadDigits(text, 2, month) || !Skip(text, '-') ||
      !ReadDigits(text, 2, day))
    return false;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(unsigned(month)),
                                         std::chrono::day(unsigned(day))};
  if (!date.ok() || year < 1) return false;
  days = std::chrono::sys_days(date).time_since_epoch().count();
  return true;
}

// ISO 8601 with 'T' or a blank, up to microseconds; `zoned` demands an offset or Z. False: not understood, or finer.
bool ReadTimestamp(std::string_view text, bool zoned, Micros& micros) {
  int64_t days = 0;
  int hour = 0, minute = 0, second = 0;
  if (!ReadDate(text, days)) return false;
  if (!Skip(text, 'T') && !Skip(text, ' ')) return false;
  if (!ReadDigits(text, 2, hour) || !Skip(text, ':') || !ReadDigits(text, 2, minute) || !Skip(text, ':') ||
      !ReadDigits(text, 2, second))
    return false;
  if (hour > 23 || minute > 59 || second > 59) return false;
  int64_t fraction = 0;
  if (Skip(text, '.')) {
    int digits = 0;
    for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; text.remove_prefix(1), ++digits) {
      if (digits >= 6 && text.front() != '0') return false;
      if (digits < 6) fraction = fraction * 10 + (text.front() - '0');
    }
    for (; digits < 6; ++digits) fraction *= 10;
  }
  int64_t offset = 0;  // seconds
  bool has_offset = Skip(text, 'Z');
  if (!has_offset && !text.empty() && (text.front() == '+' || text.front() == '-')) {
    const int sign = text.front() == '-' ? -1 : 1;
    int hours = 0, minutes = 0;
    text.remove_prefix(1);
    if (!ReadDigits(text, 2, hours)) return false;
    if (!text.empty()) {
      Skip(text, ':');
      if (!ReadDigits(text, 2, minutes)) return false;
    }
    offset = sign * (hours * 3600 + minutes * 60);
    has_offset = true;
  }
  if (!text.empty() || (zoned && !has_offset)) return false;
  micros = ((days * 86'400 + hour * 3600 + minute * 60 + second - offset) * 1'000'000) + fraction;
  return true;
}

// The years that FormatTimestamp writes with four digits.
bool InFourDigitYears(Micros micros) {
  return micros >= -62'135'596'800'000'000 && micros < 253'402'300'800'000'000;
}

std::string MillisText(Micros micros, bool zoned) {
  std::string text = FormatTimestamp(micros);  // "2026-11-24T14:05:06.123456Z"
  text.resize(text.size() - 4);
  if (zoned) text += 'Z';
  return text;
}

bool IsDecimalText(std::string_view text) {
  Skip(text, '-');
  const size_t whole = std::min(text.find_first_not_of("0123456789"), text.size());
  if (whole == 0 || (whole > 1 && text.front() == '0')) return false;
  text.remove_prefix(whole);
  if (text.empty()) return true;
  if (!Skip(text, '.')) return false;
  return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
}

// The length of the UTF-8 character that `text` begins with, 0 when it is none.
size_t CharacterLength(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const size_t length = lead < 0x80                     ? 1
                        : (lead >= 0xc2 && lead < 0xe0) ? 2
                        : (lead & 0xf0) == 0xe0         ? 3
                        : (lead >= 0xf0 && lead < 0xf5) ? 4
                                                        : 0;
  if (length == 0 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i)
    if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) return 0;
  return length;
}

uint32_t CodePoint(std::string_view character) {
  const auto at = [&](size_t i) { return uint32_t(static_cast<unsigned char>(character[i])); };
  switch (character.size()) {
    case 1:
      return at(0);
    case 2:
      return (at(0) & 0x1f) << 6 | (at(1) & 0x3f);
    case 3:
      return (at(0) & 0x0f) << 12 | (at(1) & 0x3f) << 6 | (at(2) & 0x3f);
    default:
      return (at(0) & 0x07) << 18 | (at(1) & 0x3f) << 12 | (at(2) & 0x3f) << 6 | (at(3) & 0x3f);
  }
}

void AppendCodePoint(std::string& out, uint32_t point) {
  if (point < 0x80) {
    out += char(point);
  } else if (point < 0x800) {
    out += char(0xc0 | point >> 6);
    out += char(0x80 | (point & 0x3f));
  } else if (point < 0x10000) {
    out += char(0xe0 | point >> 12);
    out += char(0x80 | (point >> 6 & 0x3f));
    out += char(0x80 | (point & 0x3f));
  } else {
    out += char(0xf0 | point >> 18);
    out += char(0x80 | (point >> 12 & 0x3f));
    out += char(0x80 | (point >> 6 & 0x3f));
    out += char(0x80 | (point & 0x3f));
  }
}

// A string bound of at most 32 characters. A cut maximum is raised at its last character that can be; none: no bound.
bool CutString(std::string_view text, Bound bound, std::string& out) {
  std::vector<std::string_view> characters;
  size_t at = 0;
  while (at < text.size() && characters.size() < kStringCharacters) {
    const size_t length = CharacterLength(text.substr(at));
    if (length == 0) return false;
    characters.push_back(text.substr(at, length));
    at += length;
  }
  out = std::string(text.substr(0, at));
  if (at == text.size() || bound == Bound::kMin) return true;
  while (!characters.empty()) {
    const uint32_t point = CodePoint(characters.back());
    out.resize(out.size() - characters.back().size());
    characters.pop_back();
    if (point >= 0x10ffff) continue;
    AppendCodePoint(out, point == 0xd7ff ? 0xe000 : point + 1);
    return true;
  }
  return false;
}

template <typename Float>
bool AppendFloat(std::string& out, std::string_view text, Bound bound) {
  Float value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || !std::isfinite(value)) return false;
  if (value == 0) {
    out += bound == Bound::kMin ? "-0.0" : "0.0";
    return true;
  }
  // As a double, exactly: readers parse it as one and compare it with the widened column.
  char digits[40];
  std::snprintf(digits, sizeof digits, "%.17g", double(value));
  out += digits;
  return true;
}

// Appends the JSON of a bound; false when it must be left out.
bool AppendBound(std::string& out, const DataType& type, const ColumnStatistics& statistics, Bound bound) {
  const auto& text = bound == Bound::kMin ? statistics.min : statistics.max;
  if (!text) return false;
  switch (type.kind) {
    case TypeKind::kInt8:
    case TypeKind::kInt16:
    case TypeKind::kInt32:
    case TypeKind::kInt64: {
      int64_t value = 0;
      const auto parsed = std::from_chars(text->data(), text->data() + text->size(), value);
      if (parsed.ec != std::errc() || parsed.ptr != text->data() + text->size()) return false;
      out += std::to_string(value);
      return true;
    }
    case TypeKind::kFloat:
      return statistics.has_nan == false && AppendFloat<float>(out, *text, bound);
    case TypeKind::kDouble:
      return statistics.has_nan == false && AppendFloat<double>(out, *text, bound);
    case TypeKind::kDecimal:
      if (!IsDecimalText(*text)) return false;
      out += *text;
      return true;
    case TypeKind::kString: {
      std::string cut;
      if (!CutString(*text, bound, cut)) return false;
      AppendJsonString(out, cut);
      return true;
    }
    case TypeKind::kDate: {
      std::string_view rest = *text;
      int64_t days = 0;
      if (!ReadDate(rest, days) || !rest.empty()) return false;
      AppendJsonString(out, *text);
      return true;
    }
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampNtz: {
      const bool zoned = type.kind == TypeKind::kTimestamp;
      Micros micros = 0;
      if (!ReadTimestamp(*text, zoned, micros)) return false;
      const Micros rest = ((micros % 1000) + 1000) % 1000;
      micros -= rest;
      if (rest != 0 && bound == Bound::kMax) micros += 1000;
      if (!InFourDigitYears(micros)) return false;
      AppendJsonString(out, MillisText(micros, zoned));
      return true;
    }
    default:
      return false;
  }
}

enum class Part { kMin, kMax, kNullCount };

// Appends the members of one struct; false when there are none.
bool AppendStruct(std::string& out, const std::vector<Field>& fields, const std::string& prefix, const DataFile& file,
                  Part part) {
  bool any = false;
  for (const Field& field : fields) {
    if (prefix.empty() && file.partition_values.contains(field.name)) continue;
    std::string value;
    const std::string name = prefix + field.name;
    if (field.type.kind == TypeKind::kStruct) {
      if (!AppendStruct(value, *field.type.fields, name + ".", file, part)) continue;
      value = "{" + value + "}";
    } else {
      const auto found = file.statistics.find(name);
      if (found == file.statistics.end()) continue;
      if (part == Part::kNullCount) {
        if (!found->second.null_count) continue;
        value = std::to_string(*found->second.null_count);
      } else if (!AppendBound(value, field.type, found->second, part == Part::kMin ? Bound::kMin : Bound::kMax)) {
        continue;
      }
    }
    if (any) out += ',';
    any = true;
    AppendJsonString(out, field.name);
    out += ':' + value;
  }
  return any;
}

class StatisticsReader {
 public:
  explicit StatisticsReader(DataFile& file) : file_(file) {}

  // Throws simdjson_error.
  void ReadStruct(simdjson::ondemand::object json, const std::vector<Field>& fields, const std::string& prefix,
                  Part part) {
    for (auto member : json) {
      const std::string_view key = member.unescaped_key();
      const std::string name(key);
      const auto field = std::find_if(fields.begin(), fields.end(), [&](const Field& f) { return f.name == name; });
      simdjson::ondemand::value value = member.value();
      if (field == fields.end()) continue;
      if (field->type.kind == TypeKind::kStruct) {
        if (value.type() == simdjson::ondemand::json_type::object)
          ReadStruct(value.get_object(), *field->type.fields, prefix + name + ".", part);
        continue;
      }
      ReadLeaf(value, field->type, prefix + name, part);
    }
  }

 private:
  void ReadLeaf(simdjson::ondemand::value value, const DataType& type, const std::string& name, Part part) {
    using Type = simdjson::ondemand::json_type;
    const Type json_type = value.type();
    if (part == Part::kNullCount) {
      if (json_type == Type::number) file_.statistics[name].null_count = value.get_int64();
      return;
    }
    std::string text;
    if (json_type == Type::number) {
      text = std::string(std::string_view(value.raw_json_token()));
      text.resize(text.find_last_not_of(" \t\r\n") + 1);
    } else if (json_type == Type::string) {
      text = std::string(std::string_view(value.get_string()));
    } else if (json_type == Type::boolean) {
      text = value.get_bool() ? "true" : "false";
    } else {
      return;
    }
    if (type.kind == TypeKind::kTimestamp || type.kind == TypeKind::kTimestampNtz) {
      const bool zoned = type.kind == TypeKind::kTimestamp;
      Micros micros = 0;
      if (!ReadTimestamp(text, zoned, micros)) return;
      if (part == Part::kMax && micros % 1000 == 0) micros += 999;
      if (!InFourDigitYears(micros)) return;
      text = FormatTimestamp(micros);
      if (!zoned) text.pop_back();
    }
    if (type.kind == TypeKind::kFloat || type.kind == TypeKind::kDouble) {
      double parsed = 0;
      const auto end = std::from_chars(text.data(), text.data() + text.size(), parsed);
      if (end.ec != std::errc() || std::isnan(parsed)) return;
    }
    ColumnStatistics& statistics = file_.statistics[name];
    (part == Part::kMin ? statistics.min : statistics.max) = std::move(text);
  }

  DataFile& file_;
};

}  // namespace

std::string FormatStatistics(const DataFile& file, const engine::Schema& schema) {
  if (file.record_count < 0) return "";
  std::string out = "{\"numRecords\":" + std::to_string(file.record_count);
  const std::pair<std::string_view, Part> parts[] = {
      {"minValues", Part::kMin}, {"maxValues", Part::kMax}, {"nullCount", Part::kNullCount}};
  for (const auto& [name, part] : parts) {
    std::string members;
    AppendStruct(members, schema.fields, "", file, part);
    out += ",\"" + std::string(name) + "\":{" + members + "}";
  }
  return out + "}";
}

void ParseStatistics(std::string_view json, const engine::Schema& schema, DataFile& file) {
  file.record_count = -1;
  file.statistics.clear();
  if (json.empty()) return;
  // simdjson's checked accessors throw; nothing of that leaves this function.
  try {
    StatisticsReader reader(file);
    simdjson::ondemand::parser parser;
    const simdjson::padded_string padded(json);
    auto document = parser.iterate(padded);
    simdjson::ondemand::object root = document.get_object();
    int64_t records = -1;
    for (auto member : root) {
      const std::string_view key = member.unescaped_key();
      const std::string name(key);
      simdjson::ondemand::value value = member.value();
      if (name == "numRecords")
        records = value.get_int64();
      else if (name == "minValues")
        reader.ReadStruct(value.get_object(), schema.fields, "", Part::kMin);
      else if (name == "maxValues")
        reader.ReadStruct(value.get_object(), schema.fields, "", Part::kMax);
      else if (name == "nullCount")
        reader.ReadStruct(value.get_object(), schema.fields, "", Part::kNullCount);
    }
    file.record_count = records;
  } catch (const simdjson::simdjson_error&) {
    file.record_count = -1;
    file.statistics.clear();
  }
}

}  // namespace tarn::table::delta
