#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "model/jinja/text_internal.h"

namespace tarn::model::jinja {

bool IsAscii(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= 0x80) return false;
  }
  return true;
}

size_t CharacterBytes(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  size_t length = lead < 0x80                   ? 1
                  : lead >= 0xC2 && lead < 0xE0 ? 2
                  : lead >= 0xE0 && lead < 0xF0 ? 3
                  : lead >= 0xF0 && lead < 0xF5 ? 4
                                                : 1;
  if (length > text.size()) return 1;
  for (size_t i = 1; i < length; i++) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) return 1;
  }
  return length;
}

size_t CountCharacters(std::string_view text) {
  if (IsAscii(text)) return text.size();
  size_t count = 0;
  for (size_t at = 0; at < text.size(); at += CharacterBytes(text.substr(at))) count++;
  return count;
}

std::vector<std::string_view> Characters(std::string_view text) {
  std::vector<std::string_view> characters;
  characters.reserve(text.size());
  while (!text.empty()) {
    const size_t length = CharacterBytes(text);
    characters.push_back(text.substr(0, length));
    text.remove_prefix(length);
  }
  return characters;
}

char32_t CodePoint(std::string_view character) {
  const auto byte = [&](size_t i) { return static_cast<char32_t>(static_cast<unsigned char>(character[i])); };
  switch (character.size()) {
    case 2:
      return (byte(0) & 0x1F) << 6 | (byte(1) & 0x3F);
    case 3:
      return (byte(0) & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F);
    case 4:
      return (byte(0) & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F);
    default:
      return byte(0);
  }
}

void AppendCodePoint(std::string& out, char32_t c) {
  const auto put = [&](char32_t byte) { out += static_cast<char>(byte); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | c >> 6);
    put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | c >> 12);
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | c >> 18);
    put(0x80 | (c >> 12 & 0x3F));
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  }
}

bool IsSpace(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r') || (c >= '\x1c' && c <= '\x1f');
}

namespace {

// Latin Extended-A comes in pairs of capital and small letter; which of a pair is even changes twice.
bool PairStartsEven(char32_t c) {
  return (c >= 0x100 && c <= 0x137) || (c >= 0x14A && c <= 0x177);
}
bool PairStartsOdd(char32_t c) {
  return (c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E);
}

char32_t ToUpper(char32_t c) {
  if (c < 0x80) return c >= 'a' && c <= 'z' ? c - 32 : c;
  if (c >= 0xE0 && c <= 0xFE && c != 0xF7) return c - 32;
  if (c == 0xFF) return 0x178;
  if (c == 0x131) return 'I';
  if (PairStartsEven(c)) return c == 0x130 ? c : c & ~char32_t{1};
  if (PairStartsOdd(c)) return c % 2 == 0 ? c - 1 : c;
  if (c >= 0x3B1 && c <= 0x3C9) return c == 0x3C2 ? 0x3A3 : c - 32;
  if (c >= 0x430 && c <= 0x44F) return c - 32;
  if (c >= 0x450 && c <= 0x45F) return c - 80;
  return c;
}

char32_t ToLower(char32_t c) {
  if (c < 0x80) return c >= 'A' && c <= 'Z' ? c + 32 : c;
  if (c >= 0xC0 && c <= 0xDE && c != 0xD7) return c + 32;
  if (c == 0x178) return 0xFF;
  if (c == 0x130 || c == 0x131) return c;
  if (PairStartsEven(c)) return c | 1;
  if (PairStartsOdd(c)) return c % 2 == 1 ? c + 1 : c;
  if (c >= 0x391 && c <= 0x3A9 && c != 0x3A2) return c + 32;
  if (c >= 0x410 && c <= 0x42F) return c + 32;
  if (c >= 0x400 && c <= 0x40F) return c + 80;
  return c;
}

std::string MapCase(std::string_view text, char32_t (*map)(char32_t)) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const size_t length = CharacterBytes(text);
    if (length == 1) {
      out += static_cast<unsigned char>(text[0]) < 0x80 ? static_cast<char>(map(static_cast<unsigned char>(text[0])))
                                                        : text[0];
    } else {
      AppendCodePoint(out, map(CodePoint(text.substr(0, length))));
    }
    text.remove_prefix(length);
  }
  return out;
}

}  // namespace

