#include "model/jinja/format_internal.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "model/jinja/operators_internal.h"
#include "model/jinja/text_internal.h"
#include "model/jinja/value_internal.h"

namespace tarn::model::jinja {
namespace {

constexpr int64_t kMaxWidth = 1'000'000;
constexpr int64_t kMaxPrecision = 1000;

std::string Printf(const char* format, int precision, double value) {
  char small[64];
  const int length = std::snprintf(small, sizeof small, format, precision, value);
  if (length < static_cast<int>(sizeof small)) return small;
  std::string large(static_cast<size_t>(length) + 1, '\0');
  std::snprintf(large.data(), large.size(), format, precision, value);
  large.pop_back();
  return large;
}

// A number by one of C's float conversions, which Python shares.
std::string FloatText(double value, char type, int precision, bool alternate) {
  if (std::isnan(value)) return type == 'F' || type == 'E' || type == 'G' ? "NAN" : "nan";
  switch (type) {
    case 'e':
      return Printf(alternate ? "%#.*e" : "%.*e", precision, value);
    case 'E':
      return Printf(alternate ? "%#.*E" : "%.*E", precision, value);
    case 'F':
      return Printf(alternate ? "%#.*F" : "%.*F", precision, value);
    case 'g':
      return Printf(alternate ? "%#.*g" : "%.*g", precision, value);
    case 'G':
      return Printf(alternate ? "%#.*G" : "%.*G", precision, value);
    default:
      return Printf(alternate ? "%#.*f" : "%.*f", precision, value);
  }
}

// The digits of |value| in a base, without a prefix.
std::string Digits(int64_t value, int base, bool upper) {
  uint64_t left = value < 0 ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  const char* alphabet = upper ? "0123456789ABCDEF" : "0123456789abcdef";
  std::string out;
  do {
    out += alphabet[left % static_cast<uint64_t>(base)];
    left /= static_cast<uint64_t>(base);
  } while (left > 0);
  std::reverse(out.begin(), out.end());
  return out;
}

std::string Pad(std::string text, int64_t width, char align, const std::string& fill) {
  const auto length = static_cast<int64_t>(CountCharacters(text));
  if (length >= width) return text;
  const int64_t total = width - length;
  const int64_t left = align == '>' ? total : align == '^' ? total / 2 : 0;
  std::string out;
  for (int64_t i = 0; i < left; i++) out += fill;
  out += text;
  for (int64_t i = left; i < total; i++) out += fill;
  return out;
}

// Reads digits; -1 if there are none.
Result<int64_t> ReadNumber(std::string_view text, size_t& at, int64_t limit) {
  if (at >= text.size() || !IsDigit(text[at])) return -1;
  int64_t number = 0;
  while (at < text.size() && IsDigit(text[at])) {
    number = number * 10 + (text[at++] - '0');
    if (number > limit) return TooLarge("a width or precision in a format is larger than " + std::to_string(limit));
  }
  return number;
}

// ---------------------------------------------------------------------------------------------------------------- '%'
// formatting

struct PercentField {
  bool minus = false, plus = false, blank = false, alternate = false, zero = false;
  int64_t width = -1;
  int64_t precision = -1;
  char type = 0;
};

class PercentFormatter {
 public:
  PercentFormatter(std::string_view text, const Value& arguments) : text_(text), arguments_(arguments) {
    if (arguments.kind() == Value::Kind::kTuple) {
      positional_ = arguments.items();
    } else {
      positional_.push_back(arguments);
    }
  }

  Result<Value> Run() {
    while (at_ < text_.size()) {
      if (text_[at_] != '%') {
        const size_t next = std::min(text_.find('%', at_), text_.size());
        out_ += text_.substr(at_, next - at_);
        at_ = next;
        continue;
      }
      at_++;
      TARN_TRY(FormatField());
      TARN_TRY(CheckTextSize(out_.size()));
    }
    const bool mapping = arguments_.IsDict() || arguments_.kind() == Value::Kind::kList;
    if (next_ < positional_.size() && !mapping)
      return InvalidValue("not all arguments converted during string formatting");
    return Value(std::move(out_));
  }

