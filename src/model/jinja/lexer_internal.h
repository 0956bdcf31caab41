#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/jinja/template.h"

namespace tarn::model::jinja {

// Where something stands in a template, both from 1; columns count characters.
struct Position {
  int line = 0;
  int column = 0;
};

enum class TokenKind {
  kText,
  kPrintBegin,
  kPrintEnd,
  kTagBegin,
  kTagEnd,
  kName,
  kString,
  kInteger,
  kFloat,
  kOperator,
  kEnd
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  Position position;
  std::string text;  // of text, names and operators as written; of strings the value
  int64_t integer = 0;
  double number = 0;
};

// "file:line:column: what".
Error TemplateError(const std::string& file, Position position, std::string_view what,
                    ErrorCode code = ErrorCode::kInvalidArgument);

// Cuts a template into tokens, ending with kEnd. Comments and raw tags are gone; whitespace control is done.
// kInvalidArgument.
Result<std::vector<Token>> Tokenize(std::string_view text, const std::string& file, const Syntax& syntax);

}  // namespace tarn::model::jinja
