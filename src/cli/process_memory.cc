#include "cli/process_memory.h"

#include <cstdio>

namespace tarn::cli {

ProcessMemory ReadProcessMemory() {
  ProcessMemory memory;
  std::FILE* file = std::fopen("/proc/self/status", "re");
  if (file == nullptr) return memory;
  char line[256];
  unsigned long long kilobytes = 0;
  while (std::fgets(line, sizeof line, file) != nullptr) {
    if (std::sscanf(line, "VmRSS: %llu kB", &kilobytes) == 1) memory.resident_bytes = kilobytes * 1024;
    if (std::sscanf(line, "VmHWM: %llu kB", &kilobytes) == 1) memory.peak_bytes = kilobytes * 1024;
  }
  std::fclose(file);
  return memory;
}

}  // namespace tarn::cli
