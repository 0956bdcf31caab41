#include "model/jinja/value.h"

#include <cmath>
#include <unordered_set>

#include "model/jinja/value_internal.h"

namespace tarn::model::jinja {

// ----------------------------------------------------------------------------------------------------------------
// errors and limits

Error InvalidValue(std::string message) {
  return Error(ErrorCode::kInvalidArgument, std::move(message));
}

Error TooLarge(std::string_view what) {
  return Error(ErrorCode::kResourceExhausted, std::string(what));
}

Status CheckTextSize(size_t bytes) {
  if (bytes <= kMaxTextBytes) return Ok();
  return TooLarge("text would be longer than " + std::to_string(kMaxTextBytes >> 20) + " MB");
}

Status CheckItemCount(size_t items) {
  if (items <= kMaxItems) return Ok();
  return TooLarge("a list would have more than " + std::to_string(kMaxItems) + " items");
}

// ----------------------------------------------------------------------------------------------------------------
// arguments

Result<std::vector<Value>> Arguments::Bind(std::string_view function, const std::vector<std::string_view>& parameters,
                                           size_t required) const {
  const std::string call = std::string(function) + "()";
  if (positional.size() > parameters.size()) {
    return InvalidValue(call + " takes at most " + std::to_string(parameters.size()) + " argument" +
                        (parameters.size() == 1 ? "" : "s") + ", not " + std::to_string(positional.size()));
  }
  std::vector<Value> bound = positional;
  std::vector<bool> given(parameters.size(), false);
  std::fill_n(given.begin(), positional.size(), true);
  bound.resize(parameters.size(), Value::Undefined("argument was not given"));
  for (const auto& [name, value] : keyword) {
    size_t i = 0;
    while (i < parameters.size() && parameters[i] != name) i++;
    if (i == parameters.size()) return InvalidValue(call + " got an unknown argument '" + name + "'");
    if (given[i]) return InvalidValue(call + " got two values for the argument '" + name + "'");
    given[i] = true;
    bound[i] = value;
  }
  for (size_t i = 0; i < required; i++) {
    if (!given[i]) return InvalidValue(call + " needs the argument '" + std::string(parameters[i]) + "'");
  }
  return bound;
}

// ----------------------------------------------------------------------------------------------------------------
// construction

Value::Value(List items) : data_(std::make_shared<ListData>(std::move(items))) {}

Value::Value(Dict entries) : data_(std::make_shared<DictData>(std::move(entries))) {}

Value Value::Undefined(std::string message) {
  Value value;
  value.data_ = std::make_shared<const UndefinedData>(UndefinedData{std::move(message)});
  return value;
}

Value Value::Tuple(List items) {
  Value value;
  value.data_ = std::make_shared<TupleData>(std::move(items));
  return value;
}

namespace {

class FunctionObject final : public Object {
 public:
  FunctionObject(std::string name, Function function) : name_(std::move(name)), function_(std::move(function)) {}
  std::string type_name() const override { return "function"; }
  bool callable() const override { return true; }
  Result<Value> Call(Runtime& runtime, const Arguments& arguments) override { return function_(runtime, arguments); }
  std::string ToString() override { return "<function " + name_ + ">"; }

