#include <algorithm>

#include "model/jinja/operators_internal.h"
#include "model/jinja/registry_internal.h"
#include "model/jinja/selection_internal.h"
#include "model/jinja/text_internal.h"
#include "model/jinja/value_internal.h"

// Filters on sequences. Where Jinja gives a generator, these give a list.

namespace tarn::model::jinja {

// ---------------------------------------------------------------------------------------------------------------- keys

Result<AttributePath> AttributePath::Of(const Value& attribute) {
  AttributePath path;
  if (attribute.IsUndefined() || attribute.IsNone()) return path;
  if (attribute.IsInteger()) {
    path.keys_.push_back(attribute);
    return path;
  }
  if (!attribute.IsString()) return InvalidValue("an attribute is a str or int, not " + attribute.TypeName());
  std::string_view rest = attribute.as_string();
  for (;;) {
    const size_t dot = std::min(rest.find('.'), rest.size());
    const std::string_view part = rest.substr(0, dot);
    if (!part.empty() && part.size() < 10 && part.find_first_not_of("0123456789") == std::string_view::npos) {
      path.keys_.emplace_back(std::stoi(std::string(part)));
    } else {
      path.keys_.emplace_back(part);
    }
    if (dot == rest.size()) return path;
    rest.remove_prefix(dot + 1);
  }
}

Result<std::vector<AttributePath>> AttributePath::ListOf(const Value& attribute) {
  std::vector<AttributePath> paths;
  if (!attribute.IsString()) {
    TARN_ASSIGN_OR_RETURN(AttributePath path, Of(attribute));
    paths.push_back(std::move(path));
    return paths;
  }
  std::string_view rest = attribute.as_string();
  for (;;) {
    const size_t comma = std::min(rest.find(','), rest.size());
    TARN_ASSIGN_OR_RETURN(AttributePath path, Of(Value(rest.substr(0, comma))));
    paths.push_back(std::move(path));
    if (comma == rest.size()) return paths;
    rest.remove_prefix(comma + 1);
  }
}

Result<Value> AttributePath::Get(const Value& item) const {
  Value value = item;
  for (const Value& key : keys_) {
    TARN_ASSIGN_OR_RETURN(value, GetItem(value, key));
  }
  return value;
}

Value ComparisonKey(const Value& value, bool case_sensitive) {
  return value.IsString() && !case_sensitive ? Value(Lower(value.as_string())) : value;
}

Result<List> SortByKeys(std::vector<std::pair<List, Value>> keyed, bool reverse) {
  std::optional<Error> failed;
  std::stable_sort(keyed.begin(), keyed.end(), [&](const auto& a, const auto& b) {
    const auto& left = reverse ? b.first : a.first;
    const auto& right = reverse ? a.first : b.first;
    for (size_t i = 0; i < left.size(); i++) {
      const Result<bool> equal = left[i].Equals(right[i]);
      if (equal.ok() && *equal) continue;
      const Result<int> order = Order(left[i], right[i]);
      if (order.ok()) return *order < 0;
      if (!failed) failed = order.error();
      return false;
    }
    return false;
  });
  if (failed) return std::move(*failed);
  List sorted;
  sorted.reserve(keyed.size());
  for (auto& entry : keyed) sorted.push_back(std::move(entry.second));
  return sorted;
}

namespace {

// ----------------------------------------------------------------------------------------------------------------
// ends, lengths, lists

Result<Value> FirstFilter(Runtime&, const Value& input, const Arguments& arguments) {
  TARN_TRY(arguments.Bind("first", {}));
  TARN_ASSIGN_OR_RETURN(const List items, Iterate(input));
  return items.empty() ? Value::Undefined("No first item, sequence was empty.") : items.front();
}

Result<Value> LastFilter(Runtime&, const Value& input, const Arguments& arguments) {
  TARN_TRY(arguments.Bind("last", {}));
  TARN_ASSIGN_OR_RETURN(const List items, Iterate(input));
  return items.empty() ? Value::Undefined("No last item, sequence was empty.") : items.back();
}

Result<Value> LengthFilter(Runtime&, const Value& input, const Arguments& arguments) {
  TARN_TRY(arguments.Bind("length", {}));
  TARN_ASSIGN_OR_RETURN(const int64_t length, Length(input));
  return Value(length);
}

Result<Value> ListFilter(Runtime&, const Value& input, const Arguments& arguments) {
  TARN_TRY(arguments.Bind("list", {}));
  TARN_ASSIGN_OR_RETURN(List items, Iterate(input));
  return Value(std::move(items));
}

Result<Value> ReverseFilter(Runtime&, const Value& input, const Arguments& arguments) {
  TARN_TRY(arguments.Bind("reverse", {}));
  if (input.IsString()) {
    std::vector<std::string_view> characters = Characters(input.as_string());
    std::string out;
    for (auto c = characters.rbegin(); c != characters.rend(); ++c) out += *c;
    return Value(std::move(out));
  }
  TARN_ASSIGN_OR_RETURN(List items, Iterate(input));
  std::reverse(items.begin(), items.end());
  return Value(std::move(items));
}

Result<Value> JoinFilter(Runtime&, const Value& input, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const List bound, arguments.Bind("join", {"d", "attribute"}));
  TARN_ASSIGN_OR_RETURN(const AttributePath path, AttributePath::Of(bound[1]));
  TARN_ASSIGN_OR_RETURN(const std::string separator, bound[0].ToString());
  TARN_ASSIGN_OR_RETURN(const List items, Iterate(input));
  std::string out;
  for (size_t i = 0; i < items.size(); i++) {
    TARN_ASSIGN_OR_RETURN(const Value value, path.Get(items[i]));
    TARN_ASSIGN_OR_RETURN(const std::string text, value.ToString());
    if (i > 0) out += separator;
    out += text;
    TARN_TRY(CheckTextSize(out.size()));
  }
  return Value(std::move(out));
}

// ----------------------------------------------------------------------------------------------------------------
// order

Result<Value> SortFilter(Runtime&, const Value& input, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const List bound, arguments.Bind("sort", {"reverse", "case_sensitive", "attribute"}));
  TARN_ASSIGN_OR_RETURN(const std::vector<AttributePath> paths, AttributePath::ListOf(bound[2]));
  TARN_ASSIGN_OR_RETURN(const List items, Iterate(input));
  std::vector<std::pair<List, Value>> keyed;
  for (const Value& item : items) {
    List keys;
    for (const AttributePath& path : paths) {
      TARN_ASSIGN_OR_RETURN(const Value key, path.Get(item));
      keys.push_back(ComparisonKey(key, bound[1].Truth()));
    }
    keyed.emplace_back(std::move(keys), item);
  }
  TARN_ASSIGN_OR_RETURN(List sorted, SortByKeys(std::move(keyed), bound[0].Truth()));
  return Value(std::move(sorted));
}

