#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tarn::cli {

struct SplitSql {
  std::vector<std::string> statements;  // whole ones, without their semicolon
  std::string rest;                     // begun and not ended; empty when it is only space and comments
};

// Cuts a text at the semicolons that end statements: not those in strings ('…', E'…\'…', $tag$…$tag$), quoted names and
// comments.
SplitSql SplitStatements(std::string_view text);

}  // namespace tarn::cli
