#include <algorithm>
#include <vector>

#include "record/record_batch.h"
#include "stream/buffer_pool_internal.h"
#include "stream/log_reader.h"

// Record batches out of the log become runs of records: each batch is inflated once, into a buffer that the run owns,
// and its records are views into it (into the read bytes themselves where they are not compressed).
//
//  1. A partition's position is the offset after the last batch that was handed over. It moves with whole batches and
//     passes offsets that carry no record: gaps and control batches.
//  2. A failure that is met behind good batches is kept for the next poll: the good ones come first.

namespace tarn::stream {
namespace {

constexpr uint64_t kReadBytesMax = 1 << 20;          // one read of the log: enough to make its cost vanish
constexpr uint64_t kInflatedBytesMax = 64ull << 20;  // of one batch: sixty times what clients send by default
constexpr size_t kInflationGuess = 4;                // JSON and the like shrink to a quarter
constexpr uint64_t kIdleBytesMax = 16 << 20;

class EmbeddedSource final : public Source {
 public:
  explicit EmbeddedSource(LogReader& log) : log_(log) {}

  Result<std::string> TopicId() override { return log_.TopicId(); }
  Result<std::map<int32_t, PartitionRange>> Partitions() override { return log_.Partitions(); }
  Status Seek(int32_t partition, int64_t offset) override;
  Result<std::optional<SourceRun>> Poll(uint64_t max_bytes, Micros timeout) override;

 private:
  struct Partition {
    int64_t position = 0;
    std::shared_ptr<std::string> bytes;  // read from the log, padded; null: nothing left of it
    size_t at = 0;                       // of the next batch in `bytes`
  };

  Result<std::optional<SourceRun>> PollOnce(uint64_t max_bytes);
  Result<std::optional<SourceRun>> ReadRun(int32_t id, Partition& partition, uint64_t max_bytes);
  // False at the end of the log.
  Result<bool> ReadBatch(int32_t id, Partition& partition, uint64_t max_bytes, SourceRun& run);
  Result<bool> Fill(int32_t id, Partition& partition, uint64_t max_bytes);
  Status AddRecords(std::string_view batch, const record::BatchHeader& header, const Partition& partition,
                    SourceRun& run);

