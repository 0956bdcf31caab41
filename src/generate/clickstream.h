#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"

// The clickstream scenario's seeded web events: returning users, sessions, a funnel, and stated shares of faults. The
// same options give the same records, byte for byte; the wall clock only paces who sends them.
//
// The series of records runs on a clock of its own, which begins at `start` and advances by one record's share of
// `event_rate` at a time: record number k leaves at the k-th tick (its `send_time`), whatever it is. Event times are
// never after the send time. So a caller that sends in step with that clock, from a wall clock that is at `start` or
// later, never sends an event from the future.
//
// A caller that sends as fast as possible outruns that clock: record k leaves long before its send time. Then the
// series as a whole must not reach farther ahead than streams tolerate (5 minutes). BacklogOptions sees to it.

namespace tarn::generate {

enum class ClickstreamMode { kRealistic, kOriginal };

struct ClickstreamOptions {
  uint64_t seed = 42;
  ClickstreamMode mode = ClickstreamMode::kRealistic;
  Micros start = 0;          // event time of the first record
  uint64_t count = 0;        // records in all, after which Next must not be called; 0: endless
  double event_rate = 1000;  // records a second of the series' clock, on average over a week
  bool daily_curve = true;   // whether the rate follows the hour and the day of the week, or is constant
  // Shares of all records; in mode kOriginal the caller passes zeros.
  double late_rate = 0.02;
  double too_late_rate = 0.0001;
  double duplicate_rate = 0.005;
  double malformed_rate = 0.002;
};

// Event rate and curve of a bounded series that is sent as fast as possible (`--rate 0`): 1,000 events a second, or so
// many that the whole series spans no more than four minutes; constant. Depends on `count` alone, so that the same
// seed and start give the same bytes. Requires: count > 0.
ClickstreamOptions BacklogOptions(ClickstreamOptions options);
// How long such a series lasts on its own clock. A caller whose start is "now" begins so much earlier.
Micros SeriesDuration(const ClickstreamOptions& options);

// What a ledger counts a record as. kDuplicate: the bytes of an earlier kValid record again.
enum class RecordKind { kValid, kLate, kTooLate, kDuplicate, kMalformed };

struct GeneratedRecord {
  std::string value;      // JSON, or what is left of it
  Micros send_time = 0;   // when it leaves by the series' clock; never falls
  Micros event_time = 0;  // of the event that it is or was made from
  RecordKind kind = RecordKind::kValid;
};

// What a stream makes of the records: kValid and kLate are stored (late ones arrive at most ten minutes after their
// time), kDuplicate is dropped as a copy, kTooLate (8 to 30 days behind the newest event sent before) and kMalformed
// become dead letters, each for exactly one reason. A record that becomes a dead letter belongs to a session of its
// own, so every session of the stored ones is complete: purchases have their checkout, checkouts their add_to_cart.
//
// Event ids follow from seed and start, users from the seed: another run has other events of the same users.
// Thread-compatible.
class ClickstreamGenerator {
 public:
  virtual ~ClickstreamGenerator() = default;
  // The next record in the order of sending; valid until the next call.
  virtual const GeneratedRecord& Next() = 0;
  // Records made so far, over all restarts.
  virtual uint64_t position() const = 0;
  // The whole state (open sessions with their carts, records held back, position) as text, to go on after a restart
  // exactly where it was.
  virtual std::string SaveState() const = 0;
};

std::unique_ptr<ClickstreamGenerator> MakeClickstreamGenerator(const ClickstreamOptions& options);
// kCorruption: not a state of this version; kInvalidArgument: the state of a series with other options.
Result<std::unique_ptr<ClickstreamGenerator>> RestoreClickstreamGenerator(const ClickstreamOptions& options,
                                                                          const std::string& state);

}  // namespace tarn::generate
