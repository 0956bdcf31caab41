#include <algorithm>
#include <iterator>

#include "model/jinja/format_internal.h"
#include "model/jinja/methods_internal.h"
#include "model/jinja/operators_internal.h"
#include "model/jinja/text_internal.h"
#include "model/jinja/value_internal.h"

// The methods of str.

namespace tarn::model::jinja {
namespace {

using Texts = std::vector<std::string>;

Result<std::string> TextArgument(const Value& value, std::string_view method) {
  if (value.IsString()) return value.as_string();
  if (value.IsUndefined()) return UndefinedError(value);
  return InvalidValue(std::string(method) + "() needs a str, not " + value.TypeName());
}

Result<int64_t> IntegerArgument(const Value& value, int64_t otherwise) {
  if (value.IsUndefined()) return otherwise;
  if (!value.IsInteger()) return InvalidValue("'" + value.TypeName() + "' object cannot be interpreted as an integer");
  return value.as_int();
}

// ---------------------------------------------------------------------------------------------------------------- case
// and classes

Value Capitalized(const std::string& text) {
  if (text.empty()) return Value(text);
  const size_t first = CharacterBytes(text);
  return Value(Upper(text.substr(0, first)) + Lower(text.substr(first)));
}

bool IsCased(std::string_view character) {
  return IsUpperCharacter(character) || IsLowerCharacter(character);
}

Value Titled(const std::string& text) {
  std::string out;
  bool in_word = false;
  for (const std::string_view c : Characters(text)) {
    out += in_word ? Lower(c) : Upper(c);
    in_word = IsCased(c);
  }
  return Value(std::move(out));
}

Value SwappedCase(const std::string& text) {
  std::string out;
  for (const std::string_view c : Characters(text)) out += IsUpperCharacter(c) ? Lower(c) : Upper(c);
  return Value(std::move(out));
}

bool IsTitle(const std::string& text) {
  bool in_word = false;
  bool any = false;
  for (const std::string_view c : Characters(text)) {
    if (IsUpperCharacter(c) ? in_word : IsLowerCharacter(c) && !in_word) return false;
    in_word = IsCased(c);
    any = any || in_word;
  }
  return any;
}

// Whether all characters are in the class, and there is one.
template <typename InClass>
bool All(const std::string& text, InClass in_class) {
  const std::vector<std::string_view> characters = Characters(text);
  return !characters.empty() && std::all_of(characters.begin(), characters.end(), in_class);
}

bool IsAlphaCharacter(std::string_view c) {
  return c.size() > 1 ? CodePoint(c) >= 0xAA && CodePoint(c) != 0xD7 && CodePoint(c) != 0xF7 : IsAsciiAlpha(c[0]);
}
bool IsDigitCharacter(std::string_view c) {
  return c.size() == 1 && IsDigit(c[0]);
}

bool AllCased(const std::string& text, bool upper) {
  bool any = false;
  for (const std::string_view c : Characters(text)) {
    if (upper ? IsLowerCharacter(c) : IsUpperCharacter(c)) return false;
    any = any || IsCased(c);
  }
  return any;
}

bool IsIdentifier(const std::string& text) {
  return !text.empty() && !IsDigit(text[0]) &&
         All(text, [](std::string_view c) { return c == "_" || IsAlphaCharacter(c) || IsDigitCharacter(c); });
}

template <Value (*Map)(const std::string&)>
Result<Value> Mapped(Runtime&, const Value& self, const Arguments& arguments) {
  TARN_TRY(arguments.Bind("a method of str", {}));
  return Map(self.as_string());
}

template <bool (*Test)(const std::string&)>
Result<Value> Tested(Runtime&, const Value& self, const Arguments& arguments) {
  TARN_TRY(arguments.Bind("a method of str", {}));
  return Value(Test(self.as_string()));
}

Value Uppered(const std::string& text) {
  return Value(Upper(text));
}
Value Lowered(const std::string& text) {
  return Value(Lower(text));
}
bool IsUpper(const std::string& text) {
  return AllCased(text, true);
}
bool IsLower(const std::string& text) {
  return AllCased(text, false);
}
bool IsAlpha(const std::string& text) {
  return All(text, IsAlphaCharacter);
}
bool IsDecimal(const std::string& text) {
  return All(text, IsDigitCharacter);
}
bool IsAlnum(const std::string& text) {
  return All(text, [](std::string_view c) { return IsAlphaCharacter(c) || IsDigitCharacter(c); });
}
bool IsBlank(const std::string& text) {
  return All(text, [](std::string_view c) { return c.size() == 1 && IsSpace(c[0]); });
}
bool IsAsciiOnly(const std::string& text) {
  return IsAscii(text);
}

// ----------------------------------------------------------------------------------------------------------------
// padding and stripping

template <char Align>
Result<Value> Justified(Runtime&, const Value& self, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const List bound, arguments.Bind("a method of str", {"width", "fillchar"}, 1));
  TARN_ASSIGN_OR_RETURN(const int64_t width, IntegerArgument(bound[0], 0));
  TARN_ASSIGN_OR_RETURN(const std::string fill,
                        bound[1].IsUndefined() ? Result<std::string>(" ") : TextArgument(bound[1], "ljust"));
  if (CountCharacters(fill) != 1) return InvalidValue("The fill character must be exactly one character long");
  const auto length = static_cast<int64_t>(CountCharacters(self.as_string()));
  if (width <= length) return self;
  TARN_TRY(CheckTextSize(static_cast<size_t>(width)));
  const int64_t total = width - length;
  // Python's center gives the odd blank to the left only when the width is odd too.
  const int64_t left = Align == '>' ? total : Align == '^' ? total / 2 + (total & width & 1) : 0;
  std::string out;
  for (int64_t i = 0; i < left; i++) out += fill;
  out += self.as_string();
  for (int64_t i = left; i < total; i++) out += fill;
  return Value(std::move(out));
}

Result<Value> ZeroFilled(Runtime&, const Value& self, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const List bound, arguments.Bind("zfill", {"width"}, 1));
  TARN_ASSIGN_OR_RETURN(const int64_t width, IntegerArgument(bound[0], 0));
  std::string text = self.as_string();
  const auto length = static_cast<int64_t>(CountCharacters(text));
  if (width <= length) return self;
  TARN_TRY(CheckTextSize(static_cast<size_t>(width)));
  text.insert(!text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0, static_cast<size_t>(width - length), '0');
  return Value(std::move(text));
}

