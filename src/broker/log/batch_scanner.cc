#include <algorithm>

#include "broker/log/batch_scanner_internal.h"

namespace tarn::broker {

Result<std::string_view> BatchScanner::Peek(uint64_t size) {
  size = std::min(size, end_ - position_);
  if (position_ < buffer_at_ || position_ + size > buffer_at_ + buffer_.size()) {
    const uint64_t chunk = what_ == What::kHeaders ? 4096 : 1 << 20;
    buffer_.resize(std::min(std::max(size, chunk), end_ - position_));
    TARN_ASSIGN_OR_RETURN(const size_t read, file_.ReadAt(position_, buffer_));
    buffer_.resize(read);
    buffer_at_ = position_;
  }
  return std::string_view(buffer_).substr(position_ - buffer_at_, size);
}

Result<std::optional<ScannedBatch>> BatchScanner::Next() {
  if (position_ >= end_) return std::optional<ScannedBatch>();
  TARN_ASSIGN_OR_RETURN(const std::string_view start, Peek(record::kBatchHeaderSize));
  auto header = record::ParseBatchHeader(start);
  if (!header.ok()) return std::move(header).error().WithContext("position " + std::to_string(position_));
  if (header->total_size() > end_ - position_)
    return Error(ErrorCode::kCorruption, "position " + std::to_string(position_) + ": a batch of " +
                                             std::to_string(header->total_size()) + " bytes, expected at most " +
                                             std::to_string(end_ - position_));
  ScannedBatch batch{*header, position_, {}};
  if (what_ == What::kWholeBatches) {
    TARN_ASSIGN_OR_RETURN(batch.bytes, Peek(header->total_size()));
  }
  position_ += header->total_size();
  return std::optional(batch);
}

}  // namespace tarn::broker
