#include "model/jinja/operators_internal.h"
#include "model/jinja/registry_internal.h"
#include "model/jinja/selection_internal.h"
#include "model/jinja/value_internal.h"

// Filters that apply a filter or test, given by its name, to each item; and default and attr.

namespace tarn::model::jinja {
namespace {

// The arguments behind the first `skip`.
Arguments Rest(const Arguments& arguments, size_t skip) {
  Arguments rest;
  rest.positional.assign(
      arguments.positional.begin() + static_cast<ptrdiff_t>(std::min(skip, arguments.positional.size())),
      arguments.positional.end());
  rest.keyword = arguments.keyword;
  return rest;
}

Result<std::string> NameArgument(const Arguments& arguments, size_t at, std::string_view what) {
  if (arguments.positional.size() <= at || !arguments.positional[at].IsString()) {
    return InvalidValue("the name of a " + std::string(what) + " is required");
  }
  return arguments.positional[at].as_string();
}

Result<Value> MapAttribute(const List& items, const Arguments& arguments) {
  Value attribute;
  Value otherwise = Value::Undefined("");
  for (const auto& [name, value] : arguments.keyword) {
    if (name == "attribute") {
      attribute = value;
    } else if (name == "default") {
      otherwise = value;
    } else {
      return InvalidValue("Unexpected keyword argument '" + name + "'");
    }
  }
  TARN_ASSIGN_OR_RETURN(const AttributePath path, AttributePath::Of(attribute));
  List mapped;
  for (const Value& item : items) {
    TARN_ASSIGN_OR_RETURN(Value value, path.Get(item));
    mapped.push_back(value.IsUndefined() && !otherwise.IsUndefined() ? otherwise : std::move(value));
  }
  return Value(std::move(mapped));
}

Result<Value> MapFilter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const List items, Iterate(input));
  bool by_attribute = false;
  for (const auto& entry : arguments.keyword) by_attribute = by_attribute || entry.first == "attribute";
  if (arguments.positional.empty() && by_attribute) return MapAttribute(items, arguments);
  TARN_ASSIGN_OR_RETURN(const std::string name, NameArgument(arguments, 0, "filter"));
  const Filter filter = FindFilter(name);
  if (filter == nullptr) return InvalidValue("No filter named '" + name + "'");
  const Arguments rest = Rest(arguments, 1);
  List mapped;
  for (const Value& item : items) {
    TARN_ASSIGN_OR_RETURN(Value value, filter(runtime, item, rest));
    mapped.push_back(std::move(value));
  }
  return Value(std::move(mapped));
}

// select, reject, selectattr, rejectattr: keeps items of which the test says `keep`.
Result<Value> Choose(Runtime& runtime, const Value& input, const Arguments& arguments, bool by_attribute, bool keep) {
  TARN_ASSIGN_OR_RETURN(const List items, Iterate(input));
  AttributePath path;
  if (by_attribute) {
    if (arguments.positional.empty()) return InvalidValue("Missing parameter for attribute name");
    TARN_ASSIGN_OR_RETURN(path, AttributePath::Of(arguments.positional[0]));
  }
  const size_t skip = by_attribute ? 1 : 0;
  TestFunction test = nullptr;
  if (arguments.positional.size() > skip) {
    TARN_ASSIGN_OR_RETURN(const std::string name, NameArgument(arguments, skip, "test"));
    test = FindTest(name);
    if (test == nullptr) return InvalidValue("No test named '" + name + "'");
  }
  const Arguments rest = Rest(arguments, skip + 1);
  List chosen;
  for (const Value& item : items) {
    TARN_ASSIGN_OR_RETURN(const Value value, path.Get(item));
    bool holds = value.Truth();
    if (test != nullptr) {
      TARN_ASSIGN_OR_RETURN(holds, test(runtime, value, rest));
    }
    if (holds == keep) chosen.push_back(item);
  }
  return Value(std::move(chosen));
}

Result<Value> SelectFilter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  return Choose(runtime, input, arguments, false, true);
}
Result<Value> RejectFilter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  return Choose(runtime, input, arguments, false, false);
}
Result<Value> SelectAttrFilter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  return Choose(runtime, input, arguments, true, true);
}
Result<Value> RejectAttrFilter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  return Choose(runtime, input, arguments, true, false);
}

Result<Value> DefaultFilter(Runtime&, const Value& input, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const List bound, arguments.Bind("default", {"default_value", "boolean"}));
  const bool missing = input.IsUndefined() || (bound[1].Truth() && !input.Truth());
  if (!missing) return input;
  return arguments.positional.empty() && arguments.keyword.empty() ? Value("") : bound[0];
}

Result<Value> AttrFilter(Runtime&, const Value& input, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const List bound, arguments.Bind("attr", {"name"}, 1));
  if (!bound[0].IsString()) return InvalidValue("attr() needs a str, not " + bound[0].TypeName());
  if (input.IsUndefined()) return UndefinedError(input);
  const std::string& name = bound[0].as_string();
  if (input.IsDict() && input.dict().Find(name) != nullptr) {  // attributes only, not the dict's entries
    return Value::Undefined("'dict object' has no attribute '" + name + "'");
  }
  return GetAttribute(input, name);
}

}  // namespace

std::vector<NamedFilter> SelectionFilters() {
  return {{"attr", AttrFilter},       {"d", DefaultFilter},
          {"default", DefaultFilter}, {"map", MapFilter},
          {"reject", RejectFilter},   {"rejectattr", RejectAttrFilter},
          {"select", SelectFilter},   {"selectattr", SelectAttrFilter}};
}

}  // namespace tarn::model::jinja
