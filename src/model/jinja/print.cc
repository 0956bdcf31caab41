#include <algorithm>
#include <cmath>
#include <cstdio>

#include "model/jinja/text_internal.h"
#include "model/jinja/value.h"
#include "model/jinja/value_internal.h"

// str(), repr() and JSON of values. Output is cut off by the limits on text and nesting, since shared parts are printed
// each time.

namespace tarn::model::jinja {
namespace {

Status AppendRepr(std::string& out, const Value& value, int depth);

Status AppendItems(std::string& out, const List& items, int depth) {
  for (size_t i = 0; i < items.size(); i++) {
    if (i > 0) out += ", ";
    TARN_TRY(AppendRepr(out, items[i], depth + 1));
  }
  return Ok();
}

Status AppendRepr(std::string& out, const Value& value, int depth) {
  if (depth > kMaxNesting) return TooLarge("a value is nested too deeply to be printed");
  TARN_TRY(CheckTextSize(out.size()));
  switch (value.kind()) {
    case Value::Kind::kUndefined:
      out += "Undefined";
      break;
    case Value::Kind::kNone:
      out += "None";
      break;
    case Value::Kind::kBool:
      out += value.as_bool() ? "True" : "False";
      break;
    case Value::Kind::kInt:
      out += std::to_string(value.as_int());
      break;
    case Value::Kind::kFloat:
      out += FloatRepr(value.as_double());
      break;
    case Value::Kind::kString:
      out += StringRepr(value.as_string());
      break;
    case Value::Kind::kList:
      out += '[';
      TARN_TRY(AppendItems(out, value.items(), depth));
      out += ']';
      break;
    case Value::Kind::kTuple:
      out += '(';
      TARN_TRY(AppendItems(out, value.items(), depth));
      out += value.items().size() == 1 ? ",)" : ")";
      break;
    case Value::Kind::kDict: {
      out += '{';
      bool first = true;
      for (const auto& [key, item] : value.dict().entries()) {
        if (!first) out += ", ";
        first = false;
        TARN_TRY(AppendRepr(out, key, depth + 1));
        out += ": ";
        TARN_TRY(AppendRepr(out, item, depth + 1));
      }
      out += '}';
      break;
    }
    case Value::Kind::kObject:
      out += value.object()->ToString();
      break;
  }
  return Ok();
}

// JSON's strings, ASCII only as json.dumps makes them.
void AppendJsonString(std::string& out, std::string_view text) {
  char buffer[16];
  out += '"';
  while (!text.empty()) {
    const size_t length = CharacterBytes(text);
    const char32_t c = CodePoint(text.substr(0, length));
    text.remove_prefix(length);
    switch (c) {
      case '"':
        out += "\\\"";
        continue;
      case '\\':
        out += "\\\\";
        continue;
      case '\n':
        out += "\\n";
        continue;
      case '\r':
        out += "\\r";
        continue;
      case '\t':
        out += "\\t";
        continue;
      case '\b':
        out += "\\b";
        continue;
      case '\f':
        out += "\\f";
        continue;
      default:
        break;
    }
    if (c >= 0x20 && c < 0x7F) {
      out += static_cast<char>(c);
    } else if (c < 0x10000) {
      std::snprintf(buffer, sizeof buffer, "\\u%04x", static_cast<unsigned>(c));
      out += buffer;
    } else {
      const auto high = static_cast<unsigned>(0xD800 + ((c - 0x10000) >> 10));
      const auto low = static_cast<unsigned>(0xDC00 + ((c - 0x10000) & 0x3FF));
      std::snprintf(buffer, sizeof buffer, "\\u%04x\\u%04x", high, low);
      out += buffer;
    }
  }
  out += '"';
}

std::string JsonFloat(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  return FloatRepr(value);
}

struct JsonWriter {
  bool sort_keys;
  std::optional<int> indent;
  std::string out;

  void Separate(int depth, bool first) {
    if (!first) out += indent ? "," : ", ";
    if (indent) out += "\n" + std::string(static_cast<size_t>(std::clamp(*indent, 0, 100) * depth), ' ');
  }

  void Close(int depth, char bracket) {
    if (indent) out += "\n" + std::string(static_cast<size_t>(std::clamp(*indent, 0, 100) * depth), ' ');
    out += bracket;
  }

  static Result<std::string> KeyText(const Value& key) {
    switch (key.kind()) {
      case Value::Kind::kString:
        return key.as_string();
      case Value::Kind::kBool:
        return std::string(key.as_bool() ? "true" : "false");
      case Value::Kind::kInt:
        return std::to_string(key.as_int());
      case Value::Kind::kFloat:
        return JsonFloat(key.as_double());
      case Value::Kind::kNone:
        return std::string("null");
      default:
        return InvalidValue("keys must be str, int, float, bool or None, not " + key.TypeName());
    }
  }

  Status WriteDict(const Dict& dict, int depth) {
    if (dict.empty()) {
      out += "{}";
      return Ok();
    }
    std::vector<std::pair<std::string, const Value*>> entries;
    for (const auto& [key, value] : dict.entries()) {
      TARN_ASSIGN_OR_RETURN(std::string name, KeyText(key));
      entries.emplace_back(std::move(name), &value);
    }
    if (sort_keys)
      std::stable_sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    out += '{';
    for (size_t i = 0; i < entries.size(); i++) {
      Separate(depth + 1, i == 0);
      AppendJsonString(out, entries[i].first);
      out += ": ";
      TARN_TRY(Write(*entries[i].second, depth + 1));
    }
    Close(depth, '}');
    return Ok();
  }

  Status WriteList(const List& items, int depth) {
    if (items.empty()) {
      out += "[]";
      return Ok();
    }
    out += '[';
    for (size_t i = 0; i < items.size(); i++) {
      Separate(depth + 1, i == 0);
      TARN_TRY(Write(items[i], depth + 1));
    }
    Close(depth, ']');
    return Ok();
  }

  Status Write(const Value& value, int depth) {
    if (depth > kMaxNesting) return TooLarge("a value is nested too deeply for JSON");
    TARN_TRY(CheckTextSize(out.size()));
    switch (value.kind()) {
      case Value::Kind::kNone:
        out += "null";
        return Ok();
      case Value::Kind::kBool:
        out += value.as_bool() ? "true" : "false";
        return Ok();
      case Value::Kind::kInt:
        out += std::to_string(value.as_int());
        return Ok();
      case Value::Kind::kFloat:
        out += JsonFloat(value.as_double());
        return Ok();
      case Value::Kind::kString:
        AppendJsonString(out, value.as_string());
        return Ok();
      case Value::Kind::kList:
      case Value::Kind::kTuple:
        return WriteList(value.items(), depth);
      case Value::Kind::kDict:
        return WriteDict(value.dict(), depth);
      case Value::Kind::kUndefined:
      case Value::Kind::kObject:
        break;
    }
    return InvalidValue("Object of type " + value.TypeName() + " is not JSON serializable");
  }
};

}  // namespace

Result<std::string> Value::Repr() const {
  std::string out;
  TARN_TRY(AppendRepr(out, *this, 0));
  return out;
}

Result<std::string> Value::ToString() const {
  if (IsString()) return as_string();
  if (IsUndefined()) return std::string();
  return Repr();
}

Result<std::string> Value::ToJson(bool sort_keys, std::optional<int> indent) const {
  JsonWriter writer{sort_keys, indent, {}};
  TARN_TRY(writer.Write(*this, 0));
  return std::move(writer.out);
}

}  // namespace tarn::model::jinja
