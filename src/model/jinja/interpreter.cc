#include "model/jinja/interpreter_internal.h"

#include <algorithm>

#include "model/jinja/loop_internal.h"
#include "model/jinja/operators_internal.h"
#include "model/jinja/value_internal.h"

// How the interpreter runs statements.

namespace tarn::model::jinja {

// ----------------------------------------------------------------------------------------------------------------
// scopes

Scope::~Scope() {
  Clear();
}

Value* Scope::Find(std::string_view name) {
  for (Scope* scope = this; scope != nullptr; scope = scope->parent.get()) {
    for (auto& [known, value] : scope->names) {
      if (known == name) return &value;
    }
  }
  return nullptr;
}

void Scope::Set(const std::string& name, Value value) {
  for (auto& [known, held] : names) {
    if (known == name) {
      held = std::move(value);
      return;
    }
  }
  names.emplace_back(name, std::move(value));
}

void Scope::Clear() {
  List values;
  for (auto& entry : names) values.push_back(std::move(entry.second));
  names.clear();
  Discard(std::move(values));
}

namespace {

// Runs the rest of a block with another scope, and puts the old one back.
class InScope {
 public:
  InScope(ScopePtr& current, ScopePtr next) : current_(current), before_(std::exchange(current, std::move(next))) {}
  ~InScope() { current_ = std::move(before_); }
  InScope(const InScope&) = delete;
  InScope& operator=(const InScope&) = delete;

