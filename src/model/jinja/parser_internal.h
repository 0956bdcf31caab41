#pragma once

#include <initializer_list>

#include "model/jinja/syntax_internal.h"

namespace tarn::model::jinja {

// Tokens with a place in them, and what both halves of the parser need of them.
class TokenStream {
 public:
  TokenStream(std::vector<Token> tokens, const std::string& file) : tokens_(std::move(tokens)), file_(file) {}

  const Token& Peek(size_t ahead = 0) const { return tokens_[std::min(at_ + ahead, tokens_.size() - 1)]; }
  Token Take() { return tokens_[at_ + 1 < tokens_.size() ? at_++ : at_]; }
  bool AtOperator(std::string_view op) const { return Peek().kind == TokenKind::kOperator && Peek().text == op; }
  bool AtName(std::string_view name) const { return Peek().kind == TokenKind::kName && Peek().text == name; }
  bool At(TokenKind kind) const { return Peek().kind == kind; }
  bool SkipOperator(std::string_view op);
  bool SkipName(std::string_view name);
  Status ExpectOperator(std::string_view op);
  Result<Token> ExpectName();

  Error Fail(std::string_view what) const { return FailAt(Peek().position, what); }
  Error FailAt(Position position, std::string_view what) const { return TemplateError(file_, position, what); }
  const std::string& file() const { return file_; }

 private:
  std::vector<Token> tokens_;
  size_t at_ = 0;
  const std::string& file_;
};

// "'%}'", "the name 'x'", …: for messages.
std::string Describe(const Token& token);

// Which of a macro's special names its body mentions.
struct SpecialNames {
  bool caller = false;
  bool varargs = false;
  bool kwargs = false;
};

// Expressions by recursive descent, in Jinja2's grammar: condition, or, and, not, comparison, + -, ~, * / // %, **,
// sign, postfix, filter.
class ExpressionParser {
 public:
  explicit ExpressionParser(TokenStream& tokens) : tokens_(tokens) {}

  Result<ExpressionPtr> Parse(bool with_condition = true);
  // One expression, or a tuple of several without parentheses.
  Result<ExpressionPtr> ParseTuple(bool with_condition, std::initializer_list<std::string_view> end_names = {});
  // What may follow a name, item or call: .x [x] (x); and | and is behind that.
  Result<ExpressionPtr> ParsePostfix(ExpressionPtr expression);
  // name(args) | name …, put on `input` (null: a block's text).
  Result<ExpressionPtr> ParseFilters(ExpressionPtr input, bool first_without_pipe);
  Result<ExpressionPtr> ParseUnary(bool with_filter = true);

  // Names seen from now on are noted in the innermost and all outer open scopes.
  void OpenNames() { special_names_.emplace_back(); }
  SpecialNames CloseNames();

 private:
  template <typename Node>
  Result<ExpressionPtr> Make(Position position, Node node);

  Result<ExpressionPtr> ParseCondition();
  Result<ExpressionPtr> ParseOr();
  Result<ExpressionPtr> ParseAnd();
  Result<ExpressionPtr> ParseNot();
  Result<ExpressionPtr> ParseComparison();
  Result<ExpressionPtr> ParseSum();
  Result<ExpressionPtr> ParseConcatenation();
  Result<ExpressionPtr> ParseProduct();
  Result<ExpressionPtr> ParsePower();
  Result<ExpressionPtr> ParsePrimary();
  Result<ExpressionPtr> ParseList();
  Result<ExpressionPtr> ParseDict();
  Result<ExpressionPtr> ParseTupleItems(bool with_condition, bool parenthesized,
                                        std::initializer_list<std::string_view> end_names);
  Result<ExpressionPtr> ParseFilterChain(ExpressionPtr expression);
  Result<ExpressionPtr> ParseSubscript(ExpressionPtr object);
  Result<ExpressionPtr> ParseTest(ExpressionPtr input);
  Result<CallArguments> ParseCallArguments();
  Status AddSubscript(std::vector<ExpressionPtr>& bounds, bool& is_slice);
  void NoteName(const std::string& name);

  TokenStream& tokens_;
  std::vector<SpecialNames> special_names_;
  int depth_ = 0;
};

}  // namespace tarn::model::jinja