Result<Value> DictSortFilter(Runtime&, const Value& input, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const List bound, arguments.Bind("dictsort", {"case_sensitive", "by", "reverse"}));
  if (input.IsUndefined()) return UndefinedError(input);
  if (!input.IsDict()) return InvalidValue("dictsort() needs a dict, not " + input.TypeName());
  bool by_value = false;
  if (!bound[1].IsUndefined()) {
    const bool known = bound[1].IsString() && (bound[1].as_string() == "key" || bound[1].as_string() == "value");
    if (!known) return InvalidValue("You can only sort by either \"key\" or \"value\"");
    by_value = bound[1].as_string() == "value";
  }
  std::vector<std::pair<List, Value>> keyed;
  for (const auto& [key, value] : input.dict().entries()) {
    keyed.emplace_back(List{ComparisonKey(by_value ? value : key, bound[0].Truth())}, Value::Tuple({key, value}));
  }
  TARN_ASSIGN_OR_RETURN(List sorted, SortByKeys(std::move(keyed), bound[2].Truth()));
  return Value(std::move(sorted));
}

Result<Value> Extreme(const Value& input, const Arguments& arguments, std::string_view name, int sign) {
  TARN_ASSIGN_OR_RETURN(const List bound, arguments.Bind(name, {"case_sensitive", "attribute"}));
  TARN_ASSIGN_OR_RETURN(const AttributePath path, AttributePath::Of(bound[1]));
  TARN_ASSIGN_OR_RETURN(const List items, Iterate(input));
  if (items.empty()) return Value::Undefined("No aggregated item, sequence was empty.");
  const Value* best = nullptr;
  Value best_key;
  for (const Value& item : items) {
    TARN_ASSIGN_OR_RETURN(const Value taken, path.Get(item));
    Value key = ComparisonKey(taken, bound[0].Truth());
    if (best != nullptr) {
      TARN_ASSIGN_OR_RETURN(const int order, Order(key, best_key, sign < 0 ? "<" : ">"));
      if (order * sign <= 0) continue;
    }
    best = &item;
    best_key = std::move(key);
  }
  return *best;
}

