#include "stream/record_queue.h"

#include <algorithm>
#include <chrono>

namespace tarn::stream {
namespace {

std::chrono::microseconds For(Micros duration) {
  return std::chrono::microseconds(std::max<Micros>(duration, 0));
}

}  // namespace

RecordQueue::RecordQueue(const StreamOptions& options, Clock& clock)
    : options_(options), clock_(clock), writer_decoder_(options, clock) {
  const unsigned cores = std::max(1u, std::thread::hardware_concurrency());
  const int count = options.decode_threads > 0 ? options.decode_threads : int(std::max(1u, cores / 2));
  for (int i = 0; i < count; ++i) decoders_.emplace_back([this] { DecodeLoop(); });
}

RecordQueue::~RecordQueue() {
  Close();
  for (std::thread& decoder : decoders_) decoder.join();
}

void RecordQueue::DecodeLoop() {
  ChunkDecoder decoder(options_, clock_);
  std::unique_lock lock(mutex_);
  while (true) {
    work_.wait(lock, [this] { return is_closed_ || !to_decode_.empty(); });
    if (is_closed_) return;
    StreamChunk* chunk = to_decode_.front();
    to_decode_.pop_front();
    lock.unlock();
    StreamChunk& target = *chunk;
    decoder.Decode(target);
    lock.lock();
    target.decoded = true;
    decoded_.notify_all();
  }
}

bool RecordQueue::AwaitRoom(Micros timeout) {
  std::unique_lock lock(mutex_);
  room_.wait_for(lock, For(timeout), [this] { return is_closed_ || bytes_ < options_.queue_bytes_max; });
  return !is_closed_ && bytes_ < options_.queue_bytes_max;
}

void RecordQueue::SealTail() {
  if (!tail_open_) return;
  tail_open_ = false;
  to_decode_.push_back(chunks_.back().get());
  work_.notify_one();
}

void RecordQueue::Append(const std::shared_ptr<const SourceRun>& run, size_t begin, size_t end, int64_t next_offset) {
  if (!tail_open_) {
    chunks_.push_back(std::make_unique<StreamChunk>());
    tail_open_ = true;
  }
  StreamChunk& tail = *chunks_.back();
  tail.pieces.push_back({.run = run, .begin = begin, .end = end, .next_offset = next_offset});
  tail.record_count += end - begin;
  const uint64_t share = run->records.empty() ? run->bytes : run->bytes * (end - begin) / run->records.size();
  tail.bytes += share;
  bytes_ += share;
  records_ += end - begin;
  if (tail.record_count >= StreamChunk::kRecordsMax) SealTail();
}

void RecordQueue::Push(std::shared_ptr<const SourceRun> run) {
  std::lock_guard lock(mutex_);
  const size_t count = run->records.size();
  if (count == 0) Append(run, 0, 0, run->next_offset);
  for (size_t begin = 0; begin < count;) {
    const size_t room = StreamChunk::kRecordsMax - (tail_open_ ? chunks_.back()->record_count : 0);
    const size_t end = std::min(count, begin + room);
    Append(run, begin, end, end == count ? run->next_offset : run->records[end].offset);
    begin = end;
  }
  due_.notify_one();
}

bool RecordQueue::IsDue(Micros now) const {
  if (chunks_.empty()) return false;
  return draining_ || bytes_ >= std::min(options_.batch_bytes_max, options_.queue_bytes_max) ||
         records_ >= options_.batch_rows_max || now >= taken_at_ + options_.commit_interval;
}

std::vector<std::unique_ptr<StreamChunk>> RecordQueue::Take() {
  std::vector<std::unique_ptr<StreamChunk>> taken;
  std::unique_lock lock(mutex_);
  while (!is_closed_) {
    const Micros now = clock_.Steady();
    if (IsDue(now)) break;
    if (draining_) return taken;
    if (chunks_.empty())
      due_.wait(lock);
    else
      due_.wait_for(lock, For(taken_at_ + options_.commit_interval - now));
  }
  if (is_closed_) return taken;
  uint64_t bytes = 0, records = 0;
  while (!chunks_.empty()) {
    const StreamChunk& next = *chunks_.front();
    const bool full =
        bytes + next.bytes > options_.batch_bytes_max || records + next.record_count > options_.batch_rows_max;
    if (full && !taken.empty()) break;
    bytes += next.bytes;
    records += next.record_count;
    if (chunks_.size() == 1) SealTail();
    taken.push_back(std::move(chunks_.front()));
    chunks_.pop_front();
  }
  bytes_ -= bytes;
  records_ -= records;
  taken_bytes_ = bytes;
  taken_ = true;
  taken_at_ = clock_.Steady();
  room_.notify_all();
  return taken;
}

Status RecordQueue::Decode(std::vector<std::unique_ptr<StreamChunk>>& chunks) {
  std::unique_lock lock(mutex_);
  for (auto& chunk : chunks)
    if (chunk->decoded && !chunk->failed.ok()) {
      chunk->decoded = false;
      to_decode_.push_front(chunk.get());
    }
  const auto pending = [&] {
    return std::any_of(chunks.begin(), chunks.end(), [](const auto& chunk) { return !chunk->decoded; });
  };
  while (pending()) {
    if (to_decode_.empty()) {
      decoded_.wait(lock);
      continue;
    }
    StreamChunk& chunk = *to_decode_.front();
    to_decode_.pop_front();
    lock.unlock();
    writer_decoder_.Decode(chunk);
    lock.lock();
    chunk.decoded = true;
  }
  for (const auto& chunk : chunks) TARN_TRY(chunk->failed);
  return Ok();
}

void RecordQueue::Done() {
  std::lock_guard lock(mutex_);
  taken_ = false;
  taken_bytes_ = 0;
  room_.notify_all();
}

bool RecordQueue::AwaitDrained(Micros timeout) {
  std::unique_lock lock(mutex_);
  room_.wait_for(lock, For(timeout), [this] { return is_closed_ || (chunks_.empty() && !taken_); });
  return chunks_.empty() && !taken_;
}

void RecordQueue::Pause(Micros duration) {
  std::unique_lock lock(mutex_);
  closed_.wait_for(lock, For(duration), [this] { return is_closed_; });
}

void RecordQueue::Drain() {
  std::lock_guard lock(mutex_);
  draining_ = true;
  due_.notify_all();
}

void RecordQueue::Close() {
  std::lock_guard lock(mutex_);
  is_closed_ = true;
  for (auto* condition : {&room_, &due_, &work_, &closed_}) condition->notify_all();
}

uint64_t RecordQueue::bytes() const {
  std::lock_guard lock(mutex_);
  return bytes_ + taken_bytes_;
}

}  // namespace tarn::stream