 private:
  Result<Value> NextArgument() {
    if (next_ >= positional_.size()) return InvalidValue("not enough arguments for format string");
    return positional_[next_++];
  }

  Result<int64_t> ReadSize(int64_t limit) {
    if (at_ >= text_.size() || text_[at_] != '*') return ReadNumber(text_, at_, limit);
    at_++;
    TARN_ASSIGN_OR_RETURN(const Value value, NextArgument());
    if (!value.IsInteger()) return InvalidValue("* wants int");
    if (value.as_int() > limit || value.as_int() < 0)
      return TooLarge("a width or precision in a format is out of bounds");
    return value.as_int();
  }

  Status FormatField() {
    std::optional<Value> named;
    if (at_ < text_.size() && text_[at_] == '(') {
      const size_t close = text_.find(')', at_);
      if (close == std::string_view::npos) return InvalidValue("incomplete format key");
      if (!arguments_.IsDict()) return InvalidValue("format requires a mapping");
      const std::string key(text_.substr(at_ + 1, close - at_ - 1));
      const Value* found = arguments_.dict().Find(key);
      if (found == nullptr) return InvalidValue("the format's key '" + key + "' is not in the dict");
      named = *found;
      at_ = close + 1;
    }
    PercentField field;
    for (; at_ < text_.size(); at_++) {
      const char c = text_[at_];
      if (c == '-')
        field.minus = true;
      else if (c == '+')
        field.plus = true;
      else if (c == ' ')
        field.blank = true;
      else if (c == '#')
        field.alternate = true;
      else if (c == '0')
        field.zero = true;
      else
        break;
    }
    TARN_ASSIGN_OR_RETURN(field.width, ReadSize(kMaxWidth));
    if (at_ < text_.size() && text_[at_] == '.') {
      at_++;
      TARN_ASSIGN_OR_RETURN(const int64_t precision, ReadSize(kMaxPrecision));
      field.precision = std::max<int64_t>(precision, 0);
    }
    while (at_ < text_.size() && (text_[at_] == 'h' || text_[at_] == 'l' || text_[at_] == 'L')) at_++;
    if (at_ >= text_.size()) return InvalidValue("incomplete format");
    field.type = text_[at_++];
    if (field.type == '%') {
      out_ += '%';
      return Ok();
    }
    Value value;
    if (named) {
      value = *named;
    } else {
      TARN_ASSIGN_OR_RETURN(value, NextArgument());
    }
    return FormatValue(field, value);
  }

  Status FormatValue(const PercentField& field, const Value& value) {
    switch (field.type) {
      case 's':
      case 'r':
      case 'a': {
        TARN_ASSIGN_OR_RETURN(std::string text, field.type == 's' ? value.ToString() : value.Repr());
        if (field.precision >= 0) {
          const std::vector<std::string_view> characters = Characters(text);
          if (static_cast<size_t>(field.precision) < characters.size()) {
            text.resize(static_cast<size_t>(characters[static_cast<size_t>(field.precision)].data() - text.data()));
          }
        }
        out_ += Pad(std::move(text), field.width, field.minus ? '<' : '>', " ");
        return Ok();
      }
      case 'c': {
        std::string text;
        if (value.IsInteger() && value.as_int() >= 0 && value.as_int() < 0x110000) {
          AppendCodePoint(text, static_cast<char32_t>(value.as_int()));
        } else if (value.IsString() && CountCharacters(value.as_string()) == 1) {
          text = value.as_string();
        } else {
          return InvalidValue("%c requires int or char");
        }
        out_ += Pad(std::move(text), field.width, field.minus ? '<' : '>', " ");
        return Ok();
      }
      case 'd':
      case 'i':
      case 'u':
      case 'o':
      case 'x':
      case 'X':
        return FormatInteger(field, value);
      case 'e':
      case 'E':
      case 'f':
      case 'F':
      case 'g':
      case 'G': {
        if (value.IsUndefined()) return UndefinedError(value);
        if (!value.IsNumber()) return InvalidValue("must be real number, not " + value.TypeName());
        const int precision = field.precision < 0 ? 6 : static_cast<int>(field.precision);
        const double number = value.as_double();
        std::string digits = FloatText(std::fabs(number), field.type, precision, field.alternate);
        AppendNumber(field, std::signbit(number) && !std::isnan(number), "", std::move(digits));
        return Ok();
      }
      default:
        return InvalidValue("unsupported format character '" + std::string(1, field.type) + "' at index " +
                            std::to_string(at_ - 1));
    }
  }

