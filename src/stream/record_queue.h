#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "stream/micro_batch.h"

namespace tarn::stream {

// Between the reader and the writer of a stream: runs come in, are cut into chunks and decoded by the queue's own
// threads, and go out as micro-batches. Bounded by bytes: a full queue makes the reader wait. Thread-safe, for one
// reader and one writer.
class RecordQueue {
 public:
  // `options` and `clock` outlive it.
  RecordQueue(const StreamOptions& options, Clock& clock);
  ~RecordQueue();

  // Waits for room, at most `timeout`; false: there is none, or the queue is closed.
  bool AwaitRoom(Micros timeout);
  void Push(std::shared_ptr<const SourceRun> run);
  // Whether nothing is queued and the writer has said that it is done with what it took.
  bool AwaitDrained(Micros timeout);

  // The chunks of the next batch, once one is due: a commit interval after the last was taken, by size before that, or
  // because the queue is draining. So the first records after a pause wait for nothing. Empty when the queue is closed,
  // or draining and drained.
  std::vector<std::unique_ptr<StreamChunk>> Take();
  // Decodes what is not decoded yet of chunks that were taken. After a failure it may be called again.
  Status Decode(std::vector<std::unique_ptr<StreamChunk>>& chunks);
  // The chunks last taken are done with.
  void Done();
  // Sleeps unless the queue is closed.
  void Pause(Micros duration);

  void Drain();
  void Close();
  uint64_t bytes() const;

 private:
  void DecodeLoop();
  void Append(const std::shared_ptr<const SourceRun>& run, size_t begin, size_t end, int64_t next_offset);
  void SealTail();
  bool IsDue(Micros now) const;

  const StreamOptions& options_;
  Clock& clock_;
  ChunkDecoder writer_decoder_;  // the writer's own: it helps while it waits

  mutable std::mutex mutex_;  // guards all below
  std::condition_variable room_, due_, work_, decoded_, closed_;
  std::deque<std::unique_ptr<StreamChunk>> chunks_;
  bool tail_open_ = false;  // the last chunk still takes records, and is not in to_decode_
  std::deque<StreamChunk*> to_decode_;
  uint64_t bytes_ = 0, taken_bytes_ = 0, records_ = 0;
  Micros taken_at_ = 0;  // steady; of the last batch
  bool taken_ = false, draining_ = false, is_closed_ = false;
  std::vector<std::thread> decoders_;
};

}  // namespace tarn::stream
