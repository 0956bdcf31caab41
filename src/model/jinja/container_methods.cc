#include <algorithm>
#include <cmath>

#include "model/jinja/methods_internal.h"
#include "model/jinja/operators_internal.h"
#include "model/jinja/value_internal.h"

// The methods of list, tuple, dict and float.

namespace tarn::model::jinja {
namespace {

List& ListOf(const Value& self) {
  Value shared = self;  // a copy shares the list; const belongs to the handle
  return shared.mutable_list();
}

Dict& DictOf(const Value& self) {
  Value shared = self;
  return shared.mutable_dict();
}

// ---------------------------------------------------------------------------------------------------------------- list
// and tuple

Result<Value> Append(Runtime&, const Value& self, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const List bound, arguments.Bind("append", {"object"}, 1));
  TARN_TRY(CheckNoCycle(self, bound[0]));
  TARN_TRY(CheckItemCount(self.items().size() + 1));
  ListOf(self).push_back(bound[0]);
  return Value();
}

Result<Value> Extend(Runtime&, const Value& self, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const List bound, arguments.Bind("extend", {"iterable"}, 1));
  TARN_ASSIGN_OR_RETURN(const List added, Iterate(bound[0]));
  TARN_TRY(CheckItemCount(self.items().size() + added.size()));
  for (const Value& item : added) TARN_TRY(CheckNoCycle(self, item));
  ListOf(self).insert(ListOf(self).end(), added.begin(), added.end());
  return Value();
}

Result<Value> Insert(Runtime&, const Value& self, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const List bound, arguments.Bind("insert", {"index", "object"}, 2));
  if (!bound[0].IsInteger())
    return InvalidValue("'" + bound[0].TypeName() + "' object cannot be interpreted as an integer");
  TARN_TRY(CheckNoCycle(self, bound[1]));
  TARN_TRY(CheckItemCount(self.items().size() + 1));
  const auto size = static_cast<int64_t>(self.items().size());
  const int64_t i = bound[0].as_int();
  ListOf(self).insert(ListOf(self).begin() + std::clamp<int64_t>(i < 0 ? i + size : i, 0, size), bound[1]);
  return Value();
}

Result<Value> PopItemOfList(Runtime&, const Value& self, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const List bound, arguments.Bind("pop", {"index"}));
  if (self.items().empty()) return InvalidValue("pop from empty list");
  const auto size = static_cast<int64_t>(self.items().size());
  int64_t i = -1;
  if (!bound[0].IsUndefined()) {
    if (!bound[0].IsInteger())
      return InvalidValue("'" + bound[0].TypeName() + "' object cannot be interpreted as an integer");
    i = bound[0].as_int();
  }
  if (i < 0) i += size;
  if (i < 0 || i >= size) return InvalidValue("pop index out of range");
  Value popped = self.items()[static_cast<size_t>(i)];
  ListOf(self).erase(ListOf(self).begin() + i);
  return popped;
}

Result<std::optional<size_t>> Position(const Value& self, const Value& item, size_t from, size_t to) {
  for (size_t i = from; i < std::min(to, self.items().size()); i++) {
    TARN_ASSIGN_OR_RETURN(const bool equal, self.items()[i].Equals(item));
    if (equal) return std::optional<size_t>(i);
  }
  return std::optional<size_t>();
}

Result<Value> Remove(Runtime&, const Value& self, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const List bound, arguments.Bind("remove", {"value"}, 1));
  TARN_ASSIGN_OR_RETURN(const std::optional<size_t> at, Position(self, bound[0], 0, self.items().size()));
  if (!at) return InvalidValue("list.remove(x): x not in list");
  ListOf(self).erase(ListOf(self).begin() + static_cast<ptrdiff_t>(*at));
  return Value();
}

Result<Value> IndexOf(Runtime&, const Value& self, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const List bound, arguments.Bind("index", {"value", "start", "stop"}, 1));
  const auto size = static_cast<int64_t>(self.items().size());
  int64_t limits[2] = {0, size};
  for (size_t i = 0; i < 2; i++) {
    const Value& given = bound[i + 1];
    if (given.IsUndefined()) continue;
    if (!given.IsInteger()) return InvalidValue("slice indices must be integers");
    limits[i] = std::max<int64_t>(given.as_int() < 0 ? given.as_int() + size : given.as_int(), 0);
  }
  TARN_ASSIGN_OR_RETURN(const std::optional<size_t> at,
                        Position(self, bound[0], static_cast<size_t>(limits[0]), static_cast<size_t>(limits[1])));
  if (!at) {
    TARN_ASSIGN_OR_RETURN(const std::string text, bound[0].Repr());
    return InvalidValue(text + " is not in " + self.TypeName());
  }
  return Value(static_cast<int64_t>(*at));
}

