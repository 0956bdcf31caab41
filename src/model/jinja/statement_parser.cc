#include <algorithm>
#include <array>

#include "model/jinja/parser_internal.h"

namespace tarn::model::jinja {
namespace {

constexpr int kMaxNestedStatements = 100;

using EndNames = std::initializer_list<std::string_view>;

class ProgramParser {
 public:
  ProgramParser(std::vector<Token> tokens, Program& program)
      : tokens_(std::move(tokens), program.file), program_(program) {}

  Status Run() {
    TARN_ASSIGN_OR_RETURN(program_.body, ParseBlock({}, {}));
    for (const Statement& statement : program_.body) {
      if (const auto* macro = std::get_if<Macro>(&statement.node)) Declare(*macro);
    }
    return Ok();
  }

 private:
  void Declare(const Macro& macro) {
    MacroInfo info{macro.name, {}, macro.position.line};
    for (const Parameter& parameter : macro.parameters) info.parameters.push_back(parameter.name);
    program_.macros.push_back(&macro);
    program_.macro_infos.push_back(std::move(info));
  }

  // Statements until a tag that begins with one of `ends` (or the end of the template, if there are none); that tag's
  // name is left.
  Result<Block> ParseBlock(EndNames ends, Position opened, std::string_view opener = {}) {
    if (++depth_ > kMaxNestedStatements) return tokens_.FailAt(opened, "statements are nested too deeply");
    Block block;
    for (;;) {
      const Position position = tokens_.Peek().position;
      switch (tokens_.Peek().kind) {
        case TokenKind::kText:
          block.push_back({position, Text{tokens_.Take().text}});
          continue;
        case TokenKind::kPrintBegin: {
          tokens_.Take();
          TARN_ASSIGN_OR_RETURN(ExpressionPtr expression, expressions_.ParseTuple(true));
          if (!tokens_.At(TokenKind::kPrintEnd)) return tokens_.Fail("expected '}}', got " + Describe(tokens_.Peek()));
          tokens_.Take();
          block.push_back({position, Print{std::move(expression)}});
          continue;
        }
        case TokenKind::kTagBegin: {
          tokens_.Take();
          if (std::any_of(ends.begin(), ends.end(), [&](std::string_view name) { return tokens_.AtName(name); })) {
            depth_--;
            return block;
          }
          TARN_TRY(ParseStatement(position, block, opener, opened));
          continue;
        }
        default:
          break;
      }
      if (ends.size() > 0) {
        return tokens_.FailAt(
            opened, "'{% " + std::string(opener) + " %}' has no '{% " + std::string(*(ends.end() - 1)) + " %}'");
      }
      depth_--;
      return block;
    }
  }

  Status EndTag() {
    if (!tokens_.At(TokenKind::kTagEnd)) return tokens_.Fail("expected '%}', got " + Describe(tokens_.Peek()));
    tokens_.Take();
    return Ok();
  }

  // A block closed by `end`, from the end of its opening tag to the end of its closing one.
  Result<Block> ParseBody(std::string_view opener, std::string_view end, Position opened) {
    TARN_TRY(EndTag());
    TARN_ASSIGN_OR_RETURN(Block body, ParseBlock({end}, opened, opener));
    tokens_.Take();
    if (end != "endmacro" && end != "endtest" && end != "endmaterialization") {
      TARN_TRY(EndTag());
      return body;
    }
    if (tokens_.At(TokenKind::kName)) tokens_.Take();  // {% endmacro name %}
    TARN_TRY(EndTag());
    return body;
  }

