#include "stream/stream.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/failpoint.h"
#include "stream/batch_committer.h"
#include "stream/freshness.h"
#include "stream/record_queue.h"

// Two threads. The reader attaches to the source, polls it, and fills the queue, which decodes. The writer takes
// batches and commits them, one after another. Each tries again by itself after a failure, ever more rarely, and each
// reports its own failure: the stream runs when neither has one.

namespace tarn::stream {
namespace {

constexpr uint64_t kPollBytes = 2 << 20;
constexpr Micros kPollTimeout = 200'000;        // how long Stop waits for the reader
constexpr Micros kRefreshInterval = 2'000'000;  // of the topic's end offsets, for the lag
constexpr Micros kBackOffMin = 50'000, kBackOffMax = 2'000'000;
constexpr Micros kDrainPatience = 10'000'000;  // of a drain whose commits fail
constexpr uint64_t kLingerBytes = 16 << 10;    // a smaller run is a trickle: let some records gather

// Whether trying again can help. What a person has to put right does not go away.
bool IsFatal(const Error& error) {
  switch (error.code()) {
    case ErrorCode::kFenced:
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kUnsupported:
    case ErrorCode::kOutOfRange:
    case ErrorCode::kInternal:
      return true;
    case ErrorCode::kConflict:
    case ErrorCode::kOutcomeUnknown:
    case ErrorCode::kUnavailable:
    case ErrorCode::kNotFound:
    case ErrorCode::kAlreadyExists:
    case ErrorCode::kCorruption:
    case ErrorCode::kCancelled:
    case ErrorCode::kResourceExhausted:
    case ErrorCode::kPermissionDenied:
    case ErrorCode::kFailedPrecondition:
    case ErrorCode::kTimedOut:
    case ErrorCode::kIoError:
      return false;
  }
  return false;
}

struct StreamMetrics {
  StreamMetrics(Metrics& metrics, const std::string& name)
      : rows(metrics.GetCounter("tarn_stream_rows_total", "Rows stored.", {{"stream", name}})),
        input(metrics.GetCounter("tarn_stream_records_total", "Records taken from the topic.", {{"stream", name}})),
        duplicates(metrics.GetCounter("tarn_stream_duplicates_total", "Records that were stored already.",
                                      {{"stream", name}})),
        late(
            metrics.GetCounter("tarn_stream_late_rows_total", "Stored rows behind the watermark.", {{"stream", name}})),
        batches(metrics.GetCounter("tarn_stream_batches_total", "Micro-batches committed.", {{"stream", name}})),
        retries(metrics.GetCounter("tarn_stream_retries_total", "Failed tries, of reading or writing.",
                                   {{"stream", name}})),
        unknown_fields(metrics.GetCounter("tarn_stream_unknown_fields_total", "Fields that the schema does not name.",
                                          {{"stream", name}})),
        lag(metrics.GetGauge("tarn_stream_lag_records", "Records in the topic that are not committed.",
                             {{"stream", name}})),
        memory(metrics.GetGauge("tarn_stream_memory_bytes", "Queues and de-duplication.", {{"stream", name}})),
        p50(metrics.GetGauge("tarn_stream_freshness_seconds", "Age of records when committed.",
                             {{"stream", name}, {"quantile", "0.5"}})),
        p99(metrics.GetGauge("tarn_stream_freshness_seconds", "Age of records when committed.",
                             {{"stream", name}, {"quantile", "0.99"}})),
        seconds(metrics.GetHistogram("tarn_stream_batch_seconds", "From taking a batch to its commit.",
                                     LatencyBuckets(), {{"stream", name}})) {
    for (const LetterReason reason : kLetterReasons)
      letters[std::string(LetterReasonName(reason))] =
          &metrics.GetCounter("tarn_stream_dead_letters_total", "Dead letters.",
                              {{"stream", name}, {"reason", std::string(LetterReasonName(reason))}});
  }
  Counter &rows, &input, &duplicates, &late, &batches, &retries, &unknown_fields;
  Gauge &lag, &memory, &p50, &p99;
  Histogram& seconds;
  std::map<std::string, Counter*> letters;
};

class StreamImpl final : public Stream {
 public:
  StreamImpl(StreamOptions options, StreamDependencies dependencies)
      : options_(std::move(options)),
        dependencies_(std::move(dependencies)),
        metrics_(dependencies_.metrics, options_.name) {}
  ~StreamImpl() override { Stop(false); }