  Status FormatInteger(const PercentField& field, const Value& value) {
    if (value.IsUndefined()) return UndefinedError(value);
    const bool decimal = field.type == 'd' || field.type == 'i' || field.type == 'u';
    int64_t number = 0;
    if (value.IsInteger()) {
      number = value.as_int();
    } else if (decimal && value.kind() == Value::Kind::kFloat) {
      if (!(std::fabs(value.as_double()) < 0x1p63)) return InvalidValue("the number does not fit 64 bits");
      number = static_cast<int64_t>(value.as_double());
    } else {
      return InvalidValue("%" + std::string(1, field.type) + " format: a" + (decimal ? " real number" : "n integer") +
                          " is required, not " + value.TypeName());
    }
    std::string digits = Digits(number, decimal ? 10 : field.type == 'o' ? 8 : 16, field.type == 'X');
    if (field.precision > static_cast<int64_t>(digits.size())) {
      digits.insert(0, static_cast<size_t>(field.precision) - digits.size(), '0');
    }
    const std::string prefix = !field.alternate || decimal ? "" : "0" + std::string(1, field.type);
    AppendNumber(field, number < 0, prefix, std::move(digits));
    return Ok();
  }

  void AppendNumber(const PercentField& field, bool negative, const std::string& prefix, std::string digits) {
    const std::string sign = negative ? "-" : field.plus ? "+" : field.blank ? " " : "";
    const auto used = static_cast<int64_t>(sign.size() + prefix.size() + digits.size());
    if (field.zero && !field.minus && used < field.width)
      digits.insert(0, static_cast<size_t>(field.width - used), '0');
    out_ += Pad(sign + prefix + digits, field.width, field.minus ? '<' : '>', " ");
  }

