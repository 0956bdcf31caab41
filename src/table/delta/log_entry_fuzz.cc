#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "table/delta/actions.h"
#include "table/delta/state.h"

// Any bytes as a log entry: read within bounds or refused with file and line. What is read comes back the same when it
// is written and read again, and replaying it fails at most with an Error.

using tarn::table::delta::FormatLogEntry;
using tarn::table::delta::LogEntry;
using tarn::table::delta::ParseLogEntry;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string origin = "t/_delta_log/00000000000000000001.json", base = "/lake/t";
  const auto entry = ParseLogEntry({reinterpret_cast<const char*>(data), size}, origin, base);
  if (!entry.ok()) {
    if (entry.error().ToString().find(origin) == std::string::npos) std::abort();
    return 0;
  }
  const auto advanced = tarn::table::delta::Advance({}, *entry, 1, 0);
  if (advanced.ok() && (*advanced)->snapshot.files.size() > entry->adds.size()) std::abort();
  // Without the commitInfo, whose count of actions is of the entry as it was.
  LogEntry actions = *entry;
  actions.commit_info.reset();
  const std::string text = FormatLogEntry(actions);
  if (text.empty()) return 0;
  const auto again = ParseLogEntry(text, origin, base);
  if (!again.ok() || FormatLogEntry(*again) != text) std::abort();
  return 0;
}