 private:
  std::string name_;
  Function function_;
};

bool HoldsContainers(const List& values) {
  for (const Value& value : values) {
    switch (value.kind()) {
      case Value::Kind::kList:
      case Value::Kind::kTuple:
      case Value::Kind::kDict:
      case Value::Kind::kObject:
        return true;
      default:
        break;
    }
  }
  return false;
}

}  // namespace

Value Value::Of(std::string name, Function function) {
  return Value(std::shared_ptr<Object>(std::make_shared<FunctionObject>(std::move(name), std::move(function))));
}

// A destructor that frees a container inside a container would recurse as deep as they are nested. The outermost call
// here keeps a queue instead; inner ones add to it.
void Discard(List values) {
  if (!HoldsContainers(values)) return;
  thread_local std::vector<List>* queue = nullptr;
  if (queue != nullptr) {
    queue->push_back(std::move(values));
    return;
  }
  std::vector<List> pending;
  queue = &pending;
  pending.push_back(std::move(values));
  while (!pending.empty()) {
    List next = std::move(pending.back());
    pending.pop_back();
    next.clear();
  }
  queue = nullptr;
}

Value::ListData::~ListData() {
  Discard(std::move(items));
}
Value::TupleData::~TupleData() {
  Discard(std::move(items));
}

Value::DictData::~DictData() {
  List values;
  for (auto& [key, value] : dict.Take()) {
    values.push_back(std::move(key));
    values.push_back(std::move(value));
  }
  Discard(std::move(values));
}

// ----------------------------------------------------------------------------------------------------------------
// access

Value::Kind Value::kind() const {
  switch (data_.index()) {
    case 0:
      return Kind::kNone;
    case 1:
      return Kind::kUndefined;
    case 2:
      return Kind::kBool;
    case 3:
      return Kind::kInt;
    case 4:
      return Kind::kFloat;
    case 5:
      return Kind::kString;
    case 6:
      return Kind::kList;
    case 7:
      return Kind::kTuple;
    case 8:
      return Kind::kDict;
    default:
      return Kind::kObject;
  }
}

int64_t Value::as_int() const {
  return kind() == Kind::kBool ? int64_t{std::get<bool>(data_)} : std::get<int64_t>(data_);
}
double Value::as_double() const {
  return kind() == Kind::kFloat ? std::get<double>(data_) : static_cast<double>(as_int());
}
const std::string& Value::as_string() const {
  return *std::get<std::shared_ptr<const std::string>>(data_);
}

const List& Value::items() const {
  return kind() == Kind::kTuple ? std::get<std::shared_ptr<TupleData>>(data_)->items
                                : std::get<std::shared_ptr<ListData>>(data_)->items;
}

List& Value::mutable_list() {
  return std::get<std::shared_ptr<ListData>>(data_)->items;
}
const Dict& Value::dict() const {
  return std::get<std::shared_ptr<DictData>>(data_)->dict;
}
Dict& Value::mutable_dict() {
  return std::get<std::shared_ptr<DictData>>(data_)->dict;
}
const std::shared_ptr<Object>& Value::object() const {
  return std::get<std::shared_ptr<Object>>(data_);
}
const std::string& Value::undefined_message() const {
  return std::get<std::shared_ptr<const UndefinedData>>(data_)->message;
}

bool Value::Truth() const {
  switch (kind()) {
    case Kind::kUndefined:
    case Kind::kNone:
      return false;
    case Kind::kBool:
      return as_bool();
    case Kind::kInt:
      return as_int() != 0;
    case Kind::kFloat:
      return as_double() != 0;
    case Kind::kString:
      return !as_string().empty();
    case Kind::kList:
    case Kind::kTuple:
      return !items().empty();
    case Kind::kDict:
      return !dict().empty();
    case Kind::kObject:
      return object()->Truth();
  }
  return false;
}

std::string Value::TypeName() const {
  switch (kind()) {
    case Kind::kUndefined:
      return "Undefined";
    case Kind::kNone:
      return "NoneType";
    case Kind::kBool:
      return "bool";
    case Kind::kInt:
      return "int";
    case Kind::kFloat:
      return "float";
    case Kind::kString:
      return "str";
    case Kind::kList:
      return "list";
    case Kind::kTuple:
      return "tuple";
    case Kind::kDict:
      return "dict";
    case Kind::kObject:
      return object()->type_name();
  }
  return "object";
}

Value Value::DeepCopy() const {
  switch (kind()) {
    case Kind::kList:
    case Kind::kTuple: {
      List copy;
      copy.reserve(items().size());
      for (const Value& item : items()) copy.push_back(item.DeepCopy());
      return kind() == Kind::kList ? Value(std::move(copy)) : Tuple(std::move(copy));
    }
    case Kind::kDict: {
      Dict copy;
      for (const auto& [key, value] : dict().entries())
        (void)copy.Set(key, value.DeepCopy());  // a key of a dict is hashable
      return Value(std::move(copy));
    }
    default:
      return *this;
  }
}

// ----------------------------------------------------------------------------------------------------------------
// equality

namespace {

bool NumbersEqual(const Value& a, const Value& b) {
  if (a.IsInteger() && b.IsInteger()) return a.as_int() == b.as_int();
  if (!a.IsInteger() && !b.IsInteger()) return a.as_double() == b.as_double();
  const double d = a.IsInteger() ? b.as_double() : a.as_double();
  const int64_t i = a.IsInteger() ? a.as_int() : b.as_int();
  // Exact, as in Python: 2**53 + 1 differs from 2.0**53.
  return d >= -0x1p63 && d < 0x1p63 && d == std::trunc(d) && static_cast<int64_t>(d) == i;
}

// Compares within a budget of pairs: shared parts could make an honest comparison exponential.
Result<bool> EqualWithin(const Value& a, const Value& b, int depth, size_t& budget) {
  if (depth > kMaxNesting || budget-- == 0) return TooLarge("values are nested too deeply to be compared");
  if (a.IsNumber() && b.IsNumber()) return NumbersEqual(a, b);
  if (a.kind() != b.kind()) return false;
  if (a.Is(b)) return true;
  switch (a.kind()) {
    case Value::Kind::kUndefined:
      return true;
    case Value::Kind::kString:
      return a.as_string() == b.as_string();
    case Value::Kind::kObject:
      return a.object()->Equals(*b.object());
    case Value::Kind::kList:
    case Value::Kind::kTuple: {
      if (a.items().size() != b.items().size()) return false;
      for (size_t i = 0; i < a.items().size(); i++) {
        TARN_ASSIGN_OR_RETURN(const bool equal, EqualWithin(a.items()[i], b.items()[i], depth + 1, budget));
        if (!equal) return false;
      }
      return true;
    }
    case Value::Kind::kDict: {
      if (a.dict().size() != b.dict().size()) return false;
      for (const auto& [key, value] : a.dict().entries()) {
        const Value* other = b.dict().Find(key);
        if (other == nullptr) return false;
        TARN_ASSIGN_OR_RETURN(const bool equal, EqualWithin(value, *other, depth + 1, budget));
        if (!equal) return false;
      }
      return true;
    }
    default:
      return true;  // None
  }
}

}  // namespace

Result<bool> Value::Equals(const Value& other) const {
  size_t budget = 1'000'000;
  return EqualWithin(*this, other, 0, budget);
}

bool Value::Is(const Value& other) const {
  if (kind() != other.kind()) return false;
  switch (kind()) {
    case Kind::kUndefined:
      return data_ == other.data_;
    case Kind::kString:
      return as_string() == other.as_string();
    default:
      return data_ == other.data_;
  }
}

Result<size_t> HashOf(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kUndefined:
    case Value::Kind::kNone:
      return size_t{0x9E3779B9};
    case Value::Kind::kBool:
    case Value::Kind::kInt:
      return std::hash<int64_t>()(value.as_int());
    case Value::Kind::kFloat: {
      const double d = value.as_double();
      if (d == std::trunc(d) && d >= -0x1p63 && d < 0x1p63) return std::hash<int64_t>()(static_cast<int64_t>(d));
      return std::hash<double>()(d);
    }
    case Value::Kind::kString:
      return std::hash<std::string>()(value.as_string());
    case Value::Kind::kTuple: {
      size_t hash = 17;
      static thread_local int depth = 0;
      if (depth > kMaxNesting) return TooLarge("a tuple is nested too deeply to be a key");
      depth++;
      for (const Value& item : value.items()) {
        const Result<size_t> part = HashOf(item);
        if (!part.ok()) {
          depth--;
          return part.error();
        }
        hash = hash * 31 + *part;
      }
      depth--;
      return hash;
    }
    case Value::Kind::kObject:
      return std::hash<const void*>()(value.object().get());
    case Value::Kind::kList:
    case Value::Kind::kDict:
      break;
  }
  return InvalidValue("unhashable type: '" + value.TypeName() + "'");
}