Result<Value> CountOf(Runtime&, const Value& self, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const List bound, arguments.Bind("count", {"value"}, 1));
  int64_t count = 0;
  for (const Value& item : self.items()) {
    TARN_ASSIGN_OR_RETURN(const bool equal, item.Equals(bound[0]));
    count += equal ? 1 : 0;
  }
  return Value(count);
}

Result<Value> Reverse(Runtime&, const Value& self, const Arguments& arguments) {
  TARN_TRY(arguments.Bind("reverse", {}));
  std::reverse(ListOf(self).begin(), ListOf(self).end());
  return Value();
}

Result<Value> SortInPlace(Runtime& runtime, const Value& self, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const List bound, arguments.Bind("sort", {"key", "reverse"}));
  std::vector<std::pair<Value, Value>> keyed;  // key, item
  for (const Value& item : self.items()) {
    Value key = item;
    if (!bound[0].IsUndefined() && !bound[0].IsNone()) {
      TARN_ASSIGN_OR_RETURN(key, runtime.Call(bound[0], Arguments{{item}, {}}));
    }
    keyed.emplace_back(std::move(key), item);
  }
  const bool reverse = bound[1].Truth();
  std::optional<Error> failed;
  std::stable_sort(keyed.begin(), keyed.end(), [&](const auto& a, const auto& b) {
    const Result<int> order = reverse ? Order(b.first, a.first) : Order(a.first, b.first);
    if (!order.ok() && !failed) failed = order.error();
    return order.ok() && *order < 0;
  });
  if (failed) return std::move(*failed);
  List sorted;
  for (auto& [key, item] : keyed) sorted.push_back(std::move(item));
  ListOf(self) = std::move(sorted);
  return Value();
}

Result<Value> ClearList(Runtime&, const Value& self, const Arguments& arguments) {
  TARN_TRY(arguments.Bind("clear", {}));
  Discard(std::exchange(ListOf(self), List()));
  return Value();
}

Result<Value> CopyList(Runtime&, const Value& self, const Arguments& arguments) {
  TARN_TRY(arguments.Bind("copy", {}));
  return Value(self.items());
}

// ---------------------------------------------------------------------------------------------------------------- dict

enum class View { kKeys, kValues, kItems };

// What keys(), values() and items() give: a look at the dict as it is when it is walked.
class DictView final : public Object {
 public:
  DictView(Value dict, View view) : dict_(std::move(dict)), view_(view) {}

  std::string type_name() const override {
    return view_ == View::kKeys ? "dict_keys" : view_ == View::kValues ? "dict_values" : "dict_items";
  }
  std::optional<List> Iterate() override {
    List items;
    items.reserve(dict_.dict().size());
    for (const auto& [key, value] : dict_.dict().entries()) {
      items.push_back(view_ == View::kKeys ? key : view_ == View::kValues ? value : Value::Tuple({key, value}));
    }
    return items;
  }
  std::optional<size_t> Length() override { return dict_.dict().size(); }
  bool Truth() override { return !dict_.dict().empty(); }
  std::string ToString() override {
    const Result<std::string> items = Value(*Iterate()).Repr();
    return type_name() + "(" + (items.ok() ? *items : "…") + ")";
  }
  bool Equals(Object& other) override {
    const auto* view = dynamic_cast<const DictView*>(&other);
    if (view == nullptr || view->view_ != view_ || view_ == View::kValues) return this == &other;
    const Result<bool> equal = dict_.Equals(view->dict_);
    return equal.ok() && *equal;
  }
  void VisitReferences(const std::function<void(const Value&)>& visit) const override { visit(dict_); }

 private:
  Value dict_;
  View view_;
};

template <View What>
Result<Value> ViewOf(Runtime&, const Value& self, const Arguments& arguments) {
  TARN_TRY(arguments.Bind("keys", {}));
  return Value(std::shared_ptr<Object>(std::make_shared<DictView>(self, What)));
}

Status CheckHashable(const Value& key) {
  return HashOf(key).status();
}

Result<Value> Get(Runtime&, const Value& self, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const List bound, arguments.Bind("get", {"key", "default"}, 1));
  TARN_TRY(CheckHashable(bound[0]));
  if (const Value* found = self.dict().Find(bound[0])) return *found;
  return arguments.positional.size() + arguments.keyword.size() > 1 ? bound[1] : Value();
}

Result<Value> SetDefault(Runtime&, const Value& self, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const List bound, arguments.Bind("setdefault", {"key", "default"}, 1));
  TARN_TRY(CheckHashable(bound[0]));
  if (const Value* found = self.dict().Find(bound[0])) return *found;
  const Value value = arguments.positional.size() > 1 ? bound[1] : Value();
  TARN_TRY(CheckNoCycle(self, value));
  TARN_TRY(CheckNoCycle(self, bound[0]));
  TARN_TRY(DictOf(self).Set(bound[0], value));
  return value;
}

