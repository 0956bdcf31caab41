#pragma once

#include <string_view>
#include <vector>

#include "model/jinja/value.h"

// The built-in filters, tests and functions by name.

namespace tarn::model::jinja {

using Filter = Result<Value> (*)(Runtime& runtime, const Value& input, const Arguments& arguments);
using TestFunction = Result<bool> (*)(Runtime& runtime, const Value& input, const Arguments& arguments);

struct NamedFilter {
  std::string_view name;
  Filter filter;
};

// Null: there is none.
Filter FindFilter(std::string_view name);
TestFunction FindTest(std::string_view name);
std::vector<std::string> FilterNames();
std::vector<std::string> TestNames();

// Each part of the filters, by file.
std::vector<NamedFilter> TextFilters();
std::vector<NamedFilter> SequenceFilters();
std::vector<NamedFilter> SelectionFilters();
std::vector<NamedFilter> NumberFilters();

// range, dict, namespace, cycler, joiner, zip, …; nothing: no such function.
std::optional<Value> FindBuiltin(std::string_view name);

}  // namespace tarn::model::jinja
