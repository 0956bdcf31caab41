#include "model/jinja/operators_internal.h"

#include <cmath>

#include "model/jinja/format_internal.h"
#include "model/jinja/text_internal.h"
#include "model/jinja/value_internal.h"

namespace tarn::model::jinja {

std::string_view Symbol(BinaryOperator op) {
  switch (op) {
    case BinaryOperator::kAdd:
      return "+";
    case BinaryOperator::kSubtract:
      return "-";
    case BinaryOperator::kMultiply:
      return "*";
    case BinaryOperator::kDivide:
      return "/";
    case BinaryOperator::kFloorDivide:
      return "//";
    case BinaryOperator::kModulo:
      return "%";
    case BinaryOperator::kPower:
      return "**";
  }
  return "?";
}

std::string_view Symbol(Comparison comparison) {
  switch (comparison) {
    case Comparison::kEqual:
      return "==";
    case Comparison::kNotEqual:
      return "!=";
    case Comparison::kLess:
      return "<";
    case Comparison::kLessEqual:
      return "<=";
    case Comparison::kGreater:
      return ">";
    case Comparison::kGreaterEqual:
      return ">=";
    case Comparison::kIn:
      return "in";
    case Comparison::kNotIn:
      return "not in";
  }
  return "?";
}

Error UndefinedError(const Value& undefined) {
  return InvalidValue(undefined.undefined_message());
}

std::string DescribeType(const Value& value) {
  return value.IsNone() ? "None" : value.TypeName() + " object";
}

namespace {

Error Unsupported(BinaryOperator op, const Value& left, const Value& right) {
  return InvalidValue("unsupported operand type(s) for " + std::string(Symbol(op)) + ": '" + left.TypeName() +
                      "' and '" + right.TypeName() + "'");
}

Error Overflow(BinaryOperator op, int64_t a, int64_t b) {
  return InvalidValue("integer overflow: " + std::to_string(a) + " " + std::string(Symbol(op)) + " " +
                      std::to_string(b) + " does not fit 64 bits");
}

int64_t FloorModulo(int64_t a, int64_t b) {
  if (b == -1) return 0;  // the machine's % overflows for the smallest number
  const int64_t r = a % b;
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

Result<Value> IntegerPower(int64_t base, int64_t exponent) {
  if (exponent < 0) {
    if (base == 0) return InvalidValue("0.0 cannot be raised to a negative power");
    return Value(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
  }
  int64_t result = 1;
  int64_t factor = base;
  for (int64_t left = exponent; left > 0; left >>= 1) {
    if ((left & 1) != 0 && __builtin_mul_overflow(result, factor, &result))
      return Overflow(BinaryOperator::kPower, base, exponent);
    if (left > 1 && __builtin_mul_overflow(factor, factor, &factor))
      return Overflow(BinaryOperator::kPower, base, exponent);
  }
  return Value(result);
}

Result<Value> ApplyIntegers(BinaryOperator op, int64_t a, int64_t b) {
  int64_t result = 0;
  switch (op) {
    case BinaryOperator::kAdd:
      if (__builtin_add_overflow(a, b, &result)) return Overflow(op, a, b);
      return Value(result);
    case BinaryOperator::kSubtract:
      if (__builtin_sub_overflow(a, b, &result)) return Overflow(op, a, b);
      return Value(result);
    case BinaryOperator::kMultiply:
      if (__builtin_mul_overflow(a, b, &result)) return Overflow(op, a, b);
      return Value(result);
    case BinaryOperator::kDivide:
      if (b == 0) return InvalidValue("division by zero");
      return Value(static_cast<double>(a) / static_cast<double>(b));
    case BinaryOperator::kFloorDivide:
      if (b == 0) return InvalidValue("integer division or modulo by zero");
      if (b == -1) {
        if (__builtin_sub_overflow(int64_t{0}, a, &result)) return Overflow(op, a, b);
        return Value(result);
      }
      return Value(a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0));
    case BinaryOperator::kModulo:
      if (b == 0) return InvalidValue("integer modulo by zero");
      return Value(FloorModulo(a, b));
    case BinaryOperator::kPower:
      return IntegerPower(a, b);
  }
  return Value();
}

double FloorModulo(double a, double b) {
  const double r = std::fmod(a, b);
  if (r == 0) return std::copysign(0.0, b);
  return (r < 0) != (b < 0) ? r + b : r;
}

Result<Value> ApplyFloats(BinaryOperator op, double a, double b) {
  switch (op) {
    case BinaryOperator::kAdd:
      return Value(a + b);
    case BinaryOperator::kSubtract:
      return Value(a - b);
    case BinaryOperator::kMultiply:
      return Value(a * b);
    case BinaryOperator::kDivide:
      if (b == 0) return InvalidValue("float division by zero");
      return Value(a / b);
    case BinaryOperator::kFloorDivide:
      if (b == 0) return InvalidValue("float floor division by zero");
      return Value(std::round((a - FloorModulo(a, b)) / b));
    case BinaryOperator::kModulo:
      if (b == 0) return InvalidValue("float modulo");
      return Value(FloorModulo(a, b));
    case BinaryOperator::kPower: {
      if (a == 0 && b < 0) return InvalidValue("0.0 cannot be raised to a negative power");
      if (a < 0 && b != std::trunc(b)) return InvalidValue("a negative number raised to a fraction has no real value");
      const double result = std::pow(a, b);
      if (std::isinf(result) && std::isfinite(a) && std::isfinite(b))
        return InvalidValue("(34, 'Numerical result out of range')");
      return Value(result);
    }
  }
  return Value();
}

Result<Value> Repeat(const Value& sequence, int64_t times) {
  const auto n = static_cast<size_t>(std::max<int64_t>(times, 0));
  if (sequence.IsString()) {
    const std::string& text = sequence.as_string();
    if (text.empty() || n == 0) return Value("");
    if (n > kMaxTextBytes) return CheckTextSize(n).error();
    TARN_TRY(CheckTextSize(text.size() * n));
    std::string out;
    out.reserve(text.size() * n);
    for (size_t i = 0; i < n; i++) out += text;
    return Value(std::move(out));
  }
  List out;
  if (n > 0 && !sequence.items().empty()) {
    if (n > kMaxItems) return CheckItemCount(n).error();
    TARN_TRY(CheckItemCount(sequence.items().size() * n));
    out.reserve(sequence.items().size() * n);
    for (size_t i = 0; i < n; i++) out.insert(out.end(), sequence.items().begin(), sequence.items().end());
  }
  return sequence.kind() == Value::Kind::kList ? Value(std::move(out)) : Value::Tuple(std::move(out));
}

Result<Value> Concatenate(const Value& left, const Value& right) {
  if (left.IsString()) {
    TARN_TRY(CheckTextSize(left.as_string().size() + right.as_string().size()));
    return Value(left.as_string() + right.as_string());
  }
  TARN_TRY(CheckItemCount(left.items().size() + right.items().size()));
  List items = left.items();
  items.insert(items.end(), right.items().begin(), right.items().end());
  return left.kind() == Value::Kind::kList ? Value(std::move(items)) : Value::Tuple(std::move(items));
}

bool IsTextOrSequence(const Value& value) {
  return value.IsString() || value.IsSequence();
}

}  // namespace

Result<Value> Apply(BinaryOperator op, const Value& left, const Value& right) {
  if (op == BinaryOperator::kModulo && left.IsString()) return FormatPercent(left.as_string(), right);
  if (left.IsUndefined()) return UndefinedError(left);
  if (right.IsUndefined()) return UndefinedError(right);
  if (left.IsInteger() && right.IsInteger()) return ApplyIntegers(op, left.as_int(), right.as_int());
  if (left.IsNumber() && right.IsNumber()) return ApplyFloats(op, left.as_double(), right.as_double());
  if (op == BinaryOperator::kMultiply && IsTextOrSequence(left) && right.IsInteger())
    return Repeat(left, right.as_int());
  if (op == BinaryOperator::kMultiply && left.IsInteger() && IsTextOrSequence(right))
    return Repeat(right, left.as_int());
  if (op == BinaryOperator::kAdd && IsTextOrSequence(left)) {
    if (left.kind() == right.kind()) return Concatenate(left, right);
    return InvalidValue("can only concatenate " + left.TypeName() + " (not \"" + right.TypeName() + "\") to " +
                        left.TypeName());
  }
  return Unsupported(op, left, right);
}

Result<Value> Negate(const Value& value) {
  if (value.IsUndefined()) return UndefinedError(value);
  if (value.kind() == Value::Kind::kFloat) return Value(-value.as_double());
  if (!value.IsInteger()) return InvalidValue("bad operand type for unary -: '" + value.TypeName() + "'");
  int64_t result = 0;
  if (__builtin_sub_overflow(int64_t{0}, value.as_int(), &result))
    return Overflow(BinaryOperator::kSubtract, 0, value.as_int());
  return Value(result);
}

Result<Value> Plus(const Value& value) {
  if (value.IsUndefined()) return UndefinedError(value);
  if (value.kind() == Value::Kind::kFloat) return value;
  if (!value.IsInteger()) return InvalidValue("bad operand type for unary +: '" + value.TypeName() + "'");
  return Value(value.as_int());
}

namespace {

int Sign(bool less, bool greater) {
  return less ? -1 : greater ? 1 : 0;
}

Result<int> OrderWithin(const Value& left, const Value& right, std::string_view symbol, int depth) {
  if (depth > kMaxNesting) return TooLarge("values are nested too deeply to be compared");
  if (left.IsUndefined()) return UndefinedError(left);
  if (right.IsUndefined()) return UndefinedError(right);
  if (left.IsInteger() && right.IsInteger())
    return Sign(left.as_int() < right.as_int(), left.as_int() > right.as_int());
  if (left.IsNumber() && right.IsNumber()) {
    // Wide enough for both an int64 and a double, so that the comparison is exact.
    const auto wide = [](const Value& v) {
      return v.IsInteger() ? static_cast<long double>(v.as_int()) : static_cast<long double>(v.as_double());
    };
    return Sign(wide(left) < wide(right), wide(left) > wide(right));
  }
  if (left.IsString() && right.IsString()) {
    const int order = left.as_string().compare(right.as_string());  // UTF-8 sorts as code points do
    return Sign(order<0, order> 0);
  }
  if (left.IsSequence() && left.kind() == right.kind()) {
    const List& a = left.items();
    const List& b = right.items();
    for (size_t i = 0; i < a.size() && i < b.size(); i++) {
      TARN_ASSIGN_OR_RETURN(const bool equal, a[i].Equals(b[i]));
      if (!equal) return OrderWithin(a[i], b[i], symbol, depth + 1);
    }
    return Sign(a.size() < b.size(), a.size() > b.size());
  }
  return InvalidValue("'" + std::string(symbol) + "' not supported between instances of '" + left.TypeName() +
                      "' and '" + right.TypeName() + "'");
}

bool IsNan(const Value& value) {
  return value.kind() == Value::Kind::kFloat && std::isnan(value.as_double());
}

}  // namespace

Result<int> Order(const Value& left, const Value& right, std::string_view symbol) {
  return OrderWithin(left, right, symbol, 0);
}

Result<bool> Compare(Comparison comparison, const Value& left, const Value& right) {
  switch (comparison) {
    case Comparison::kEqual:
      return left.Equals(right);
    case Comparison::kNotEqual: {
      TARN_ASSIGN_OR_RETURN(const bool equal, left.Equals(right));
      return !equal;
    }
    case Comparison::kIn:
      return Contains(right, left);
    case Comparison::kNotIn: {
      TARN_ASSIGN_OR_RETURN(const bool contains, Contains(right, left));
      return !contains;
    }
    case Comparison::kLess:
    case Comparison::kLessEqual:
    case Comparison::kGreater:
    case Comparison::kGreaterEqual:
      break;
  }
  TARN_ASSIGN_OR_RETURN(const int order, Order(left, right, Symbol(comparison)));
  if (IsNan(left) || IsNan(right)) return false;
  if (comparison == Comparison::kLess) return order < 0;
  if (comparison == Comparison::kLessEqual) return order <= 0;
  if (comparison == Comparison::kGreater) return order > 0;
  return order >= 0;
}

Result<bool> Contains(const Value& container, const Value& item) {
  if (container.IsString()) {
    if (!item.IsString()) return InvalidValue("'in <string>' requires string as left operand, not " + item.TypeName());
    return container.as_string().find(item.as_string()) != std::string::npos;
  }
  if (container.IsDict()) {
    if (item.kind() == Value::Kind::kList || item.IsDict())
      return InvalidValue("unhashable type: '" + item.TypeName() + "'");
    return container.dict().Find(item) != nullptr;
  }
  if (container.kind() == Value::Kind::kObject) {
    if (!container.object()->Iterate())
      return InvalidValue("argument of type '" + container.TypeName() + "' is not iterable");
  } else if (!container.IsSequence() && !container.IsUndefined()) {
    return InvalidValue("argument of type '" + container.TypeName() + "' is not iterable");
  }
  TARN_ASSIGN_OR_RETURN(const List items, Iterate(container));
  for (const Value& candidate : items) {
    TARN_ASSIGN_OR_RETURN(const bool equal, candidate.Equals(item));
    if (equal) return true;
  }
  return false;
}

Result<List> Iterate(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kUndefined:
      return List();
    case Value::Kind::kList:
    case Value::Kind::kTuple:
      return value.items();
    case Value::Kind::kString: {
      List characters;
      TARN_TRY(CheckItemCount(value.as_string().size() / 4));
      for (const std::string_view c : Characters(value.as_string())) characters.emplace_back(c);
      return characters;
    }
    case Value::Kind::kDict: {
      List keys;
      keys.reserve(value.dict().size());
      for (const auto& entry : value.dict().entries()) keys.push_back(entry.first);
      return keys;
    }
    case Value::Kind::kObject:
      if (std::optional<List> items = value.object()->Iterate()) return std::move(*items);
      break;
    default:
      break;
  }
  return InvalidValue("'" + value.TypeName() + "' object is not iterable");
}

Result<int64_t> Length(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kUndefined:
      return 0;
    case Value::Kind::kList:
    case Value::Kind::kTuple:
      return static_cast<int64_t>(value.items().size());
    case Value::Kind::kString:
      return static_cast<int64_t>(CountCharacters(value.as_string()));
    case Value::Kind::kDict:
      return static_cast<int64_t>(value.dict().size());
    case Value::Kind::kObject:
      if (const std::optional<size_t> length = value.object()->Length()) return static_cast<int64_t>(*length);
      break;
    default:
      break;
  }
  return InvalidValue("object of type '" + value.TypeName() + "' has no len()");
}

}  // namespace tarn::model::jinja
