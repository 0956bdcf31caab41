#pragma once

#include "model/jinja/value.h"

// What the engine's parts share about values.

namespace tarn::model::jinja {

// The largest text and list that one operation may make, and the deepest nesting that is walked.
inline constexpr size_t kMaxTextBytes = 64 << 20;
inline constexpr size_t kMaxItems = 4'000'000;
inline constexpr int kMaxNesting = 200;

Error InvalidValue(std::string message);  // kInvalidArgument
Error TooLarge(std::string_view what);    // kResourceExhausted
Status CheckTextSize(size_t bytes);
Status CheckItemCount(size_t items);

// kInvalidArgument: unhashable.
Result<size_t> HashOf(const Value& value);

// kInvalidArgument if `container` can be reached from `inserted`: a list may not come to contain itself, so that
// counting references frees everything.
Status CheckNoCycle(const Value& container, const Value& inserted);

// Frees values that may be nested deeply, without recursion.
void Discard(List values);

struct Value::DictData {
  explicit DictData(Dict entries) : dict(std::move(entries)) {}
  ~DictData();
  Dict dict;
};

}  // namespace tarn::model::jinja