  Status Prepare() {
    TARN_ASSIGN_OR_RETURN(committer_, BatchCommitter::Make(options_, dependencies_));
    return Ok();
  }

  Status Start() override;
  void Stop(bool drain) override;
  StreamStatus CurrentStatus() const override;
  Status AwaitCaughtUp(Micros timeout) override;

 private:
  // What one of the two threads can not get done at present.
  struct Trouble {
    Micros since = 0;  // steady
    std::string reason;
  };

  void ReadLoop();
  void BeginStep();  // of the reader
  void WriteLoop();
  Status Attach();
  Status Poll();
  Result<std::map<int32_t, int64_t>> Positions(const std::map<int32_t, PartitionRange>& ranges);
  Result<int64_t> LostPosition(const std::string& what, const PartitionRange& range);
  Status RefreshEnds();
  void CommitBatch(MicroBatch& batch);
  void Record(MicroBatch& batch);
  void Publish();
  void Settle();

  void Failed(std::optional<Trouble>& trouble, const Error& error, const char* doing);
  void Recovered(std::optional<Trouble>& trouble);
  void Fail(const Error& error);
  bool stopping() const { return stop_reading_.load(std::memory_order_relaxed); }

  StreamOptions options_;
  StreamDependencies dependencies_;
  StreamMetrics metrics_;
  std::unique_ptr<BatchCommitter> committer_;  // the writer's, except while nothing is queued
  std::unique_ptr<RecordQueue> queue_;
  std::thread reader_, writer_;
  std::mutex control_mutex_;  // Start and Stop
  std::atomic<bool> stop_reading_{false};
  std::atomic<Micros> give_up_at_{0};  // steady time from which a failing drain ends; 0: not draining
  std::atomic<bool> hard_stop_{false};