template <bool Left, bool Right>
Result<Value> Stripped(Runtime&, const Value& self, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const List bound, arguments.Bind("strip", {"chars"}));
  if (bound[0].IsUndefined() || bound[0].IsNone()) return Value(Strip(self.as_string(), "", Left, Right));
  TARN_ASSIGN_OR_RETURN(const std::string characters, TextArgument(bound[0], "strip"));
  return characters.empty() ? self : Value(Strip(self.as_string(), characters, Left, Right));
}

template <bool Prefix>
Result<Value> WithoutAffix(Runtime&, const Value& self, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const List bound, arguments.Bind("removeprefix", {"prefix"}, 1));
  TARN_ASSIGN_OR_RETURN(const std::string affix, TextArgument(bound[0], "removeprefix"));
  const std::string& text = self.as_string();
  if (Prefix ? text.starts_with(affix) : text.ends_with(affix)) {
    return Value(Prefix ? text.substr(affix.size()) : text.substr(0, text.size() - affix.size()));
  }
  return self;
}

// ----------------------------------------------------------------------------------------------------------------
// searching

// The part between the optional bounds `start` and `end`, in characters, and the character it begins at.
struct Part {
  std::string_view text;
  int64_t offset = 0;
  bool valid = true;  // false: start lies behind the end, where not even '' is found
};