  std::string_view text_;
  const Value& arguments_;
  List positional_;
  size_t next_ = 0;
  size_t at_ = 0;
  std::string out_;
};

// ----------------------------------------------------------------------------------------------------------------
// format specifications

struct Spec {
  std::string fill = " ";
  char align = 0;
  char sign = '-';
  bool alternate = false;
  char grouping = 0;
  int64_t width = -1;
  int64_t precision = -1;
  char type = 0;
};

bool IsAlign(char c) {
  return c == '<' || c == '>' || c == '^' || c == '=';
}

Result<Spec> ParseSpec(std::string_view text) {
  Spec spec;
  size_t at = 0;
  const size_t first = text.empty() ? 0 : CharacterBytes(text);
  bool filled = false;
  if (first < text.size() && first > 0 && IsAlign(text[first])) {
    spec.fill = text.substr(0, first);
    spec.align = text[first];
    at = first + 1;
    filled = true;
  } else if (!text.empty() && IsAlign(text[0])) {
    spec.align = text[at++];
  }
  const auto take = [&](std::string_view options) {
    return at < text.size() && options.find(text[at]) != std::string_view::npos;
  };
  if (take("+- ")) spec.sign = text[at++];
  if (take("#")) spec.alternate = text[at++] != 0;
  if (take("0")) {
    at++;
    if (!filled) spec.fill = "0";
    if (spec.align == 0) spec.align = '=';
  }
  TARN_ASSIGN_OR_RETURN(spec.width, ReadNumber(text, at, kMaxWidth));
  if (take(",_")) spec.grouping = text[at++];
  if (take(".")) {
    at++;
    TARN_ASSIGN_OR_RETURN(spec.precision, ReadNumber(text, at, kMaxPrecision));
    if (spec.precision < 0) return InvalidValue("Format specifier missing precision");
  }
  if (at < text.size()) spec.type = text[at++];
  if (at < text.size()) return InvalidValue("Invalid format specifier '" + std::string(text) + "'");
  return spec;
}

// Sets separators between groups of `every` digits of the whole part.
std::string Group(std::string digits, char separator, size_t every) {
  size_t whole = 0;
  while (whole < digits.size() && (IsDigit(digits[whole]) || (every == 4 && IsAsciiAlpha(digits[whole])))) whole++;
  for (size_t at = whole; at > every; at -= every) digits.insert(at - every, 1, separator);
  return digits;
}

std::string AlignNumber(const Spec& spec, bool negative, const std::string& prefix, std::string digits) {
  const std::string sign = negative ? "-" : spec.sign == '-' ? "" : std::string(1, spec.sign);
  const char align = spec.align == 0 ? '>' : spec.align;
  if (align != '=') return Pad(sign + prefix + digits, spec.width, align, spec.fill);
  const auto used = static_cast<int64_t>(CountCharacters(sign + prefix));
  return sign + prefix + Pad(std::move(digits), spec.width - used, '>', spec.fill);
}

Error UnknownFormatCode(char code, const Value& value) {
  return InvalidValue("Unknown format code '" + std::string(1, code) + "' for object of type '" + value.TypeName() +
                      "'");
}

Result<std::string> FormatFloat(const Spec& spec, const Value& value) {
  const double number = value.as_double();
  const bool negative = std::signbit(number) && !std::isnan(number);
  const double magnitude = std::fabs(number);
  const int precision = spec.precision < 0 ? 6 : static_cast<int>(spec.precision);
  std::string digits;
  switch (spec.type) {
    case 0:
      if (spec.precision < 0) {
        digits = FloatRepr(magnitude);
      } else {
        digits = FloatText(magnitude, 'g', std::max(precision, 1), spec.alternate);
        if (std::isfinite(magnitude) && digits.find_first_of(".e") == std::string::npos) digits += ".0";
      }
      break;
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
      digits = FloatText(magnitude, spec.type, precision, spec.alternate);
      break;
    case 'n':
      digits = FloatText(magnitude, 'g', precision, spec.alternate);
      break;
    case '%':
      digits = FloatText(magnitude * 100, 'f', precision, spec.alternate) + "%";
      break;
    default:
      return UnknownFormatCode(spec.type, value);
  }
  if (spec.grouping != 0) digits = Group(std::move(digits), spec.grouping, 3);
  return AlignNumber(spec, negative, "", std::move(digits));
}

Result<std::string> FormatInteger(const Spec& spec, const Value& value) {
  const int64_t number = value.as_int();
  int base = 10;
  switch (spec.type) {
    case 0:
    case 'd':
    case 'n':
      break;
    case 'b':
      base = 2;
      break;
    case 'o':
      base = 8;
      break;
    case 'x':
    case 'X':
      base = 16;
      break;
    case 'c': {
      if (number < 0 || number >= 0x110000) return InvalidValue("%c arg not in range(0x110000)");
      std::string text;
      AppendCodePoint(text, static_cast<char32_t>(number));
      return Pad(std::move(text), spec.width, spec.align == 0 ? '<' : spec.align, spec.fill);
    }
    default:
      return FormatFloat(spec, value);
  }
  if (spec.precision >= 0) return InvalidValue("Precision not allowed in integer format specifier");
  std::string digits = Digits(number, base, spec.type == 'X');
  if (spec.grouping != 0) digits = Group(std::move(digits), spec.grouping, base == 10 ? 3 : 4);
  const std::string prefix = spec.alternate && base != 10 ? "0" + std::string(1, spec.type) : "";
  return AlignNumber(spec, number < 0, prefix, std::move(digits));
}

Result<std::string> FormatText(const Spec& spec, const Value& value) {
  if (spec.type != 0 && spec.type != 's') return UnknownFormatCode(spec.type, value);
  if (spec.sign != '-') return InvalidValue("Sign not allowed in string format specifier");
  if (spec.grouping != 0) return InvalidValue("Cannot specify '" + std::string(1, spec.grouping) + "' with 's'.");
  if (spec.align == '=' && spec.fill != "0")
    return InvalidValue("'=' alignment not allowed in string format specifier");
  std::string text = value.as_string();
  if (spec.precision >= 0) {
    const std::vector<std::string_view> characters = Characters(text);
    if (static_cast<size_t>(spec.precision) < characters.size()) {
      text.resize(static_cast<size_t>(characters[static_cast<size_t>(spec.precision)].data() - text.data()));
    }
  }
  return Pad(std::move(text), spec.width, spec.align == 0 || spec.align == '=' ? '<' : spec.align, spec.fill);
}

// ----------------------------------------------------------------------------------------------------------------
// str.format

class BraceFormatter {
 public:
  explicit BraceFormatter(const Arguments& arguments) : arguments_(arguments) {}

