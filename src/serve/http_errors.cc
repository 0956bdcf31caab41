#include "serve/http_errors.h"

#include "engine/cells.h"

namespace tarn::serve {

int HttpStatusOf(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kOutOfRange:
      return 400;
    case ErrorCode::kPermissionDenied:
      return 403;
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kConflict:
    case ErrorCode::kAlreadyExists:
    case ErrorCode::kFailedPrecondition:
    case ErrorCode::kFenced:
      return 409;
    case ErrorCode::kResourceExhausted:
      return 429;
    case ErrorCode::kCancelled:
      return 499;
    case ErrorCode::kUnsupported:
      return 501;
    case ErrorCode::kUnavailable:
      return 503;
    case ErrorCode::kTimedOut:
      return 504;
    case ErrorCode::kOutcomeUnknown:
    case ErrorCode::kCorruption:
    case ErrorCode::kIoError:
    case ErrorCode::kInternal:
      return 500;
  }
  return 500;
}

std::string ErrorJson(const Error& error) {
  std::string json = "{\"error\":{\"code\":";
  engine::AppendJsonString(ErrorCodeName(error.code()), &json);
  json += ",\"message\":";
  engine::AppendJsonString(error.ToString(), &json);
  return json + "}}\n";
}

}  // namespace tarn::serve
