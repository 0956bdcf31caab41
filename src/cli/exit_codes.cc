#include "cli/exit_codes.h"

#include <cstdio>

namespace tarn::cli {

int Finish(const Status& status) {
  return status.ok() ? kExitDone : Finish(status.error());
}

int Finish(const Error& error) {
  std::fflush(stdout);
  std::fprintf(stderr, "tarn: %s\n", error.ToString().c_str());
  return kExitFailed;
}

}  // namespace tarn::cli
