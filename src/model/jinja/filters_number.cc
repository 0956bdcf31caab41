#include <charconv>
#include <cmath>
#include <cstdlib>

#include "model/jinja/format_internal.h"
#include "model/jinja/operators_internal.h"
#include "model/jinja/registry_internal.h"
#include "model/jinja/selection_internal.h"
#include "model/jinja/text_internal.h"
#include "model/jinja/value_internal.h"

// Filters that make numbers.

namespace tarn::model::jinja {
namespace {

// int(text, base) of Python: blanks around, a sign, a prefix, underscores between digits; nothing: no such number.
std::optional<int64_t> ParseInteger(std::string_view text, int64_t base) {
  text = Strip(text, "", true, true);
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text.size() > 2 && text[0] == '0') {
    const char marker = static_cast<char>(text[1] | 0x20);
    const int64_t marked = marker == 'x' ? 16 : marker == 'o' ? 8 : marker == 'b' ? 2 : 0;
    if (marked != 0 && (base == marked || base == 0)) {
      base = marked;
      text.remove_prefix(text[2] == '_' ? 3 : 2);
    }
  }
  if (base == 0) base = 10;
  if (base < 2 || base > 36) return std::nullopt;
  std::string digits = negative ? "-" : "";
  for (size_t i = 0; i < text.size(); i++) {
    if (text[i] != '_') {
      digits += text[i];
    } else if (i == 0 || i + 1 == text.size() || text[i - 1] == '_') {
      return std::nullopt;
    }
  }
  int64_t value = 0;
  const char* end = digits.data() + digits.size();
  const auto [at, error] = std::from_chars(digits.data(), end, value, static_cast<int>(base));
  return error == std::errc() && at == end && !text.empty() && text[0] != '-' ? std::optional<int64_t>(value)
                                                                              : std::nullopt;
}

std::optional<double> ParseFloat(std::string_view text) {
  std::string clean;
  text = Strip(text, "", true, true);
  for (size_t i = 0; i < text.size(); i++) {
    if (text[i] == '_') {
      if (i == 0 || i + 1 == text.size() || !IsDigit(text[i - 1]) || !IsDigit(text[i + 1])) return std::nullopt;
    } else {
      clean += text[i];
    }
  }
  const std::string lower = Lower(clean);
  if (lower.empty() || lower.find_first_of("xp(") != std::string::npos)
    return std::nullopt;  // strtod reads more than float() does
  char* end = nullptr;
  const double value = std::strtod(lower.c_str(), &end);
  return end == lower.c_str() + lower.size() ? std::optional<double>(value) : std::nullopt;
}

std::optional<int64_t> Truncate(double value) {
  if (!(std::fabs(value) < 0x1p63)) return std::nullopt;
  return static_cast<int64_t>(value);
}

Result<Value> IntFilter(Runtime&, const Value& input, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const List bound, arguments.Bind("int", {"default", "base"}));
  const Value otherwise = bound[0].IsUndefined() ? Value(0) : bound[0];
  if (input.IsUndefined()) return UndefinedError(input);
  std::optional<int64_t> number;
  if (input.IsString()) {
    number = ParseInteger(input.as_string(), bound[1].IsInteger() ? bound[1].as_int() : 10);
    if (!number) {
      if (const std::optional<double> real = ParseFloat(input.as_string())) number = Truncate(*real);
    }
  } else if (input.IsInteger()) {
    number = input.as_int();
  } else if (input.kind() == Value::Kind::kFloat) {
    number = Truncate(input.as_double());
  }
  return number ? Value(*number) : otherwise;
}

Result<Value> FloatFilter(Runtime&, const Value& input, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const List bound, arguments.Bind("float", {"default"}));
  if (input.IsUndefined()) return UndefinedError(input);
  std::optional<double> number;
  if (input.IsString()) number = ParseFloat(input.as_string());
  if (input.IsNumber()) number = input.as_double();
  if (number) return Value(*number);
  return bound[0].IsUndefined() ? Value(0.0) : bound[0];
}

Result<Value> AbsFilter(Runtime&, const Value& input, const Arguments& arguments) {
  TARN_TRY(arguments.Bind("abs", {}));
  if (input.IsUndefined()) return UndefinedError(input);
  if (!input.IsNumber()) return InvalidValue("bad operand type for abs(): '" + input.TypeName() + "'");
  if (input.kind() == Value::Kind::kFloat) return Value(std::fabs(input.as_double()));
  return input.as_int() < 0 ? Negate(input) : Value(input.as_int());
}

