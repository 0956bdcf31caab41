#include <algorithm>
#include <cmath>
#include <cstdio>

#include "model/jinja/format_internal.h"
#include "model/jinja/methods_internal.h"
#include "model/jinja/operators_internal.h"
#include "model/jinja/registry_internal.h"
#include "model/jinja/text_internal.h"
#include "model/jinja/value_internal.h"

// Filters on text. Each takes str() of its input first, as Jinja does.

namespace tarn::model::jinja {
namespace {

// Calls the method of str with the input as text: `upper`, `title` and others are filters too.
Result<Value> CallStringMethod(Runtime& runtime, std::string_view method, const Value& input,
                               const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(std::string text, input.ToString());
  return FindStringMethod(method)(runtime, Value(std::move(text)), arguments);
}

Result<Value> UpperFilter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  return CallStringMethod(runtime, "upper", input, arguments);
}
Result<Value> LowerFilter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  return CallStringMethod(runtime, "lower", input, arguments);
}
Result<Value> CapitalizeFilter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  return CallStringMethod(runtime, "capitalize", input, arguments);
}
Result<Value> TrimFilter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  return CallStringMethod(runtime, "strip", input, arguments);
}
Result<Value> ReplaceFilter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const List bound, arguments.Bind("replace", {"old", "new", "count"}, 2));
  Arguments texts;
  for (size_t i = 0; i < 2; i++) {
    TARN_ASSIGN_OR_RETURN(std::string text, bound[i].ToString());
    texts.positional.emplace_back(std::move(text));
  }
  if (!bound[2].IsUndefined() && !bound[2].IsNone()) texts.positional.push_back(bound[2]);
  return CallStringMethod(runtime, "replace", input, texts);
}

Result<Value> CenterFilter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const List bound, arguments.Bind("center", {"width"}));
  return CallStringMethod(runtime, "center", input, Arguments{{bound[0].IsUndefined() ? Value(80) : bound[0]}, {}});
}

Result<Value> StringFilter(Runtime&, const Value& input, const Arguments& arguments) {
  TARN_TRY(arguments.Bind("string", {}));
  TARN_ASSIGN_OR_RETURN(std::string text, input.ToString());
  return Value(std::move(text));
}

// Capital letters after blanks, '-' and opening brackets only: unlike str.title().
Result<Value> TitleFilter(Runtime&, const Value& input, const Arguments& arguments) {
  TARN_TRY(arguments.Bind("title", {}));
  TARN_ASSIGN_OR_RETURN(const std::string text, input.ToString());
  std::string out;
  bool begins = true;
  for (const std::string_view c : Characters(text)) {
    out += begins ? Upper(c) : Lower(c);
    begins = c.size() == 1 && (IsSpace(c[0]) || std::string_view("-({[<").find(c[0]) != std::string_view::npos);
  }
  return Value(std::move(out));
}

Result<Value> EscapeFilter(Runtime&, const Value& input, const Arguments& arguments) {
  TARN_TRY(arguments.Bind("escape", {}));
  TARN_ASSIGN_OR_RETURN(const std::string text, input.ToString());
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&#34;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return Value(std::move(out));
}

Result<Value> FormatFilter(Runtime&, const Value& input, const Arguments& arguments) {
  if (!arguments.positional.empty() && !arguments.keyword.empty()) {
    return InvalidValue("can't handle positional and keyword arguments at the same time");
  }
  TARN_ASSIGN_OR_RETURN(const std::string text, input.ToString());
  if (arguments.keyword.empty()) return FormatPercent(text, Value::Tuple(arguments.positional));
  Dict named;
  for (const auto& [name, value] : arguments.keyword) named.Set(name, value);
  return FormatPercent(text, Value(std::move(named)));
}

std::vector<std::string_view> SplitLinesOf(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

Result<Value> IndentFilter(Runtime&, const Value& input, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const List bound, arguments.Bind("indent", {"width", "first", "blank"}));
  TARN_ASSIGN_OR_RETURN(std::string text, input.ToString());
  std::string indention;
  if (bound[0].IsString()) {
    indention = bound[0].as_string();
  } else if (bound[0].IsUndefined() || bound[0].IsInteger()) {
    const int64_t width = bound[0].IsUndefined() ? 4 : bound[0].as_int();
    if (width > 10'000) return TooLarge("indent by more than 10000");
    indention.assign(static_cast<size_t>(std::max<int64_t>(width, 0)), ' ');
  } else {
    return InvalidValue("indent() needs a width as int or str, not " + bound[0].TypeName());
  }
  text += '\n';  // so that a last line without end counts as one, and a last newline makes an empty one
  const bool blank = bound[2].Truth();
  std::string out = bound[1].Truth() ? indention : "";
  bool first = true;
  for (const std::string_view line : SplitLinesOf(text)) {
    if (!first) out += '\n';
    if (!first && (blank || !line.empty())) out += indention;
    first = false;
    out += line;
    TARN_TRY(CheckTextSize(out.size()));
  }
  return Value(std::move(out));
}

Result<Value> TruncateFilter(Runtime&, const Value& input, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const List bound, arguments.Bind("truncate", {"length", "killwords", "end", "leeway"}));
  TARN_ASSIGN_OR_RETURN(const std::string text, input.ToString());
  const Value length_value = bound[0].IsUndefined() ? Value(255) : bound[0];
  const Value leeway_value = bound[3].IsUndefined() || bound[3].IsNone() ? Value(5) : bound[3];
  if (!length_value.IsInteger() || !leeway_value.IsInteger()) return InvalidValue("truncate() needs integers");
  TARN_ASSIGN_OR_RETURN(const std::string end,
                        bound[2].IsUndefined() ? Result<std::string>("...") : bound[2].ToString());
  const int64_t length = length_value.as_int();
  const auto end_length = static_cast<int64_t>(CountCharacters(end));
  if (length < end_length)
    return InvalidValue("expected length >= " + std::to_string(end_length) + ", got " + std::to_string(length));
  if (leeway_value.as_int() < 0)
    return InvalidValue("expected leeway >= 0, got " + std::to_string(leeway_value.as_int()));
  const std::vector<std::string_view> characters = Characters(text);
  const auto size = static_cast<int64_t>(characters.size());
  if (size - leeway_value.as_int() <= length) return Value(text);
  const auto keep = static_cast<size_t>(length - end_length);
  std::string kept = text.substr(0, static_cast<size_t>(characters[keep].data() - text.data()));
  if (!bound[1].Truth()) {
    const size_t blank = kept.rfind(' ');
    if (blank != std::string::npos) kept.resize(blank);
  }
  return Value(kept + end);
}

