#pragma once

#include "model/jinja/value.h"

// Python's three ways to format: '%d' % x, '{:d}'.format(x) and format(x, 'd').

namespace tarn::model::jinja {

// text % arguments: a tuple gives one value for each field, a dict names them, anything else is the only one.
Result<Value> FormatPercent(const std::string& text, const Value& arguments);
// text.format(…).
Result<Value> FormatBraces(const std::string& text, const Arguments& arguments);
// format(value, spec) of the format specification mini-language.
Result<std::string> FormatSpec(const Value& value, std::string_view spec);

// A number rounded to digits as '%.*f' does.
std::string FixedPoint(double value, int digits);

}  // namespace tarn::model::jinja