Result<Value> MinFilter(Runtime&, const Value& input, const Arguments& arguments) {
  return Extreme(input, arguments, "min", -1);
}
Result<Value> MaxFilter(Runtime&, const Value& input, const Arguments& arguments) {
  return Extreme(input, arguments, "max", 1);
}

Result<Value> UniqueFilter(Runtime&, const Value& input, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const List bound, arguments.Bind("unique", {"case_sensitive", "attribute"}));
  TARN_ASSIGN_OR_RETURN(const AttributePath path, AttributePath::Of(bound[1]));
  TARN_ASSIGN_OR_RETURN(const List items, Iterate(input));
  Dict seen;
  List unique;
  for (const Value& item : items) {
    TARN_ASSIGN_OR_RETURN(const Value taken, path.Get(item));
    const Value key = ComparisonKey(taken, bound[0].Truth());
    TARN_TRY(HashOf(key));
    if (seen.Find(key) != nullptr) continue;
    TARN_TRY(seen.Set(key, Value(true)));
    unique.push_back(item);
  }
  return Value(std::move(unique));
}

// ----------------------------------------------------------------------------------------------------------------
// groups

// One of groupby's: unpacks as (grouper, list).
class Group final : public Object {
 public:
  Group(Value grouper, Value list) : grouper_(std::move(grouper)), list_(std::move(list)) {}
  std::string type_name() const override { return "_GroupTuple"; }
  std::optional<Value> Attribute(std::string_view name) override {
    return name == "grouper" ? std::optional<Value>(grouper_)
           : name == "list"  ? std::optional<Value>(list_)
                             : std::nullopt;
  }
  std::optional<Value> Item(const Value& key) override {
    if (!key.IsInteger() || key.as_int() < -2 || key.as_int() > 1) return std::nullopt;
    return key.as_int() % 2 == 0 ? grouper_ : list_;
  }
  std::optional<List> Iterate() override { return List{grouper_, list_}; }
  std::optional<size_t> Length() override { return 2; }
  std::string ToString() override {
    const Result<std::string> text = Value::Tuple({grouper_, list_}).Repr();
    return text.ok() ? *text : "(…)";
  }
  void VisitReferences(const std::function<void(const Value&)>& visit) const override {
    visit(grouper_);
    visit(list_);
  }

 private:
  Value grouper_;
  Value list_;
};

Result<Value> GroupByFilter(Runtime&, const Value& input, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const List bound, arguments.Bind("groupby", {"attribute", "default", "case_sensitive"}, 1));
  TARN_ASSIGN_OR_RETURN(const AttributePath path, AttributePath::Of(bound[0]));
  TARN_ASSIGN_OR_RETURN(const List items, Iterate(input));
  std::vector<std::pair<List, Value>> keyed;
  for (const Value& item : items) {
    TARN_ASSIGN_OR_RETURN(Value taken, path.Get(item));
    if (taken.IsUndefined() && !bound[1].IsUndefined()) taken = bound[1];
    keyed.emplace_back(List{ComparisonKey(taken, bound[2].Truth())}, Value::Tuple({taken, item}));
  }
  TARN_ASSIGN_OR_RETURN(const List sorted, SortByKeys(std::move(keyed), false));
  List groups;
  Value last_key;
  for (size_t i = 0; i < sorted.size();) {
    const Value& grouper = sorted[i].items()[0];
    const Value key = ComparisonKey(grouper, bound[2].Truth());
    List members;
    for (; i < sorted.size(); i++) {
      TARN_ASSIGN_OR_RETURN(const bool same, ComparisonKey(sorted[i].items()[0], bound[2].Truth()).Equals(key));
      if (!same) break;
      members.push_back(sorted[i].items()[1]);
    }
    groups.emplace_back(std::shared_ptr<Object>(std::make_shared<Group>(grouper, Value(std::move(members)))));
  }
  return Value(std::move(groups));
}

