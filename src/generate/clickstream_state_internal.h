#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "generate/clickstream.h"
#include "generate/visitors_internal.h"

namespace tarn::generate::clickstream {

struct HeldRecord {
  Micros due = 0;
  uint64_t serial = 0;  // the order of those due at the same time
  RecordKind kind = RecordKind::kLate;
  Micros event_time = 0;
  std::string value;
};

// All that the next records depend on, besides the options.
struct ClickstreamState {
  Random random;
  uint64_t position = 0;       // records made
  int64_t elapsed_ns = 0;      // of the series' clock, since the start
  Micros newest = 0;           // event time of the newest event sent
  uint64_t too_late_owed = 0;  // drawn before there was anything to be too late for
  uint64_t serial = 0;         // of the next record held back
  std::vector<Session> sessions = {};
  std::vector<HeldRecord> held = {};
};

// Text, layout 1: a line that names the options, one of numbers, then one a session and one a held record, each of
// those followed by its bytes.
std::string FormatState(const ClickstreamOptions& options, const ClickstreamState& state);
// kCorruption with the byte; kInvalidArgument: of other options.
Result<ClickstreamState> ParseState(const ClickstreamOptions& options, std::string_view text);

}  // namespace tarn::generate::clickstream
