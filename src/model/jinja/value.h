#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

// The values of Jinja templates: Python's, as far as templates can see them.

namespace tarn::model::jinja {

class Dict;
class Object;
class Runtime;
class Value;

using List = std::vector<Value>;

// What a call was given, in order.
struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> keyword;

  // Assigns the arguments to parameters as Python does; one value each, undefined where none was given. The first
  // `required` must be given. kInvalidArgument: "ref() takes at most 2 arguments", "ref() got an unknown argument 'x'",
  // …
  Result<std::vector<Value>> Bind(std::string_view function, const std::vector<std::string_view>& parameters,
                                  size_t required = 0) const;
};

using Function = std::function<Result<Value>(Runtime&, const Arguments&)>;

// A value; cheap to copy. Lists, dicts and objects are shared between copies, as in Python. Default: None.
// Thread-compatible; one list, dict or object must not be used by two renders at once while either may change it.
class Value {
 public:
  enum class Kind { kUndefined, kNone, kBool, kInt, kFloat, kString, kList, kTuple, kDict, kObject };

  Value() = default;
  Value(bool value) : data_(value) {}                                                         // NOLINT
  Value(int value) : data_(int64_t{value}) {}                                                 // NOLINT
  Value(int64_t value) : data_(value) {}                                                      // NOLINT
  Value(double value) : data_(value) {}                                                       // NOLINT
  Value(std::string value) : data_(std::make_shared<const std::string>(std::move(value))) {}  // NOLINT
  Value(std::string_view value) : Value(std::string(value)) {}                                // NOLINT
  Value(const char* value) : Value(std::string(value)) {}                                     // NOLINT
  Value(List items);                                                                          // NOLINT
  Value(Dict entries);                                                                        // NOLINT
  Value(std::shared_ptr<Object> object) : data_(std::move(object)) {}                         // NOLINT
  template <typename T>
  Value(T*) = delete;  // never a bool by accident

  static Value None() { return Value(); }
  // The undefined value; using it fails with `message` ("'x' is undefined"), printing it gives nothing.
  static Value Undefined(std::string message);
  static Value Tuple(List items);
  // A callable. `name` stands in messages.
  static Value Of(std::string name, Function function);

  Kind kind() const;
  bool IsUndefined() const { return kind() == Kind::kUndefined; }
  bool IsNone() const { return kind() == Kind::kNone; }
  bool IsString() const { return kind() == Kind::kString; }
  // bool counts as a number, as in Python.
  bool IsInteger() const { return kind() == Kind::kInt || kind() == Kind::kBool; }
  bool IsNumber() const { return IsInteger() || kind() == Kind::kFloat; }
  bool IsSequence() const { return kind() == Kind::kList || kind() == Kind::kTuple; }
  bool IsDict() const { return kind() == Kind::kDict; }

  // Each requires the kind it names. Views and references live as long as some copy of the value.
  bool as_bool() const { return std::get<bool>(data_); }
  int64_t as_int() const;    // kInt or kBool
  double as_double() const;  // any number
  const std::string& as_string() const;
  const List& items() const;  // kList or kTuple
  List& mutable_list();       // kList
  const Dict& dict() const;
  Dict& mutable_dict();
  const std::shared_ptr<Object>& object() const;
  // Why it is undefined. Requires: kUndefined.
  const std::string& undefined_message() const;

  // Python's truth of it.
  bool Truth() const;
  // "str", "int", "list", as Python's type(x).__name__.
  std::string TypeName() const;
  // str(x): what {{ x }} prints. Fails only past the limits on depth and size.
  Result<std::string> ToString() const;
  // repr(x).
  Result<std::string> Repr() const;
  // json.dumps(x), keys in their order or sorted. kInvalidArgument when something in it is no JSON.
  Result<std::string> ToJson(bool sort_keys = false, std::optional<int> indent = std::nullopt) const;
  // A copy that shares no list or dict with this one (objects are shared).
  Value DeepCopy() const;

