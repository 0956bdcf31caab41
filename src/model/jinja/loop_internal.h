#pragma once

#include "model/jinja/interpreter_internal.h"

namespace tarn::model::jinja {

// The variable `loop` of a {% for %}.
class LoopObject final : public Object {
 public:
  LoopObject(const For& node, List items, const ScopePtr& scope, int depth)
      : node_(node), items_(std::move(items)), scope_(scope), depth_(depth) {}

  bool HasItem() const { return index_ < items_.size(); }
  void Advance() { index_++; }
  const Value& Item() const { return items_[index_]; }
  using Object::Item;

  std::string type_name() const override { return "LoopContext"; }
  std::optional<Value> Attribute(std::string_view name) override;
  bool callable() const override { return true; }
  Result<Value> Call(Runtime& runtime, const Arguments& arguments) override;  // loop(children)
  std::optional<size_t> Length() override { return items_.size(); }
  std::string ToString() override {
    return "<LoopContext " + std::to_string(index_ + 1) + "/" + std::to_string(items_.size()) + ">";
  }
  void VisitReferences(const std::function<void(const Value&)>& visit) const override;

  Result<Value> Cycle(const Arguments& arguments) const;
  Result<Value> Changed(const Arguments& arguments);

 private:
  const For& node_;
  List items_;
  std::weak_ptr<Scope> scope_;  // around the loop; that scope holds this object's own
  int depth_;
  size_t index_ = 0;
  std::optional<Value> last_seen_;  // by changed()
};

Value PackageValue(const MacroLibrary& library, std::string package);

}  // namespace tarn::model::jinja
