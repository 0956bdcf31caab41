#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/file_system.h"
#include "base/result.h"
#include "record/record_batch.h"

namespace tarn::broker {

struct ScannedBatch {
  record::BatchHeader header;
  uint64_t position = 0;
  std::string_view bytes;  // the whole batch, until the next call; empty when only headers are read
};

// Walks the batches of a segment file from one position to another. Thread-compatible; the file outlives it.
class BatchScanner {
 public:
  enum class What { kHeaders, kWholeBatches };
  BatchScanner(const File& file, uint64_t position, uint64_t end, What what)
      : file_(file), position_(position), end_(end), what_(what) {}

  // Nothing at the end. kCorruption: no whole batch starts here (its CRC is not looked at); kIoError: the disk failed.
  Result<std::optional<ScannedBatch>> Next();
  // Where the next batch starts.
  uint64_t position() const { return position_; }

 private:
  // `size` bytes at position_, or fewer at the end.
  Result<std::string_view> Peek(uint64_t size);

  const File& file_;
  uint64_t position_;
  const uint64_t end_;
  const What what_;
  std::string buffer_;
  uint64_t buffer_at_ = 0;
};

}  // namespace tarn::broker
