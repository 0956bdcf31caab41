#include "base/result.h"

namespace tarn {

std::string_view ErrorCodeName(ErrorCode code) {
  switch (code) {
    case ErrorCode::kConflict:
      return "conflict";
    case ErrorCode::kOutcomeUnknown:
      return "outcome_unknown";
    case ErrorCode::kUnavailable:
      return "unavailable";
    case ErrorCode::kNotFound:
      return "not_found";
    case ErrorCode::kAlreadyExists:
      return "already_exists";
    case ErrorCode::kInvalidArgument:
      return "invalid_argument";
    case ErrorCode::kCorruption:
      return "corruption";
    case ErrorCode::kFenced:
      return "fenced";
    case ErrorCode::kCancelled:
      return "cancelled";
    case ErrorCode::kUnsupported:
      return "unsupported";
    case ErrorCode::kOutOfRange:
      return "out_of_range";
    case ErrorCode::kResourceExhausted:
      return "resource_exhausted";
    case ErrorCode::kPermissionDenied:
      return "permission_denied";
    case ErrorCode::kFailedPrecondition:
      return "failed_precondition";
    case ErrorCode::kTimedOut:
      return "timed_out";
    case ErrorCode::kIoError:
      return "io_error";
    case ErrorCode::kInternal:
      return "internal";
  }
  return "internal";
}

Error&& Error::WithContext(std::string_view context) && {
  context_ = context_.empty() ? std::string(context) : std::string(context) + ": " + context_;
  return std::move(*this);
}

namespace internal {

void CheckFailed(const char* file, int line, const char* what) {
  std::fprintf(stderr, "tarn: bug: %s:%d: %s does not hold\n", file, line, what);
  std::abort();
}

}  // namespace internal
}  // namespace tarn