Result<Part> Bounded(const std::string& text, const Value& start, const Value& end) {
  if (start.IsUndefined() && end.IsUndefined()) return Part{text, 0};
  const std::vector<std::string_view> characters = Characters(text);
  const auto size = static_cast<int64_t>(characters.size());
  const auto resolve = [&](const Value& bound, int64_t otherwise) -> Result<int64_t> {
    if (bound.IsNone()) return otherwise;
    TARN_ASSIGN_OR_RETURN(const int64_t i, IntegerArgument(bound, otherwise));
    return i < 0 ? std::max<int64_t>(i + size, 0) : i;
  };
  TARN_ASSIGN_OR_RETURN(const int64_t from, resolve(start, 0));
  TARN_ASSIGN_OR_RETURN(int64_t to, resolve(end, size));
  to = std::min(to, size);
  if (from > to) return Part{std::string_view(), from, false};
  const auto byte = [&](int64_t i) {
    return i == size ? text.size() : static_cast<size_t>(characters[static_cast<size_t>(i)].data() - text.data());
  };
  return Part{std::string_view(text).substr(byte(from), byte(to) - byte(from)), from};
}

enum class Search { kFind, kLast, kCount };

Result<int64_t> SearchIn(const Value& self, const Arguments& arguments, Search search) {
  TARN_ASSIGN_OR_RETURN(const List bound, arguments.Bind("find", {"sub", "start", "end"}, 1));
  TARN_ASSIGN_OR_RETURN(const std::string sub, TextArgument(bound[0], "find"));
  TARN_ASSIGN_OR_RETURN(const Part part, Bounded(self.as_string(), bound[1], bound[2]));
  if (search == Search::kCount) {
    if (!part.valid) return 0;
    if (sub.empty()) return static_cast<int64_t>(CountCharacters(part.text)) + 1;
    int64_t count = 0;
    for (size_t at = 0; (at = part.text.find(sub, at)) != std::string_view::npos; at += sub.size()) count++;
    return count;
  }
  if (!part.valid) return -1;
  const size_t at = search == Search::kFind ? part.text.find(sub) : part.text.rfind(sub);
  if (at == std::string_view::npos) return -1;
  return part.offset + static_cast<int64_t>(CountCharacters(part.text.substr(0, at)));
}

template <Search How>
Result<Value> Find(Runtime&, const Value& self, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const int64_t at, SearchIn(self, arguments, How));
  return Value(at);
}

template <Search How>
Result<Value> Index(Runtime&, const Value& self, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const int64_t at, SearchIn(self, arguments, How));
  if (at < 0) return InvalidValue("substring not found");
  return Value(at);
}

template <bool Start>
Result<Value> HasAffix(Runtime&, const Value& self, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const List bound, arguments.Bind("startswith", {"prefix", "start", "end"}, 1));
  TARN_ASSIGN_OR_RETURN(const Part part, Bounded(self.as_string(), bound[1], bound[2]));
  const List candidates = bound[0].kind() == Value::Kind::kTuple ? bound[0].items() : List{bound[0]};
  for (const Value& candidate : candidates) {
    if (!candidate.IsString())
      return InvalidValue("startswith first arg must be str or a tuple of str, not " + candidate.TypeName());
    if (part.valid &&
        (Start ? part.text.starts_with(candidate.as_string()) : part.text.ends_with(candidate.as_string())))
      return Value(true);
  }
  return Value(false);
}

Result<Value> Replaced(Runtime&, const Value& self, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const List bound, arguments.Bind("replace", {"old", "new", "count"}, 2));
  TARN_ASSIGN_OR_RETURN(const std::string from, TextArgument(bound[0], "replace"));
  TARN_ASSIGN_OR_RETURN(const std::string to, TextArgument(bound[1], "replace"));
  TARN_ASSIGN_OR_RETURN(int64_t left, IntegerArgument(bound[2], -1));
  const std::string& text = self.as_string();
  std::string out;
  size_t at = 0;
  if (from.empty()) {  // between all characters, and at both ends
    for (const std::string_view c : Characters(text)) {
      if (left-- == 0) break;
      out += to;
      out += c;
      at += c.size();
      TARN_TRY(CheckTextSize(out.size()));
    }
    if (at == text.size() && left != 0) out += to;
    return Value(out + text.substr(at));
  }
  for (size_t found; left != 0 && (found = text.find(from, at)) != std::string::npos;
       at = found + from.size(), left--) {
    out.append(text, at, found - at);
    out += to;
    TARN_TRY(CheckTextSize(out.size()));
  }
  out.append(text, at);
  return Value(std::move(out));
}

