#include "cli/one_off.h"

#include <algorithm>

namespace tarn::cli {
namespace {

// The project's budget is that of `tarn up`. A command ends, and an analyst's query or a rebuild of gold may take more.
constexpr uint64_t kEngineMemory = 1'000'000'000;

}  // namespace

Result<std::unique_ptr<OneOff>> OneOff::Open(const Place& place) {
  auto one_off = std::make_unique<OneOff>();
  one_off->logger_ = MakeLogger({.level = LogLevel::kWarn});
  one_off->metrics_ = MakeMetrics();
  TARN_ASSIGN_OR_RETURN(one_off->house_,
                        Lakehouse::Open({.data_dir = place.data_dir,
                                         .engine_memory_bytes = std::max(place.project.memory_bytes, kEngineMemory),
                                         .compression = place.project.compression},
                                        {.file_system = PosixFileSystem(),
                                         .clock = SystemClock(),
                                         .logger = *one_off->logger_,
                                         .metrics = *one_off->metrics_}));
  return one_off;
}

}  // namespace tarn::cli
