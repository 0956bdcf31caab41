#pragma once

#include <string>
#include <vector>

#include "model/jinja/value.h"

namespace tarn::model::jinja {

// What filters like map, sort and groupby take from each item: attribute='a.b.0', or the item itself.
class AttributePath {
 public:
  // kInvalidArgument unless the attribute is a str or int; undefined or None: the item itself.
  static Result<AttributePath> Of(const Value& attribute);
  // Several paths with commas: sort(attribute='a,b').
  static Result<std::vector<AttributePath>> ListOf(const Value& attribute);

  Result<Value> Get(const Value& item) const;
  bool empty() const { return keys_.empty(); }

 private:
  std::vector<Value> keys_;
};

// Text in small letters unless `case_sensitive`; other values as they are.
Value ComparisonKey(const Value& value, bool case_sensitive);

// Stable, by one list of keys for each item.
Result<List> SortByKeys(std::vector<std::pair<List, Value>> keyed, bool reverse);

}  // namespace tarn::model::jinja
