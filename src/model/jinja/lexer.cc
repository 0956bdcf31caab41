#include "model/jinja/lexer_internal.h"

#include <charconv>
#include <cstdlib>

#include "model/jinja/text_internal.h"

namespace tarn::model::jinja {

Error TemplateError(const std::string& file, Position position, std::string_view what, ErrorCode code) {
  return Error(code, file + ":" + std::to_string(position.line) + ":" + std::to_string(position.column) + ": " +
                         std::string(what));
}

namespace {

bool IsNameStart(char c) {
  return IsAsciiAlpha(c) || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}
bool IsNamePart(char c) {
  return IsNameStart(c) || IsDigit(c);
}

// "\r\n" and "\r" become "\n", as Python reads text.
std::string NormalizeNewlines(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); i++) {
    if (text[i] != '\r') {
      out += text[i];
      continue;
    }
    out += '\n';
    if (i + 1 < text.size() && text[i + 1] == '\n') i++;
  }
  return out;
}

class Lexer {
 public:
  Lexer(std::string_view text, const std::string& file, const Syntax& syntax)
      : text_(NormalizeNewlines(text)), file_(file), syntax_(syntax) {
    if (!syntax.keep_trailing_newline && text_.ends_with('\n')) text_.pop_back();
  }

  Result<std::vector<Token>> Run() {
    while (at_ < text_.size()) TARN_TRY(LexText());
    tokens_.push_back({TokenKind::kEnd, Here(), "", 0, 0});
    return std::move(tokens_);
  }

