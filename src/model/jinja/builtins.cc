#include <algorithm>
#include <unordered_map>

#include "model/jinja/interpreter_internal.h"
#include "model/jinja/methods_internal.h"
#include "model/jinja/operators_internal.h"
#include "model/jinja/registry_internal.h"
#include "model/jinja/value_internal.h"

// The functions that every template has.

namespace tarn::model::jinja {
namespace {

std::shared_ptr<Object> Shared(std::shared_ptr<Object> object) {
  return object;
}

// ----------------------------------------------------------------------------------------------------------------
// range

class RangeObject final : public Object {
 public:
  RangeObject(int64_t start, int64_t stop, int64_t step, int64_t count)
      : start_(start), stop_(stop), step_(step), count_(count) {}
  std::string type_name() const override { return "range"; }
  std::optional<Value> Attribute(std::string_view name) override {
    if (name == "start") return Value(start_);
    if (name == "stop") return Value(stop_);
    if (name == "step") return Value(step_);
    return std::nullopt;
  }
  std::optional<Value> Item(const Value& key) override {
    if (!key.IsInteger()) return std::nullopt;
    const int64_t i = key.as_int() < 0 ? key.as_int() + count_ : key.as_int();
    if (i < 0 || i >= count_) return std::nullopt;
    return Value(start_ + i * step_);
  }
  std::optional<List> Iterate() override {
    List items;
    items.reserve(static_cast<size_t>(count_));
    for (int64_t i = 0; i < count_; i++) items.emplace_back(start_ + i * step_);
    return items;
  }
  std::optional<size_t> Length() override { return static_cast<size_t>(count_); }
  bool Truth() override { return count_ > 0; }
  std::string ToString() override {
    return "range(" + std::to_string(start_) + ", " + std::to_string(stop_) +
           (step_ == 1 ? "" : ", " + std::to_string(step_)) + ")";
  }
  bool Equals(Object& other) override {
    const auto* range = dynamic_cast<const RangeObject*>(&other);
    if (range == nullptr || range->count_ != count_) return false;
    return count_ == 0 || (range->start_ == start_ && (count_ == 1 || range->step_ == step_));
  }

 private:
  int64_t start_;
  int64_t stop_;
  int64_t step_;
  int64_t count_;
};

Result<Value> MakeRange(Runtime&, const Arguments& arguments) {
  const List& given = arguments.positional;
  if (given.empty() || given.size() > 3 || !arguments.keyword.empty())
    return InvalidValue("range expected 1 to 3 arguments");
  for (const Value& value : given) {
    if (value.IsUndefined()) return UndefinedError(value);
    if (!value.IsInteger())
      return InvalidValue("'" + value.TypeName() + "' object cannot be interpreted as an integer");
  }
  const int64_t start = given.size() == 1 ? 0 : given[0].as_int();
  const int64_t stop = given[given.size() == 1 ? 0 : 1].as_int();
  const int64_t step = given.size() == 3 ? given[2].as_int() : 1;
  if (step == 0) return InvalidValue("range() arg 3 must not be zero");
  // Differences of 64-bit numbers need 65 bits; without a sign they fit.
  const auto distance = [](int64_t from, int64_t to) {
    return static_cast<uint64_t>(to) - static_cast<uint64_t>(from);
  };
  const uint64_t stride = step > 0 ? static_cast<uint64_t>(step) : 0 - static_cast<uint64_t>(step);
  uint64_t count = 0;
  if (step > 0 && start < stop) count = (distance(start, stop) - 1) / stride + 1;
  if (step < 0 && start > stop) count = (distance(stop, start) - 1) / stride + 1;
  TARN_TRY(CheckItemCount(count));
  return Value(Shared(std::make_shared<RangeObject>(start, stop, step, static_cast<int64_t>(count))));
}

// ----------------------------------------------------------------------------------------------------------------
// dict, namespace

Result<Value> MakeDict(Runtime& runtime, const Arguments& arguments) {
  Value dict{Dict()};
  TARN_TRY(FindMethod(Value::Kind::kDict, "update")(runtime, dict, arguments));
  return dict;
}

// What {% set ns.x = … %} can change from within loops.
class NamespaceObject final : public Object {
 public:
  explicit NamespaceObject(Value attributes) : attributes_(std::move(attributes)) {}
  std::string type_name() const override { return "Namespace"; }
  std::optional<Value> Attribute(std::string_view name) override {
    const Value* found = attributes_.dict().Find(name);
    return found == nullptr ? std::nullopt : std::optional<Value>(*found);
  }
  Status SetAttribute(std::string_view name, Value value) override {
    TARN_TRY(CheckNoCycle(Value(shared_from_this()), value));
    TARN_TRY(CheckNoCycle(attributes_, value));
    attributes_.mutable_dict().Set(name, std::move(value));
    return Ok();
  }
  std::string ToString() override {
    const Result<std::string> text = attributes_.Repr();
    return "<Namespace " + (text.ok() ? *text : "…") + ">";
  }
  void VisitReferences(const std::function<void(const Value&)>& visit) const override { visit(attributes_); }

