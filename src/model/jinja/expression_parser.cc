#include <algorithm>

#include "base/yaml.h"
#include "model/jinja/parser_internal.h"

namespace tarn::model::jinja {

// ----------------------------------------------------------------------------------------------------------------
// tokens

bool TokenStream::SkipOperator(std::string_view op) {
  if (!AtOperator(op)) return false;
  Take();
  return true;
}

bool TokenStream::SkipName(std::string_view name) {
  if (!AtName(name)) return false;
  Take();
  return true;
}

Status TokenStream::ExpectOperator(std::string_view op) {
  if (SkipOperator(op)) return Ok();
  return Fail("expected '" + std::string(op) + "', got " + Describe(Peek()));
}

Result<Token> TokenStream::ExpectName() {
  if (!At(TokenKind::kName)) return Fail("expected a name, got " + Describe(Peek()));
  return Take();
}

std::string Describe(const Token& token) {
  switch (token.kind) {
    case TokenKind::kText:
      return "text";
    case TokenKind::kPrintBegin:
      return "'{{'";
    case TokenKind::kTagBegin:
      return "'{%'";
    case TokenKind::kPrintEnd:
    case TokenKind::kTagEnd:
    case TokenKind::kOperator:
      return "'" + token.text + "'";
    case TokenKind::kName:
      return "'" + token.text + "'";
    case TokenKind::kString:
      return "a string";
    case TokenKind::kInteger:
    case TokenKind::kFloat:
      return "the number " + token.text;
    case TokenKind::kEnd:
      return "the end of the template";
  }
  return "";
}

namespace {

constexpr int kMaxDepth = 200;  // of brackets in source and of the tree of one expression

// The largest depth among the parts of a node.
struct DepthOfParts {
  int depth = 0;
  void Add(const ExpressionPtr& part) {
    if (part != nullptr) depth = std::max(depth, part->depth);
  }
  void Add(const std::vector<ExpressionPtr>& parts) {
    for (const ExpressionPtr& part : parts) Add(part);
  }
  void Add(const CallArguments& arguments) {
    Add(arguments.positional);
    for (const auto& entry : arguments.keyword) Add(entry.second);
    Add(arguments.star);
    Add(arguments.star_star);
  }
  void operator()(const Constant&) {}
  void operator()(const Name&) {}
  void operator()(const ListLiteral& node) { Add(node.items); }
  void operator()(const TupleLiteral& node) { Add(node.items); }
  void operator()(const DictLiteral& node) {
    for (const auto& [key, value] : node.entries) {
      Add(key);
      Add(value);
    }
  }
  void operator()(const Not& node) { Add(node.operand); }
  void operator()(const Signed& node) { Add(node.operand); }
  void operator()(const Binary& node) {
    Add(node.left);
    Add(node.right);
  }
  void operator()(const Concatenation& node) { Add(node.parts); }
  void operator()(const Logical& node) {
    Add(node.left);
    Add(node.right);
  }
  void operator()(const ComparisonChain& node) {
    Add(node.first);
    for (const auto& entry : node.rest) Add(entry.second);
  }
  void operator()(const Conditional& node) {
    Add(node.condition);
    Add(node.then);
    Add(node.otherwise);
  }
  void operator()(const AttributeOf& node) { Add(node.object); }
  void operator()(const ItemOf& node) {
    Add(node.object);
    Add(node.key);
  }
  void operator()(const SliceOf& node) {
    Add(node.object);
    Add(node.start);
    Add(node.stop);
    Add(node.step);
  }
  void operator()(const CallOf& node) {
    Add(node.callee);
    Add(node.arguments);
  }
  void operator()(const Filtered& node) {
    Add(node.input);
    Add(node.arguments);
  }
  void operator()(const Tested& node) {
    Add(node.input);
    Add(node.arguments);
  }
};

std::string DidYouMean(std::string_view word, const std::vector<std::string>& candidates) {
  const std::optional<std::string> nearest = NearestWord(word, candidates);
  return nearest ? ", did you mean '" + *nearest + "'?" : "";
}

}  // namespace

// ----------------------------------------------------------------------------------------------------------------
// helpers

template <typename Node>
Result<ExpressionPtr> ExpressionParser::Make(Position position, Node node) {
  DepthOfParts parts;
  parts(node);
  if (parts.depth >= kMaxDepth) return tokens_.FailAt(position, "this expression is nested too deeply");
  return ExpressionPtr(new Expression{position, std::move(node), parts.depth + 1});
}

SpecialNames ExpressionParser::CloseNames() {
  const SpecialNames seen = special_names_.back();
  special_names_.pop_back();
  return seen;
}

void ExpressionParser::NoteName(const std::string& name) {
  for (SpecialNames& names : special_names_) {
    names.caller = names.caller || name == "caller";
    names.varargs = names.varargs || name == "varargs";
    names.kwargs = names.kwargs || name == "kwargs";
  }
}

// ----------------------------------------------------------------------------------------------------------------
// precedence

Result<ExpressionPtr> ExpressionParser::Parse(bool with_condition) {
  return with_condition ? ParseCondition() : ParseOr();
}

Result<ExpressionPtr> ExpressionParser::ParseCondition() {
  if (++depth_ > kMaxDepth) return tokens_.Fail("this expression is nested too deeply");
  TARN_ASSIGN_OR_RETURN(ExpressionPtr expression, ParseOr());
  while (tokens_.AtName("if")) {
    const Position position = tokens_.Take().position;
    TARN_ASSIGN_OR_RETURN(ExpressionPtr condition, ParseOr());
    ExpressionPtr otherwise;
    if (tokens_.SkipName("else")) {
      TARN_ASSIGN_OR_RETURN(otherwise, ParseCondition());
    }
    TARN_ASSIGN_OR_RETURN(
        expression, Make(position, Conditional{std::move(condition), std::move(expression), std::move(otherwise)}));
  }
  depth_--;
  return expression;
}

Result<ExpressionPtr> ExpressionParser::ParseOr() {
  TARN_ASSIGN_OR_RETURN(ExpressionPtr left, ParseAnd());
  while (tokens_.AtName("or")) {
    const Position position = tokens_.Take().position;
    TARN_ASSIGN_OR_RETURN(ExpressionPtr right, ParseAnd());
    TARN_ASSIGN_OR_RETURN(left, Make(position, Logical{false, std::move(left), std::move(right)}));
  }
  return left;
}

Result<ExpressionPtr> ExpressionParser::ParseAnd() {
  TARN_ASSIGN_OR_RETURN(ExpressionPtr left, ParseNot());
  while (tokens_.AtName("and")) {
    const Position position = tokens_.Take().position;
    TARN_ASSIGN_OR_RETURN(ExpressionPtr right, ParseNot());
    TARN_ASSIGN_OR_RETURN(left, Make(position, Logical{true, std::move(left), std::move(right)}));
  }
  return left;
}

Result<ExpressionPtr> ExpressionParser::ParseNot() {
  if (!tokens_.AtName("not")) return ParseComparison();
  if (++depth_ > kMaxDepth) return tokens_.Fail("this expression is nested too deeply");
  const Position position = tokens_.Take().position;
  TARN_ASSIGN_OR_RETURN(ExpressionPtr operand, ParseNot());
  depth_--;
  return Make(position, Not{std::move(operand)});
}

Result<ExpressionPtr> ExpressionParser::ParseComparison() {
  const Position position = tokens_.Peek().position;
  TARN_ASSIGN_OR_RETURN(ExpressionPtr first, ParseSum());
  ComparisonChain chain;
  for (;;) {
    static constexpr Comparison kSymbols[] = {Comparison::kEqual,     Comparison::kNotEqual, Comparison::kLess,
                                              Comparison::kLessEqual, Comparison::kGreater,  Comparison::kGreaterEqual};
    std::optional<Comparison> comparison;
    for (const Comparison candidate : kSymbols) {
      if (tokens_.AtOperator(Symbol(candidate))) comparison = candidate;
    }
    if (tokens_.AtName("in")) comparison = Comparison::kIn;
    const Token& next = tokens_.Peek(1);
    if (tokens_.AtName("not") && next.kind == TokenKind::kName && next.text == "in") {
      tokens_.Take();
      comparison = Comparison::kNotIn;
    }
    if (!comparison) break;
    tokens_.Take();
    TARN_ASSIGN_OR_RETURN(ExpressionPtr right, ParseSum());
    chain.rest.emplace_back(*comparison, std::move(right));
  }
  if (chain.rest.empty()) return first;
  chain.first = std::move(first);
  return Make(position, std::move(chain));
}

Result<ExpressionPtr> ExpressionParser::ParseSum() {
  TARN_ASSIGN_OR_RETURN(ExpressionPtr left, ParseConcatenation());
  while (tokens_.AtOperator("+") || tokens_.AtOperator("-")) {
    const Token op = tokens_.Take();
    TARN_ASSIGN_OR_RETURN(ExpressionPtr right, ParseConcatenation());
    const BinaryOperator which = op.text == "+" ? BinaryOperator::kAdd : BinaryOperator::kSubtract;
    TARN_ASSIGN_OR_RETURN(left, Make(op.position, Binary{which, std::move(left), std::move(right)}));
  }
  return left;
}

Result<ExpressionPtr> ExpressionParser::ParseConcatenation() {
  const Position position = tokens_.Peek().position;
  TARN_ASSIGN_OR_RETURN(ExpressionPtr first, ParseProduct());
  if (!tokens_.AtOperator("~")) return first;
  Concatenation node;
  node.parts.push_back(std::move(first));
  while (tokens_.SkipOperator("~")) {
    TARN_ASSIGN_OR_RETURN(ExpressionPtr part, ParseProduct());
    node.parts.push_back(std::move(part));
  }
  return Make(position, std::move(node));
}

Result<ExpressionPtr> ExpressionParser::ParseProduct() {
  TARN_ASSIGN_OR_RETURN(ExpressionPtr left, ParsePower());
  for (;;) {
    static constexpr BinaryOperator kProducts[] = {BinaryOperator::kMultiply, BinaryOperator::kDivide,
                                                   BinaryOperator::kFloorDivide, BinaryOperator::kModulo};
    const auto op = std::find_if(std::begin(kProducts), std::end(kProducts),
                                 [&](BinaryOperator o) { return tokens_.AtOperator(Symbol(o)); });
    if (op == std::end(kProducts)) return left;
    const Position position = tokens_.Take().position;
    TARN_ASSIGN_OR_RETURN(ExpressionPtr right, ParsePower());
    TARN_ASSIGN_OR_RETURN(left, Make(position, Binary{*op, std::move(left), std::move(right)}));
  }
}

Result<ExpressionPtr> ExpressionParser::ParsePower() {
  TARN_ASSIGN_OR_RETURN(ExpressionPtr left, ParseUnary());
  while (tokens_.AtOperator("**")) {  // from left to right, unlike Python
    const Position position = tokens_.Take().position;
    TARN_ASSIGN_OR_RETURN(ExpressionPtr right, ParseUnary());
    TARN_ASSIGN_OR_RETURN(left, Make(position, Binary{BinaryOperator::kPower, std::move(left), std::move(right)}));
  }
  return left;
}

Result<ExpressionPtr> ExpressionParser::ParseUnary(bool with_filter) {
  ExpressionPtr node;
  if (tokens_.AtOperator("-") || tokens_.AtOperator("+")) {
    if (++depth_ > kMaxDepth) return tokens_.Fail("this expression is nested too deeply");
    const Token sign = tokens_.Take();
    TARN_ASSIGN_OR_RETURN(ExpressionPtr operand, ParseUnary(false));
    depth_--;
    TARN_ASSIGN_OR_RETURN(node, Make(sign.position, Signed{sign.text == "-", std::move(operand)}));
  } else {
    TARN_ASSIGN_OR_RETURN(node, ParsePrimary());
  }
  TARN_ASSIGN_OR_RETURN(node, ParsePostfix(std::move(node)));
  return with_filter ? ParseFilterChain(std::move(node)) : std::move(node);
}

// ----------------------------------------------------------------------------------------------------------------
// primaries

Result<ExpressionPtr> ExpressionParser::ParsePrimary() {
  const Position position = tokens_.Peek().position;
  switch (tokens_.Peek().kind) {
    case TokenKind::kName: {
      const Token token = tokens_.Take();
      if (token.text == "true" || token.text == "True") return Make(position, Constant{Value(true)});
      if (token.text == "false" || token.text == "False") return Make(position, Constant{Value(false)});
      if (token.text == "none" || token.text == "None") return Make(position, Constant{Value()});
      NoteName(token.text);
      return Make(position, Name{token.text});
    }
    case TokenKind::kString: {
      std::string text;
      while (tokens_.At(TokenKind::kString)) text += tokens_.Take().text;  // neighbours are one string
      return Make(position, Constant{Value(std::move(text))});
    }
    case TokenKind::kInteger:
      return Make(position, Constant{Value(tokens_.Take().integer)});
    case TokenKind::kFloat:
      return Make(position, Constant{Value(tokens_.Take().number)});
    default:
      break;
  }
  if (tokens_.SkipOperator("(")) {
    if (++depth_ > kMaxDepth) return tokens_.Fail("this expression is nested too deeply");
    TARN_ASSIGN_OR_RETURN(ExpressionPtr inner, ParseTupleItems(true, true, {}));
    TARN_TRY(tokens_.ExpectOperator(")"));
    depth_--;
    return inner;
  }
  if (tokens_.AtOperator("[")) return ParseList();
  if (tokens_.AtOperator("{")) return ParseDict();
  return tokens_.Fail("expected an expression, got " + Describe(tokens_.Peek()));
}

Result<ExpressionPtr> ExpressionParser::ParseList() {
  const Position position = tokens_.Take().position;
  ListLiteral list;
  while (!tokens_.AtOperator("]")) {
    if (!list.items.empty()) {
      TARN_TRY(tokens_.ExpectOperator(","));
      if (tokens_.AtOperator("]")) break;
    }
    TARN_ASSIGN_OR_RETURN(ExpressionPtr item, Parse());
    list.items.push_back(std::move(item));
  }
  TARN_TRY(tokens_.ExpectOperator("]"));
  return Make(position, std::move(list));
}

Result<ExpressionPtr> ExpressionParser::ParseDict() {
  const Position position = tokens_.Take().position;
  DictLiteral dict;
  while (!tokens_.AtOperator("}")) {
    if (!dict.entries.empty()) {
      TARN_TRY(tokens_.ExpectOperator(","));
      if (tokens_.AtOperator("}")) break;
    }
    TARN_ASSIGN_OR_RETURN(ExpressionPtr key, Parse());
    TARN_TRY(tokens_.ExpectOperator(":"));
    TARN_ASSIGN_OR_RETURN(ExpressionPtr value, Parse());
    dict.entries.emplace_back(std::move(key), std::move(value));
  }
  TARN_TRY(tokens_.ExpectOperator("}"));
  return Make(position, std::move(dict));
}

Result<ExpressionPtr> ExpressionParser::ParseTuple(bool with_condition,
                                                   std::initializer_list<std::string_view> end_names) {
  return ParseTupleItems(with_condition, false, end_names);
}

Result<ExpressionPtr> ExpressionParser::ParseTupleItems(bool with_condition, bool parenthesized,
                                                        std::initializer_list<std::string_view> end_names) {
  const Position position = tokens_.Peek().position;
  TupleLiteral tuple;
  bool is_tuple = false;
  for (;;) {
    if (!tuple.items.empty()) TARN_TRY(tokens_.ExpectOperator(","));
    const bool at_end =
        tokens_.At(TokenKind::kPrintEnd) || tokens_.At(TokenKind::kTagEnd) || tokens_.AtOperator(")") ||
        std::any_of(end_names.begin(), end_names.end(), [&](std::string_view name) { return tokens_.AtName(name); });
    if (at_end) break;
    TARN_ASSIGN_OR_RETURN(ExpressionPtr item, Parse(with_condition));
    tuple.items.push_back(std::move(item));
    if (!tokens_.AtOperator(",")) break;
    is_tuple = true;
  }
  if (!is_tuple && tuple.items.size() == 1) return std::move(tuple.items[0]);
  if (!is_tuple && !parenthesized) return tokens_.Fail("expected an expression, got " + Describe(tokens_.Peek()));
  return Make(position, std::move(tuple));
}

// ----------------------------------------------------------------------------------------------------------------
// postfix

Result<ExpressionPtr> ExpressionParser::ParsePostfix(ExpressionPtr expression) {
  for (;;) {
    const Position position = tokens_.Peek().position;
    if (tokens_.SkipOperator(".")) {
      if (tokens_.At(TokenKind::kInteger)) {
        TARN_ASSIGN_OR_RETURN(ExpressionPtr key,
                              Make(tokens_.Peek().position, Constant{Value(tokens_.Peek().integer)}));
        tokens_.Take();
        TARN_ASSIGN_OR_RETURN(expression, Make(position, ItemOf{std::move(expression), std::move(key)}));
        continue;
      }
      TARN_ASSIGN_OR_RETURN(const Token name, tokens_.ExpectName());
      TARN_ASSIGN_OR_RETURN(expression, Make(name.position, AttributeOf{std::move(expression), name.text}));
    } else if (tokens_.AtOperator("[")) {
      TARN_ASSIGN_OR_RETURN(expression, ParseSubscript(std::move(expression)));
    } else if (tokens_.AtOperator("(")) {
      const Position callee = expression->position;
      TARN_ASSIGN_OR_RETURN(CallArguments arguments, ParseCallArguments());
      TARN_ASSIGN_OR_RETURN(expression, Make(callee, CallOf{std::move(expression), std::move(arguments)}));
    } else {
      return expression;
    }
  }
}

Status ExpressionParser::AddSubscript(std::vector<ExpressionPtr>& bounds, bool& is_slice) {
  for (;;) {
    ExpressionPtr bound;
    if (!tokens_.AtOperator(":") && !tokens_.AtOperator("]") && !tokens_.AtOperator(",")) {
      TARN_ASSIGN_OR_RETURN(bound, Parse());
    }
    bounds.push_back(std::move(bound));
    if (bounds.size() == 3 || !tokens_.SkipOperator(":")) break;
    is_slice = true;
  }
  if (!is_slice && bounds[0] == nullptr) return tokens_.Fail("expected an expression, got " + Describe(tokens_.Peek()));
  bounds.resize(3);
  return Ok();
}

Result<ExpressionPtr> ExpressionParser::ParseSubscript(ExpressionPtr object) {
  const Position position = tokens_.Take().position;
  std::vector<ExpressionPtr> bounds;
  bool is_slice = false;
  TARN_TRY(AddSubscript(bounds, is_slice));
  if (is_slice) {
    TARN_TRY(tokens_.ExpectOperator("]"));
    return Make(position, SliceOf{std::move(object), std::move(bounds[0]), std::move(bounds[1]), std::move(bounds[2])});
  }
  ExpressionPtr key = std::move(bounds[0]);
  if (tokens_.AtOperator(",")) {  // a tuple as key
    TupleLiteral tuple;
    tuple.items.push_back(std::move(key));
    while (tokens_.SkipOperator(",") && !tokens_.AtOperator("]")) {
      TARN_ASSIGN_OR_RETURN(ExpressionPtr item, Parse());
      tuple.items.push_back(std::move(item));
    }
    TARN_ASSIGN_OR_RETURN(key, Make(position, std::move(tuple)));
  }
  TARN_TRY(tokens_.ExpectOperator("]"));
  return Make(position, ItemOf{std::move(object), std::move(key)});
}

Result<CallArguments> ExpressionParser::ParseCallArguments() {
  TARN_TRY(tokens_.ExpectOperator("("));
  CallArguments arguments;
  bool first = true;
  while (!tokens_.AtOperator(")")) {
    if (!first) {
      TARN_TRY(tokens_.ExpectOperator(","));
      if (tokens_.AtOperator(")")) break;
    }
    first = false;
    const Token& next = tokens_.Peek(1);
    if (tokens_.AtOperator("*")) {
      if (arguments.star != nullptr || arguments.star_star != nullptr)
        return tokens_.Fail("unexpected '*' in the arguments");
      tokens_.Take();
      TARN_ASSIGN_OR_RETURN(arguments.star, Parse());
    } else if (tokens_.AtOperator("**")) {
      if (arguments.star_star != nullptr) return tokens_.Fail("unexpected '**' in the arguments");
      tokens_.Take();
      TARN_ASSIGN_OR_RETURN(arguments.star_star, Parse());
    } else if (tokens_.At(TokenKind::kName) && next.kind == TokenKind::kOperator && next.text == "=") {
      if (arguments.star_star != nullptr) return tokens_.Fail("an argument by name cannot follow '**'");
      const Token name = tokens_.Take();
      tokens_.Take();
      for (const auto& entry : arguments.keyword) {
        if (entry.first == name.text)
          return tokens_.FailAt(name.position, "the argument '" + name.text + "' is given twice");
      }
      TARN_ASSIGN_OR_RETURN(ExpressionPtr value, Parse());
      arguments.keyword.emplace_back(name.text, std::move(value));
    } else {
      if (!arguments.keyword.empty() || arguments.star != nullptr || arguments.star_star != nullptr) {
        return tokens_.Fail("an argument without a name cannot follow one with a name, '*' or '**'");
      }
      TARN_ASSIGN_OR_RETURN(ExpressionPtr value, Parse());
      arguments.positional.push_back(std::move(value));
    }
  }
  TARN_TRY(tokens_.ExpectOperator(")"));
  return arguments;
}

// ----------------------------------------------------------------------------------------------------------------
// filters and tests

Result<ExpressionPtr> ExpressionParser::ParseFilterChain(ExpressionPtr expression) {
  for (;;) {
    if (tokens_.AtOperator("|")) {
      TARN_ASSIGN_OR_RETURN(expression, ParseFilters(std::move(expression), false));
    } else if (tokens_.AtName("is")) {
      TARN_ASSIGN_OR_RETURN(expression, ParseTest(std::move(expression)));
    } else if (tokens_.AtOperator("(")) {
      const Position position = expression->position;
      TARN_ASSIGN_OR_RETURN(CallArguments arguments, ParseCallArguments());
      TARN_ASSIGN_OR_RETURN(expression, Make(position, CallOf{std::move(expression), std::move(arguments)}));
    } else {
      return expression;
    }
  }
}

Result<ExpressionPtr> ExpressionParser::ParseFilters(ExpressionPtr input, bool first_without_pipe) {
  bool first = first_without_pipe;
  while (first || tokens_.SkipOperator("|")) {
    first = false;
    TARN_ASSIGN_OR_RETURN(const Token token, tokens_.ExpectName());
    std::string name = token.text;
    while (tokens_.SkipOperator(".")) {
      TARN_ASSIGN_OR_RETURN(const Token part, tokens_.ExpectName());
      name += "." + part.text;
    }
    const Filter filter = FindFilter(name);
    if (filter == nullptr)
      return tokens_.FailAt(token.position, "No filter named '" + name + "'" + DidYouMean(name, FilterNames()));
    CallArguments arguments;
    if (tokens_.AtOperator("(")) {
      TARN_ASSIGN_OR_RETURN(arguments, ParseCallArguments());
    }
    TARN_ASSIGN_OR_RETURN(
        input, Make(token.position, Filtered{std::move(input), std::move(name), filter, std::move(arguments)}));
  }
  return input;
}

Result<ExpressionPtr> ExpressionParser::ParseTest(ExpressionPtr input) {
  tokens_.Take();  // is
  const bool negated = tokens_.SkipName("not");
  TARN_ASSIGN_OR_RETURN(const Token token, tokens_.ExpectName());
  std::string name = token.text;
  while (tokens_.SkipOperator(".")) {
    TARN_ASSIGN_OR_RETURN(const Token part, tokens_.ExpectName());
    name += "." + part.text;
  }
  const TestFunction test = FindTest(name);
  if (test == nullptr)
    return tokens_.FailAt(token.position, "No test named '" + name + "'" + DidYouMean(name, TestNames()));

  CallArguments arguments;
  const Token& next = tokens_.Peek();
  const bool operand_follows =
      (next.kind == TokenKind::kName && next.text != "else" && next.text != "or" && next.text != "and") ||
      next.kind == TokenKind::kString || next.kind == TokenKind::kInteger || next.kind == TokenKind::kFloat ||
      tokens_.AtOperator("[") || tokens_.AtOperator("{");
  if (tokens_.AtOperator("(")) {
    TARN_ASSIGN_OR_RETURN(arguments, ParseCallArguments());
  } else if (operand_follows) {  // x is divisibleby 3
    if (tokens_.AtName("is")) return tokens_.Fail("you cannot chain multiple tests with 'is'");
    TARN_ASSIGN_OR_RETURN(ExpressionPtr operand, ParsePrimary());
    TARN_ASSIGN_OR_RETURN(operand, ParsePostfix(std::move(operand)));
    arguments.positional.push_back(std::move(operand));
  }
  TARN_ASSIGN_OR_RETURN(ExpressionPtr node,
                        Make(token.position, Tested{std::move(input), std::move(name), test, std::move(arguments)}));
  return negated ? Make(token.position, Not{std::move(node)}) : std::move(node);
}

}  // namespace tarn::model::jinja