  Status ParseStatement(Position position, Block& block, std::string_view opener, Position opened) {
    using Parse = Result<Statement::Node> (ProgramParser::*)(Position);
    static constexpr std::pair<std::string_view, Parse> kStatements[] = {
        {"if", &ProgramParser::ParseIf},
        {"for", &ProgramParser::ParseFor},
        {"set", &ProgramParser::ParseSet},
        {"macro", &ProgramParser::ParseMacro},
        {"test", &ProgramParser::ParseTestBlock},
        {"materialization", &ProgramParser::ParseMaterialization},
        {"call", &ProgramParser::ParseCall},
        {"filter", &ProgramParser::ParseFilter},
        {"with", &ProgramParser::ParseWith},
        {"do", &ProgramParser::ParseDo},
        {"print", &ProgramParser::ParsePrint},
        {"break", &ProgramParser::ParseBreak},
        {"continue", &ProgramParser::ParseContinue}};
    TARN_ASSIGN_OR_RETURN(const Token name, tokens_.ExpectName());
    for (const auto& [word, parse] : kStatements) {
      if (name.text != word) continue;
      TARN_ASSIGN_OR_RETURN(Statement::Node node, (this->*parse)(position));
      block.push_back({position, std::move(node)});
      return Ok();
    }
    for (const std::string_view word : {"include", "import", "from", "extends", "block", "snapshot", "docs"}) {
      if (name.text != word) continue;
      return TemplateError(
          tokens_.file(), name.position,
          "'{% " + name.text + " %}' is not supported here; macros are shared through the project's macro files",
          ErrorCode::kUnsupported);
    }
    std::string message = "unknown tag '" + name.text + "'";
    if (!opener.empty())
      message +=
          "; the innermost open tag is '{% " + std::string(opener) + " %}' of line " + std::to_string(opened.line);
    return tokens_.FailAt(name.position, message);
  }

  // ------------------------------------------------------------------------------------------------------------ if,
  // for

  Result<Statement::Node> ParseIf(Position position) {
    If node;
    for (;;) {
      TARN_ASSIGN_OR_RETURN(ExpressionPtr condition, expressions_.ParseTuple(false));
      TARN_TRY(EndTag());
      TARN_ASSIGN_OR_RETURN(Block then, ParseBlock({"elif", "else", "endif"}, position, "if"));
      node.branches.emplace_back(std::move(condition), std::move(then));
      const Token next = tokens_.Take();
      if (next.text == "elif") continue;
      TARN_TRY(next.text == "else" ? Ok() : EndTag());
      if (next.text == "else") {
        TARN_ASSIGN_OR_RETURN(node.otherwise, ParseBody("if", "endif", position));
      }
      return Statement::Node(std::move(node));
    }
  }

  Result<Statement::Node> ParseFor(Position position) {
    For node;
    TARN_ASSIGN_OR_RETURN(node.target, ParseTarget());
    if (!tokens_.SkipName("in")) return tokens_.Fail("expected 'in', got " + Describe(tokens_.Peek()));
    TARN_ASSIGN_OR_RETURN(node.iterable, expressions_.ParseTuple(false, {"recursive"}));
    if (tokens_.SkipName("if")) {
      TARN_ASSIGN_OR_RETURN(node.filter, expressions_.Parse());
    }
    node.recursive = tokens_.SkipName("recursive");
    TARN_TRY(EndTag());
    loops_++;
    TARN_ASSIGN_OR_RETURN(node.body, ParseBlock({"else", "endfor"}, position, "for"));
    loops_--;
    const Token next = tokens_.Take();
    if (next.text == "else") {
      TARN_ASSIGN_OR_RETURN(node.otherwise, ParseBody("for", "endfor", position));
    } else {
      TARN_TRY(EndTag());
    }
    return Statement::Node(std::move(node));
  }

  Result<Statement::Node> ParseBreak(Position position) {
    if (loops_ == 0) return tokens_.FailAt(position, "'{% break %}' outside of a loop");
    TARN_TRY(EndTag());
    return Statement::Node(Break{});
  }

  Result<Statement::Node> ParseContinue(Position position) {
    if (loops_ == 0) return tokens_.FailAt(position, "'{% continue %}' outside of a loop");
    TARN_TRY(EndTag());
    return Statement::Node(Continue{});
  }

  // ------------------------------------------------------------------------------------------------------------
  // assignment

  Result<Target> ParseTargetItem() {
    Target target;
    target.position = tokens_.Peek().position;
    if (tokens_.SkipOperator("(")) {
      TARN_ASSIGN_OR_RETURN(target, ParseTarget());
      TARN_TRY(tokens_.ExpectOperator(")"));
      return target;
    }
    TARN_ASSIGN_OR_RETURN(const Token name, tokens_.ExpectName());
    for (const std::string_view constant : {"true", "false", "none", "True", "False", "None"}) {
      if (name.text == constant) return tokens_.FailAt(name.position, "cannot assign to '" + name.text + "'");
    }
    target.name = name.text;
    return target;
  }