// ----------------------------------------------------------------------------------------------------------------
// splitting and joining

Value ToList(const std::vector<std::string_view>& parts) {
  List items;
  items.reserve(parts.size());
  for (const std::string_view part : parts) items.emplace_back(part);
  return Value(std::move(items));
}

std::vector<std::string_view> SplitAtBlanks(std::string_view text, int64_t limit, bool from_right) {
  std::vector<std::string_view> parts;
  for (;;) {
    text = Strip(text, "", !from_right, from_right);
    if (text.empty()) break;
    if (limit-- == 0) {
      parts.push_back(text);
      break;
    }
    size_t length = 0;
    while (length < text.size() && !IsSpace(from_right ? text[text.size() - 1 - length] : text[length])) length++;
    parts.push_back(from_right ? text.substr(text.size() - length) : text.substr(0, length));
    from_right ? text.remove_suffix(length) : text.remove_prefix(length);
  }
  if (from_right) std::reverse(parts.begin(), parts.end());
  return parts;
}

std::vector<std::string_view> SplitAt(std::string_view text, std::string_view separator, int64_t limit,
                                      bool from_right) {
  std::vector<std::string_view> parts;
  for (; limit != 0; limit--) {
    const size_t at = from_right ? text.rfind(separator) : text.find(separator);
    if (at == std::string_view::npos) break;
    parts.push_back(from_right ? text.substr(at + separator.size()) : text.substr(0, at));
    text = from_right ? text.substr(0, at) : text.substr(at + separator.size());
  }
  parts.push_back(text);
  if (from_right) std::reverse(parts.begin(), parts.end());
  return parts;
}

template <bool FromRight>
Result<Value> Split(Runtime&, const Value& self, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const List bound, arguments.Bind("split", {"sep", "maxsplit"}));
  TARN_ASSIGN_OR_RETURN(int64_t limit, IntegerArgument(bound[1], -1));
  if (limit < 0) limit = -1;
  const std::string& text = self.as_string();
  TARN_TRY(CheckItemCount(text.size() / 2));
  if (bound[0].IsUndefined() || bound[0].IsNone()) return ToList(SplitAtBlanks(text, limit, FromRight));
  TARN_ASSIGN_OR_RETURN(const std::string separator, TextArgument(bound[0], "split"));
  if (separator.empty()) return InvalidValue("empty separator");
  return ToList(SplitAt(text, separator, limit, FromRight));
}

Result<Value> SplitLines(Runtime&, const Value& self, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const List bound, arguments.Bind("splitlines", {"keepends"}));
  const bool keep = bound[0].Truth();
  std::vector<std::string_view> lines;
  std::string_view text = self.as_string();
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of("\n\r\v\f\x1c\x1d\x1e"), text.size());
    const size_t next = end == text.size() ? end : end + (text.substr(end).starts_with("\r\n") ? 2 : 1);
    lines.push_back(text.substr(0, keep ? next : end));
    text.remove_prefix(next);
  }
  return ToList(lines);
}

template <bool FromRight>
Result<Value> Partition(Runtime&, const Value& self, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const List bound, arguments.Bind("partition", {"sep"}, 1));
  TARN_ASSIGN_OR_RETURN(const std::string separator, TextArgument(bound[0], "partition"));
  if (separator.empty()) return InvalidValue("empty separator");
  const std::string& text = self.as_string();
  const size_t at = FromRight ? text.rfind(separator) : text.find(separator);
  if (at == std::string::npos) {
    return Value::Tuple(FromRight ? List{"", "", self} : List{self, "", ""});
  }
  return Value::Tuple({Value(text.substr(0, at)), Value(separator), Value(text.substr(at + separator.size()))});
}

