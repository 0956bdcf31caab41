#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "stream/batch_relation.h"
#include "stream/dead_letter_table.h"
#include "stream/deduplicator.h"
#include "stream/micro_batch.h"
#include "stream/parquet_writer.h"
#include "stream/progress.h"
#include "stream/stream.h"

namespace tarn::stream {

// Chunks on their way into one commit, and how far they have got. A failed step is tried again from where it stands.
struct MicroBatch {
  std::vector<std::unique_ptr<StreamChunk>> chunks;  // decoded

  bool judged = false;  // dead letters are known
  std::set<int32_t> deduplicated_days;
  bool deduplicated = false;        // kept rows are known
  std::vector<DeadLetter> letters;  // to be written: not those that an earlier try has committed
  std::vector<table::DataFile> files, letter_files;
  bool written = false, letters_written = false;
  std::string commit_id, letters_commit_id;  // the same for every try
  bool letters_committed = false, committed = false;
  bool outcome_unknown = false;  // files may be named by a commit that we could not read back
  bool publish_tried = false, published = false;
  StreamProgress after;
  LetterProgress letters_after;
  BatchStatus status;
  Micros began_at = 0;  // steady
};

// Makes each record of a stream count once: rows, letters and progress of a batch, in an order that a crash at any
// point can be taken up from. README.md lists the crash points. Thread-compatible.
class BatchCommitter {
 public:
  // `options` and the dependencies outlive it. kInvalidArgument as Stream::Make.
  static Result<std::unique_ptr<BatchCommitter>> Make(const StreamOptions& options, StreamDependencies& dependencies);

  // Reads back where the tables stand for this incarnation of the topic, and makes the dead-letter topic equal to the
  // table. May be called again.
  Status Recover(const std::string& topic_id);
  // Offsets no longer mean the records that they meant: what is known by offset is forgotten.
  void ForgetOffsets();
  // Commits these offsets as progress without rows: the choice of a first start.
  Status CommitStart(const std::map<int32_t, int64_t>& offsets);

  // The next step of the batch, and all after it. On success the batch is done.
  Status Commit(MicroBatch& batch);
  // Gives a batch up: deletes its files unless a commit may name them.
  void Abandon(MicroBatch& batch);

  const StreamProgress& progress() const { return progress_; }
  uint64_t deduplication_bytes() const { return deduplicator_->bytes(); }

 private:
  BatchCommitter(const StreamOptions& options, StreamDependencies& dependencies)
      : options_(options), dependencies_(dependencies), random_(Random::FromEntropy()) {}

  void Judge(MicroBatch& batch);
  void TakeDecodedLetters(MicroBatch& batch, StreamChunk& chunk);
  void JudgeEventTimes(MicroBatch& batch);
  Status DropDuplicates(MicroBatch& batch);
  void Count(MicroBatch& batch);
  Status WriteRows(MicroBatch& batch);
  Status CommitLetters(MicroBatch& batch);
  Status CommitRows(MicroBatch& batch);
  Status PublishLetters(MicroBatch& batch);
  Result<table::TableVersion> CommitTable(table::Table& table, const table::TableChange& change,
                                          table::TableVersion base, bool& outcome_unknown);
  Status ScanKeys(int32_t day, const std::function<void(const Key128&)>& each);
  // The reason, when the record has its letter from before a crash; decided: whether it was decided then at all.
  const std::string* KnownLetter(int32_t partition, int64_t offset, bool& decided) const;

  const StreamOptions& options_;
  StreamDependencies& dependencies_;
  Random random_;
  std::unique_ptr<engine::Connection> connection_;
  std::unique_ptr<BatchRelation> relation_;
  std::unique_ptr<ParquetWriter> writer_;
  std::unique_ptr<DeadLetterTable> letters_;
  std::unique_ptr<Deduplicator> deduplicator_;
  std::string select_sql_;

  std::string topic_id_;
  std::shared_ptr<const table::Snapshot> snapshot_;
  table::TableVersion letters_version_ = -1;
  StreamProgress progress_;
  LetterProgress letter_progress_;
  std::map<int32_t, std::map<int64_t, std::string>> known_;  // partition, offset: reason
  std::map<int32_t, int64_t> decided_to_;
};

}  // namespace tarn::stream