  // One name, or several with commas.
  Result<Target> ParseTarget() {
    if (++depth_ > kMaxNestedStatements) return tokens_.Fail("statements are nested too deeply");
    TARN_ASSIGN_OR_RETURN(Target first, ParseTargetItem());
    depth_--;
    if (!tokens_.AtOperator(",")) return first;
    Target tuple;
    tuple.position = first.position;
    tuple.items.push_back(std::move(first));
    while (tokens_.SkipOperator(",")) {
      if (!tokens_.At(TokenKind::kName) && !tokens_.AtOperator("(")) break;
      if (tokens_.AtName("in")) break;
      TARN_ASSIGN_OR_RETURN(Target item, ParseTargetItem());
      tuple.items.push_back(std::move(item));
    }
    return tuple;
  }

  Result<Statement::Node> ParseSet(Position position) {
    TARN_ASSIGN_OR_RETURN(Target target, ParseTarget());
    if (!target.name.empty() && tokens_.SkipOperator(".")) {
      TARN_ASSIGN_OR_RETURN(const Token attribute, tokens_.ExpectName());
      target.attribute = attribute.text;
    }
    if (tokens_.SkipOperator("=")) {
      TARN_ASSIGN_OR_RETURN(ExpressionPtr value, expressions_.ParseTuple(true));
      TARN_TRY(EndTag());
      return Statement::Node(Set{std::move(target), std::move(value)});
    }
    SetBlock node;
    node.target = std::move(target);
    if (tokens_.AtOperator("|")) {
      TARN_ASSIGN_OR_RETURN(node.filter, expressions_.ParseFilters(nullptr, false));
    }
    TARN_ASSIGN_OR_RETURN(node.body, ParseBody("set", "endset", position));
    return Statement::Node(std::move(node));
  }

  Result<Statement::Node> ParseWith(Position position) {
    With node;
    while (!tokens_.At(TokenKind::kTagEnd)) {
      if (!node.variables.empty()) TARN_TRY(tokens_.ExpectOperator(","));
      TARN_ASSIGN_OR_RETURN(Target target, ParseTargetItem());
      TARN_TRY(tokens_.ExpectOperator("="));
      TARN_ASSIGN_OR_RETURN(ExpressionPtr value, expressions_.Parse());
      node.variables.emplace_back(std::move(target), std::move(value));
    }
    TARN_ASSIGN_OR_RETURN(node.body, ParseBody("with", "endwith", position));
    return Statement::Node(std::move(node));
  }

  // ------------------------------------------------------------------------------------------------------------ macros

  Status ParseSignature(Macro& macro) {
    TARN_TRY(tokens_.ExpectOperator("("));
    while (!tokens_.AtOperator(")")) {
      if (!macro.parameters.empty()) TARN_TRY(tokens_.ExpectOperator(","));
      TARN_ASSIGN_OR_RETURN(const Token name, tokens_.ExpectName());
      for (const Parameter& parameter : macro.parameters) {
        if (parameter.name == name.text)
          return tokens_.FailAt(name.position, "the parameter '" + name.text + "' is there twice");
      }
      Parameter parameter{name.text, nullptr};
      if (tokens_.SkipOperator("=")) {
        TARN_ASSIGN_OR_RETURN(parameter.otherwise, expressions_.Parse());
      } else if (!macro.parameters.empty() && macro.parameters.back().otherwise != nullptr) {
        return tokens_.FailAt(name.position, "a parameter without a default cannot follow one that has a default");
      } else if (name.text == "caller") {
        return tokens_.FailAt(name.position, "the parameter 'caller' needs a default, or be left out");
      }
      macro.parameters.push_back(std::move(parameter));
    }
    return tokens_.ExpectOperator(")");
  }

  // The body of a macro or call block, with what it asks for.
  Status ParseMacroBody(Macro& macro, std::string_view opener, std::string_view end) {
    const int loops = std::exchange(loops_, 0);
    expressions_.OpenNames();
    TARN_ASSIGN_OR_RETURN(macro.body, ParseBody(opener, end, macro.position));
    const SpecialNames names = expressions_.CloseNames();
    loops_ = loops;
    const bool written = std::any_of(macro.parameters.begin(), macro.parameters.end(),
                                     [](const Parameter& p) { return p.name == "caller"; });
    macro.uses_caller = names.caller && !written;
    macro.uses_varargs = names.varargs;
    macro.uses_kwargs = names.kwargs;
    return Ok();
  }