  LogReader& log_;
  std::map<int32_t, Partition> sought_;
  int32_t last_served_ = -1;
  BufferPool pool_{kIdleBytesMax};
  std::vector<record::Record> decoded_;
};

Status EmbeddedSource::Seek(int32_t partition, int64_t offset) {
  TARN_ASSIGN_OR_RETURN(const auto partitions, log_.Partitions());
  const auto found = partitions.find(partition);
  if (found == partitions.end())
    return Error(ErrorCode::kNotFound, "the topic has no partition " + std::to_string(partition));
  const auto [begin, end] = found->second;
  if (offset < begin || offset > end)
    return Error(ErrorCode::kOutOfRange, "partition " + std::to_string(partition) + " holds offsets " +
                                             std::to_string(begin) + " to " + std::to_string(end) + ", not " +
                                             std::to_string(offset));
  sought_[partition] = {.position = offset, .bytes = nullptr, .at = 0};
  return Ok();
}

Result<std::optional<SourceRun>> EmbeddedSource::Poll(uint64_t max_bytes, Micros timeout) {
  TARN_ASSIGN_OR_RETURN(auto run, PollOnce(max_bytes));
  if (run || timeout <= 0) return run;
  std::map<int32_t, int64_t> positions;
  for (const auto& [id, partition] : sought_) positions[id] = partition.position;
  log_.WaitForData(positions, timeout);
  return PollOnce(max_bytes);
}

Result<std::optional<SourceRun>> EmbeddedSource::PollOnce(uint64_t max_bytes) {
  auto next = sought_.upper_bound(last_served_);
  for (size_t i = 0; i < sought_.size(); ++i, ++next) {
    if (next == sought_.end()) next = sought_.begin();
    TARN_ASSIGN_OR_RETURN(auto run, ReadRun(next->first, next->second, max_bytes));
    if (!run) continue;
    last_served_ = next->first;
    return run;
  }
  return std::optional<SourceRun>();
}

Result<std::optional<SourceRun>> EmbeddedSource::ReadRun(int32_t id, Partition& partition, uint64_t max_bytes) {
  const int64_t start = partition.position;
  SourceRun run{.partition = id, .next_offset = start, .records = {}, .buffers = {}, .bytes = 0};
  bool more = true;
  while (more && run.bytes < max_bytes) {
    const Result<bool> read = ReadBatch(id, partition, max_bytes, run);
    if (!read.ok()) {
      partition.bytes = nullptr;
      if (partition.position != start) break;
      return Error(read.error())
          .WithContext("partition " + std::to_string(id) + ", offset " + std::to_string(partition.position));
    }
    more = *read;
  }
  if (partition.position == start) return std::optional<SourceRun>();
  run.next_offset = partition.position;
  run.bytes += run.records.capacity() * sizeof(SourceRecord);
  return std::optional<SourceRun>(std::move(run));
}

Result<bool> EmbeddedSource::ReadBatch(int32_t id, Partition& partition, uint64_t max_bytes, SourceRun& run) {
  TARN_ASSIGN_OR_RETURN(const bool filled, Fill(id, partition, max_bytes));
  if (!filled) return false;
  const std::string_view rest(partition.bytes->data() + partition.at,
                              partition.bytes->size() - kBufferPadding - partition.at);
  TARN_ASSIGN_OR_RETURN(const record::BatchHeader header, record::ParseBatchHeader(rest));
  if (header.total_size() > rest.size())
    return Error(ErrorCode::kCorruption, "a record batch of " + std::to_string(header.total_size()) +
                                             " bytes is cut off after " + std::to_string(rest.size()));
  if (header.last_offset() < partition.position || header.last_offset() < header.base_offset)
    return Error(ErrorCode::kCorruption, "expected a record batch that reaches this offset, found one of offsets " +
                                             std::to_string(header.base_offset) + " to " +
                                             std::to_string(header.last_offset()));
  const std::string_view batch = rest.substr(0, header.total_size());
  TARN_TRY(record::CheckBatch(batch, header));
  if (!header.control()) TARN_TRY(AddRecords(batch, header, partition, run));
  partition.position = header.last_offset() + 1;
  partition.at += batch.size();
  if (partition.at + kBufferPadding == partition.bytes->size()) partition.bytes = nullptr;
  return true;
}

Result<bool> EmbeddedSource::Fill(int32_t id, Partition& partition, uint64_t max_bytes) {
  if (partition.bytes) return true;
  TARN_ASSIGN_OR_RETURN(std::string bytes, log_.Read(id, partition.position, std::min(max_bytes, kReadBytesMax)));
  if (bytes.empty()) return false;
  bytes.append(kBufferPadding, '\0');
  partition.bytes = std::make_shared<std::string>(std::move(bytes));
  partition.at = 0;
  return true;
}

Status EmbeddedSource::AddRecords(std::string_view batch, const record::BatchHeader& header, const Partition& partition,
                                  SourceRun& run) {
  const bool compressed = header.compression() != record::Compression::kNone;
  std::shared_ptr<std::string> buffer = partition.bytes;
  if (compressed) buffer = pool_.Take(kInflationGuess * batch.size() + kBufferPadding);
  decoded_.clear();
  TARN_TRY(record::DecodeBatch(batch, header, kInflatedBytesMax, kBufferPadding, *buffer, decoded_));
  const size_t below =
      size_t(std::ranges::lower_bound(decoded_, partition.position, {}, &record::Record::offset) - decoded_.begin());
  if (below == decoded_.size()) return Ok();
  const size_t needed = run.records.size() + decoded_.size() - below;
  if (run.records.capacity() < needed) run.records.reserve(std::max(needed, 2 * run.records.capacity()));
  for (size_t i = below; i < decoded_.size(); ++i)
    run.records.push_back({.offset = decoded_[i].offset,
                           .timestamp_ms = decoded_[i].timestamp_ms,
                           .key = decoded_[i].key,
                           .value = decoded_[i].value});
  if (run.buffers.empty() || run.buffers.back() != buffer) {
    run.bytes += buffer->size();
    run.buffers.push_back(std::move(buffer));
  }
  return Ok();
}

}  // namespace

std::unique_ptr<Source> MakeEmbeddedSource(LogReader& log) {
  return std::make_unique<EmbeddedSource>(log);
}

}  // namespace tarn::stream
