#pragma once

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

// How our code tells that something did not work: every fallible function returns a Status or a Result<T>, each holding
// either success or one Error. Shaped like C++23's std::expected.

namespace tarn {

// A closed list: a new code must be given a meaning at every edge (Kafka, HTTP, exit codes), where an exhaustive switch
// asks for it. The first three decide about retries.
enum class ErrorCode {
  kConflict,            // Lost a race; nothing was changed. Reload, re-apply, retry.
  kOutcomeUnknown,      // It may have happened. Reconcile by reading back before anything else.
  kUnavailable,         // Nothing happened; the same call may work later.
  kNotFound,            // The named thing does not exist.
  kAlreadyExists,       // The named thing exists already.
  kInvalidArgument,     // The caller's input is wrong; the message says what and where.
  kCorruption,          // Stored bytes break their format; the message says where and what was expected.
  kFenced,              // Another owner has taken over; stop writing.
  kCancelled,           // Stopped by request.
  kUnsupported,         // Legal, but a feature that we do not have; the message names it.
  kOutOfRange,          // A position outside what is there.
  kResourceExhausted,   // A limit, a budget or the disk is full; nothing was written.
  kPermissionDenied,    // Not allowed.
  kFailedPrecondition,  // The state of things forbids it; the message says which state is needed.
  kTimedOut,            // No answer in time, and the call had no effect that outlives it.
  kIoError,             // The disk or the network failed; the object may need to be reopened.
  kInternal,            // A bug, here or in a library.
};

// The code's name in snake_case, as logs and JSON show it: "outcome_unknown".
std::string_view ErrorCodeName(ErrorCode code);

// What went wrong, for whom to read: a message that names what, where and what to do, and where it passed on its way
// up.
class [[nodiscard]] Error {
 public:
  Error(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {}

  ErrorCode code() const { return code_; }
  // The innermost message, without context.
  const std::string& message() const { return message_; }
  // "committing 12 files to sales.orders: <message>".
  std::string ToString() const { return context_.empty() ? message_ : context_ + ": " + message_; }

  // Adds where this error passed ("loading model daily"), outermost last added. Used where a module is entered.
  Error&& WithContext(std::string_view context) &&;

 private:
  ErrorCode code_;
  std::string message_;
  std::string context_;
};

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Error error) : error_(std::move(error)) {}  // NOLINT: an Error is a failed Status.

  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  // Requires: !ok().
  const Error& error() const& { return *error_; }
  Error&& error() && { return std::move(*error_); }
  // Whether it failed with this code.
  bool Is(ErrorCode code) const { return error_.has_value() && error_->code() == code; }

 private:
  std::optional<Error> error_;
};

inline Status Ok() {
  return Status();
}

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::in_place_index<0>, std::move(value)) {}      // NOLINT
  Result(Error error) : value_(std::in_place_index<1>, std::move(error)) {}  // NOLINT
  template <typename U>
    requires(std::is_convertible_v<U &&, T> && !std::is_same_v<std::remove_cvref_t<U>, T> &&
             !std::is_same_v<std::remove_cvref_t<U>, Error> && !std::is_same_v<std::remove_cvref_t<U>, Status> &&
             !std::is_same_v<std::remove_cvref_t<U>, Result>)
  Result(U&& value) : value_(std::in_place_index<0>, std::forward<U>(value)) {}  // NOLINT

  bool ok() const { return value_.index() == 0; }
  explicit operator bool() const { return ok(); }

  // Requires: ok().
  T& value() & { return std::get<0>(value_); }
  const T& value() const& { return std::get<0>(value_); }
  T&& value() && { return std::get<0>(std::move(value_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  // Requires: !ok().
  const Error& error() const& { return std::get<1>(value_); }
  Error&& error() && { return std::get<1>(std::move(value_)); }
  bool Is(ErrorCode code) const { return !ok() && error().code() == code; }
  Status status() const { return ok() ? Status() : Status(error()); }

 private:
  std::variant<T, Error> value_;
};

namespace internal {
[[noreturn]] void CheckFailed(const char* file, int line, const char* what);
}  // namespace internal

}  // namespace tarn

#define TARN_CONCAT_INNER(a, b) a##b
#define TARN_CONCAT(a, b) TARN_CONCAT_INNER(a, b)

// Returns the error of a failed Status or Result from the enclosing function.
#define TARN_TRY(expr)                                                    \
  do {                                                                    \
    auto&& tarn_try_result = (expr);                                      \
    if (!tarn_try_result.ok()) return std::move(tarn_try_result).error(); \
  } while (false)

// TARN_ASSIGN_OR_RETURN(auto x, Load()): binds the value, or returns the error from the enclosing function.
#define TARN_ASSIGN_OR_RETURN(lhs, expr) TARN_ASSIGN_OR_RETURN_IMPL(TARN_CONCAT(tarn_result_, __LINE__), lhs, expr)
#define TARN_ASSIGN_OR_RETURN_IMPL(result, lhs, expr) \
  auto result = (expr);                               \
  if (!result.ok()) return std::move(result).error(); \
  lhs = std::move(result).value()

// States what only a bug can break; stays on in release and stops the process. Never on input, disk or network.
#define TARN_CHECK(condition) \
  (static_cast<bool>(condition) ? void(0) : ::tarn::internal::CheckFailed(__FILE__, __LINE__, #condition))
