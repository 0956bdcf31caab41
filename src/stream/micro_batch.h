#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <duckdb/common/types/data_chunk.hpp>

#include "base/clock.h"
#include "base/result.h"
#include "stream/dead_letter_topic.h"
#include "stream/json_decoder.h"
#include "stream/key_set.h"
#include "stream/source.h"
#include "stream/stream.h"

// Records on their way through a stream: undecoded runs, cut into chunks, gathered into a micro-batch.

namespace tarn::stream {

// Consecutive records of one partition.
struct RecordPiece {
  std::shared_ptr<const SourceRun> run;
  size_t begin = 0, end = 0;  // indexes into run->records
  int64_t next_offset = 0;    // progress after it
};

// A record that became a row of its chunk.
struct RowInfo {
  const SourceRecord* record = nullptr;
  Micros event_time = 0;
  Key128 key;
  int32_t partition = 0;
  bool has_key = false;  // false also for a NULL key: such rows are never duplicates
  bool dropped = false;  // a duplicate, or dead-lettered after decoding
  bool late = false;
};

// At most one DuckDB vector of records: first undecoded, then rows and letters. Owned by one thread at a time.
struct StreamChunk {
  static constexpr size_t kRecordsMax = STANDARD_VECTOR_SIZE;

  std::vector<RecordPiece> pieces;
  size_t record_count = 0;
  uint64_t bytes = 0;  // of the undecoded records

  duckdb::DataChunk rows;
  TextArena texts;
  std::vector<RowInfo> infos;  // by row
  std::vector<DeadLetter> letters;
  std::vector<duckdb::sel_t> kept;  // rows to be stored, when some are dropped
  bool some_dropped = false;
  std::optional<Micros> min_event_time, max_event_time;
  uint64_t unknown_fields = 0;
  Micros decode_time = 0;
  Status failed;         // only a bug, or memory, makes decoding fail
  bool decoded = false;  // guarded by the queue's mutex
};

// Decodes chunks. Thread-compatible: one a thread.
class ChunkDecoder {
 public:
  // `options` and `clock` outlive it.
  ChunkDecoder(const StreamOptions& options, Clock& clock);
  void Decode(StreamChunk& chunk);

 private:
  Status DecodeRecords(StreamChunk& chunk);
  void ReadInfo(StreamChunk& chunk, RowInfo info, uint64_t row);

  const StreamOptions& options_;
  Clock& clock_;
  JsonDecoder decoder_;
  const int key_column_, time_column_;
  duckdb::vector<duckdb::LogicalType> types_;
};

DeadLetter MakeLetter(const StreamOptions& options, LetterReason reason, std::string detail, int32_t partition,
                      const SourceRecord& record, Micros now);

// 16 bytes that stand for a key: a lower-case UUID's own, a 128-bit hash of any other text.
Key128 KeyOfText(std::string_view text);

}  // namespace tarn::stream