Result<int64_t> GroupCount(const Value& value, std::string_view name) {
  if (!value.IsInteger() || value.as_int() < 1 || static_cast<uint64_t>(value.as_int()) > kMaxItems) {
    return InvalidValue(std::string(name) + "() needs a positive number");
  }
  return value.as_int();
}

// Lists of n items each; the last is filled up if there is something to fill it with.
Result<Value> BatchFilter(Runtime&, const Value& input, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const List bound, arguments.Bind("batch", {"linecount", "fill_with"}, 1));
  TARN_ASSIGN_OR_RETURN(const int64_t size, GroupCount(bound[0], "batch"));
  TARN_ASSIGN_OR_RETURN(const List items, Iterate(input));
  List batches;
  List batch;
  for (const Value& item : items) {
    if (batch.size() == static_cast<size_t>(size)) batches.emplace_back(std::exchange(batch, List()));
    batch.push_back(item);
  }
  if (!batch.empty()) {
    if (!bound[1].IsUndefined() && !bound[1].IsNone()) batch.resize(static_cast<size_t>(size), bound[1]);
    batches.emplace_back(std::move(batch));
  }
  return Value(std::move(batches));
}

// n lists of about the same length.
Result<Value> SliceFilter(Runtime&, const Value& input, const Arguments& arguments) {
  TARN_ASSIGN_OR_RETURN(const List bound, arguments.Bind("slice", {"slices", "fill_with"}, 1));
  TARN_ASSIGN_OR_RETURN(const int64_t given, GroupCount(bound[0], "slice"));
  TARN_ASSIGN_OR_RETURN(const List items, Iterate(input));
  const auto slices = static_cast<size_t>(given);
  const size_t per_slice = items.size() / slices;
  const size_t with_one_more = items.size() % slices;
  List result;
  size_t at = 0;
  for (size_t i = 0; i < slices; i++) {
    const size_t count = per_slice + (i < with_one_more ? 1 : 0);
    List slice(items.begin() + static_cast<ptrdiff_t>(at), items.begin() + static_cast<ptrdiff_t>(at + count));
    at += count;
    if (!bound[1].IsUndefined() && !bound[1].IsNone() && i >= with_one_more) slice.push_back(bound[1]);
    result.emplace_back(std::move(slice));
  }
  return Value(std::move(result));
}

Result<Value> ItemsFilter(Runtime&, const Value& input, const Arguments& arguments) {
  TARN_TRY(arguments.Bind("items", {}));
  if (input.IsUndefined()) return Value(List());
  if (!input.IsDict()) return InvalidValue("Can only get item pairs from a mapping.");
  List items;
  for (const auto& [key, value] : input.dict().entries()) items.push_back(Value::Tuple({key, value}));
  return Value(std::move(items));
}

}  // namespace

std::vector<NamedFilter> SequenceFilters() {
  return {{"batch", BatchFilter},     {"count", LengthFilter}, {"dictsort", DictSortFilter}, {"first", FirstFilter},
          {"groupby", GroupByFilter}, {"items", ItemsFilter},  {"join", JoinFilter},         {"last", LastFilter},
          {"length", LengthFilter},   {"list", ListFilter},    {"max", MaxFilter},           {"min", MinFilter},
          {"reverse", ReverseFilter}, {"slice", SliceFilter},  {"sort", SortFilter},         {"unique", UniqueFilter}};
}

}  // namespace tarn::model::jinja
