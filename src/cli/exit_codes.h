#pragma once

#include "base/result.h"

namespace tarn::cli {

inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitWrongUsage = 2;

// Prints "tarn: <message>" on stderr, unless it succeeded, and returns the exit code.
int Finish(const Status& status);
int Finish(const Error& error);

}  // namespace tarn::cli
