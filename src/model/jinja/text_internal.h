#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// Text as Python's str sees it: UTF-8 walked by code points. A byte that is no UTF-8 counts as one character.

namespace tarn::model::jinja {

bool IsAscii(std::string_view text);
// Length in bytes of the character at the front. Requires: not empty.
size_t CharacterBytes(std::string_view text);
size_t CountCharacters(std::string_view text);
// One view per character, into `text`.
std::vector<std::string_view> Characters(std::string_view text);
char32_t CodePoint(std::string_view character);
void AppendCodePoint(std::string& out, char32_t code_point);

bool IsSpace(char c);
inline bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}
inline bool IsAsciiAlpha(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// Case of ASCII, Latin-1, Latin Extended-A, Greek and Cyrillic; other scripts stay as they are.
std::string Upper(std::string_view text);
std::string Lower(std::string_view text);
bool IsUpperCharacter(std::string_view character);
bool IsLowerCharacter(std::string_view character);

// Strips `characters` (each a code point; empty: blanks) off the ends asked for.
std::string_view Strip(std::string_view text, std::string_view characters, bool left, bool right);

// repr(float): the shortest text that reads back as the same number, "1.0", "1e+16", "inf".
std::string FloatRepr(double value);
// repr(str): quotes and escapes as Python chooses them.
std::string StringRepr(std::string_view text);

}  // namespace tarn::model::jinja