std::string Upper(std::string_view text) {
  if (text.find("\xC3\x9F") == std::string_view::npos) return MapCase(text, ToUpper);
  std::string sharp_s(text);  // the one letter here that grows
  for (size_t at; (at = sharp_s.find("\xC3\x9F")) != std::string::npos;) sharp_s.replace(at, 2, "SS");
  return MapCase(sharp_s, ToUpper);
}

std::string Lower(std::string_view text) {
  return MapCase(text, ToLower);
}

bool IsUpperCharacter(std::string_view character) {
  const char32_t c = CodePoint(character);
  return ToLower(c) != c;
}

bool IsLowerCharacter(std::string_view character) {
  const char32_t c = CodePoint(character);
  return ToUpper(c) != c || c == 0xDF;
}

std::string_view Strip(std::string_view text, std::string_view characters, bool left, bool right) {
  if (characters.empty()) {
    while (left && !text.empty() && IsSpace(text.front())) text.remove_prefix(1);
    while (right && !text.empty() && IsSpace(text.back())) text.remove_suffix(1);
    return text;
  }
  const std::vector<std::string_view> set = Characters(characters);
  const auto in_set = [&](std::string_view c) {
    for (const std::string_view s : set) {
      if (s == c) return true;
    }
    return false;
  };
  while (left && !text.empty()) {
    const size_t length = CharacterBytes(text);
    if (!in_set(text.substr(0, length))) break;
    text.remove_prefix(length);
  }
  while (right && !text.empty()) {
    size_t length = 1;
    while (length < 4 && length < text.size() && CharacterBytes(text.substr(text.size() - length)) != length) length++;
    if (CharacterBytes(text.substr(text.size() - length)) != length) length = 1;
    if (!in_set(text.substr(text.size() - length))) break;
    text.remove_suffix(length);
  }
  return text;
}

std::string FloatRepr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[40];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
  std::string_view text(buffer, static_cast<size_t>(end - buffer));
  const bool negative = text.front() == '-';
  if (negative) text.remove_prefix(1);
  const size_t e = text.find('e');
  std::string digits(1, text[0]);
  if (e > 1) digits += text.substr(2, e - 2);
  const int exponent = std::atoi(std::string(text.substr(e + 1)).c_str());

  std::string out = negative ? "-" : "";
  if (exponent < -4 || exponent >= 16) {  // Python's repr changes to an exponent here
    out += digits[0];
    if (digits.size() > 1) out += "." + digits.substr(1);
    std::snprintf(buffer, sizeof buffer, "e%c%02d", exponent < 0 ? '-' : '+', std::abs(exponent));
    return out + buffer;
  }
  if (exponent < 0) return out + "0." + std::string(static_cast<size_t>(-exponent - 1), '0') + digits;
  const auto whole = static_cast<size_t>(exponent) + 1;
  if (digits.size() <= whole) return out + digits + std::string(whole - digits.size(), '0') + ".0";
  return out + digits.substr(0, whole) + "." + digits.substr(whole);
}

std::string StringRepr(std::string_view text) {
  const bool double_quotes = text.find('\'') != std::string_view::npos && text.find('"') == std::string_view::npos;
  const char quote = double_quotes ? '"' : '\'';
  std::string out(1, quote);
  char buffer[12];
  while (!text.empty()) {
    const size_t length = CharacterBytes(text);
    const std::string_view character = text.substr(0, length);
    const char32_t c = CodePoint(character);
    text.remove_prefix(length);
    if (c == static_cast<char32_t>(quote) || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c < 0x20 || (c >= 0x7F && c <= 0xA0) || c == 0xAD) {
      std::snprintf(buffer, sizeof buffer, "\\x%02x", static_cast<unsigned>(c));
      out += buffer;
    } else if (c == 0x2028 || c == 0x2029 || c == 0xFEFF || (c >= 0x2000 && c <= 0x200F)) {
      std::snprintf(buffer, sizeof buffer, "\\u%04x", static_cast<unsigned>(c));
      out += buffer;
    } else {
      out += character;
    }
  }
  out += quote;
  return out;
}

}  // namespace tarn::model::jinja
