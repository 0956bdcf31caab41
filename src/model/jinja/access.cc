#include <algorithm>
#include <limits>

#include "model/jinja/methods_internal.h"
#include "model/jinja/operators_internal.h"
#include "model/jinja/text_internal.h"
#include "model/jinja/value_internal.h"

// Attributes, items and slices.

namespace tarn::model::jinja {
namespace {

class BoundMethod final : public Object {
 public:
  BoundMethod(Value self, std::string name, Method method)
      : self_(std::move(self)), name_(std::move(name)), method_(method) {}
  std::string type_name() const override { return "builtin_function_or_method"; }
  bool callable() const override { return true; }
  Result<Value> Call(Runtime& runtime, const Arguments& arguments) override {
    return method_(runtime, self_, arguments);
  }
  std::string ToString() override { return "<built-in method " + name_ + " of " + self_.TypeName() + " object>"; }
  void VisitReferences(const std::function<void(const Value&)>& visit) const override { visit(self_); }

 private:
  Value self_;
  std::string name_;
  Method method_;
};

}  // namespace

Value BindMethod(Value self, std::string name, Method method) {
  return Value(std::shared_ptr<Object>(std::make_shared<BoundMethod>(std::move(self), std::move(name), method)));
}

namespace {

// value[key] without a look at attributes; nothing: no such item.
Result<std::optional<Value>> FindItem(const Value& value, const Value& key) {
  using Found = std::optional<Value>;
  switch (value.kind()) {
    case Value::Kind::kUndefined:
      return UndefinedError(value);
    case Value::Kind::kDict: {
      const Value* found = value.dict().Find(key);
      return found == nullptr ? Found() : Found(*found);
    }
    case Value::Kind::kList:
    case Value::Kind::kTuple: {
      if (!key.IsInteger()) return Found();
      const auto size = static_cast<int64_t>(value.items().size());
      const int64_t i = key.as_int() < 0 ? key.as_int() + size : key.as_int();
      return i < 0 || i >= size ? Found() : Found(value.items()[static_cast<size_t>(i)]);
    }
    case Value::Kind::kString: {
      if (!key.IsInteger()) return Found();
      const std::string& text = value.as_string();
      const bool ascii = IsAscii(text);
      const std::vector<std::string_view> characters = ascii ? std::vector<std::string_view>() : Characters(text);
      const auto size = static_cast<int64_t>(ascii ? text.size() : characters.size());
      const int64_t i = key.as_int() < 0 ? key.as_int() + size : key.as_int();
      if (i < 0 || i >= size) return Found();
      const auto at = static_cast<size_t>(i);
      return Found(ascii ? Value(std::string(1, text[at])) : Value(characters[at]));
    }
    case Value::Kind::kObject:
      return value.object()->Item(key);
    default:
      return Found();
  }
}

std::optional<Value> FindAttribute(const Value& value, const std::string& name) {
  if (value.kind() == Value::Kind::kObject) return value.object()->Attribute(name);
  if (const Method method = FindMethod(value.kind(), name)) {
    return BindMethod(value, name, method);
  }
  return std::nullopt;
}

}  // namespace

Result<Value> GetAttribute(const Value& value, const std::string& name) {
  if (value.IsUndefined()) return UndefinedError(value);
  if (std::optional<Value> attribute = FindAttribute(value, name)) return std::move(*attribute);
  TARN_ASSIGN_OR_RETURN(std::optional<Value> item, FindItem(value, Value(name)));
  if (item) return std::move(*item);
  return Value::Undefined("'" + DescribeType(value) + "' has no attribute '" + name + "'");
}

Result<Value> GetItem(const Value& value, const Value& key) {
  TARN_ASSIGN_OR_RETURN(std::optional<Value> item, FindItem(value, key));
  if (item) return std::move(*item);
  if (key.IsString()) {
    if (std::optional<Value> attribute = FindAttribute(value, key.as_string())) return std::move(*attribute);
    return Value::Undefined("'" + DescribeType(value) + "' has no attribute '" + key.as_string() + "'");
  }
  TARN_ASSIGN_OR_RETURN(const std::string text, key.Repr());
  return Value::Undefined(DescribeType(value) + " has no element " + text);
}

namespace {

struct Range {
  int64_t start;
  int64_t step;
  int64_t count;
};

// Python's slice.indices().
Result<Range> SliceIndices(int64_t size, const Value& start, const Value& stop, const Value& step) {
  for (const Value* bound : {&start, &stop, &step}) {
    if (!bound->IsNone() && !bound->IsInteger()) return InvalidValue("slice indices must be integers or None");
  }
  const int64_t by = step.IsNone() ? 1 : step.as_int();
  if (by == 0) return InvalidValue("slice step cannot be zero");
  const int64_t low = by < 0 ? -1 : 0;
  const int64_t high = by < 0 ? size - 1 : size;
  const auto bound = [&](const Value& value, int64_t otherwise) {
    if (value.IsNone()) return otherwise;
    const int64_t i = value.as_int();
    return std::clamp(i < 0 ? std::max(i + size, low) : i, low, high);
  };
  const int64_t from = bound(start, by < 0 ? high : low);
  const int64_t to = bound(stop, by < 0 ? low : high);
  int64_t count = 0;
  if (by > 0 && from < to) count = (to - from - 1) / by + 1;
  if (by < 0 && from > to) count = (from - to - 1) / -std::max(by, -std::numeric_limits<int64_t>::max()) + 1;
  return Range{from, by, count};
}

}  // namespace

Result<Value> Slice(const Value& value, const Value& start, const Value& stop, const Value& step) {
  if (value.IsUndefined()) return UndefinedError(value);
  if (value.IsString()) {
    const std::vector<std::string_view> characters = Characters(value.as_string());
    TARN_ASSIGN_OR_RETURN(const Range range, SliceIndices(static_cast<int64_t>(characters.size()), start, stop, step));
    std::string out;
    for (int64_t i = 0; i < range.count; i++) out += characters[static_cast<size_t>(range.start + i * range.step)];
    return Value(std::move(out));
  }
  List source;
  if (value.kind() == Value::Kind::kObject) {
    std::optional<List> items = value.object()->Iterate();
    if (!items || value.object()->callable()) return Value::Undefined(DescribeType(value) + " cannot be sliced");
    source = std::move(*items);
  } else if (value.IsSequence()) {
    source = value.items();
  } else {
    return Value::Undefined(DescribeType(value) + " has no element slice");
  }
  TARN_ASSIGN_OR_RETURN(const Range range, SliceIndices(static_cast<int64_t>(source.size()), start, stop, step));
  List out;
  out.reserve(static_cast<size_t>(range.count));
  for (int64_t i = 0; i < range.count; i++) out.push_back(source[static_cast<size_t>(range.start + i * range.step)]);
  return value.kind() == Value::Kind::kTuple ? Value::Tuple(std::move(out)) : Value(std::move(out));
}

}  // namespace tarn::model::jinja