  Result<std::string> Run(std::string_view text, int depth) {
    if (depth > 2) return InvalidValue("Max string recursion exceeded");
    std::string out;
    for (size_t at = 0; at < text.size();) {
      const char c = text[at];
      if ((c == '{' || c == '}') && at + 1 < text.size() && text[at + 1] == c) {
        out += c;
        at += 2;
      } else if (c == '}') {
        return InvalidValue("Single '}' encountered in format string");
      } else if (c != '{') {
        const size_t next = std::min(text.find_first_of("{}", at), text.size());
        out += text.substr(at, next - at);
        at = next;
      } else {
        TARN_ASSIGN_OR_RETURN(const std::string field, Field(text, at, depth));
        out += field;
      }
      TARN_TRY(CheckTextSize(out.size()));
    }
    return out;
  }

 private:
  // Formats the field that begins at `at` and moves past it.
  Result<std::string> Field(std::string_view text, size_t& at, int depth) {
    const size_t begin = ++at;
    int open = 1;
    bool in_brackets = false;
    size_t name_end = std::string_view::npos;
    for (; at < text.size(); at++) {
      const char c = text[at];
      if (c == '[' && name_end == std::string_view::npos) in_brackets = true;
      if (c == ']') in_brackets = false;
      if (in_brackets) continue;
      if (c == '{') open++;
      if (c == '}' && --open == 0) break;
      if ((c == '!' || c == ':') && name_end == std::string_view::npos) name_end = at;
    }
    if (at >= text.size()) {
      return InvalidValue(at == begin ? "Single '{' encountered in format string"
                                      : "expected '}' before end of string");
    }
    const std::string_view field = text.substr(begin, at++ - begin);
    const std::string_view name = name_end == std::string_view::npos ? field : field.substr(0, name_end - begin);
    std::string_view rest = field.substr(name.size());

    TARN_ASSIGN_OR_RETURN(Value value, Look(name));
    if (!rest.empty() && rest[0] == '!') {
      if (rest.size() < 2) return InvalidValue("end of string while looking for conversion specifier");
      if (rest.size() > 2 && rest[2] != ':') return InvalidValue("expected ':' after conversion specifier");
      TARN_ASSIGN_OR_RETURN(value, Convert(value, rest[1]));
      rest.remove_prefix(2);
    }
    if (!rest.empty()) rest.remove_prefix(1);  // the colon
    std::string spec(rest);
    if (rest.find('{') != std::string_view::npos) {
      TARN_ASSIGN_OR_RETURN(spec, Run(rest, depth + 1));
    }
    return FormatSpec(value, spec);
  }