  // The reader's own.
  std::string topic_id_;
  bool recovered_ = false, attached_ = false;
  std::map<int32_t, int64_t> positions_;  // next offset to poll
  Micros refreshed_at_ = 0;
  FreshnessWindow freshness_;  // the writer's own

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  StreamStatus status_;
  std::optional<Trouble> reading_, writing_;
  std::optional<std::string> fatal_;
  bool running_ = false;
  uint64_t refresh_wanted_ = 0, refresh_done_ = 0;
  Micros batch_began_at_ = 0;   // steady; 0: the writer has none
  Micros reader_began_at_ = 0;  // steady; of the reader's step that is on its way
  bool unpublished_ = false;    // the last committed batch's letters are not all in their topic
};

Status StreamImpl::Start() {
  std::lock_guard control(control_mutex_);
  {
    std::lock_guard lock(mutex_);
    if (running_) return Error(ErrorCode::kFailedPrecondition, "stream " + options_.name + " is running");
    running_ = true;
    fatal_.reset();
    reading_.reset();
    writing_.reset();
  }
  if (reader_.joinable()) reader_.join();
  if (writer_.joinable()) writer_.join();
  stop_reading_ = hard_stop_ = false;
  give_up_at_ = 0;
  recovered_ = attached_ = false;
  auto queue = std::make_unique<RecordQueue>(options_, dependencies_.clock);
  {
    std::lock_guard lock(mutex_);
    queue_ = std::move(queue);
  }
  writer_ = std::thread([this] { WriteLoop(); });
  reader_ = std::thread([this] { ReadLoop(); });
  return Ok();
}

void StreamImpl::Stop(bool drain) {
  std::lock_guard control(control_mutex_);
  if (!queue_) return;
  stop_reading_ = true;
  if (!drain) {
    hard_stop_ = true;
    queue_->Close();
  } else {
    give_up_at_ = dependencies_.clock.Steady() + kDrainPatience;
  }
  if (reader_.joinable()) reader_.join();
  queue_->Drain();
  if (writer_.joinable()) writer_.join();
  std::lock_guard lock(mutex_);
  queue_.reset();
  running_ = false;
  changed_.notify_all();
}

void StreamImpl::Failed(std::optional<Trouble>& trouble, const Error& error, const char* doing) {
  metrics_.retries.Add();
  const std::string reason = std::string(doing) + ": " + error.ToString();
  dependencies_.logger.Warn("stream", "a try failed", {{"stream", options_.name}, {"error", reason}});
  std::lock_guard lock(mutex_);
  if (!trouble) trouble = Trouble{.since = dependencies_.clock.Steady()};
  trouble->reason = reason;
  status_.last_error = reason;
  changed_.notify_all();
}

void StreamImpl::Recovered(std::optional<Trouble>& trouble) {
  std::lock_guard lock(mutex_);
  if (!trouble) return;
  trouble.reset();
  dependencies_.logger.Info("stream", "recovered", {{"stream", options_.name}});
}

void StreamImpl::Fail(const Error& error) {
  dependencies_.logger.Error("stream", "stopped", {{"stream", options_.name}, {"error", error.ToString()}});
  stop_reading_ = true;
  std::lock_guard lock(mutex_);
  if (!fatal_) fatal_ = error.ToString();
  status_.last_error = error.ToString();
  changed_.notify_all();
}

void StreamImpl::BeginStep() {
  std::lock_guard lock(mutex_);
  reader_began_at_ = dependencies_.clock.Steady();
}

void StreamImpl::ReadLoop() {
  Micros back_off = kBackOffMin;
  while (!stopping()) {
    BeginStep();
    Status done = attached_ ? Status() : Attach();
    if (done.ok()) done = Poll();
    if (done.ok()) {
      Recovered(reading_);
      back_off = kBackOffMin;
      continue;
    }
    if (done.Is(ErrorCode::kCancelled) && stopping()) return;
    // Lost offsets are for Attach to decide about; found out by polling, that is where to go again.
    if (IsFatal(done.error()) && !(attached_ && done.Is(ErrorCode::kOutOfRange))) {
      Fail(done.error());
      queue_->Drain();
      return;
    }
    attached_ = false;
    Failed(reading_, done.error(), "reading");
    for (Micros waited = 0; waited < back_off && !stopping(); waited += kPollTimeout)
      queue_->Pause(std::min(kPollTimeout, back_off - waited));
    back_off = std::min(back_off * 2, kBackOffMax);
  }
}

Status StreamImpl::Attach() {
  Source& source = dependencies_.source;
  TARN_ASSIGN_OR_RETURN(const std::string topic_id, source.TopicId());
  if (!recovered_ || topic_id != topic_id_) {
    // The committer is the writer's as long as there is anything to write.
    while (!queue_->AwaitDrained(kPollTimeout)) {
      if (stopping()) return Error(ErrorCode::kCancelled, "stopped");
      BeginStep();
    }
    recovered_ = false;
    positions_.clear();
    TARN_TRY(committer_->Recover(topic_id));
    topic_id_ = topic_id;
  }
  TARN_ASSIGN_OR_RETURN(const auto ranges, source.Partitions());
  TARN_ASSIGN_OR_RETURN(const auto positions, Positions(ranges));
  if (!recovered_) {
    // Where a topic is not read from its beginning, that choice must survive a crash before the first batch.
    const bool chosen = std::any_of(positions.begin(), positions.end(), [&](const auto& position) {
      const auto& committed = committer_->progress().offsets;
      const auto found = committed.find(position.first);
      return found == committed.end() && position.second != ranges.at(position.first).begin;
    });
    if (chosen) TARN_TRY(committer_->CommitStart(positions));
    Publish();
  }
  for (const auto& [partition, offset] : positions) TARN_TRY(source.Seek(partition, offset));
  positions_ = positions;
  recovered_ = attached_ = true;
  return RefreshEnds();
}

Result<int64_t> StreamImpl::LostPosition(const std::string& what, const PartitionRange& range) {
  const std::string available = std::to_string(range.begin) + " to " + std::to_string(range.end);
  if (options_.on_lost_offsets == OnLostOffsets::kStop)
    return Error(ErrorCode::kOutOfRange,
                 what + ", but offsets " + available +
                     " are available: the topic was created again, or retention removed records. Set on_lost_offsets "
                     "to earliest (go on with the oldest record there is) or latest (with the next new one)");
  const int64_t position = options_.on_lost_offsets == OnLostOffsets::kEarliest ? range.begin : range.end;
  dependencies_.logger.Warn("stream", "offsets lost",
                            {{"stream", options_.name}, {"what", what}, {"goes_on_at", position}});
  return position;
}

// Where to read on: positions that were polled before a failure, then committed offsets, then the setting.
Result<std::map<int32_t, int64_t>> StreamImpl::Positions(const std::map<int32_t, PartitionRange>& ranges) {
  std::map<int32_t, int64_t> positions;
  const StreamProgress* progress = recovered_ ? nullptr : &committer_->progress();
  const std::string topic = "topic " + options_.topic + " partition ";
  bool lost = false;
  for (const auto& [partition, range] : ranges) {
    std::optional<int64_t> offset;
    if (progress == nullptr) {
      const auto polled = positions_.find(partition);
      if (polled != positions_.end()) offset = polled->second;
    } else if (const auto found = progress->offsets.find(partition); found != progress->offsets.end()) {
      offset = found->second;
    }
    if (offset && *offset >= range.begin && *offset <= range.end) {
      positions[partition] = *offset;
    } else if (offset) {
      const std::string what =
          topic + std::to_string(partition) + ": offset " + std::to_string(*offset) + " is committed";
      TARN_ASSIGN_OR_RETURN(positions[partition], LostPosition(what, range));
      lost = true;
    } else if (progress != nullptr && !progress->started() && !progress->other_topics.empty()) {
      int64_t committed = 0;
      for (const auto& [id, offsets] : progress->other_topics)
        if (const auto old = offsets.find(partition); old != offsets.end())
          committed = std::max(committed, old->second);
      const std::string what = topic + std::to_string(partition) + ": offset " + std::to_string(committed) +
                               " is committed, of an earlier topic of this name";
      TARN_ASSIGN_OR_RETURN(positions[partition], LostPosition(what, range));
    } else {
      // A first start, or a partition that is new: of that nothing may be passed over.
      const bool latest = progress != nullptr && !progress->started() && options_.start == StartOffset::kLatest;
      positions[partition] = latest ? range.end : range.begin;
    }
  }
  if (progress != nullptr)
    for (const auto& [partition, offset] : progress->offsets)
      if (!ranges.contains(partition) && offset > 0) {
        TARN_TRY(LostPosition(topic + std::to_string(partition) + ": offset " + std::to_string(offset) +
                                  " is committed, but the partition is gone",
                              {}));
      }
  if (lost) {
    while (!queue_->AwaitDrained(kPollTimeout)) {
      if (stopping()) return Error(ErrorCode::kCancelled, "stopped");
      BeginStep();
    }
    committer_->ForgetOffsets();
  }
  return positions;
}

Status StreamImpl::RefreshEnds() {
  uint64_t wanted = 0;
  {
    std::lock_guard lock(mutex_);
    wanted = refresh_wanted_;
  }
  TARN_ASSIGN_OR_RETURN(const std::string topic_id, dependencies_.source.TopicId());
  TARN_ASSIGN_OR_RETURN(const auto ranges, dependencies_.source.Partitions());
  bool same = topic_id == topic_id_;
  for (const auto& [partition, range] : ranges) {
    const auto position = positions_.find(partition);
    same = same && position != positions_.end() && position->second >= range.begin && position->second <= range.end;
  }
  // New partitions, a new topic, records removed underneath: attach again.
  if (!same) attached_ = false;
  refreshed_at_ = dependencies_.clock.Steady();
  std::lock_guard lock(mutex_);
  for (const auto& [partition, range] : ranges) status_.partitions[partition].end = range.end;
  if (same) refresh_done_ = wanted;
  changed_.notify_all();
  return Ok();
}

Status StreamImpl::Poll() {
  bool wanted = false;
  {
    std::lock_guard lock(mutex_);
    wanted = refresh_wanted_ > refresh_done_;
  }
  if (wanted || dependencies_.clock.Steady() - refreshed_at_ > kRefreshInterval) {
    TARN_TRY(RefreshEnds());
    if (!attached_) return Ok();
  }
  if (!queue_->AwaitRoom(kPollTimeout)) return Ok();
  TARN_FAILPOINT("stream.fetch");
  TARN_ASSIGN_OR_RETURN(auto run, dependencies_.source.Poll(kPollBytes, kPollTimeout));
  if (!run) return Ok();
  positions_[run->partition] = run->next_offset;
  const bool trickle = run->bytes < kLingerBytes;
  queue_->Push(std::make_shared<const SourceRun>(std::move(*run)));
  if (trickle) queue_->Pause(std::min<Micros>(options_.commit_interval / 20, 25'000));
  return Ok();
}

void StreamImpl::WriteLoop() {
  while (true) {
    MicroBatch batch;
    batch.chunks = queue_->Take();
    if (batch.chunks.empty()) return;
    batch.began_at = dependencies_.clock.Steady();
    {
      std::lock_guard lock(mutex_);
      batch_began_at_ = batch.began_at;
    }
    CommitBatch(batch);
    batch.chunks.clear();
    queue_->Done();
    std::lock_guard lock(mutex_);
    batch_began_at_ = 0;
    if (fatal_) return;
  }
}

void StreamImpl::CommitBatch(MicroBatch& batch) {
  Micros back_off = kBackOffMin;
  bool recorded = false;
  while (true) {
    Status done = queue_->Decode(batch.chunks);
    if (done.ok()) done = committer_->Commit(batch);
    if (batch.committed && !recorded) {
      Record(batch);
      recorded = true;
    }
    if (done.ok()) {
      Settle();
      return Recovered(writing_);
    }
    if (IsFatal(done.error())) {
      committer_->Abandon(batch);
      return Fail(done.error());
    }
    Failed(writing_, done.error(), "writing");
    const Micros give_up_at = give_up_at_;
    if (!hard_stop_) queue_->Pause(back_off);
    if (hard_stop_ || (give_up_at != 0 && dependencies_.clock.Steady() > give_up_at)) {
      committer_->Abandon(batch);
      return Fail(
          Error(ErrorCode::kCancelled, "stopped before a batch could be committed: " + done.error().ToString()));
    }
    back_off = std::min(back_off * 2, kBackOffMax);
  }
}

// Rows, letters and the topic agree.
void StreamImpl::Settle() {
  std::lock_guard lock(mutex_);
  unpublished_ = false;
  changed_.notify_all();
}

// Copies what the committer knows into the status.
void StreamImpl::Publish() {
  const StreamProgress& progress = committer_->progress();
  const auto count = [&](StreamCounter counter) { return progress.counters[size_t(counter)].value_or(0); };
  std::lock_guard lock(mutex_);
  for (const auto& [partition, offset] : progress.offsets) status_.partitions[partition].committed = offset;
  for (const auto& [partition, time] : progress.max_event_times) status_.partitions[partition].max_event_time = time;
  status_.stored = count(StreamCounter::kStored);
  status_.duplicates = count(StreamCounter::kDuplicates);
  status_.dead_letters = count(StreamCounter::kDeadLetters);
  status_.late = count(StreamCounter::kLate);
  changed_.notify_all();
}

void StreamImpl::Record(MicroBatch& batch) {
  const Micros now = dependencies_.clock.Now(), steady = dependencies_.clock.Steady();
  BatchStatus& status = batch.status;
  status.duration = steady - batch.began_at;
  status.rows_per_second = double(status.input_rows) * 1e6 / double(std::max<Micros>(status.duration, 1));
  uint64_t unknown = 0;
  for (const auto& chunk : batch.chunks) {
    unknown += chunk->unknown_fields;
    for (const RowInfo& row : chunk->infos)
      if (!row.dropped) freshness_.Observe(now - row.record->timestamp_ms * 1000, steady);
  }
  metrics_.input.Add(double(status.input_rows));
  metrics_.rows.Add(double(status.stored_rows));
  metrics_.duplicates.Add(double(status.duplicates));
  metrics_.late.Add(double(status.late));
  metrics_.unknown_fields.Add(double(unknown));
  metrics_.batches.Add();
  metrics_.seconds.Observe(double(status.duration) / 1e6);
  for (const auto& [reason, count] : status.dead_letters)
    if (const auto counter = metrics_.letters.find(reason); counter != metrics_.letters.end())
      counter->second->Add(double(count));
  {
    std::lock_guard lock(mutex_);
    unpublished_ = !batch.published;
    ++status_.batches;
    status_.input_rows += status.input_rows;
    status_.unknown_fields += unknown;
    for (const auto& [reason, count] : status.dead_letters) status_.dead_letters_by_reason[reason] += count;
    status_.freshness_p50 = freshness_.Quantile(0.5);
    status_.freshness_p99 = freshness_.Quantile(0.99);
    status_.last_commit_at = now;
    status_.last_batch = status;
    status_.memory_bytes = committer_->deduplication_bytes();
    metrics_.p50.Set(status_.freshness_p50);
    metrics_.p99.Set(status_.freshness_p99);
  }
  Publish();
  const StreamStatus current = CurrentStatus();
  metrics_.lag.Set(double(current.lag));
  metrics_.memory.Set(double(current.memory_bytes));
}

StreamStatus StreamImpl::CurrentStatus() const {
  std::lock_guard lock(mutex_);
  StreamStatus status = status_;
  const Micros now = dependencies_.clock.Steady();
  if (queue_) status.memory_bytes += queue_->bytes();
  status.lag = 0;
  for (const auto& [partition, state] : status.partitions)
    status.lag += std::max<int64_t>(state.end - state.committed, 0);
  if (!running_) {
    status.state = fatal_ ? StreamState::kFailed : StreamState::kStopped;
    status.reason = fatal_ ? *fatal_ : "stopped";
    return status;
  }
  if (fatal_) {
    status.state = StreamState::kFailed;
    status.reason = *fatal_;
    return status;
  }
  status.state = StreamState::kRunning;
  status.healthy = true;
  for (const auto* trouble : {&reading_, &writing_}) {
    if (!*trouble) continue;
    status.state = StreamState::kRetrying;
    if (now - (*trouble)->since <= options_.health_timeout) continue;
    status.healthy = false;
    status.reason = (*trouble)->reason;
  }
  // A step of the reader is short; a client library that waits for a broker without end must not look healthy.
  const Micros reading_for = now - reader_began_at_;
  if (status.healthy && !stop_reading_ && reading_for > options_.health_timeout + kRefreshInterval) {
    status.healthy = false;
    status.reason = "the source has not answered for " + std::to_string(reading_for / 1'000'000) + " s";
  }
  constexpr Micros kBatchPatience = 60'000'000;
  if (status.healthy && batch_began_at_ != 0 && now - batch_began_at_ > kBatchPatience) {
    status.healthy = false;
    status.reason = "a batch has been on its way for " + std::to_string((now - batch_began_at_) / 1'000'000) + " s";
  }
  return status;
}

Status StreamImpl::AwaitCaughtUp(Micros timeout) {
  std::unique_lock lock(mutex_);
  const uint64_t wanted = ++refresh_wanted_;
  std::optional<std::map<int32_t, int64_t>> ends;
  const auto caught_up = [&] {
    if (fatal_ || !running_) return true;
    if (refresh_done_ < wanted || unpublished_) return false;
    if (!ends) {
      ends.emplace();
      for (const auto& [partition, state] : status_.partitions) (*ends)[partition] = state.end;
    }
    return std::all_of(ends->begin(), ends->end(),
                       [&](const auto& end) { return status_.partitions[end.first].committed >= end.second; });
  };
  const bool done = changed_.wait_for(lock, std::chrono::microseconds(timeout), caught_up);
  if (fatal_) return Error(ErrorCode::kFailedPrecondition, "stream " + options_.name + " has failed: " + *fatal_);
  if (!running_) return Error(ErrorCode::kFailedPrecondition, "stream " + options_.name + " is stopped");
  if (!done) return Error(ErrorCode::kTimedOut, "stream " + options_.name + " has not caught up");
  return Ok();
}

}  // namespace

Result<std::unique_ptr<Stream>> Stream::Make(StreamOptions options, StreamDependencies dependencies) {
  auto stream = std::make_unique<StreamImpl>(std::move(options), std::move(dependencies));
  TARN_TRY(stream->Prepare());
  return std::unique_ptr<Stream>(std::move(stream));
}

}  // namespace tarn::stream
