#pragma once

#include "model/jinja/value.h"

// Python's operators on values. All fail with kInvalidArgument and Python's wording where Python raises.

namespace tarn::model::jinja {

enum class BinaryOperator { kAdd, kSubtract, kMultiply, kDivide, kFloorDivide, kModulo, kPower };
enum class Comparison { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual, kIn, kNotIn };

std::string_view Symbol(BinaryOperator op);
std::string_view Symbol(Comparison comparison);

// What using an undefined value in a way that it does not bear fails with.
Error UndefinedError(const Value& undefined);

Result<Value> Apply(BinaryOperator op, const Value& left, const Value& right);
Result<Value> Negate(const Value& value);
Result<Value> Plus(const Value& value);
Result<bool> Compare(Comparison comparison, const Value& left, const Value& right);
// -1, 0 or 1 by Python's <. `symbol` stands in the message when the types have no order.
Result<int> Order(const Value& left, const Value& right, std::string_view symbol = "<");
Result<bool> Contains(const Value& container, const Value& item);

// What `for` walks: items, keys, characters. An undefined value is empty.
Result<List> Iterate(const Value& value);
Result<int64_t> Length(const Value& value);

// value.name: attributes and methods first, then the item. Undefined if neither.
Result<Value> GetAttribute(const Value& value, const std::string& name);
// value[key]: items first, then the attribute.
Result<Value> GetItem(const Value& value, const Value& key);
// value[start:stop:step]; None where a bound is left out.
Result<Value> Slice(const Value& value, const Value& start, const Value& stop, const Value& step);

// "'dict object'", as Jinja names the owner in "'dict object' has no attribute 'x'".
std::string DescribeType(const Value& value);

}  // namespace tarn::model::jinja