Result<Value> Joined(Runtime&, const Value& self, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const List bound, arguments.Bind("join", {"iterable"}, 1));
  TARN_ASSIGN_OR_RETURN(const List items, Iterate(bound[0]));
  std::string out;
  for (size_t i = 0; i < items.size(); i++) {
    if (!items[i].IsString()) {
      return InvalidValue("sequence item " + std::to_string(i) + ": expected str instance, " + items[i].TypeName() +
                          " found");
    }
    if (i > 0) out += self.as_string();
    out += items[i].as_string();
    TARN_TRY(CheckTextSize(out.size()));
  }
  return Value(std::move(out));
}

Result<Value> ExpandedTabs(Runtime&, const Value& self, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const List bound, arguments.Bind("expandtabs", {"tabsize"}));
  TARN_ASSIGN_OR_RETURN(const int64_t size, IntegerArgument(bound[0], 8));
  if (size > 1000) return TooLarge("expandtabs() with a tab size above 1000");
  std::string out;
  int64_t column = 0;
  for (const std::string_view c : Characters(self.as_string())) {
    if (c == "\t") {
      const int64_t blanks = size > 0 ? size - column % size : 0;
      out.append(static_cast<size_t>(blanks), ' ');
      column += blanks;
      TARN_TRY(CheckTextSize(out.size()));
      continue;
    }
    out += c;
    column = c == "\n" || c == "\r" ? 0 : column + 1;
  }
  return Value(std::move(out));
}

Result<Value> Formatted(Runtime&, const Value& self, const Arguments& arguments) {
  return FormatBraces(self.as_string(), arguments);
}

Result<Value> FormattedByMap(Runtime&, const Value& self, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const List bound, arguments.Bind("format_map", {"mapping"}, 1));
  if (!bound[0].IsDict()) return InvalidValue("format_map() needs a dict, not " + bound[0].TypeName());
  Arguments named;
  for (const auto& [key, value] : bound[0].dict().entries()) {
    if (key.IsString()) named.keyword.emplace_back(key.as_string(), value);
  }
  return FormatBraces(self.as_string(), named);
}

constexpr NamedMethod kMethods[] = {
    {"capitalize", Mapped<Capitalized>},
    {"casefold", Mapped<Lowered>},
    {"center", Justified<'^'>},
    {"count", Find<Search::kCount>},
    {"endswith", HasAffix<false>},
    {"expandtabs", ExpandedTabs},
    {"find", Find<Search::kFind>},
    {"format", Formatted},
    {"format_map", FormattedByMap},
    {"index", Index<Search::kFind>},
    {"isalnum", Tested<IsAlnum>},
    {"isalpha", Tested<IsAlpha>},
    {"isascii", Tested<IsAsciiOnly>},
    {"isdecimal", Tested<IsDecimal>},
    {"isdigit", Tested<IsDecimal>},
    {"isidentifier", Tested<IsIdentifier>},
    {"islower", Tested<IsLower>},
    {"isnumeric", Tested<IsDecimal>},
    {"isspace", Tested<IsBlank>},
    {"istitle", Tested<IsTitle>},
    {"isupper", Tested<IsUpper>},
    {"join", Joined},
    {"ljust", Justified<'<'>},
    {"lower", Mapped<Lowered>},
    {"lstrip", Stripped<true, false>},
    {"partition", Partition<false>},
    {"removeprefix", WithoutAffix<true>},
    {"removesuffix", WithoutAffix<false>},
    {"replace", Replaced},
    {"rfind", Find<Search::kLast>},
    {"rindex", Index<Search::kLast>},
    {"rjust", Justified<'>'>},
    {"rpartition", Partition<true>},
    {"rsplit", Split<true>},
    {"rstrip", Stripped<false, true>},
    {"split", Split<false>},
    {"splitlines", SplitLines},
    {"startswith", HasAffix<true>},
    {"strip", Stripped<true, true>},
    {"swapcase", Mapped<SwappedCase>},
    {"title", Mapped<Titled>},
    {"upper", Mapped<Uppered>},
    {"zfill", ZeroFilled},
};

}  // namespace

Method FindStringMethod(std::string_view name) {
  for (const NamedMethod& entry : kMethods) {
    if (entry.name == name) return entry.method;
  }
  return nullptr;
}

}  // namespace tarn::model::jinja