Result<Value> PopOfDict(Runtime&, const Value& self, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const List bound, arguments.Bind("pop", {"key", "default"}, 1));
  TARN_TRY(CheckHashable(bound[0]));
  if (std::optional<Value> removed = DictOf(self).Remove(bound[0])) return std::move(*removed);
  if (arguments.positional.size() > 1) return bound[1];
  TARN_ASSIGN_OR_RETURN(const std::string key, bound[0].Repr());
  return InvalidValue("the dict has no key " + key);
}

Result<Value> PopLast(Runtime&, const Value& self, const Arguments& arguments) {
  TARN_TRY(arguments.Bind("popitem", {}));
  if (self.dict().empty()) return InvalidValue("popitem(): dictionary is empty");
  const auto last = self.dict().entries().back();
  DictOf(self).Remove(last.first);
  return Value::Tuple({last.first, last.second});
}

Status PutEntry(const Value& self, const Value& key, const Value& value) {
  TARN_TRY(CheckNoCycle(self, value));
  TARN_TRY(CheckNoCycle(self, key));
  TARN_TRY(CheckItemCount(self.dict().size() + 1));
  return DictOf(self).Set(key, value);
}

Result<Value> Update(Runtime&, const Value& self, const Arguments& arguments) {
  if (arguments.positional.size() > 1) return InvalidValue("update expected at most 1 argument");
  if (!arguments.positional.empty()) {
    const Value& other = arguments.positional[0];
    if (other.IsDict()) {
      const auto entries = other.dict().entries();
      for (const auto& [key, value] : entries) TARN_TRY(PutEntry(self, key, value));
    } else {
      TARN_ASSIGN_OR_RETURN(const List pairs, Iterate(other));
      for (const Value& pair : pairs) {
        TARN_ASSIGN_OR_RETURN(const List parts, Iterate(pair));
        if (parts.size() != 2)
          return InvalidValue("dictionary update sequence element has length " + std::to_string(parts.size()) +
                              "; 2 is required");
        TARN_TRY(PutEntry(self, parts[0], parts[1]));
      }
    }
  }
  for (const auto& [name, value] : arguments.keyword) TARN_TRY(PutEntry(self, Value(name), value));
  return Value();
}

Result<Value> ClearDict(Runtime&, const Value& self, const Arguments& arguments) {
  TARN_TRY(arguments.Bind("clear", {}));
  DictOf(self).Clear();
  return Value();
}

Result<Value> CopyDict(Runtime&, const Value& self, const Arguments& arguments) {
  TARN_TRY(arguments.Bind("copy", {}));
  return Value(self.dict());
}

// ----------------------------------------------------------------------------------------------------------------
// numbers

Result<Value> IsWhole(Runtime&, const Value& self, const Arguments& arguments) {
  TARN_TRY(arguments.Bind("is_integer", {}));
  const double number = self.as_double();
  return Value(std::isfinite(number) && number == std::trunc(number));
}

constexpr NamedMethod kListMethods[] = {
    {"append", Append}, {"clear", ClearList}, {"copy", CopyList},    {"count", CountOf},
    {"extend", Extend}, {"index", IndexOf},   {"insert", Insert},    {"pop", PopItemOfList},
    {"remove", Remove}, {"reverse", Reverse}, {"sort", SortInPlace},
};
constexpr NamedMethod kTupleMethods[] = {{"count", CountOf}, {"index", IndexOf}};
constexpr NamedMethod kDictMethods[] = {
    {"clear", ClearDict},
    {"copy", CopyDict},
    {"get", Get},
    {"items", ViewOf<View::kItems>},
    {"keys", ViewOf<View::kKeys>},
    {"pop", PopOfDict},
    {"popitem", PopLast},
    {"setdefault", SetDefault},
    {"update", Update},
    {"values", ViewOf<View::kValues>},
};
constexpr NamedMethod kFloatMethods[] = {{"is_integer", IsWhole}};

template <size_t N>
Method FindIn(const NamedMethod (&methods)[N], std::string_view name) {
  for (const NamedMethod& entry : methods) {
    if (entry.name == name) return entry.method;
  }
  return nullptr;
}

}  // namespace

Method FindMethod(Value::Kind kind, std::string_view name) {
  switch (kind) {
    case Value::Kind::kString:
      return FindStringMethod(name);
    case Value::Kind::kList:
      return FindIn(kListMethods, name);
    case Value::Kind::kTuple:
      return FindIn(kTupleMethods, name);
    case Value::Kind::kDict:
      return FindIn(kDictMethods, name);
    case Value::Kind::kFloat:
      return FindIn(kFloatMethods, name);
    default:
      return nullptr;
  }
}

}  // namespace tarn::model::jinja
