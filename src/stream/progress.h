#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "table/table.h"

// What a stream keeps in its table's progress entries, named <stream>/<what>[/<topic id>/<partition>]. The names are
// frozen: tables carry them.

namespace tarn::stream {

enum class StreamCounter { kStored, kDuplicates, kDeadLetters, kLate };
inline constexpr size_t kStreamCounters = 4;

// As committed in the table of rows; absent: no entry yet.
struct StreamProgress {
  std::map<int32_t, int64_t> offsets;         // of this topic id: the next one to read
  std::map<int32_t, Micros> max_event_times;  // of this topic id
  std::array<std::optional<int64_t>, kStreamCounters> counters;
  std::optional<Micros> max_event_time;                            // of all topic ids
  std::map<std::string, std::map<int32_t, int64_t>> other_topics;  // offsets under other ids of the topic

  bool started() const { return !offsets.empty(); }
};

StreamProgress ReadProgress(const table::Snapshot& snapshot, const std::string& stream, const std::string& topic_id);

// What a batch adds, as steps from `before`; `after` becomes what is committed then.
std::vector<table::ProgressStep> ProgressSteps(const StreamProgress& before, const StreamProgress& after,
                                               const std::string& stream, const std::string& topic_id);

// As committed in the dead-letter table: of the last batch with letters, from which and up to which offset it decided,
// and where the dead-letter topic ended before it.
struct LetterProgress {
  std::map<int32_t, int64_t> from, to;  // of this topic id
  std::optional<int64_t> topic_end;
  std::optional<Micros> since;  // no letter of this topic id failed before; offsets of an earlier one may be the same
};

LetterProgress ReadLetterProgress(const table::Snapshot& snapshot, const std::string& stream,
                                  const std::string& topic_id);
std::vector<table::ProgressStep> LetterProgressSteps(const LetterProgress& before, const LetterProgress& after,
                                                     const std::string& stream, const std::string& topic_id);

}  // namespace tarn::stream