Result<Value> WordCountFilter(Runtime&, const Value& input, const Arguments& arguments) {
  TARN_TRY(arguments.Bind("wordcount", {}));
  TARN_ASSIGN_OR_RETURN(const std::string text, input.ToString());
  int64_t words = 0;
  bool in_word = false;
  for (const char c : text) {
    const bool part = IsAsciiAlpha(c) || IsDigit(c) || c == '_' || static_cast<unsigned char>(c) >= 0x80;
    words += part && !in_word ? 1 : 0;
    in_word = part;
  }
  return Value(words);
}

std::string UrlQuote(std::string_view text, std::string_view safe) {
  std::string out;
  char buffer[8];
  for (const char c : text) {
    if (IsAsciiAlpha(c) || IsDigit(c) || std::string_view("_.-~").find(c) != std::string_view::npos ||
        safe.find(c) != std::string_view::npos) {
      out += c;
    } else {
      std::snprintf(buffer, sizeof buffer, "%%%02X", static_cast<unsigned>(static_cast<unsigned char>(c)));
      out += buffer;
    }
  }
  return out;
}

Result<Value> UrlEncodeFilter(Runtime&, const Value& input, const Arguments& arguments) {
  TARN_TRY(arguments.Bind("urlencode", {}));
  if (input.IsString() || (!input.IsDict() && !input.IsSequence())) {
    TARN_ASSIGN_OR_RETURN(const std::string text, input.ToString());
    return Value(UrlQuote(text, "/"));
  }
  List pairs;
  if (input.IsDict()) {
    for (const auto& [key, value] : input.dict().entries()) pairs.push_back(Value::Tuple({key, value}));
  } else {
    pairs = input.items();
  }
  std::string out;
  for (const Value& pair : pairs) {
    TARN_ASSIGN_OR_RETURN(const List parts, Iterate(pair));
    if (parts.size() != 2) return InvalidValue("urlencode() needs pairs of key and value");
    TARN_ASSIGN_OR_RETURN(const std::string key, parts[0].ToString());
    TARN_ASSIGN_OR_RETURN(const std::string value, parts[1].ToString());
    if (!out.empty()) out += '&';
    for (const auto& [text, end] : {std::pair(key, "="), std::pair(value, "")}) {
      std::string quoted = UrlQuote(text, " ");
      std::replace(quoted.begin(), quoted.end(), ' ', '+');  // as forms do
      out += quoted + end;
    }
    TARN_TRY(CheckTextSize(out.size()));
  }
  return Value(std::move(out));
}

// JSON that may stand in HTML: keys sorted, <, >, & and ' escaped.
Result<Value> ToJsonFilter(Runtime&, const Value& input, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const List bound, arguments.Bind("tojson", {"indent"}));
  std::optional<int> indent;
  if (bound[0].IsInteger()) indent = static_cast<int>(std::clamp<int64_t>(bound[0].as_int(), 0, 100));
  TARN_ASSIGN_OR_RETURN(const std::string json, input.ToJson(true, indent));
  std::string out;
  for (const char c : json) {
    switch (c) {
      case '<':
        out += "\\u003c";
        break;
      case '>':
        out += "\\u003e";
        break;
      case '&':
        out += "\\u0026";
        break;
      case '\'':
        out += "\\u0027";
        break;
      default:
        out += c;
    }
  }
  return Value(std::move(out));
}

Result<Value> UnchangedFilter(Runtime&, const Value& input, const Arguments&) {
  return input;
}

}  // namespace

std::vector<NamedFilter> TextFilters() {
  return {{"as_native", UnchangedFilter}, {"as_text", StringFilter},     {"capitalize", CapitalizeFilter},
          {"center", CenterFilter},       {"e", EscapeFilter},           {"escape", EscapeFilter},
          {"forceescape", EscapeFilter},  {"format", FormatFilter},      {"indent", IndentFilter},
          {"lower", LowerFilter},         {"replace", ReplaceFilter},    {"safe", StringFilter},
          {"string", StringFilter},       {"title", TitleFilter},        {"tojson", ToJsonFilter},
          {"trim", TrimFilter},           {"truncate", TruncateFilter},  {"upper", UpperFilter},
          {"urlencode", UrlEncodeFilter}, {"wordcount", WordCountFilter}};
}

}  // namespace tarn::model::jinja