  // x == y; kInvalidArgument when they are nested too deeply to compare.
  Result<bool> Equals(const Value& other) const;
  // Whether both are the same list, dict or object, or equal scalars of one kind: Python's `is` for templates.
  bool Is(const Value& other) const;

 private:
  struct UndefinedData {
    std::string message;
  };
  struct ListData {
    explicit ListData(List values) : items(std::move(values)) {}
    ~ListData();
    List items;
  };
  struct TupleData {
    explicit TupleData(List values) : items(std::move(values)) {}
    ~TupleData();
    List items;
  };
  struct DictData;
  using Data = std::variant<std::monostate, std::shared_ptr<const UndefinedData>, bool, int64_t, double,
                            std::shared_ptr<const std::string>, std::shared_ptr<ListData>, std::shared_ptr<TupleData>,
                            std::shared_ptr<DictData>, std::shared_ptr<Object>>;
  Data data_;
};

// Python's dict: keys in the order of insertion, 1, 1.0 and True one key. Keys are strings, numbers, None and tuples of
// those.
class Dict {
 public:
  Dict() = default;
  Dict(std::initializer_list<std::pair<std::string_view, Value>> entries);

  size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }
  const std::vector<std::pair<Value, Value>>& entries() const { return entries_; }

  // Null when absent. Valid until the dict changes.
  const Value* Find(const Value& key) const;
  template <std::convertible_to<std::string_view> Text>
  const Value* Find(const Text& key) const {
    return FindText(key);
  }
  template <std::convertible_to<std::string_view> Text>
  void Set(const Text& key, Value value) {
    SetText(key, std::move(value));
  }
  // kInvalidArgument: the key is unhashable ("unhashable type: 'list'").
  Status Set(const Value& key, Value value);
  std::optional<Value> Remove(const Value& key);
  void Clear();
  // Gives up all entries; for the destructor.
  std::vector<std::pair<Value, Value>> Take();

 private:
  const Value* FindText(std::string_view key) const;
  void SetText(std::string_view key, Value value);
  std::optional<size_t> IndexOf(const Value& key, size_t hash) const;
  void Insert(Value key, size_t hash, Value value);
  void Reindex();

  std::vector<std::pair<Value, Value>> entries_;
  std::unordered_multimap<size_t, size_t> index_;  // hash of the key -> position; kept once there are more than a few
};

// Something with attributes that templates can read, call or walk: `this`, `loop`, `config`, `adapter`. Owned by the
// values that refer to it.
class Object : public std::enable_shared_from_this<Object> {
 public:
  virtual ~Object() = default;

  virtual std::string type_name() const = 0;
  // x.name; nothing: the template gets an undefined value.
  virtual std::optional<Value> Attribute(std::string_view name);
  // x[key]; asked before `Attribute` for x['name'], after it for x.name.
  virtual std::optional<Value> Item(const Value& key);
  // {% set x.name = value %}; by default refused with kInvalidArgument.
  virtual Status SetAttribute(std::string_view name, Value value);
  virtual bool callable() const { return false; }
  virtual Result<Value> Call(Runtime& runtime, const Arguments& arguments);
  // The items of `for` and `list`; nothing: not iterable.
  virtual std::optional<List> Iterate();
  virtual std::optional<size_t> Length();
  virtual bool Truth() { return true; }
  virtual std::string ToString() { return "<" + type_name() + ">"; }
  virtual bool Equals(Object& other) { return this == &other; }
  // Shows each value that it holds; what is not shown here must hold no list or dict of a template's.
  virtual void VisitReferences(const std::function<void(const Value&)>&) const {}
};

// The running template, as callables see it. Valid during their call.
class Runtime {
 public:
  virtual ~Runtime() = default;

  // Calls a macro, function or callable object.
  virtual Result<Value> Call(const Value& callee, const Arguments& arguments) = 0;
  // What the name means where the call stands; undefined if nothing.
  virtual Value Lookup(std::string_view name) = 0;
  // "models/a.sql:3:7" of the expression that is being evaluated.
  virtual std::string Position() = 0;
};

}  // namespace tarn::model::jinja
