#include "cli/sql_text.h"

#include <cctype>

namespace tarn::cli {
namespace {

bool IsNameChar(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
}

// The end of what begins at `at`: a string, a quoted name, a comment or one plain character. `open` tells that the text
// ended inside it.
size_t TokenEnd(std::string_view text, size_t at, bool* open) {
  const auto until = [&](std::string_view close, size_t from) {
    const size_t found = text.find(close, from);
    *open = found == std::string_view::npos;
    return *open ? text.size() : found + close.size();
  };
  const char c = text[at];
  if (c == '\'' || c == '"') {
    const bool escapes =
        c == '\'' && at > 0 && (text[at - 1] == 'E' || text[at - 1] == 'e') && (at == 1 || !IsNameChar(text[at - 2]));
    for (size_t i = at + 1; i < text.size(); ++i) {
      if (escapes && text[i] == '\\')
        ++i;
      else if (text[i] == c)
        return i + 1;  // a doubled quote begins the next token
    }
    *open = true;
    return text.size();
  }
  if (text.substr(at).starts_with("--")) {
    const size_t line_end = text.find('\n', at);
    return line_end == std::string_view::npos ? text.size() : line_end + 1;
  }
  if (text.substr(at).starts_with("/*")) return until("*/", at + 2);
  if (c == '$') {
    size_t end = at + 1;
    while (end < text.size() && IsNameChar(text[end])) ++end;
    const bool number = end > at + 1 && std::isdigit(static_cast<unsigned char>(text[at + 1]));
    if (end < text.size() && text[end] == '$' && !number) return until(text.substr(at, end + 1 - at), end + 1);
  }
  return at + 1;
}

bool IsComment(std::string_view text, size_t at) {
  return text.substr(at).starts_with("--") || text.substr(at).starts_with("/*");
}

}  // namespace

SplitSql SplitStatements(std::string_view text) {
  SplitSql split;
  size_t begin = 0, at = 0;
  bool has_content = false;  // other than space and comments
  bool open = false;
  while (at < text.size()) {
    if (text[at] == ';') {
      if (has_content) split.statements.emplace_back(text.substr(begin, at - begin));
      begin = ++at;
      has_content = false;
      continue;
    }
    if (!std::isspace(static_cast<unsigned char>(text[at])) && !IsComment(text, at)) has_content = true;
    at = TokenEnd(text, at, &open);
  }
  if (has_content || open) split.rest = std::string(text.substr(begin));
  return split;
}

}  // namespace tarn::cli
