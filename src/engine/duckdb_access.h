#pragma once

#include <exception>
#include <string_view>

#include "base/result.h"

// For units at the rim that work with DuckDB's own classes: the pinned version and the translation of what it throws.

namespace duckdb {
class ErrorData;
}

namespace tarn::engine {

// The version of the headers and of the library; Database::Open refuses any other.
inline constexpr std::string_view kDuckdbVersion = "v1.5.6";

// What DuckDB threw or reported, as our Error. Its what() is JSON; the message is taken out of it.
Error ToError(const duckdb::ErrorData& data);
// The way in: throws our Error so that ToError gives back its code, whatever DuckDB wraps around the message on the
// way.
[[noreturn]] void ThrowError(const Error& error);
Error ToError(const std::exception& exception);

}  // namespace tarn::engine