 private:
  ScopePtr& current_;
  ScopePtr before_;
};

}  // namespace

// ---------------------------------------------------------------------------------------------------------------- the
// whole

Interpreter::Interpreter(std::shared_ptr<const Program> program, const Context& context)
    : context_(context), program_(std::move(program)), scope_(std::make_shared<Scope>(nullptr)) {}

Interpreter::~Interpreter() {
  for (const ScopePtr& scope : captured_) scope->Clear();
}

Result<std::string> Interpreter::Render() {
  std::string out;
  const Result<Flow> flow = Run(program_->body, out);
  if (!flow.ok()) return Finish(flow.error());
  return out;
}

Result<Value> Interpreter::EvaluateOnly(const Expression& expression) {
  Result<Value> value = Evaluate(expression);
  if (!value.ok()) return Finish(value.error());
  return value;
}

Result<Value> Interpreter::CallFromOutside(const Value& callee, const Arguments& arguments) {
  Result<Value> value = Call(callee, arguments);
  if (!value.ok()) return Finish(value.error());
  return value;
}

// What a name means, in the order that template.h states.
Value Interpreter::Lookup(std::string_view name) {
  if (const Value* variable = scope_->Find(name)) return *variable;
  if (context_.library != nullptr) {
    if (std::optional<Value> macro = context_.library->Find(name)) return std::move(*macro);
  }
  if (context_.globals != nullptr) {
    if (const auto global = context_.globals->find(name); global != context_.globals->end()) return global->second;
  }
  if (context_.library != nullptr && context_.library->HasPackage(name))
    return PackageValue(*context_.library, std::string(name));
  if (std::optional<Value> builtin = FindBuiltin(name)) return std::move(*builtin);
  return Value::Undefined("'" + std::string(name) + "' is undefined");
}

// ----------------------------------------------------------------------------------------------------------------
// failures and limits

std::string Interpreter::At(jinja::Position position) const {
  return program_->file + ":" + std::to_string(position.line) + ":" + std::to_string(position.column);
}

std::string Interpreter::Position() {
  return At(position_);
}

void Interpreter::Locate(jinja::Position position) {
  if (!failure_) failure_ = Failure{At(position), "", 0};
}

Error Interpreter::Finish(const Error& error) {
  if (returned_) return InvalidValue(failure_->where + ": return() outside of a macro");
  if (!failure_) return error;
  return Error(error.code(), failure_->where + ": " + error.ToString() + failure_->macros);
}

Error Interpreter::Return(Value value) {
  returned_ = std::move(value);
  return InvalidValue("return() outside of a macro");
}

Status Interpreter::Charge(size_t work) {
  work_ += work;
  if (work_ <= context_.limits.work) return Ok();
  return TooLarge("the template does too much work: more than " + std::to_string(context_.limits.work) + " steps");
}

Status Interpreter::ChargeFor(const Value& made) {
  switch (made.kind()) {
    case Value::Kind::kString:
      return Charge(made.as_string().size() / 16);
    case Value::Kind::kList:
    case Value::Kind::kTuple:
      return Charge(made.items().size());
    default:
      return Ok();
  }
}

Status Interpreter::Append(std::string& out, std::string_view text) {
  if (out.size() + text.size() > context_.limits.output_bytes) {
    return TooLarge("the template makes too much text: more than " + std::to_string(context_.limits.output_bytes) +
                    " bytes");
  }
  out += text;
  return Charge(text.size() / 16);
}

// ----------------------------------------------------------------------------------------------------------------
// statements

Result<Interpreter::Flow> Interpreter::Run(const Block& block, std::string& out) {
  for (const Statement& statement : block) {
    TARN_ASSIGN_OR_RETURN(const Flow flow, RunStatement(statement, out));
    if (flow != Flow::kNext) return flow;
  }
  return Flow::kNext;
}

Result<Interpreter::Flow> Interpreter::RunStatement(const Statement& statement, std::string& out) {
  if (depth_ >= context_.limits.depth) {
    Locate(statement.position);
    return TooLarge("nested too deeply: more than " + std::to_string(context_.limits.depth) + " levels");
  }
  depth_++;
  Result<Flow> flow = Charge(1).ok() ? std::visit([&](const auto& node) { return Exec(node, out); }, statement.node)
                                     : Result<Flow>(Charge(0).error());
  depth_--;
  if (!flow.ok()) Locate(statement.position);
  return flow;
}

Result<Interpreter::Flow> Interpreter::Exec(const Text& node, std::string& out) {
  TARN_TRY(Append(out, node.text));
  return Flow::kNext;
}

Result<Interpreter::Flow> Interpreter::Exec(const Print& node, std::string& out) {
  TARN_ASSIGN_OR_RETURN(const Value value, Evaluate(*node.expression));
  if (value.IsString()) {
    TARN_TRY(Append(out, value.as_string()));
    return Flow::kNext;
  }
  TARN_ASSIGN_OR_RETURN(const std::string text, value.ToString());
  TARN_TRY(Append(out, text));
  return Flow::kNext;
}

Result<Interpreter::Flow> Interpreter::Exec(const If& node, std::string& out) {
  for (const auto& [condition, block] : node.branches) {
    TARN_ASSIGN_OR_RETURN(const Value value, Evaluate(*condition));
    if (value.Truth()) return Run(block, out);
  }
  return Run(node.otherwise, out);
}

Result<Interpreter::Flow> Interpreter::Exec(const Set& node, std::string&) {
  TARN_ASSIGN_OR_RETURN(const Value value, Evaluate(*node.value));
  TARN_TRY(Assign(node.target, value));
  return Flow::kNext;
}

Result<Interpreter::Flow> Interpreter::Exec(const SetBlock& node, std::string&) {
  TARN_ASSIGN_OR_RETURN(std::string text, RunToText(node.body));
  Value value(std::move(text));
  if (node.filter != nullptr) {
    TARN_ASSIGN_OR_RETURN(value, ApplyFilters(*node.filter, value));
  }
  TARN_TRY(Assign(node.target, value));
  return Flow::kNext;
}

Result<Interpreter::Flow> Interpreter::Exec(const Macro& node, std::string&) {
  scope_->Set(node.name, MacroValue(node, false));
  return Flow::kNext;
}

Result<Interpreter::Flow> Interpreter::Exec(const CallBlock& node, std::string& out) {
  const Value caller = MacroValue(node.caller, true);
  Result<Value> value = EvaluateCall(std::get<CallOf>(node.call->node), &caller);
  if (!value.ok()) {
    Locate(node.call->position);
    return std::move(value).error();
  }
  TARN_ASSIGN_OR_RETURN(const std::string text, value->ToString());
  TARN_TRY(Append(out, text));
  return Flow::kNext;
}

Result<Interpreter::Flow> Interpreter::Exec(const FilterBlock& node, std::string& out) {
  TARN_ASSIGN_OR_RETURN(std::string text, RunToText(node.body));
  TARN_ASSIGN_OR_RETURN(const Value value, ApplyFilters(*node.filter, Value(std::move(text))));
  TARN_ASSIGN_OR_RETURN(const std::string filtered, value.ToString());
  TARN_TRY(Append(out, filtered));
  return Flow::kNext;
}

Result<Interpreter::Flow> Interpreter::Exec(const With& node, std::string& out) {
  std::vector<Value> values;  // all before the first is assigned: they do not see each other
  for (const auto& entry : node.variables) {
    TARN_ASSIGN_OR_RETURN(Value value, Evaluate(*entry.second));
    values.push_back(std::move(value));
  }
  const InScope in_scope(scope_, std::make_shared<Scope>(scope_));
  for (size_t i = 0; i < values.size(); i++) TARN_TRY(Assign(node.variables[i].first, values[i]));
  return Run(node.body, out);
}

Result<Interpreter::Flow> Interpreter::Exec(const Do& node, std::string&) {
  TARN_TRY(Evaluate(*node.expression));
  return Flow::kNext;
}

Result<std::string> Interpreter::RunToText(const Block& block) {
  const InScope in_scope(scope_, std::make_shared<Scope>(scope_));
  std::string text;
  TARN_TRY(Run(block, text));
  return text;
}

Status Interpreter::Assign(const Target& target, const Value& value) {
  if (!target.attribute.empty()) {
    Value* holder = scope_->Find(target.name);
    const Value object = holder != nullptr ? *holder : Lookup(target.name);
    if (object.IsUndefined()) return UndefinedError(object);
    if (object.kind() != Value::Kind::kObject) return InvalidValue("cannot assign attribute on non-namespace object");
    TARN_TRY(ChargeFor(value));
    return object.object()->SetAttribute(target.attribute, value);
  }
  if (target.items.empty()) {
    scope_->Set(target.name, value);
    return Ok();
  }
  TARN_ASSIGN_OR_RETURN(const List items, Iterate(value));
  if (items.size() < target.items.size()) {
    return InvalidValue("not enough values to unpack (expected " + std::to_string(target.items.size()) + ", got " +
                        std::to_string(items.size()) + ")");
  }
  if (items.size() > target.items.size()) {
    return InvalidValue("too many values to unpack (expected " + std::to_string(target.items.size()) + ")");
  }
  for (size_t i = 0; i < items.size(); i++) TARN_TRY(Assign(target.items[i], items[i]));
  return Ok();
}

// ----------------------------------------------------------------------------------------------------------------
// loops

Result<Interpreter::Flow> Interpreter::Exec(const For& node, std::string& out) {
  TARN_ASSIGN_OR_RETURN(const Value iterable, Evaluate(*node.iterable));
  return RunLoop(node, iterable, 1, out);
}

Result<Interpreter::Flow> Interpreter::RunLoop(const For& node, const Value& iterable, int depth, std::string& out) {
  TARN_ASSIGN_OR_RETURN(List items, Iterate(iterable));
  TARN_TRY(Charge(items.size()));
  if (node.filter != nullptr) {
    List kept;
    for (Value& item : items) {
      const InScope in_scope(scope_, std::make_shared<Scope>(scope_));
      scope_->Set("loop", Value::Undefined("the filter of a loop cannot use 'loop'"));
      TARN_TRY(Assign(node.target, item));
      TARN_ASSIGN_OR_RETURN(const Value keep, Evaluate(*node.filter));
      if (keep.Truth()) kept.push_back(std::move(item));
    }
    items = std::move(kept);
  }
  if (items.empty()) {
    const InScope in_scope(scope_, std::make_shared<Scope>(scope_));
    return Run(node.otherwise, out);
  }
  const auto loop = std::make_shared<LoopObject>(node, std::move(items), scope_, depth);
  for (; loop->HasItem(); loop->Advance()) {
    const InScope in_scope(scope_, std::make_shared<Scope>(scope_));
    scope_->Set("loop", Value(std::static_pointer_cast<Object>(loop)));
    TARN_TRY(Assign(node.target, loop->Item()));
    TARN_ASSIGN_OR_RETURN(const Flow flow, Run(node.body, out));
    if (flow == Flow::kBreak) break;
  }
  return Flow::kNext;
}

Result<Value> Interpreter::RunLoopAgain(const For& node, const Value& iterable, ScopePtr scope, int depth) {
  const InScope in_scope(scope_, std::move(scope));
  std::string text;
  TARN_TRY(RunLoop(node, iterable, depth, text));
  return Value(std::move(text));
}

// ----------------------------------------------------------------------------------------------------------------
// macros

Value Interpreter::MacroValue(const Macro& macro, bool is_caller) {
  if (captured_.empty() || captured_.back() != scope_) captured_.push_back(scope_);
  return Value(std::shared_ptr<Object>(std::make_shared<MacroObject>(program_, macro, scope_, is_caller)));
}

Result<Value> MacroObject::Call(Runtime& runtime, const Arguments& arguments) {
  return static_cast<Interpreter&>(runtime).CallMacro(*this, arguments);  // there is no other Runtime
}

std::optional<Value> MacroObject::Attribute(std::string_view name) {
  if (name == "name") return Value(macro_.name);
  if (name == "caller") return Value(macro_.uses_caller);
  if (name == "catch_varargs") return Value(macro_.uses_varargs);
  if (name == "catch_kwargs") return Value(macro_.uses_kwargs);
  if (name != "arguments") return std::nullopt;
  List names;
  for (const Parameter& parameter : macro_.parameters) names.emplace_back(parameter.name);
  return Value::Tuple(std::move(names));
}

// Jinja's rules: what is not given and has no default is undefined; arguments too many need `varargs` or `kwargs` in
// the body.
Status Interpreter::BindParameters(const MacroObject& object, const Arguments& arguments) {
  const Macro& macro = object.macro();
  std::vector<std::pair<std::string, Value>> keyword = arguments.keyword;
  const auto take = [&](std::string_view name) -> std::optional<Value> {
    const auto found =
        std::find_if(keyword.begin(), keyword.end(), [&](const auto& entry) { return entry.first == name; });
    if (found == keyword.end()) return std::nullopt;
    Value value = std::move(found->second);
    keyword.erase(found);
    return value;
  };
  for (size_t i = 0; i < macro.parameters.size(); i++) {
    const Parameter& parameter = macro.parameters[i];
    if (i < arguments.positional.size()) {
      scope_->Set(parameter.name, arguments.positional[i]);
    } else if (std::optional<Value> named = take(parameter.name)) {
      scope_->Set(parameter.name, std::move(*named));
    } else if (parameter.otherwise != nullptr) {
      scope_->Set(parameter.name, Value::Undefined("parameter '" + parameter.name + "' was not provided"));
      TARN_ASSIGN_OR_RETURN(Value otherwise, Evaluate(*parameter.otherwise));
      scope_->Set(parameter.name, std::move(otherwise));
    } else {
      scope_->Set(parameter.name, Value::Undefined("parameter '" + parameter.name + "' was not provided"));
    }
  }
  if (macro.uses_caller) {
    std::optional<Value> caller = take("caller");
    scope_->Set("caller", caller ? std::move(*caller) : Value::Undefined("No caller defined"));
  }
  if (macro.uses_kwargs) {
    Dict kwargs;
    for (auto& [name, value] : keyword) kwargs.Set(name, std::move(value));
    scope_->Set("kwargs", Value(std::move(kwargs)));
  } else if (!keyword.empty()) {
    if (keyword[0].first == "caller")
      return InvalidValue("macro '" + macro.name + "' does not use 'caller', so it cannot be used with {% call %}");
    return InvalidValue("macro '" + macro.name + "' takes no keyword argument '" + keyword[0].first + "'");
  }
  const size_t count = std::min(arguments.positional.size(), macro.parameters.size());
  if (macro.uses_varargs) {
    scope_->Set("varargs", Value::Tuple(List(arguments.positional.begin() + static_cast<ptrdiff_t>(count),
                                             arguments.positional.end())));
  } else if (arguments.positional.size() > macro.parameters.size()) {
    return InvalidValue("macro '" + macro.name + "' takes not more than " + std::to_string(macro.parameters.size()) +
                        " argument(s)");
  }
  return Ok();
}

Result<Value> Interpreter::CallMacro(const MacroObject& object, const Arguments& arguments) {
  const std::string called_at = At(position_);
  const std::shared_ptr<const Program> program = std::exchange(program_, object.program());
  const jinja::Position position = std::exchange(position_, object.macro().position);
  std::string text;
  Status done;
  {
    const InScope in_scope(scope_, std::make_shared<Scope>(object.closure()));
    done = BindParameters(object, arguments);
    if (!done.ok() && !failure_) {  // the call is wrong, not the macro
      failure_ = Failure{called_at, "", 0};
    } else if (done.ok()) {
      done = Run(object.macro().body, text).status();
      if (!done.ok() && !returned_ && failure_ && ++failure_->macro_count <= 20) {
        failure_->macros +=
            "\n  in macro " + object.macro().name + " (" + At(object.macro().position) + "), called at " + called_at;
      }
    }
  }
  program_ = program;
  position_ = position;
  if (done.ok()) return Value(std::move(text));
  if (!returned_ || object.is_caller()) return std::move(done).error();
  failure_.reset();
  Value value = std::move(*returned_);
  returned_.reset();
  return value;
}

}  // namespace tarn::model::jinja