// Python's round(x, digits): to the nearest, exact halves to even.
Result<Value> RoundToDigits(const Value& input, int digits) {
  const double value = input.as_double();
  if (input.IsInteger() && digits >= 0) return Value(input.as_int());
  if (!std::isfinite(value)) return input;
  if (digits >= 0) return Value(std::strtod(FixedPoint(value, std::min(digits, 320)).c_str(), nullptr));
  const double scale = std::pow(10.0, -digits);
  const double rounded = std::nearbyint(value / scale) * scale;
  if (!input.IsInteger()) return Value(rounded);
  const std::optional<int64_t> whole = Truncate(rounded);
  if (!whole) return InvalidValue("integer overflow: the rounded number does not fit 64 bits");
  return Value(*whole);
}

Result<Value> RoundFilter(Runtime&, const Value& input, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const List bound, arguments.Bind("round", {"precision", "method"}));
  const Value precision = bound[0].IsUndefined() ? Value(0) : bound[0];
  const std::string method = bound[1].IsString() ? bound[1].as_string() : "common";
  if (method != "common" && method != "ceil" && method != "floor")
    return InvalidValue("method must be common, ceil or floor");
  if (input.IsUndefined()) return UndefinedError(input);
  if (!input.IsNumber()) return InvalidValue("type " + input.TypeName() + " doesn't define __round__ method");
  if (!precision.IsInteger() || precision.as_int() < -320 || precision.as_int() > 320)
    return InvalidValue("round() needs a sensible precision");
  const int digits = static_cast<int>(precision.as_int());
  if (method == "common") return RoundToDigits(input, digits);
  const double scale = std::pow(10.0, digits);
  const double scaled = input.as_double() * scale;
  return Value((method == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / scale);
}

Result<Value> SumFilter(Runtime&, const Value& input, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const List bound, arguments.Bind("sum", {"attribute", "start"}));
  TARN_ASSIGN_OR_RETURN(const AttributePath path, AttributePath::Of(bound[0]));
  TARN_ASSIGN_OR_RETURN(const List items, Iterate(input));
  Value sum = bound[1].IsUndefined() ? Value(0) : bound[1];
  if (sum.IsString()) return InvalidValue("sum() can't sum strings [use ''.join(seq) instead]");
  for (const Value& item : items) {
    TARN_ASSIGN_OR_RETURN(const Value value, path.Get(item));
    TARN_ASSIGN_OR_RETURN(sum, Apply(BinaryOperator::kAdd, sum, value));
  }
  return sum;
}

Result<Value> FileSizeFilter(Runtime&, const Value& input, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const List bound, arguments.Bind("filesizeformat", {"binary"}));
  const bool binary = bound[0].Truth();
  const std::optional<double> parsed = input.IsString()   ? ParseFloat(input.as_string())
                                       : input.IsNumber() ? std::optional<double>(input.as_double())
                                                          : std::nullopt;
  if (!parsed) return InvalidValue("filesizeformat() needs a number");
  const double base = binary ? 1024 : 1000;
  if (*parsed == 1) return Value("1 Byte");
  if (*parsed < base) {
    const std::optional<int64_t> whole = Truncate(*parsed);
    return Value((whole ? std::to_string(*whole) : FloatRepr(*parsed)) + " Bytes");
  }
  static constexpr std::string_view kPrefixes = "kMGTPEZY";
  double unit = base;
  size_t prefix = 0;
  while (*parsed >= unit * base && prefix + 1 < kPrefixes.size()) {
    unit *= base;
    prefix++;
  }
  const std::string name =
      binary ? std::string(1, prefix == 0 ? 'K' : kPrefixes[prefix]) + "iB" : std::string(1, kPrefixes[prefix]) + "B";
  return Value(FixedPoint(*parsed / unit, 1) + " " + name);
}

// dbt's, for values that stand as text in YAML.
Result<Value> AsBoolFilter(Runtime&, const Value& input, const Arguments&) {
  if (!input.IsString()) return input;
  const std::string text = Lower(Strip(input.as_string(), "", true, true));
  if (text != "true" && text != "false")
    return InvalidValue("Could not convert value '" + input.as_string() + "' into type 'bool'");
  return Value(text == "true");
}

Result<Value> AsNumberFilter(Runtime&, const Value& input, const Arguments&) {
  if (!input.IsString()) return input;
  if (const std::optional<int64_t> whole = ParseInteger(input.as_string(), 10)) return Value(*whole);
  if (const std::optional<double> real = ParseFloat(input.as_string())) return Value(*real);
  return InvalidValue("Could not convert value '" + input.as_string() + "' into type 'number'");
}

}  // namespace

std::vector<NamedFilter> NumberFilters() {
  return {{"abs", AbsFilter},
          {"as_bool", AsBoolFilter},
          {"as_number", AsNumberFilter},
          {"filesizeformat", FileSizeFilter},
          {"float", FloatFilter},
          {"int", IntFilter},
          {"round", RoundFilter},
          {"sum", SumFilter}};
}

}  // namespace tarn::model::jinja
