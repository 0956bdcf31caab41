#pragma once

#include <string_view>

#include "model/jinja/value.h"

// The methods of str, list, tuple, dict and float that templates may call.

namespace tarn::model::jinja {

using Method = Result<Value> (*)(Runtime& runtime, const Value& self, const Arguments& arguments);

struct NamedMethod {
  std::string_view name;
  Method method;
};

// Null: no such method.
Method FindMethod(Value::Kind kind, std::string_view name);
Method FindStringMethod(std::string_view name);

// A method taken off its object without being called: {% set add = names.append %}.
Value BindMethod(Value self, std::string name, Method method);

}  // namespace tarn::model::jinja
