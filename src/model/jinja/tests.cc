#include <array>
#include <unordered_map>

#include "model/jinja/operators_internal.h"
#include "model/jinja/registry_internal.h"
#include "model/jinja/text_internal.h"
#include "model/jinja/value_internal.h"

// The tests of `is`, and the tables of filters and tests.

namespace tarn::model::jinja {
namespace {

using Kind = Value::Kind;

template <typename Holds>
Result<bool> Plain(const Arguments& arguments, Holds holds) {
  TARN_TRY(arguments.Bind("a test", {}));
  return holds();
}

template <Kind Which>
Result<bool> IsKind(Runtime&, const Value& input, const Arguments& arguments) {
  return Plain(arguments, [&] { return input.kind() == Which; });
}
Result<bool> IsDefined(Runtime&, const Value& input, const Arguments& arguments) {
  return Plain(arguments, [&] { return !input.IsUndefined(); });
}
Result<bool> IsTrue(Runtime&, const Value& input, const Arguments& arguments) {
  return Plain(arguments, [&] { return input.kind() == Kind::kBool && input.as_bool(); });
}
Result<bool> IsFalse(Runtime&, const Value& input, const Arguments& arguments) {
  return Plain(arguments, [&] { return input.kind() == Kind::kBool && !input.as_bool(); });
}
Result<bool> IsNumber(Runtime&, const Value& input, const Arguments& arguments) {
  return Plain(arguments, [&] { return input.IsNumber(); });
}
Result<bool> IsCallable(Runtime&, const Value& input, const Arguments& arguments) {
  return Plain(arguments,
               [&] { return input.IsUndefined() || (input.kind() == Kind::kObject && input.object()->callable()); });
}
Result<bool> IsIterable(Runtime&, const Value& input, const Arguments& arguments) {
  return Plain(arguments, [&] { return Iterate(input).ok(); });
}
Result<bool> IsSequenceTest(Runtime&, const Value& input, const Arguments& arguments) {
  return Plain(arguments, [&] { return Length(input).ok(); });
}

Result<bool> IsUpperTest(Runtime&, const Value& input, const Arguments& arguments) {
  TARN_TRY(arguments.Bind("upper", {}));
  TARN_ASSIGN_OR_RETURN(const std::string text, input.ToString());
  return Upper(text) == text && Lower(text) != text;
}
Result<bool> IsLowerTest(Runtime&, const Value& input, const Arguments& arguments) {
  TARN_TRY(arguments.Bind("lower", {}));
  TARN_ASSIGN_OR_RETURN(const std::string text, input.ToString());
  return Lower(text) == text && Upper(text) != text;
}

Result<bool> HasRemainder(const Value& input, const Value& divisor, int64_t remainder) {
  TARN_ASSIGN_OR_RETURN(const Value left, Apply(BinaryOperator::kModulo, input, divisor));
  return left.Equals(Value(remainder));
}
Result<bool> IsEven(Runtime&, const Value& input, const Arguments& arguments) {
  TARN_TRY(arguments.Bind("even", {}));
  return HasRemainder(input, Value(2), 0);
}
Result<bool> IsOdd(Runtime&, const Value& input, const Arguments& arguments) {
  TARN_TRY(arguments.Bind("odd", {}));
  return HasRemainder(input, Value(2), 1);
}
Result<bool> IsDivisible(Runtime&, const Value& input, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const List bound, arguments.Bind("divisibleby", {"num"}, 1));
  return HasRemainder(input, bound[0], 0);
}

template <Comparison Which>
Result<bool> Compares(Runtime&, const Value& input, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const List bound, arguments.Bind("a comparison", {"other"}, 1));
  return Compare(Which, input, bound[0]);
}
Result<bool> IsSame(Runtime&, const Value& input, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const List bound, arguments.Bind("sameas", {"other"}, 1));
  return input.Is(bound[0]);
}

Result<bool> IsFilterName(Runtime&, const Value& input, const Arguments& arguments) {
  return Plain(arguments, [&] { return input.IsString() && FindFilter(input.as_string()) != nullptr; });
}
Result<bool> IsTestName(Runtime&, const Value& input, const Arguments& arguments) {
  return Plain(arguments, [&] { return input.IsString() && FindTest(input.as_string()) != nullptr; });
}

const std::unordered_map<std::string_view, TestFunction>& Tests() {
  static const std::unordered_map<std::string_view, TestFunction> kTests = {
      {"boolean", IsKind<Kind::kBool>},
      {"callable", IsCallable},
      {"defined", IsDefined},
      {"divisibleby", IsDivisible},
      {"eq", Compares<Comparison::kEqual>},
      {"==", Compares<Comparison::kEqual>},
      {"equalto", Compares<Comparison::kEqual>},
      {"even", IsEven},
      {"false", IsFalse},
      {"filter", IsFilterName},
      {"float", IsKind<Kind::kFloat>},
      {"ge", Compares<Comparison::kGreaterEqual>},
      {">=", Compares<Comparison::kGreaterEqual>},
      {"gt", Compares<Comparison::kGreater>},
      {">", Compares<Comparison::kGreater>},
      {"greaterthan", Compares<Comparison::kGreater>},
      {"in", Compares<Comparison::kIn>},
      {"integer", IsKind<Kind::kInt>},
      {"iterable", IsIterable},
      {"le", Compares<Comparison::kLessEqual>},
      {"<=", Compares<Comparison::kLessEqual>},
      {"lessthan", Compares<Comparison::kLess>},
      {"lt", Compares<Comparison::kLess>},
      {"<", Compares<Comparison::kLess>},
      {"lower", IsLowerTest},
      {"mapping", IsKind<Kind::kDict>},
      {"ne", Compares<Comparison::kNotEqual>},
      {"!=", Compares<Comparison::kNotEqual>},
      {"none", IsKind<Kind::kNone>},
      {"number", IsNumber},
      {"odd", IsOdd},
      {"sameas", IsSame},
      {"sequence", IsSequenceTest},
      {"string", IsKind<Kind::kString>},
      {"test", IsTestName},
      {"true", IsTrue},
      {"undefined", IsKind<Kind::kUndefined>},
      {"upper", IsUpperTest}};
  return kTests;
}

const std::unordered_map<std::string_view, Filter>& Filters() {
  static const std::unordered_map<std::string_view, Filter> kFilters = [] {
    std::unordered_map<std::string_view, Filter> filters;
    for (const auto& part : {TextFilters(), SequenceFilters(), SelectionFilters(), NumberFilters()}) {
      for (const NamedFilter& entry : part) filters.emplace(entry.name, entry.filter);
    }
    return filters;
  }();
  return kFilters;
}

template <typename Map>
std::vector<std::string> Names(const Map& map) {
  std::vector<std::string> names;
  for (const auto& entry : map) names.emplace_back(entry.first);
  return names;
}

}  // namespace

Filter FindFilter(std::string_view name) {
  const auto found = Filters().find(name);
  return found == Filters().end() ? nullptr : found->second;
}

TestFunction FindTest(std::string_view name) {
  const auto found = Tests().find(name);
  return found == Tests().end() ? nullptr : found->second;
}

std::vector<std::string> FilterNames() {
  return Names(Filters());
}
std::vector<std::string> TestNames() {
  return Names(Tests());
}

}  // namespace tarn::model::jinja
