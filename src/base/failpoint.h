#pragma once

#include <string_view>

#include "base/result.h"

// Named points where a test makes the process fail. Off (one relaxed load) unless the environment variable
// TARN_FAILPOINTS, or a test through SetFailpoints, says otherwise:
//
//   TARN_FAILPOINTS="delta.commit.before_put=exit@3;broker.append.before_sync=error"
//
// Actions: exit (the process ends at once, as by SIGKILL), error (the operation fails with kIoError), delay:MS, lost
// (the operation takes effect, its caller is told kOutcomeUnknown). `@N` acts at the N-th hit only, `@N+` from the N-th
// on; without it at every hit.

namespace tarn {

// Passes the named point. exit and delay act here; error and lost come back as the Error to return. Thread-safe.
[[nodiscard]] Status PassFailpoint(std::string_view name);

// Replaces all settings; "" turns everything off. kInvalidArgument names the faulty part. Thread-safe.
Status SetFailpoints(std::string_view settings);

}  // namespace tarn

// Returns from the enclosing function if the point is set to fail.
#define TARN_FAILPOINT(name) TARN_TRY(::tarn::PassFailpoint(name))