// ---------------------------------------------------------------------------------------------------------------- dict

namespace {

constexpr size_t kIndexFrom = 9;  // fewer entries are searched one by one

}  // namespace

Dict::Dict(std::initializer_list<std::pair<std::string_view, Value>> entries) {
  for (const auto& [key, value] : entries) Set(key, value);
}

std::optional<size_t> Dict::IndexOf(const Value& key, size_t hash) const {
  const auto matches = [&](size_t i) {
    const Result<bool> equal = entries_[i].first.Equals(key);
    return equal.ok() && *equal;
  };
  if (entries_.size() < kIndexFrom) {
    for (size_t i = 0; i < entries_.size(); i++) {
      if (matches(i)) return i;
    }
    return std::nullopt;
  }
  const auto [begin, end] = index_.equal_range(hash);
  for (auto at = begin; at != end; ++at) {
    if (matches(at->second)) return at->second;
  }
  return std::nullopt;
}

const Value* Dict::Find(const Value& key) const {
  const Result<size_t> hash = HashOf(key);
  if (!hash.ok()) return nullptr;
  const std::optional<size_t> i = IndexOf(key, *hash);
  return i ? &entries_[*i].second : nullptr;
}

const Value* Dict::FindText(std::string_view key) const {
  if (entries_.size() >= kIndexFrom) return Find(Value(key));
  for (const auto& [name, value] : entries_) {
    if (name.IsString() && name.as_string() == key) return &value;
  }
  return nullptr;
}

