#include "model/jinja/interpreter_internal.h"
#include "model/jinja/methods_internal.h"
#include "model/jinja/operators_internal.h"
#include "model/jinja/value_internal.h"

// How the interpreter evaluates expressions.

namespace tarn::model::jinja {

Result<Value> Interpreter::Evaluate(const Expression& expression) {
  if (depth_ >= context_.limits.depth) {
    Locate(expression.position);
    return TooLarge("nested too deeply: more than " + std::to_string(context_.limits.depth) +
                    " levels; is a macro calling itself without end?");
  }
  Status charged = Charge(1);
  if (!charged.ok()) {
    Locate(expression.position);
    return std::move(charged).error();
  }
  depth_++;
  Result<Value> value = std::visit([this](const auto& node) { return Eval(node); }, expression.node);
  depth_--;
  if (!value.ok()) Locate(expression.position);
  return value;
}

Result<List> Interpreter::EvaluateAll(const std::vector<ExpressionPtr>& expressions) {
  List values;
  values.reserve(expressions.size());
  for (const ExpressionPtr& expression : expressions) {
    TARN_ASSIGN_OR_RETURN(Value value, Evaluate(*expression));
    values.push_back(std::move(value));
  }
  return values;
}

Result<Value> Interpreter::Eval(const Constant& node) {
  return node.value;
}

Result<Value> Interpreter::Eval(const Name& node) {
  return Lookup(node.name);
}

Result<Value> Interpreter::Eval(const ListLiteral& node) {
  TARN_ASSIGN_OR_RETURN(List items, EvaluateAll(node.items));
  return Value(std::move(items));
}

Result<Value> Interpreter::Eval(const TupleLiteral& node) {
  TARN_ASSIGN_OR_RETURN(List items, EvaluateAll(node.items));
  return Value::Tuple(std::move(items));
}

Result<Value> Interpreter::Eval(const DictLiteral& node) {
  Dict dict;
  for (const auto& [key_expression, value_expression] : node.entries) {
    TARN_ASSIGN_OR_RETURN(const Value key, Evaluate(*key_expression));
    TARN_ASSIGN_OR_RETURN(Value value, Evaluate(*value_expression));
    TARN_TRY(dict.Set(key, std::move(value)));
  }
  return Value(std::move(dict));
}

Result<Value> Interpreter::Eval(const Not& node) {
  TARN_ASSIGN_OR_RETURN(const Value value, Evaluate(*node.operand));
  return Value(!value.Truth());
}

Result<Value> Interpreter::Eval(const Signed& node) {
  TARN_ASSIGN_OR_RETURN(const Value value, Evaluate(*node.operand));
  return node.negative ? Negate(value) : Plus(value);
}

Result<Value> Interpreter::Eval(const Binary& node) {
  TARN_ASSIGN_OR_RETURN(const Value left, Evaluate(*node.left));
  TARN_ASSIGN_OR_RETURN(const Value right, Evaluate(*node.right));
  TARN_ASSIGN_OR_RETURN(Value value, Apply(node.op, left, right));
  TARN_TRY(ChargeFor(value));
  return value;
}

Result<Value> Interpreter::Eval(const Concatenation& node) {
  std::string out;
  for (const ExpressionPtr& part : node.parts) {
    TARN_ASSIGN_OR_RETURN(const Value value, Evaluate(*part));
    TARN_ASSIGN_OR_RETURN(const std::string text, value.ToString());
    out += text;
    TARN_TRY(CheckTextSize(out.size()));
  }
  Value value(std::move(out));
  TARN_TRY(ChargeFor(value));
  return value;
}

Result<Value> Interpreter::Eval(const Logical& node) {
  TARN_ASSIGN_OR_RETURN(Value left, Evaluate(*node.left));
  return left.Truth() == node.is_and ? Evaluate(*node.right) : std::move(left);
}

Result<Value> Interpreter::Eval(const ComparisonChain& node) {
  TARN_ASSIGN_OR_RETURN(Value left, Evaluate(*node.first));
  for (const auto& [comparison, expression] : node.rest) {
    TARN_ASSIGN_OR_RETURN(Value right, Evaluate(*expression));
    TARN_ASSIGN_OR_RETURN(const bool holds, Compare(comparison, left, right));
    if (!holds) return Value(false);
    left = std::move(right);
  }
  return Value(true);
}

Result<Value> Interpreter::Eval(const Conditional& node) {
  TARN_ASSIGN_OR_RETURN(const Value condition, Evaluate(*node.condition));
  if (condition.Truth()) return Evaluate(*node.then);
  if (node.otherwise != nullptr) return Evaluate(*node.otherwise);
  return Value::Undefined("the inline if-expression evaluated to false and no else section was defined");
}

Result<Value> Interpreter::Eval(const AttributeOf& node) {
  TARN_ASSIGN_OR_RETURN(const Value object, Evaluate(*node.object));
  return GetAttribute(object, node.name);
}

Result<Value> Interpreter::Eval(const ItemOf& node) {
  TARN_ASSIGN_OR_RETURN(const Value object, Evaluate(*node.object));
  TARN_ASSIGN_OR_RETURN(const Value key, Evaluate(*node.key));
  return GetItem(object, key);
}

Result<Value> Interpreter::Eval(const SliceOf& node) {
  TARN_ASSIGN_OR_RETURN(const Value object, Evaluate(*node.object));
  Value bounds[3];
  const ExpressionPtr* expressions[3] = {&node.start, &node.stop, &node.step};
  for (size_t i = 0; i < 3; i++) {
    if (*expressions[i] == nullptr) continue;
    TARN_ASSIGN_OR_RETURN(bounds[i], Evaluate(**expressions[i]));
  }
  TARN_ASSIGN_OR_RETURN(Value value, Slice(object, bounds[0], bounds[1], bounds[2]));
  TARN_TRY(ChargeFor(value));
  return value;
}

// ----------------------------------------------------------------------------------------------------------------
// calls

Result<Arguments> Interpreter::EvaluateArguments(const CallArguments& given) {
  Arguments arguments;
  TARN_ASSIGN_OR_RETURN(arguments.positional, EvaluateAll(given.positional));
  for (const auto& [name, expression] : given.keyword) {
    TARN_ASSIGN_OR_RETURN(Value value, Evaluate(*expression));
    arguments.keyword.emplace_back(name, std::move(value));
  }
  if (given.star != nullptr) {
    TARN_ASSIGN_OR_RETURN(const Value star, Evaluate(*given.star));
    TARN_ASSIGN_OR_RETURN(const List items, Iterate(star));
    TARN_TRY(Charge(items.size()));
    arguments.positional.insert(arguments.positional.end(), items.begin(), items.end());
  }
  if (given.star_star == nullptr) return arguments;
  TARN_ASSIGN_OR_RETURN(const Value star_star, Evaluate(*given.star_star));
  if (star_star.IsUndefined()) return UndefinedError(star_star);
  if (!star_star.IsDict()) return InvalidValue("argument after ** must be a mapping, not " + star_star.TypeName());
  TARN_TRY(Charge(star_star.dict().size()));
  for (const auto& [key, value] : star_star.dict().entries()) {
    if (!key.IsString()) return InvalidValue("keywords must be strings");
    for (const auto& entry : arguments.keyword) {
      if (entry.first == key.as_string())
        return InvalidValue("got multiple values for keyword argument '" + entry.first + "'");
    }
    arguments.keyword.emplace_back(key.as_string(), value);
  }
  return arguments;
}

Result<Value> Interpreter::EvaluateCall(const CallOf& node, const Value* caller) {
  // A method of a built-in type is called without making a value of it first.
  Method method = nullptr;
  Value callee;
  if (const auto* attribute = std::get_if<AttributeOf>(&node.callee->node)) {
    TARN_ASSIGN_OR_RETURN(const Value object, Evaluate(*attribute->object));
    method = FindMethod(object.kind(), attribute->name);
    if (method != nullptr) {
      callee = object;
    } else {
      TARN_ASSIGN_OR_RETURN(callee, GetAttribute(object, attribute->name));
    }
  } else {
    TARN_ASSIGN_OR_RETURN(callee, Evaluate(*node.callee));
  }
  TARN_ASSIGN_OR_RETURN(Arguments arguments, EvaluateArguments(node.arguments));
  for (const Value& argument : arguments.positional) TARN_TRY(ChargeFor(argument));
  if (caller != nullptr) arguments.keyword.emplace_back("caller", *caller);
  const jinja::Position around = position_;
  position_ = node.callee->position;
  Result<Value> value = method != nullptr ? method(*this, callee, arguments) : Call(callee, arguments);
  position_ = around;
  if (value.ok()) TARN_TRY(ChargeFor(*value));
  return value;
}

Result<Value> Interpreter::Eval(const CallOf& node) {
  return EvaluateCall(node, nullptr);
}

Result<Value> Interpreter::Call(const Value& callee, const Arguments& arguments) {
  if (callee.IsUndefined()) return UndefinedError(callee);
  if (callee.kind() != Value::Kind::kObject || !callee.object()->callable()) {
    return InvalidValue("'" + callee.TypeName() + "' object is not callable");
  }
  const Value kept = callee;  // it may be unset while it runs
  Result<Value> value = kept.object()->Call(*this, arguments);
  if (value.ok()) failure_.reset();  // a callable may have survived a failure inside
  return value;
}

Result<Value> Interpreter::Eval(const Filtered& node) {
  TARN_ASSIGN_OR_RETURN(const Value input, Evaluate(*node.input));
  TARN_ASSIGN_OR_RETURN(const Arguments arguments, EvaluateArguments(node.arguments));
  TARN_ASSIGN_OR_RETURN(Value value, node.filter(*this, input, arguments));
  TARN_TRY(ChargeFor(value));
  return value;
}

Result<Value> Interpreter::ApplyFilters(const Expression& expression, const Value& input) {
  const auto& node = std::get<Filtered>(expression.node);
  Value value = input;
  if (node.input != nullptr) {
    TARN_ASSIGN_OR_RETURN(value, ApplyFilters(*node.input, input));
  }
  TARN_ASSIGN_OR_RETURN(const Arguments arguments, EvaluateArguments(node.arguments));
  Result<Value> filtered = node.filter(*this, value, arguments);
  if (!filtered.ok()) Locate(expression.position);
  return filtered;
}

Result<Value> Interpreter::Eval(const Tested& node) {
  TARN_ASSIGN_OR_RETURN(const Value input, Evaluate(*node.input));
  TARN_ASSIGN_OR_RETURN(const Arguments arguments, EvaluateArguments(node.arguments));
  TARN_ASSIGN_OR_RETURN(const bool holds, node.test(*this, input, arguments));
  return Value(holds);
}

}  // namespace tarn::model::jinja
