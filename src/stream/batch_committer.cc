#include "stream/batch_committer.h"

#include <algorithm>

#include "base/failpoint.h"
#include "engine/duckdb_types.h"
#include "stream/stream_plan.h"

// One batch, step by step; each step is taken once, and what follows a crash between two of them is decided by what the
// tables hold:
//
//   1. Judge: letters and lateness. A letter that the dead-letter table already has for an offset stands, and so does
//      the decision that a record before its `letters_to` has none.
//   2. Drop duplicates.
//   3. Write the rows' Parquet files.
//   4. Commit letters, with the range of offsets they were decided for and the end of the dead-letter topic.
//   5. Commit rows, offsets, event times and counters together. This is the moment at which the batch happened.
//   6. Publish the letters to the topic.
//
// Crash before 4: nothing happened. Between 4 and 5: the records are read again; rule 1 keeps their letters. After 5:
// Recover compares the letters of the last range with the topic's tail and publishes what is missing.

namespace tarn::stream {
namespace {

void PutMax(std::optional<Micros>& to, std::optional<Micros> value) {
  if (value) to = std::max(to.value_or(*value), *value);
}

// A batch's rows in the order in which the first of equal keys wins: partition, then offset.
std::vector<RowInfo*> InOffsetOrder(MicroBatch& batch) {
  struct Segment {
    RowInfo* begin;
    size_t count;
  };
  std::vector<Segment> segments;
  size_t total = 0;
  for (auto& chunk : batch.chunks) {
    auto& infos = chunk->infos;
    for (size_t i = 0; i < infos.size(); ++i) {
      if (i == 0 || infos[i].partition != infos[i - 1].partition ||
          infos[i].record->offset < infos[i - 1].record->offset)
        segments.push_back({&infos[i], 0});
      ++segments.back().count;
    }
    total += infos.size();
  }
  std::stable_sort(segments.begin(), segments.end(), [](const Segment& a, const Segment& b) {
    return std::pair(a.begin->partition, a.begin->record->offset) <
           std::pair(b.begin->partition, b.begin->record->offset);
  });
  std::vector<RowInfo*> rows;
  rows.reserve(total);
  for (const Segment& segment : segments)
    for (size_t i = 0; i < segment.count; ++i) rows.push_back(segment.begin + i);
  return rows;
}

}  // namespace

Result<std::unique_ptr<BatchCommitter>> BatchCommitter::Make(const StreamOptions& options,
                                                             StreamDependencies& dependencies) {
  TARN_TRY(CheckOptions(options));
  std::unique_ptr<BatchCommitter> made(new BatchCommitter(options, dependencies));
  BatchCommitter& self = *made;
  duckdb::vector<duckdb::LogicalType> types;
  duckdb::vector<duckdb::string> names;
  for (const engine::Field& field : options.input.fields) {
    types.push_back(engine::ToDuckdb(field.type));
    names.push_back(field.name);
  }
  types.push_back(duckdb::LogicalType::TIMESTAMP);
  names.push_back("processing_timestamp");
  TARN_ASSIGN_OR_RETURN(self.connection_, dependencies.database.Connect());
  TARN_ASSIGN_OR_RETURN(self.relation_,
                        BatchRelation::Register(dependencies.database, "tarn_stream_batch_" + options.name,
                                                std::move(types), std::move(names)));
  TARN_TRY(self.connection_->Execute("CREATE TEMP VIEW batch AS SELECT * FROM " +
                                     engine::QuoteIdentifier(self.relation_->name()) + "()"));
  TARN_ASSIGN_OR_RETURN(self.snapshot_, dependencies.table->Latest());
  TARN_ASSIGN_OR_RETURN(self.select_sql_, PlanModel(*self.connection_, options, *self.snapshot_));
  const ParquetWriter::Options parquet{.store_scheme = dependencies.store_scheme,
                                       .compression = options.compression,
                                       .row_group_rows = options.row_group_rows};
  self.writer_ = std::make_unique<ParquetWriter>(*self.connection_, *dependencies.table, dependencies.clock, parquet);
  TARN_ASSIGN_OR_RETURN(self.letters_, DeadLetterTable::Make(dependencies.database, *dependencies.dead_letter_table,
                                                             dependencies.clock, options.name, parquet));
  self.deduplicator_ = std::make_unique<Deduplicator>(
      options.deduplication_bytes_max,
      [&self](int32_t day, const std::function<void(const Key128&)>& each) { return self.ScanKeys(day, each); });
  return made;
}

Status BatchCommitter::Recover(const std::string& topic_id) {
  topic_id_ = topic_id;
  TARN_ASSIGN_OR_RETURN(snapshot_, dependencies_.table->Latest());
  progress_ = ReadProgress(*snapshot_, options_.name, topic_id);
  TARN_ASSIGN_OR_RETURN(const auto letters, dependencies_.dead_letter_table->Latest());
  letters_version_ = letters->version;
  letter_progress_ = ReadLetterProgress(*letters, options_.name, topic_id);
  known_.clear();
  decided_to_ = letter_progress_.to;
  OffsetRanges ranges;
  for (const auto& [partition, to] : letter_progress_.to) {
    const auto committed = progress_.offsets.find(partition);
    const int64_t from = letter_progress_.from[partition];
    const int64_t next = committed == progress_.offsets.end() ? 0 : committed->second;
    if (std::min(from, next) < to) ranges[partition] = {std::min(from, next), to};
  }
  TARN_ASSIGN_OR_RETURN(std::vector<DeadLetter> found,
                        letters_->Read(*letters, options_.topic, ranges, letter_progress_.since.value_or(0)));
  std::vector<DeadLetter> last;  // those of the last batch with letters
  for (DeadLetter& letter : found) {
    const auto committed = progress_.offsets.find(letter.partition);
    if (committed == progress_.offsets.end() || letter.offset >= committed->second)
      known_[letter.partition][letter.offset] = letter.reason;
    if (letter.offset >= letter_progress_.from[letter.partition]) last.push_back(std::move(letter));
  }
  if (last.empty()) return Ok();
  TARN_FAILPOINT("stream.dead_letter_topic.before_read_back");
  TARN_ASSIGN_OR_RETURN(const auto there,
                        dependencies_.dead_letter_topic.OriginsFrom(letter_progress_.topic_end.value_or(0)));
  std::erase_if(last, [&](const DeadLetter& letter) {
    return there.contains({letter.topic, letter.partition, letter.offset});
  });
  return last.empty() ? Ok() : dependencies_.dead_letter_topic.Publish(last);
}

void BatchCommitter::ForgetOffsets() {
  known_.clear();
  decided_to_.clear();
}

Status BatchCommitter::CommitStart(const std::map<int32_t, int64_t>& offsets) {
  StreamProgress after = progress_;
  for (const auto& [partition, offset] : offsets) after.offsets[partition] = offset;
  const table::TableChange change{.commit_id = MakeUuid(random_),
                                  .operation = "STREAMING UPDATE",
                                  .progress = ProgressSteps(progress_, after, options_.name, topic_id_)};
  if (change.progress.empty()) return Ok();
  bool unknown = false;
  TARN_TRY(CommitTable(*dependencies_.table, change, snapshot_->version, unknown));
  progress_ = std::move(after);
  return Ok();
}

const std::string* BatchCommitter::KnownLetter(int32_t partition, int64_t offset, bool& decided) const {
  const auto to = decided_to_.find(partition);
  decided = to != decided_to_.end() && offset < to->second;
  if (!decided) return nullptr;
  const auto known = known_.find(partition);
  if (known == known_.end()) return nullptr;
  const auto found = known->second.find(offset);
  return found == known->second.end() ? nullptr : &found->second;
}

void BatchCommitter::TakeDecodedLetters(MicroBatch& batch, StreamChunk& chunk) {
  bool decided = false;
  for (DeadLetter& letter : chunk.letters) {
    const std::string* reason = KnownLetter(letter.partition, letter.offset, decided);
    ++batch.status.dead_letters[reason != nullptr ? *reason : letter.reason];
    if (reason == nullptr) batch.letters.push_back(std::move(letter));
  }
  chunk.letters.clear();
  if (decided_to_.empty()) return;
  for (RowInfo& row : chunk.infos) {
    const std::string* reason = KnownLetter(row.partition, row.record->offset, decided);
    if (reason == nullptr) continue;
    ++batch.status.dead_letters[*reason];
    row.dropped = true;
  }
}

// Rows are judged in the order of their records' times, against the highest event time before them: so one partition
// that is read before another does not make the other's records late.
void BatchCommitter::JudgeEventTimes(MicroBatch& batch) {
  std::optional<Micros> lowest, highest = progress_.max_event_time;
  for (const auto& chunk : batch.chunks) {
    if (chunk->min_event_time) lowest = std::min(lowest.value_or(*chunk->min_event_time), *chunk->min_event_time);
    PutMax(highest, chunk->max_event_time);
  }
  if (!lowest) return;
  if (*lowest >= *highest - std::min(options_.watermark_delay, options_.allowed_lateness)) return;
  std::vector<RowInfo*> rows = InOffsetOrder(batch);
  std::stable_sort(rows.begin(), rows.end(), [](const RowInfo* a, const RowInfo* b) {
    return a->record->timestamp_ms < b->record->timestamp_ms;
  });
  std::optional<Micros> seen = progress_.max_event_time;
  const Micros now = dependencies_.clock.Now();
  for (RowInfo* row : rows) {
    if (row->dropped) continue;
    bool decided = false;
    (void)KnownLetter(row->partition, row->record->offset, decided);
    const Micros behind = seen ? *seen - row->event_time : 0;
    if (behind > options_.allowed_lateness && !decided) {
      row->dropped = true;
      ++batch.status.dead_letters[std::string(LetterReasonName(LetterReason::kTooLate))];
      batch.letters.push_back(MakeLetter(options_, LetterReason::kTooLate,
                                         options_.time_column + " " + FormatTimestamp(row->event_time) +
                                             " is too far behind the highest seen, " + FormatTimestamp(*seen),
                                         row->partition, *row->record, now));
      continue;
    }
    row->late = behind > options_.watermark_delay;
    PutMax(seen, row->event_time);
  }
}

void BatchCommitter::Judge(MicroBatch& batch) {
  batch.after = progress_;
  batch.commit_id = MakeUuid(random_);
  batch.letters_commit_id = MakeUuid(random_);
  for (auto& chunk : batch.chunks) {
    for (const RecordPiece& piece : chunk->pieces) {
      const int32_t partition = piece.run->partition;
      const auto before = progress_.offsets.find(partition);
      const int64_t first = piece.begin < piece.end ? piece.run->records[piece.begin].offset : piece.next_offset;
      batch.status.offsets.try_emplace(partition, before == progress_.offsets.end() ? first : before->second,
                                       piece.next_offset);
      batch.status.offsets[partition].second = piece.next_offset;
      batch.after.offsets[partition] = piece.next_offset;
    }
    batch.status.input_rows += chunk->record_count;
    batch.status.decode += chunk->decode_time;
    TakeDecodedLetters(batch, *chunk);
  }
  JudgeEventTimes(batch);
  std::sort(batch.letters.begin(), batch.letters.end(), [](const DeadLetter& a, const DeadLetter& b) {
    return std::pair(a.partition, a.offset) < std::pair(b.partition, b.offset);
  });
  batch.judged = true;
}

Status BatchCommitter::DropDuplicates(MicroBatch& batch) {
  if (options_.key_column.empty() || options_.time_column.empty()) return Ok();
  std::vector<RowInfo*> rows = InOffsetOrder(batch);
  // Dropped ones of a day that is done are duplicates already counted.
  std::erase_if(rows, [&](const RowInfo* row) {
    return row->dropped || (row->has_key && batch.deduplicated_days.contains(DayOf(row->event_time)));
  });
  return deduplicator_->Deduplicate(rows, batch.deduplicated_days, batch.status.duplicates);
}

void BatchCommitter::Count(MicroBatch& batch) {
  for (auto& chunk : batch.chunks) {
    chunk->kept.clear();
    for (size_t row = 0; row < chunk->infos.size(); ++row) {
      const RowInfo& info = chunk->infos[row];
      if (info.dropped) continue;
      chunk->kept.push_back(duckdb::sel_t(row));
      batch.status.late += info.late;
      if (options_.time_column.empty()) continue;
      auto& highest = batch.after.max_event_times;
      const auto [place, added] = highest.try_emplace(info.partition, info.event_time);
      if (!added) place->second = std::max(place->second, info.event_time);
      PutMax(batch.after.max_event_time, info.event_time);
    }
    chunk->some_dropped = chunk->kept.size() < chunk->infos.size();
  }
}

Status BatchCommitter::WriteRows(MicroBatch& batch) {
  RelationRows rows;
  for (auto& chunk : batch.chunks) {
    if (chunk->kept.empty()) continue;
    rows.chunks.push_back({.chunk = &chunk->rows,
                           .selection = chunk->some_dropped ? chunk->kept.data() : nullptr,
                           .count = chunk->kept.size()});
  }
  if (rows.chunks.empty()) {
    batch.written = true;
    return Ok();
  }
  rows.timestamp = dependencies_.clock.Now();
  relation_->Set(std::move(rows));
  Status written = writer_->Write(select_sql_, *snapshot_, batch.files);
  relation_->Clear();
  if (!written.ok()) {
    writer_->DeleteFiles(batch.files);
    batch.files.clear();
    return written;
  }
  // A model that keeps no row leaves no file.
  std::erase_if(batch.files, [&](const table::DataFile& file) {
    if (file.record_count == 0) writer_->DeleteFiles({file});
    return file.record_count == 0;
  });
  for (const table::DataFile& file : batch.files) {
    batch.status.stored_rows += uint64_t(file.record_count);
    batch.status.bytes += file.size;
  }
  batch.status.files = batch.files.size();
  batch.written = true;
  return Ok();
}

Result<table::TableVersion> BatchCommitter::CommitTable(table::Table& table, const table::TableChange& change,
                                                        table::TableVersion base, bool& outcome_unknown) {
  auto committed = table.CommitTable(change);
  if (committed.ok() || !(committed.Is(ErrorCode::kFenced) || committed.Is(ErrorCode::kOutcomeUnknown) ||
                          committed.Is(ErrorCode::kFailedPrecondition)))
    return committed;
  // Perhaps it was our own try that advanced the table.
  outcome_unknown = true;
  TARN_TRY(table.Latest());
  TARN_ASSIGN_OR_RETURN(const auto found, table.FindCommit(change.commit_id, base));
  if (found) return *found;
  if (committed.Is(ErrorCode::kFenced)) {
    outcome_unknown = false;
    return committed;
  }
  return Error(ErrorCode::kUnavailable, "tried again: " + committed.error().ToString());
}

Status BatchCommitter::CommitLetters(MicroBatch& batch) {
  if (batch.letters.empty()) {
    batch.letters_committed = batch.published = true;
    return Ok();
  }
  if (!batch.letters_written) {
    Status written = letters_->Write(batch.letters, batch.letter_files);
    if (!written.ok()) {
      letters_->writer().DeleteFiles(batch.letter_files);
      batch.letter_files.clear();
      return written;
    }
    batch.letters_after = letter_progress_;
    // Letters of the batches before are in the topic: what is not in this batch has an empty range.
    batch.letters_after.from = batch.letters_after.to;
    for (const auto& [partition, offsets] : batch.status.offsets) {
      const auto decided = decided_to_.find(partition);
      const int64_t to = decided == decided_to_.end() ? offsets.first : decided->second;
      batch.letters_after.from[partition] = std::max(to, offsets.first);
      batch.letters_after.to[partition] = std::max(to, offsets.second);
    }
    if (!batch.letters_after.since)
      batch.letters_after.since =
          std::min_element(batch.letters.begin(), batch.letters.end(), [](const DeadLetter& a, const DeadLetter& b) {
            return a.failed_at < b.failed_at;
          })->failed_at;
    TARN_ASSIGN_OR_RETURN(batch.letters_after.topic_end, dependencies_.dead_letter_topic.End());
    batch.letters_written = true;
  }
  table::TableChange change{
      .commit_id = batch.letters_commit_id,
      .operation = "STREAMING UPDATE",
      .added_files = batch.letter_files,
      .progress = LetterProgressSteps(letter_progress_, batch.letters_after, options_.name, topic_id_)};
  change.metrics["numOutputRows"] = std::to_string(batch.letters.size());
  TARN_FAILPOINT("stream.dead_letters.before_commit");
  TARN_ASSIGN_OR_RETURN(letters_version_,
                        CommitTable(*dependencies_.dead_letter_table, change, letters_version_, batch.outcome_unknown));
  batch.outcome_unknown = false;
  batch.letters_committed = true;
  letter_progress_ = batch.letters_after;
  for (const auto& [partition, to] : letter_progress_.to) decided_to_[partition] = to;
  TARN_FAILPOINT("stream.dead_letters.after_commit");
  return Ok();
}

Status BatchCommitter::CommitRows(MicroBatch& batch) {
  BatchStatus& status = batch.status;
  uint64_t letters = 0;
  for (const auto& [reason, count] : status.dead_letters) letters += count;
  const uint64_t counts[kStreamCounters] = {status.stored_rows, status.duplicates, letters, status.late};
  for (size_t i = 0; i < kStreamCounters; ++i)
    batch.after.counters[i] = progress_.counters[i].value_or(0) + int64_t(counts[i]);
  table::TableChange change{.commit_id = batch.commit_id,
                            .operation = "STREAMING UPDATE",
                            .added_files = batch.files,
                            .progress = ProgressSteps(progress_, batch.after, options_.name, topic_id_)};
  change.metrics = {
      {"numInputRows", std::to_string(status.input_rows)},  {"numOutputRows", std::to_string(status.stored_rows)},
      {"numOutputBytes", std::to_string(status.bytes)},     {"numAddedFiles", std::to_string(status.files)},
      {"numDuplicates", std::to_string(status.duplicates)}, {"numDeadLetters", std::to_string(letters)},
      {"numLateRows", std::to_string(status.late)}};
  TARN_FAILPOINT("stream.before_commit");
  TARN_ASSIGN_OR_RETURN(status.version,
                        CommitTable(*dependencies_.table, change, snapshot_->version, batch.outcome_unknown));
  batch.outcome_unknown = false;
  batch.committed = true;
  progress_ = batch.after;
  for (const auto& [partition, offset] : progress_.offsets) {
    const auto decided = decided_to_.find(partition);
    if (decided == decided_to_.end() || decided->second > offset) continue;
    known_.erase(partition);
    decided_to_.erase(decided);
  }
  TARN_FAILPOINT("stream.after_commit");
  return Ok();
}

Status BatchCommitter::PublishLetters(MicroBatch& batch) {
  TARN_FAILPOINT("stream.dead_letter_topic.before");
  std::vector<DeadLetter> letters = batch.letters;
  if (batch.publish_tried) {
    TARN_ASSIGN_OR_RETURN(const auto there,
                          dependencies_.dead_letter_topic.OriginsFrom(batch.letters_after.topic_end.value_or(0)));
    std::erase_if(letters, [&](const DeadLetter& letter) {
      return there.contains({letter.topic, letter.partition, letter.offset});
    });
  }
  batch.publish_tried = true;
  if (!letters.empty()) TARN_TRY(dependencies_.dead_letter_topic.Publish(letters));
  TARN_FAILPOINT("stream.dead_letter_topic.after");
  batch.published = true;
  return Ok();
}

Status BatchCommitter::Commit(MicroBatch& batch) {
  Clock& clock = dependencies_.clock;
  if (!batch.judged) Judge(batch);
  if (!batch.deduplicated) {
    const Micros begin = clock.Steady();
    TARN_TRY(DropDuplicates(batch));
    Count(batch);
    batch.deduplicated = true;
    batch.status.deduplicate = clock.Steady() - begin;
  }
  if (!batch.written) {
    const Micros begin = clock.Steady();
    TARN_TRY(WriteRows(batch));
    batch.status.write = clock.Steady() - begin;
  }
  const Micros begin = clock.Steady();
  if (!batch.letters_committed) TARN_TRY(CommitLetters(batch));
  if (!batch.committed) {
    TARN_TRY(CommitRows(batch));
    batch.status.commit = clock.Steady() - begin;
  }
  if (!batch.published) TARN_TRY(PublishLetters(batch));
  return Ok();
}

void BatchCommitter::Abandon(MicroBatch& batch) {
  if (batch.outcome_unknown) return;
  if (!batch.committed) writer_->DeleteFiles(batch.files);
  if (!batch.letters_committed) letters_->writer().DeleteFiles(batch.letter_files);
}

Status BatchCommitter::ScanKeys(int32_t day, const std::function<void(const Key128&)>& each) {
  constexpr Micros kDay = 86'400'000'000;
  TARN_ASSIGN_OR_RETURN(const auto snapshot, dependencies_.table->Latest());
  const Micros begin = Micros(day) * kDay, end = begin + kDay;
  const std::string time_name = snapshot->schema.fields[size_t(snapshot->schema.IndexOf(options_.time_column))].name;
  const std::string from = FormatTimestamp(begin), to = FormatTimestamp(end);
  std::vector<std::string> paths;
  for (const auto& file : snapshot->files) {
    // ISO 8601 texts of one form sort by time; a bound may lack the zone or be cut, which keeps the order by the
    // seconds that a day begins and ends with.
    const auto bounds = file->statistics.find(time_name);
    if (bounds != file->statistics.end() && bounds->second.min && bounds->second.max &&
        (bounds->second.max->substr(0, 19) < from.substr(0, 19) ||
         bounds->second.min->substr(0, 19) >= to.substr(0, 19)))
      continue;
    paths.push_back(file->path);
  }
  if (paths.empty()) return Ok();
  const std::string time = engine::QuoteIdentifier(time_name), key = engine::QuoteIdentifier(options_.key_column);
  TARN_ASSIGN_OR_RETURN(
      const auto rows,
      connection_->Query("SELECT " + key + " FROM " +
                         ReadParquetSql(dependencies_.store_scheme, dependencies_.table->location(), paths) +
                         " WHERE epoch_us(" + time + ") >= " + std::to_string(begin) + " AND epoch_us(" + time +
                         ") < " + std::to_string(end) + " AND " + key + " IS NOT NULL"));
  while (true) {
    TARN_ASSIGN_OR_RETURN(duckdb::DataChunk * chunk, rows->Next());
    if (chunk == nullptr) return Ok();
    chunk->Flatten();
    const auto* keys = duckdb::FlatVector::GetData<duckdb::string_t>(chunk->data[0]);
    for (duckdb::idx_t row = 0; row < chunk->size(); ++row) each(KeyOfText({keys[row].GetData(), keys[row].GetSize()}));
  }
}

}  // namespace tarn::stream