  Result<Statement::Node> ParseNamedMacro(Position position, const std::string& prefix, std::string_view opener,
                                          std::string_view end) {
    Macro macro;
    macro.position = position;
    TARN_ASSIGN_OR_RETURN(const Token name, tokens_.ExpectName());
    macro.name = prefix + name.text;
    TARN_TRY(ParseSignature(macro));
    TARN_TRY(ParseMacroBody(macro, opener, end));
    return Statement::Node(std::move(macro));
  }

  Result<Statement::Node> ParseMacro(Position position) { return ParseNamedMacro(position, "", "macro", "endmacro"); }
  Result<Statement::Node> ParseTestBlock(Position position) {
    return ParseNamedMacro(position, "test_", "test", "endtest");
  }

  // {% materialization name, adapter='duckdb' %} is the macro materialization_name_duckdb, as in dbt.
  Result<Statement::Node> ParseMaterialization(Position position) {
    Macro macro;
    macro.position = position;
    TARN_ASSIGN_OR_RETURN(const Token name, tokens_.ExpectName());
    std::string adapter = "default";
    while (tokens_.SkipOperator(",")) {
      TARN_ASSIGN_OR_RETURN(const Token option, tokens_.ExpectName());
      if (option.text == "default") continue;
      TARN_TRY(tokens_.ExpectOperator("="));
      if (option.text == "adapter" && tokens_.At(TokenKind::kString)) {
        adapter = tokens_.Take().text;
        continue;
      }
      TARN_TRY(expressions_.Parse());  // supported_languages=[…]
    }
    macro.name = "materialization_" + name.text + "_" + adapter;
    TARN_TRY(ParseMacroBody(macro, "materialization", "endmaterialization"));
    return Statement::Node(std::move(macro));
  }

  Result<Statement::Node> ParseCall(Position position) {
    CallBlock node;
    node.caller.position = position;
    node.caller.name = "caller";
    if (tokens_.AtOperator("(")) TARN_TRY(ParseSignature(node.caller));
    const Position call = tokens_.Peek().position;
    TARN_ASSIGN_OR_RETURN(node.call, expressions_.Parse());
    if (!std::holds_alternative<CallOf>(node.call->node)) return tokens_.FailAt(call, "expected a call");
    TARN_TRY(ParseMacroBody(node.caller, "call", "endcall"));
    return Statement::Node(std::move(node));
  }

  // ------------------------------------------------------------------------------------------------------------ the
  // rest

  Result<Statement::Node> ParseFilter(Position position) {
    FilterBlock node;
    TARN_ASSIGN_OR_RETURN(node.filter, expressions_.ParseFilters(nullptr, true));
    TARN_ASSIGN_OR_RETURN(node.body, ParseBody("filter", "endfilter", position));
    return Statement::Node(std::move(node));
  }

  Result<Statement::Node> ParseDo(Position) {
    TARN_ASSIGN_OR_RETURN(ExpressionPtr expression, expressions_.ParseTuple(true));
    TARN_TRY(EndTag());
    return Statement::Node(Do{std::move(expression)});
  }

  Result<Statement::Node> ParsePrint(Position) {
    TARN_ASSIGN_OR_RETURN(ExpressionPtr expression, expressions_.ParseTuple(true));
    TARN_TRY(EndTag());
    return Statement::Node(Print{std::move(expression)});
  }

  TokenStream tokens_;
  ExpressionParser expressions_{tokens_};
  Program& program_;
  int depth_ = 0;
  int loops_ = 0;  // open {% for %} within the innermost macro
};

}  // namespace

Result<std::unique_ptr<const Program>> ParseProgram(std::string_view text, std::string file, const Syntax& syntax) {
  auto program = std::make_unique<Program>();
  program->file = std::move(file);
  TARN_ASSIGN_OR_RETURN(std::vector<Token> tokens, Tokenize(text, program->file, syntax));
  TARN_TRY(ProgramParser(std::move(tokens), *program).Run());
  return std::unique_ptr<const Program>(std::move(program));
}

}  // namespace tarn::model::jinja
