#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"

// The clickstream scenario's seeded web events: returning users, sessions, a funnel, and stated shares of faults. The same
// seed, start and options give the same records, byte for byte; the wall clock only paces who sends them.

namespace tarn::generate {

enum class ClickstreamMode { kRealistic, kOriginal };

struct ClickstreamOptions {
  uint64_t seed = 42;
  ClickstreamMode mode = ClickstreamMode::kRealistic;
  Micros start = 0;         // event time of the first record
  double event_rate = 0;    // events a second of event time, which the daily curve modulates; 0: 1,000
  // Shares of all records; in mode kOriginal the caller passes zeros.
  double late_rate = 0.02;
  double too_late_rate = 0.0001;
  double duplicate_rate = 0.005;
  double malformed_rate = 0.002;
};

enum class RecordKind { kValid, kLate, kTooLate, kDuplicate, kMalformed };

struct GeneratedRecord {
  std::string value;                  // JSON, or what is left of it
  Micros send_time = 0;               // event-time clock: when it leaves, not before the record ahead of it
  RecordKind kind = RecordKind::kValid;
};

// An endless series of records in the order of sending. Thread-compatible.
class ClickstreamGenerator {
 public:
  virtual ~ClickstreamGenerator() = default;
  virtual GeneratedRecord Next() = 0;
  // The whole state (population, open sessions, held back records, position) as text, to go on after a restart exactly
  // where it was.
  virtual std::string SaveState() const = 0;
};

std::unique_ptr<ClickstreamGenerator> MakeClickstreamGenerator(const ClickstreamOptions& options);
// kCorruption: not a state of this version.
Result<std::unique_ptr<ClickstreamGenerator>> RestoreClickstreamGenerator(const ClickstreamOptions& options, const std::string& state);

}  // namespace tarn::generate
