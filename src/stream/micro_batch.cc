#include "stream/micro_batch.h"

#include <algorithm>

#include <duckdb/common/allocator.hpp>

#include "base/failpoint.h"
#include "engine/duckdb_access.h"
#include "engine/duckdb_types.h"
#include "stream/json_values.h"

namespace tarn::stream {

DeadLetter MakeLetter(const StreamOptions& options, LetterReason reason, std::string detail, int32_t partition,
                      const SourceRecord& record, Micros now) {
  DeadLetter letter{.reason = std::string(LetterReasonName(reason)),
                    .detail = std::move(detail),
                    .topic = options.topic,
                    .partition = partition,
                    .offset = record.offset,
                    .failed_at = now};
  if (record.key) letter.key = std::string(*record.key);
  if (record.value) letter.payload = std::string(*record.value);
  return letter;
}

ChunkDecoder::ChunkDecoder(const StreamOptions& options, Clock& clock)
    : options_(options),
      clock_(clock),
      decoder_(options.input),
      key_column_(options.key_column.empty() ? -1 : options.input.IndexOf(options.key_column)),
      time_column_(options.time_column.empty() ? -1 : options.input.IndexOf(options.time_column)) {
  for (const engine::Field& field : options.input.fields) types_.push_back(engine::ToDuckdb(field.type));
}

void ChunkDecoder::Decode(StreamChunk& chunk) {
  const Micros begin = clock_.Steady();
  chunk.failed = DecodeRecords(chunk);
  chunk.decode_time = clock_.Steady() - begin;
}

Status ChunkDecoder::DecodeRecords(StreamChunk& chunk) {
  TARN_FAILPOINT("stream.decode");
  chunk.infos.clear();
  chunk.letters.clear();
  chunk.texts.clear();
  chunk.min_event_time.reset();
  chunk.max_event_time.reset();
  chunk.some_dropped = false;
  try {
    if (chunk.rows.ColumnCount() > 0) chunk.rows.Destroy();
    chunk.rows.Initialize(duckdb::Allocator::DefaultAllocator(), types_, std::max<size_t>(chunk.record_count, 1));
    chunk.infos.reserve(chunk.record_count);
    decoder_.Begin(chunk.rows, chunk.texts);
    const uint64_t unknown_before = decoder_.unknown_fields();
    const Micros now = clock_.Now();
    for (const RecordPiece& piece : chunk.pieces) {
      for (size_t i = piece.begin; i < piece.end; ++i) {
        const SourceRecord& record = piece.run->records[i];
        const uint64_t row = chunk.infos.size();
        auto problem = record.value
                           ? decoder_.Decode(*record.value, row)
                           : DecodeProblem{LetterReason::kNotDecodable, "expected a JSON object, got no value"};
        if (!problem) {
          ReadInfo(chunk, {.record = &record, .partition = piece.run->partition}, row);
        } else {
          chunk.letters.push_back(
              MakeLetter(options_, problem->reason, std::move(problem->detail), piece.run->partition, record, now));
        }
      }
    }
    decoder_.Finish();
    chunk.rows.SetCardinality(chunk.infos.size());
    chunk.unknown_fields = decoder_.unknown_fields() - unknown_before;
  } catch (const std::exception& exception) {
    return engine::ToError(exception);
  }
  return Ok();
}

void ChunkDecoder::ReadInfo(StreamChunk& chunk, RowInfo info, uint64_t row) {
  if (time_column_ >= 0) {
    const duckdb::Vector& times = chunk.rows.data[size_t(time_column_)];
    if (duckdb::FlatVector::Validity(times).RowIsValid(row)) {
      info.event_time = duckdb::FlatVector::GetData<int64_t>(times)[row];
      if (info.event_time > info.record->timestamp_ms * 1000 + options_.future_tolerance) {
        chunk.letters.push_back(MakeLetter(options_, LetterReason::kInFuture,
                                           options_.time_column + " " + FormatTimestamp(info.event_time) +
                                               " is ahead of the record's time " +
                                               FormatTimestamp(info.record->timestamp_ms * 1000),
                                           info.partition, *info.record, clock_.Now()));
        // The row is written again by the next record; child rows of lists and maps stay unused.
        return;
      }
      if (key_column_ >= 0) {
        const duckdb::Vector& keys = chunk.rows.data[size_t(key_column_)];
        if (duckdb::FlatVector::Validity(keys).RowIsValid(row)) {
          const duckdb::string_t& key = duckdb::FlatVector::GetData<duckdb::string_t>(keys)[row];
          info.key = KeyOfText({key.GetData(), key.GetSize()});
          info.has_key = true;
        }
      }
      chunk.min_event_time = std::min(chunk.min_event_time.value_or(info.event_time), info.event_time);
      chunk.max_event_time = std::max(chunk.max_event_time.value_or(info.event_time), info.event_time);
    }
  }
  chunk.infos.push_back(info);
}

Key128 KeyOfText(std::string_view text) {
  Key128 key;
  const bool lower = std::none_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'F'; });
  if (text.size() == 36 && lower && ParseUuid(text, key.high, key.low)) return key;
  return HashKey(text);
}

}  // namespace tarn::stream