  static Result<Value> Convert(const Value& value, char conversion) {
    if (conversion != 's' && conversion != 'r' && conversion != 'a') {
      return InvalidValue("Unknown conversion specifier " + std::string(1, conversion));
    }
    TARN_ASSIGN_OR_RETURN(std::string text, conversion == 's' ? value.ToString() : value.Repr());
    return Value(std::move(text));
  }

  Result<Value> Argument(std::string_view name) {
    const bool number = name.find_first_not_of("0123456789") == std::string_view::npos;
    if (!number) {
      for (const auto& [key, value] : arguments_.keyword) {
        if (key == name) return value;
      }
      return InvalidValue("the format's field '" + std::string(name) + "' was not given");
    }
    size_t index = 0;
    if (name.empty()) {
      if (numbered_) return InvalidValue("cannot switch from manual field specification to automatic field numbering");
      counted_ = true;
      index = next_++;
    } else {
      if (counted_) return InvalidValue("cannot switch from automatic field numbering to manual field specification");
      numbered_ = true;
      size_t at = 0;
      TARN_ASSIGN_OR_RETURN(const int64_t parsed, ReadNumber(name, at, kMaxWidth));
      index = static_cast<size_t>(parsed);
    }
    if (index >= arguments_.positional.size()) {
      return InvalidValue("Replacement index " + std::to_string(index) + " out of range for positional args tuple");
    }
    return arguments_.positional[index];
  }

  Result<Value> Look(std::string_view name) {
    size_t at = std::min(name.find_first_of(".["), name.size());
    TARN_ASSIGN_OR_RETURN(Value value, Argument(name.substr(0, at)));
    while (at < name.size()) {
      if (name[at] == '.') {
        const size_t end = std::min(name.find_first_of(".[", at + 1), name.size());
        const std::string attribute(name.substr(at + 1, end - at - 1));
        if (attribute.empty()) return InvalidValue("Empty attribute in format string");
        std::optional<Value> found;
        if (value.kind() == Value::Kind::kObject) found = value.object()->Attribute(attribute);
        if (!found) return InvalidValue("'" + value.TypeName() + "' object has no attribute '" + attribute + "'");
        value = std::move(*found);
        at = end;
        continue;
      }
      const size_t close = name.find(']', at);
      if (name[at] != '[' || close == std::string_view::npos) return InvalidValue("Missing ']' in format string");
      const std::string key(name.substr(at + 1, close - at - 1));
      if (key.empty()) return InvalidValue("Empty attribute in format string");
      Value index(key);
      size_t digits = 0;
      TARN_ASSIGN_OR_RETURN(const int64_t number, ReadNumber(key, digits, kMaxWidth));
      if (number >= 0 && digits == key.size()) index = Value(number);
      TARN_ASSIGN_OR_RETURN(Value item, GetItem(value, index));
      if (item.IsUndefined()) return UndefinedError(item);
      value = std::move(item);
      at = close + 1;
    }
    return value;
  }

  const Arguments& arguments_;
  size_t next_ = 0;
  bool counted_ = false;   // {} was used
  bool numbered_ = false;  // {0} was used
};

}  // namespace

std::string FixedPoint(double value, int digits) {
  return FloatText(value, 'f', digits, false);
}

Result<Value> FormatPercent(const std::string& text, const Value& arguments) {
  return PercentFormatter(text, arguments).Run();
}

Result<Value> FormatBraces(const std::string& text, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(std::string out, BraceFormatter(arguments).Run(text, 0));
  return Value(std::move(out));
}

Result<std::string> FormatSpec(const Value& value, std::string_view text) {
  if (text.empty()) return value.ToString();
  if (!value.IsString() && !value.IsNumber()) {
    return InvalidValue("unsupported format string passed to " + value.TypeName() + ".__format__");
  }
  TARN_ASSIGN_OR_RETURN(const Spec spec, ParseSpec(text));
  if (value.IsString()) return FormatText(spec, value);
  return value.IsInteger() ? FormatInteger(spec, value) : FormatFloat(spec, value);
}

}  // namespace tarn::model::jinja