void Dict::Insert(Value key, size_t hash, Value value) {
  if (const std::optional<size_t> i = IndexOf(key, hash)) {
    entries_[*i].second = std::move(value);
    return;
  }
  entries_.emplace_back(std::move(key), std::move(value));
  if (entries_.size() == kIndexFrom) {
    Reindex();
  } else if (entries_.size() > kIndexFrom) {
    index_.emplace(hash, entries_.size() - 1);
  }
}

void Dict::SetText(std::string_view key, Value value) {
  Value name(key);
  const size_t hash = std::hash<std::string>()(name.as_string());
  Insert(std::move(name), hash, std::move(value));
}

Status Dict::Set(const Value& key, Value value) {
  TARN_ASSIGN_OR_RETURN(const size_t hash, HashOf(key));
  Insert(key, hash, std::move(value));
  return Ok();
}

std::optional<Value> Dict::Remove(const Value& key) {
  const Result<size_t> hash = HashOf(key);
  if (!hash.ok()) return std::nullopt;
  const std::optional<size_t> i = IndexOf(key, *hash);
  if (!i) return std::nullopt;
  Value removed = std::move(entries_[*i].second);
  const bool last = *i + 1 == entries_.size();
  entries_.erase(entries_.begin() + static_cast<ptrdiff_t>(*i));
  if (last && entries_.size() >= kIndexFrom) {
    const auto [begin, end] = index_.equal_range(*hash);
    for (auto at = begin; at != end; ++at) {
      if (at->second == *i) {
        index_.erase(at);
        break;
      }
    }
  } else {
    Reindex();
  }
  return removed;
}

void Dict::Clear() {
  entries_.clear();
  index_.clear();
}

std::vector<std::pair<Value, Value>> Dict::Take() {
  index_.clear();
  return std::move(entries_);
}

void Dict::Reindex() {
  index_.clear();
  if (entries_.size() < kIndexFrom) return;
  for (size_t i = 0; i < entries_.size(); i++) index_.emplace(*HashOf(entries_[i].first), i);
}

// ----------------------------------------------------------------------------------------------------------------
// objects

std::optional<Value> Object::Attribute(std::string_view) {
  return std::nullopt;
}
std::optional<Value> Object::Item(const Value&) {
  return std::nullopt;
}

Status Object::SetAttribute(std::string_view name, Value) {
  return InvalidValue("cannot set '" + std::string(name) + "': only a namespace object has attributes that can be set");
}

Result<Value> Object::Call(Runtime&, const Arguments&) {
  return InvalidValue("'" + type_name() + "' object is not callable");
}
std::optional<List> Object::Iterate() {
  return std::nullopt;
}
std::optional<size_t> Object::Length() {
  return std::nullopt;
}

namespace {

// What to know a container by; null for values that contain nothing.
const void* IdentityOf(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kList:
    case Value::Kind::kTuple:
      return &value.items();
    case Value::Kind::kDict:
      return &value.dict();
    case Value::Kind::kObject:
      return value.object().get();
    default:
      return nullptr;
  }
}

}  // namespace

Status CheckNoCycle(const Value& container, const Value& inserted) {
  const void* forbidden = IdentityOf(container);
  std::vector<std::pair<Value, int>> pending;  // containers to look into, and how deep they are
  std::unordered_set<const void*> seen;
  Status status;
  const auto visit = [&](const Value& value, int depth) {
    const void* identity = IdentityOf(value);
    if (identity == nullptr || !status.ok()) return;
    if (identity == forbidden) status = InvalidValue("a " + container.TypeName() + " cannot contain itself");
    if (depth > kMaxNesting)
      status = TooLarge("values are nested too deeply: more than " + std::to_string(kMaxNesting) + " levels");
    if (seen.insert(identity).second) pending.emplace_back(value, depth);
  };
  visit(inserted, 0);
  while (!pending.empty() && status.ok()) {
    const auto [value, depth] = std::move(pending.back());
    pending.pop_back();
    if (value.IsSequence()) {
      for (const Value& item : value.items()) visit(item, depth + 1);
    } else if (value.IsDict()) {
      for (const auto& [key, item] : value.dict().entries()) {
        visit(key, depth + 1);
        visit(item, depth + 1);
      }
    } else {
      value.object()->VisitReferences([&, below = depth + 1](const Value& item) { visit(item, below); });
    }
  }
  return status;
}

}  // namespace tarn::model::jinja
