#pragma once

#include <memory>
#include <optional>
#include <string>

#include "model/jinja/syntax_internal.h"
#include "model/jinja/template.h"

namespace tarn::model::jinja {

// The variables of a block, and the block around it. Macros keep the scopes that they were defined in.
struct Scope {
  explicit Scope(std::shared_ptr<Scope> around) : parent(std::move(around)) {}
  ~Scope();
  Value* Find(std::string_view name);  // here and around; null
  void Set(const std::string& name, Value value);
  void Clear();

  std::shared_ptr<Scope> parent;
  std::vector<std::pair<std::string, Value>> names;
};
using ScopePtr = std::shared_ptr<Scope>;

// A macro with what it needs to run: its file, and its scope if it is not a library's.
class MacroObject final : public Object {
 public:
  MacroObject(std::shared_ptr<const Program> program, const Macro& macro, ScopePtr closure, bool is_caller)
      : program_(std::move(program)), macro_(macro), closure_(std::move(closure)), is_caller_(is_caller) {}

  std::string type_name() const override { return "macro"; }
  bool callable() const override { return true; }
  Result<Value> Call(Runtime& runtime, const Arguments& arguments) override;
  std::optional<Value> Attribute(std::string_view name) override;
  std::string ToString() override { return "<Macro '" + macro_.name + "'>"; }

  const std::shared_ptr<const Program>& program() const { return program_; }
  const Macro& macro() const { return macro_; }
  const ScopePtr& closure() const { return closure_; }
  bool is_caller() const { return is_caller_; }

 private:
  std::shared_ptr<const Program> program_;
  const Macro& macro_;
  ScopePtr closure_;  // null: a library's
  bool is_caller_;    // the body of a {% call %}: return() in it ends the macro that called it
};

// One render: walks the tree of a program.
//
// A failure is noted where it begins (`failure_`: place, and macros that it left) and passes up as a plain Error, so
// that callables of the caller keep their codes; `Finish` puts both together. return() is such an error too, with
// `returned_` set, which the innermost macro takes back.
class Interpreter final : public Runtime {
 public:
  Interpreter(std::shared_ptr<const Program> program, const Context& context);
  ~Interpreter() override;

  Result<std::string> Render();
  // The value of the only expression in the program; requires that it is the only one.
  Result<Value> EvaluateOnly(const Expression& expression);
  Result<Value> CallFromOutside(const Value& callee, const Arguments& arguments);

  Result<Value> Call(const Value& callee, const Arguments& arguments) override;
  Value Lookup(std::string_view name) override;
  std::string Position() override;

  Result<Value> CallMacro(const MacroObject& macro, const Arguments& arguments);
  // A loop over `iterable` as text; for {{ loop(children) }}.
  Result<Value> RunLoopAgain(const For& loop, const Value& iterable, ScopePtr scope, int depth);
  Error Return(Value value);

 private:
  enum class Flow { kNext, kBreak, kContinue };
  struct Entered;  // counts a level of nesting while it lives

  Result<Value> Evaluate(const Expression& expression);
  Result<Value> Eval(const Constant& node);
  Result<Value> Eval(const Name& node);
  Result<Value> Eval(const ListLiteral& node);
  Result<Value> Eval(const TupleLiteral& node);
  Result<Value> Eval(const DictLiteral& node);
  Result<Value> Eval(const Not& node);
  Result<Value> Eval(const Signed& node);
  Result<Value> Eval(const Binary& node);
  Result<Value> Eval(const Concatenation& node);
  Result<Value> Eval(const Logical& node);
  Result<Value> Eval(const ComparisonChain& node);
  Result<Value> Eval(const Conditional& node);
  Result<Value> Eval(const AttributeOf& node);
  Result<Value> Eval(const ItemOf& node);
  Result<Value> Eval(const SliceOf& node);
  Result<Value> Eval(const CallOf& node);
  Result<Value> Eval(const Filtered& node);
  Result<Value> Eval(const Tested& node);
  Result<List> EvaluateAll(const std::vector<ExpressionPtr>& expressions);
  Result<Arguments> EvaluateArguments(const CallArguments& arguments);
  Result<Value> EvaluateCall(const CallOf& node, const Value* caller);
  // Runs a chain of filters whose innermost has no input on `input`.
  Result<Value> ApplyFilters(const Expression& filter, const Value& input);

  Result<Flow> Run(const Block& block, std::string& out);
  Result<Flow> RunStatement(const Statement& statement, std::string& out);
  Result<Flow> Exec(const Text& node, std::string& out);
  Result<Flow> Exec(const Print& node, std::string& out);
  Result<Flow> Exec(const If& node, std::string& out);
  Result<Flow> Exec(const For& node, std::string& out);
  Result<Flow> Exec(const Set& node, std::string& out);
  Result<Flow> Exec(const SetBlock& node, std::string& out);
  Result<Flow> Exec(const Macro& node, std::string& out);
  Result<Flow> Exec(const CallBlock& node, std::string& out);
  Result<Flow> Exec(const FilterBlock& node, std::string& out);
  Result<Flow> Exec(const With& node, std::string& out);
  Result<Flow> Exec(const Do& node, std::string& out);
  Result<Flow> Exec(const Break&, std::string&) { return Flow::kBreak; }
  Result<Flow> Exec(const Continue&, std::string&) { return Flow::kContinue; }
  Result<Flow> RunLoop(const For& loop, const Value& iterable, int depth, std::string& out);
  Result<std::string> RunToText(const Block& block);  // in a scope of its own
  Status Assign(const Target& target, const Value& value);
  Status Append(std::string& out, std::string_view text);
  Status BindParameters(const MacroObject& object, const Arguments& arguments);

  Value MacroValue(const Macro& macro, bool is_caller);
  Status Charge(size_t work);
  Status ChargeFor(const Value& made);
  void Locate(jinja::Position position);
  std::string At(jinja::Position position) const;
  Error Finish(const Error& error);

  struct Failure {
    std::string where;
    std::string macros;
    int macro_count = 0;
  };

  Context context_;
  std::shared_ptr<const Program> program_;  // that is running now
  ScopePtr scope_;
  jinja::Position position_;  // of the last call that began
  size_t work_ = 0;
  int depth_ = 0;
  std::optional<Failure> failure_;
  std::optional<Value> returned_;
  std::vector<ScopePtr> captured_;  // by macros; emptied at the end, for they may hold each other
};

}  // namespace tarn::model::jinja
