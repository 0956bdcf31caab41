#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "model/jinja/lexer_internal.h"
#include "model/jinja/operators_internal.h"
#include "model/jinja/registry_internal.h"
#include "model/jinja/template.h"

// The syntax tree of a template. Immutable once parsed; names of filters and tests are resolved.

namespace tarn::model::jinja {

struct Expression;
struct Statement;
using ExpressionPtr = std::unique_ptr<Expression>;
using Block = std::vector<Statement>;

// ----------------------------------------------------------------------------------------------------------------
// expressions

struct Constant {
  Value value;
};
struct Name {
  std::string name;
};
struct ListLiteral {
  std::vector<ExpressionPtr> items;
};
struct TupleLiteral {
  std::vector<ExpressionPtr> items;
};
struct DictLiteral {
  std::vector<std::pair<ExpressionPtr, ExpressionPtr>> entries;
};
struct Not {
  ExpressionPtr operand;
};
struct Signed {
  bool negative;
  ExpressionPtr operand;
};
struct Binary {
  BinaryOperator op;
  ExpressionPtr left;
  ExpressionPtr right;
};
struct Concatenation {
  std::vector<ExpressionPtr> parts;
};  // a ~ b ~ c
struct Logical {
  bool is_and;
  ExpressionPtr left;
  ExpressionPtr right;
};
struct ComparisonChain {
  ExpressionPtr first;
  std::vector<std::pair<Comparison, ExpressionPtr>> rest;
};  // a < b <= c
struct Conditional {
  ExpressionPtr condition;
  ExpressionPtr then;
  ExpressionPtr otherwise;
};  // otherwise may be null
struct AttributeOf {
  ExpressionPtr object;
  std::string name;
};
struct ItemOf {
  ExpressionPtr object;
  ExpressionPtr key;
};
struct SliceOf {
  ExpressionPtr object;
  ExpressionPtr start;
  ExpressionPtr stop;
  ExpressionPtr step;
};  // bounds may be null

struct CallArguments {
  std::vector<ExpressionPtr> positional;
  std::vector<std::pair<std::string, ExpressionPtr>> keyword;
  ExpressionPtr star;       // *args, or null
  ExpressionPtr star_star;  // **kwargs, or null
};
struct CallOf {
  ExpressionPtr callee;
  CallArguments arguments;
};
// {% filter upper %}: no input, the block's text takes its place.
struct Filtered {
  ExpressionPtr input;
  std::string name;
  Filter filter;
  CallArguments arguments;
};
struct Tested {
  ExpressionPtr input;
  std::string name;
  TestFunction test;
  CallArguments arguments;
};

struct Expression {
  using Node =
      std::variant<Constant, Name, ListLiteral, TupleLiteral, DictLiteral, Not, Signed, Binary, Concatenation, Logical,
                   ComparisonChain, Conditional, AttributeOf, ItemOf, SliceOf, CallOf, Filtered, Tested>;
  Position position;
  Node node;
  int depth = 1;  // of the tree below, so that neither evaluating nor freeing it goes too deep
};

// ----------------------------------------------------------------------------------------------------------------
// statements

// What {% set %} and {% for %} assign to: a name, an attribute of a namespace, or several in a tuple.
struct Target {
  std::string name;       // empty: a tuple
  std::string attribute;  // set ns.attribute
  std::vector<Target> items;
  Position position;
};

struct Parameter {
  std::string name;
  ExpressionPtr otherwise;  // default, or null
};

struct Text {
  std::string text;
};
struct Print {
  ExpressionPtr expression;
};
struct If {
  std::vector<std::pair<ExpressionPtr, Block>> branches;
  Block otherwise;
};
struct For {
  Target target;
  ExpressionPtr iterable;
  ExpressionPtr filter;  // or null
  bool recursive = false;
  Block body;
  Block otherwise;
};
struct Set {
  Target target;
  ExpressionPtr value;
};
struct SetBlock {
  Target target;
  ExpressionPtr filter;
  Block body;
};  // filter: a chain of Filtered, or null
struct Macro {
  std::string name;
  std::vector<Parameter> parameters;
  Block body;
  bool uses_caller = false;  // has a parameter for {% call %} although none is written
  bool uses_varargs = false;
  bool uses_kwargs = false;
  Position position;
};
struct CallBlock {
  ExpressionPtr call;
  Macro caller;
};
struct FilterBlock {
  ExpressionPtr filter;
  Block body;
};
struct With {
  std::vector<std::pair<Target, ExpressionPtr>> variables;
  Block body;
};
struct Do {
  ExpressionPtr expression;
};
struct Break {};
struct Continue {};

struct Statement {
  using Node =
      std::variant<Text, Print, If, For, Set, SetBlock, Macro, CallBlock, FilterBlock, With, Do, Break, Continue>;
  Position position;
  Node node;
};

struct Program {
  std::string file;
  Block body;
  std::vector<const Macro*> macros;  // the top-level ones, within body
  std::vector<MacroInfo> macro_infos;
};

// kInvalidArgument, kUnsupported: "file:line:column: what".
Result<std::unique_ptr<const Program>> ParseProgram(std::string_view text, std::string file, const Syntax& syntax);

}  // namespace tarn::model::jinja
