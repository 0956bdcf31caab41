#pragma once

#include <string>

#include "base/result.h"

namespace tarn::serve {

// The HTTP status that tells a client what an error means for it.
int HttpStatusOf(ErrorCode code);

// {"error":{"code":"not_found","message":"…"}} with a line feed.
std::string ErrorJson(const Error& error);

}  // namespace tarn::serve