 private:
  // Position of byte `at`; calls must not go backwards.
  Position PositionOf(size_t at) {
    for (; counted_ < at; counted_++) {
      const char c = text_[counted_];
      if (c == '\n') {
        line_++;
        column_ = 1;
      } else if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) {
        column_++;
      }
    }
    return {line_, column_};
  }
  Position Here() { return PositionOf(at_); }
  bool StartsWith(std::string_view what) const { return std::string_view(text_).substr(at_).starts_with(what); }
  void SkipBlanks() {
    while (at_ < text_.size() && IsSpace(text_[at_])) at_++;
  }
  void SkipNewline() {
    if (at_ < text_.size() && text_[at_] == '\n') at_++;
  }

  // The next "{{", "{%" or "{#" from `from`.
  size_t FindTag(size_t from) const {
    for (size_t at = from; (at = text_.find('{', at)) != std::string::npos; at++) {
      if (at + 1 < text_.size() && (text_[at + 1] == '{' || text_[at + 1] == '%' || text_[at + 1] == '#')) return at;
    }
    return std::string::npos;
  }

  // Plain text up to the next tag, and the tag.
  Status LexText() {
    const size_t tag = FindTag(at_);
    if (tag == std::string::npos) {
      AddText(std::string_view(text_).substr(at_));
      at_ = text_.size();
      return Ok();
    }
    const char kind = text_[tag + 1];
    const char sign =
        tag + 2 < text_.size() && (text_[tag + 2] == '-' || text_[tag + 2] == '+') ? text_[tag + 2] : '\0';
    AddTextBeforeTag(tag, sign, kind != '{');
    at_ = tag;
    const Position position = Here();
    at_ += sign != 0 ? 3 : 2;
    if (kind == '#') return SkipComment(position);
    if (kind == '%' && EnterRaw()) return LexRaw(position);
    tokens_.push_back({kind == '{' ? TokenKind::kPrintBegin : TokenKind::kTagBegin, position, "", 0, 0});
    return LexTag(kind == '{', position);
  }

  void AddText(std::string_view text) {
    if (!text.empty()) tokens_.push_back({TokenKind::kText, Here(), std::string(text), 0, 0});
  }

  // The text from at_ to the tag, less the whitespace that the tag's sign and lstrip_blocks take away.
  void AddTextBeforeTag(size_t tag, char sign, bool may_lstrip) {
    std::string_view text = std::string_view(text_).substr(at_, tag - at_);
    if (sign == '-') {
      text = Strip(text, "", false, true);
    } else if (sign != '+' && syntax_.lstrip_blocks && may_lstrip) {
      const size_t newline = text.rfind('\n');
      const size_t line = newline == std::string_view::npos ? 0 : newline + 1;
      const bool begins_line = newline != std::string_view::npos || at_ == 0 || text_[at_ - 1] == '\n';
      if (begins_line && Strip(text.substr(line), "", true, false).empty()) text = text.substr(0, line);
    }
    AddText(text);
  }

  // After "%}" or "#}".
  void EndTag(char sign) {
    if (sign == '-') SkipBlanks();
    if (sign == 0 && syntax_.trim_blocks) SkipNewline();
  }

  Status SkipComment(Position position) {
    const size_t end = text_.find("#}", at_);
    if (end == std::string::npos) return TemplateError(file_, position, "Missing end of comment tag");
    const char sign = end > at_ && (text_[end - 1] == '-' || text_[end - 1] == '+') ? text_[end - 1] : '\0';
    at_ = end + 2;
    EndTag(sign);
    return Ok();
  }

  // At "raw %}" or "endraw %}" (after the tag's begin): moves past it and returns true.
  bool EnterRawTag(std::string_view word, bool closing) {
    const size_t begin = at_;
    SkipBlanks();
    if (StartsWith(word)) {
      at_ += word.size();
      SkipBlanks();
      for (const char sign : {'-', '+', '\0'}) {
        if (sign == '+' && !closing) continue;
        if (!StartsWith(sign == 0 ? "%}" : std::string{sign, '%', '}'})) continue;
        at_ += sign == 0 ? 2 : 3;
        if (sign == '-') SkipBlanks();
        if (sign == 0 && closing && syntax_.trim_blocks) SkipNewline();
        return true;
      }
    }
    at_ = begin;
    return false;
  }
  bool EnterRaw() { return EnterRawTag("raw", false); }

  Status LexRaw(Position position) {
    const size_t begin = at_;
    for (size_t tag = begin; (tag = text_.find("{%", tag)) != std::string::npos; tag += 2) {
      const char sign =
          tag + 2 < text_.size() && (text_[tag + 2] == '-' || text_[tag + 2] == '+') ? text_[tag + 2] : '\0';
      at_ = tag + (sign != 0 ? 3 : 2);
      if (!EnterRawTag("endraw", true)) continue;
      const size_t after = at_;
      at_ = begin;
      AddTextBeforeTag(tag, sign, true);
      at_ = after;
      return Ok();
    }
    return TemplateError(file_, position, "Missing end of raw directive");
  }

  // The inside of {{ }} or {% %}, with its end. Braces that the tag itself opened do not end it.
  Status LexTag(bool print, Position begin) {
    std::string open;  // brackets not closed yet
    std::vector<Position> opened;
    for (;;) {
      SkipBlanks();
      if (at_ >= text_.size()) {
        return TemplateError(file_, begin, print ? "this '{{' has no '}}'" : "this '{%' has no '%}'");
      }
      const Position position = Here();
      if (open.empty() && EndsTag(print)) {
        tokens_.push_back({print ? TokenKind::kPrintEnd : TokenKind::kTagEnd, position, print ? "}}" : "%}", 0, 0});
        return Ok();
      }
      const char c = text_[at_];
      if (IsNameStart(c)) {
        const size_t start = at_;
        while (at_ < text_.size() && IsNamePart(text_[at_])) at_++;
        tokens_.push_back({TokenKind::kName, position, text_.substr(start, at_ - start), 0, 0});
      } else if (IsDigit(c)) {
        TARN_TRY(LexNumber(position));
      } else if (c == '\'' || c == '"') {
        TARN_TRY(LexString(position));
      } else {
        TARN_TRY(LexOperator(position, open, opened));
      }
    }
  }

  bool EndsTag(bool print) {
    const std::string_view end = print ? "}}" : "%}";
    char sign = '\0';
    if (StartsWith(end)) {
      at_ += 2;
    } else if (StartsWith("-" + std::string(end)) || (!print && StartsWith("+%}"))) {
      sign = text_[at_];
      at_ += 3;
    } else {
      return false;
    }
    if (!print) EndTag(sign);
    if (print && sign == '-') SkipBlanks();
    return true;
  }

  Status LexOperator(Position position, std::string& open, std::vector<Position>& opened) {
    static constexpr std::string_view kOperators[] = {"//", "**", "==", "!=", ">=", "<=", "+", "-", "/",
                                                      "*",  "%",  "~",  "[",  "]",  "(",  ")", "{", "}",
                                                      ">",  "<",  "=",  ".",  ":",  "|",  ",", ";"};
    for (const std::string_view op : kOperators) {
      if (!StartsWith(op)) continue;
      const char c = op[0];
      if (c == '(' || c == '[' || c == '{') {
        open += c == '(' ? ')' : c == '[' ? ']' : '}';
        opened.push_back(position);
      } else if (c == ')' || c == ']' || c == '}') {
        if (open.empty()) return TemplateError(file_, position, "unexpected '" + std::string(op) + "'");
        if (open.back() != c) {
          return TemplateError(file_, position, "unexpected '" + std::string(op) + "', expected '" + open.back() + "'");
        }
        open.pop_back();
        opened.pop_back();
      }
      at_ += op.size();
      tokens_.push_back({TokenKind::kOperator, position, std::string(op), 0, 0});
      return Ok();
    }
    return TemplateError(file_, position,
                         "unexpected char " + StringRepr(std::string_view(text_).substr(
                                                  at_, CharacterBytes(std::string_view(text_).substr(at_)))));
  }

  // Digits with single underscores between them.
  std::string TakeDigits(int base) {
    const auto is_digit = [&](char c) {
      if (base <= 10) return c >= '0' && c < '0' + base;
      return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    };
    std::string digits;
    while (at_ < text_.size()) {
      if (is_digit(text_[at_])) {
        digits += text_[at_++];
      } else if (text_[at_] == '_' && at_ + 1 < text_.size() && is_digit(text_[at_ + 1]) && !digits.empty()) {
        at_++;
      } else {
        break;
      }
    }
    return digits;
  }

  Status AddInteger(Position position, const std::string& digits, int base) {
    int64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
    if (error != std::errc() || end != digits.data() + digits.size()) {
      return TemplateError(file_, position, "the integer does not fit 64 bits");
    }
    tokens_.push_back({TokenKind::kInteger, position, digits, value, 0});
    return Ok();
  }

  Status LexNumber(Position position) {
    const bool after_dot = at_ > 0 && text_[at_ - 1] == '.';  // x.0.1 is two items, not the float 0.1
    if (text_[at_] == '0' && at_ + 1 < text_.size()) {
      const char marker = static_cast<char>(text_[at_ + 1] | 0x20);
      const int base = marker == 'x' ? 16 : marker == 'o' ? 8 : marker == 'b' ? 2 : 0;
      if (base != 0) {
        at_ += 2;
        if (at_ < text_.size() && text_[at_] == '_') at_++;
        return AddInteger(position, TakeDigits(base), base);
      }
    }
    std::string digits = TakeDigits(10);
    std::string fraction = digits;
    bool is_float = false;
    const size_t whole_end = at_;
    if (!after_dot && at_ + 1 < text_.size() && text_[at_] == '.' && IsDigit(text_[at_ + 1])) {
      at_++;
      fraction += "." + TakeDigits(10);
      is_float = true;
    }
    if (!after_dot && at_ < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
      const size_t sign = at_ + 1 < text_.size() && (text_[at_ + 1] == '+' || text_[at_ + 1] == '-') ? 1 : 0;
      if (at_ + 1 + sign < text_.size() && IsDigit(text_[at_ + 1 + sign])) {
        fraction += text_.substr(at_, 1 + sign);
        at_ += 1 + sign;
        fraction += TakeDigits(10);
        is_float = true;
      }
    }
    if (!is_float) {
      at_ = whole_end;
      if (digits.size() > 1 && digits[0] == '0' && digits.find_first_not_of('0') != std::string::npos) {
        return TemplateError(file_, position, "a number cannot begin with 0");
      }
      return AddInteger(position, digits, 10);
    }
    tokens_.push_back({TokenKind::kFloat, position, fraction, 0, std::strtod(fraction.c_str(), nullptr)});
    return Ok();
  }

  Status LexString(Position position) {
    const char quote = text_[at_++];
    std::string value;
    while (at_ < text_.size() && text_[at_] != quote) {
      if (text_[at_] != '\\') {
        value += text_[at_++];
      } else {
        TARN_TRY(LexEscape(position, value));
      }
    }
    if (at_ >= text_.size()) return TemplateError(file_, position, "this string has no end");
    at_++;
    tokens_.push_back({TokenKind::kString, position, std::move(value), 0, 0});
    return Ok();
  }

  // Python's escapes, at the backslash.
  Status LexEscape(Position position, std::string& value) {
    if (++at_ >= text_.size()) return Ok();  // reported as a string without an end
    const char c = text_[at_++];
    switch (c) {
      case '\n':
        return Ok();
      case 'n':
        value += '\n';
        return Ok();
      case 't':
        value += '\t';
        return Ok();
      case 'r':
        value += '\r';
        return Ok();
      case 'a':
        value += '\a';
        return Ok();
      case 'b':
        value += '\b';
        return Ok();
      case 'f':
        value += '\f';
        return Ok();
      case 'v':
        value += '\v';
        return Ok();
      case '\\':
      case '\'':
      case '"':
        value += c;
        return Ok();
      case 'x':
        return LexHexEscape(position, 2, value);
      case 'u':
        return LexHexEscape(position, 4, value);
      case 'U':
        return LexHexEscape(position, 8, value);
      default:
        break;
    }
    if (c >= '0' && c <= '7') {
      char32_t code = static_cast<char32_t>(c - '0');
      for (int i = 0; i < 2 && at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '7'; i++) {
        code = code * 8 + static_cast<char32_t>(text_[at_++] - '0');
      }
      AppendCodePoint(value, code);
      return Ok();
    }
    value += '\\';
    value += c;
    return Ok();
  }

  Status LexHexEscape(Position position, size_t digits, std::string& value) {
    uint32_t code = 0;
    const std::string_view hex = std::string_view(text_).substr(at_, digits);
    const auto [end, error] = std::from_chars(hex.data(), hex.data() + hex.size(), code, 16);
    if (error != std::errc() || hex.size() < digits || end != hex.data() + digits) {
      return TemplateError(file_, position, "the string has a truncated \\x, \\u or \\U escape");
    }
    if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
      return TemplateError(file_, position, "the string escapes no character");
    AppendCodePoint(value, code);
    at_ += digits;
    return Ok();
  }

  std::string text_;
  const std::string& file_;
  const Syntax& syntax_;
  size_t at_ = 0;
  size_t counted_ = 0;  // bytes that line_ and column_ stand behind
  int line_ = 1;
  int column_ = 1;
  std::vector<Token> tokens_;
};

}  // namespace

Result<std::vector<Token>> Tokenize(std::string_view text, const std::string& file, const Syntax& syntax) {
  return Lexer(text, file, syntax).Run();
}

}  // namespace tarn::model::jinja