 private:
  Value attributes_;  // a dict
};

Result<Value> MakeNamespace(Runtime& runtime, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(Value attributes, MakeDict(runtime, arguments));
  return Value(Shared(std::make_shared<NamespaceObject>(std::move(attributes))));
}

// ----------------------------------------------------------------------------------------------------------------
// cycler, joiner

class Cycler final : public Object {
 public:
  explicit Cycler(List items) : items_(std::move(items)) {}
  std::string type_name() const override { return "Cycler"; }
  std::optional<Value> Attribute(std::string_view name) override;
  void VisitReferences(const std::function<void(const Value&)>& visit) const override {
    for (const Value& item : items_) visit(item);
  }
  Value Next() {
    const Value item = items_[at_];
    at_ = (at_ + 1) % items_.size();
    return item;
  }
  void Reset() { at_ = 0; }

 private:
  List items_;
  size_t at_ = 0;
};

Result<Value> NextOfCycler(Runtime&, const Value& self, const Arguments& arguments) {
  TARN_TRY(arguments.Bind("next", {}));
  return static_cast<Cycler&>(*self.object()).Next();
}

Result<Value> ResetCycler(Runtime&, const Value& self, const Arguments& arguments) {
  TARN_TRY(arguments.Bind("reset", {}));
  static_cast<Cycler&>(*self.object()).Reset();
  return Value();
}

std::optional<Value> Cycler::Attribute(std::string_view name) {
  if (name == "current") return items_[at_];
  if (name == "next") return BindMethod(Value(shared_from_this()), "next", NextOfCycler);
  if (name == "reset") return BindMethod(Value(shared_from_this()), "reset", ResetCycler);
  return std::nullopt;
}

Result<Value> MakeCycler(Runtime&, const Arguments& arguments) {
  if (arguments.positional.empty() || !arguments.keyword.empty())
    return InvalidValue("at least one item has to be provided");
  return Value(Shared(std::make_shared<Cycler>(arguments.positional)));
}

// Gives nothing the first time, then the separator.
class Joiner final : public Object {
 public:
  explicit Joiner(Value separator) : separator_(std::move(separator)) {}
  std::string type_name() const override { return "Joiner"; }
  bool callable() const override { return true; }
  Result<Value> Call(Runtime&, const Arguments&) override {
    return std::exchange(used_, true) ? separator_ : Value("");
  }
  void VisitReferences(const std::function<void(const Value&)>& visit) const override { visit(separator_); }

 private:
  Value separator_;
  bool used_ = false;
};

Result<Value> MakeJoiner(Runtime&, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const List bound, arguments.Bind("joiner", {"sep"}));
  return Value(Shared(std::make_shared<Joiner>(bound[0].IsUndefined() ? Value(", ") : bound[0])));
}

// ----------------------------------------------------------------------------------------------------------------
// dbt's

Result<Value> Zip(Runtime&, const Arguments& arguments) {
  std::vector<List> lists;
  for (const Value& value : arguments.positional) {
    TARN_ASSIGN_OR_RETURN(List items, Iterate(value));
    lists.push_back(std::move(items));
  }
  List zipped;
  for (size_t i = 0; !lists.empty(); i++) {
    List row;
    for (const List& list : lists) {
      if (i >= list.size()) return Value(std::move(zipped));
      row.push_back(list[i]);
    }
    zipped.push_back(Value::Tuple(std::move(row)));
  }
  return Value(std::move(zipped));
}

Result<Value> ReturnFromMacro(Runtime& runtime, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const List bound, arguments.Bind("return", {"data"}));
  const bool nothing = arguments.positional.empty() && arguments.keyword.empty();
  return static_cast<Interpreter&>(runtime).Return(nothing ? Value() : bound[0]);
}

Result<Value> ToJsonFunction(Runtime&, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const List bound, arguments.Bind("tojson", {"value", "default", "sort_keys"}, 1));
  Result<std::string> json = bound[0].ToJson(bound[2].Truth());
  if (json.ok()) return Value(std::move(*json));
  return bound[1].IsUndefined() ? Value() : bound[1];
}

}  // namespace

std::optional<Value> FindBuiltin(std::string_view name) {
  static const std::unordered_map<std::string_view, Value> kBuiltins = {
      {"range", Value::Of("range", MakeRange)},
      {"dict", Value::Of("dict", MakeDict)},
      {"namespace", Value::Of("namespace", MakeNamespace)},
      {"cycler", Value::Of("cycler", MakeCycler)},
      {"joiner", Value::Of("joiner", MakeJoiner)},
      {"zip", Value::Of("zip", Zip)},
      {"return", Value::Of("return", ReturnFromMacro)},
      {"tojson", Value::Of("tojson", ToJsonFunction)}};
  const auto found = kBuiltins.find(name);
  return found == kBuiltins.end() ? std::nullopt : std::optional<Value>(found->second);
}

}  // namespace tarn::model::jinja
