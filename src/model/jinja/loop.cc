#include "model/jinja/loop_internal.h"

#include "model/jinja/methods_internal.h"
#include "model/jinja/value_internal.h"

namespace tarn::model::jinja {
namespace {

LoopObject& LoopOf(const Value& self) {
  return static_cast<LoopObject&>(*self.object());
}

Result<Value> CycleMethod(Runtime&, const Value& self, const Arguments& arguments) {
  return LoopOf(self).Cycle(arguments);
}
Result<Value> ChangedMethod(Runtime&, const Value& self, const Arguments& arguments) {
  return LoopOf(self).Changed(arguments);
}

}  // namespace

std::optional<Value> LoopObject::Attribute(std::string_view name) {
  const auto index = static_cast<int64_t>(index_);
  const auto length = static_cast<int64_t>(items_.size());
  if (name == "index") return Value(index + 1);
  if (name == "index0") return Value(index);
  if (name == "revindex") return Value(length - index);
  if (name == "revindex0") return Value(length - index - 1);
  if (name == "first") return Value(index == 0);
  if (name == "last") return Value(index + 1 == length);
  if (name == "length") return Value(length);
  if (name == "depth") return Value(depth_);
  if (name == "depth0") return Value(depth_ - 1);
  if (name == "previtem") return index > 0 ? items_[index_ - 1] : Value::Undefined("there is no previous item");
  if (name == "nextitem") return index + 1 < length ? items_[index_ + 1] : Value::Undefined("there is no next item");
  if (name == "cycle") return BindMethod(Value(shared_from_this()), "cycle", CycleMethod);
  if (name == "changed") return BindMethod(Value(shared_from_this()), "changed", ChangedMethod);
  return std::nullopt;
}

Result<Value> LoopObject::Call(Runtime& runtime, const Arguments& arguments) {
  if (!node_.recursive) return InvalidValue("The loop must have the 'recursive' marker to be called recursively.");
  TARN_ASSIGN_OR_RETURN(const List bound, arguments.Bind("loop", {"iterable"}, 1));
  const ScopePtr scope = scope_.lock();
  if (scope == nullptr) return InvalidValue("the loop has ended");
  return static_cast<Interpreter&>(runtime).RunLoopAgain(node_, bound[0], scope, depth_ + 1);
}

void LoopObject::VisitReferences(const std::function<void(const Value&)>& visit) const {
  for (const Value& item : items_) visit(item);
  if (last_seen_) visit(*last_seen_);
}

Result<Value> LoopObject::Cycle(const Arguments& arguments) const {
  if (arguments.positional.empty() || !arguments.keyword.empty()) return InvalidValue("no items for cycling given");
  return arguments.positional[index_ % arguments.positional.size()];
}

Result<Value> LoopObject::Changed(const Arguments& arguments) {
  Value seen = Value::Tuple(arguments.positional);
  TARN_TRY(CheckNoCycle(Value(shared_from_this()), seen));
  bool changed = true;
  if (last_seen_) {
    TARN_ASSIGN_OR_RETURN(const bool equal, last_seen_->Equals(seen));
    changed = !equal;
  }
  last_seen_ = std::move(seen);
  return Value(changed);
}

}  // namespace tarn::model::jinja
