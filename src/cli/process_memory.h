#pragma once

#include <cstdint>

namespace tarn::cli {

// Resident memory of this process now and at its highest, as the kernel counts it; 0 where it does not tell.
struct ProcessMemory {
  uint64_t resident_bytes = 0;
  uint64_t peak_bytes = 0;
};
ProcessMemory ReadProcessMemory();

}  // namespace tarn::cli
