#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace tarn::stream {

// What readers of records must find behind every buffer: simdjson reads so far past a text's end.
inline constexpr size_t kBufferPadding = 64;

// Buffers that come back by themselves when their last holder lets go: a run of records needs a megabyte or more for as
// long as it is decoded, and clearing fresh memory would cost as much as inflating into it. Thread-safe; buffers may
// outlive the pool.
class BufferPool {
 public:
  explicit BufferPool(uint64_t idle_bytes_max) : idle_(std::make_shared<Idle>(idle_bytes_max)) {}

  // A buffer of at least `size` bytes of arbitrary content, and of at most about four times as many.
  std::shared_ptr<std::string> Take(size_t size);

 private:
  struct Idle {
    explicit Idle(uint64_t max) : bytes_max(max) {}
    const uint64_t bytes_max;  // what comes back beyond it is freed
    std::mutex mutex;
    uint64_t bytes = 0;
    std::vector<std::unique_ptr<std::string>> buffers;
  };
  std::shared_ptr<Idle> idle_;
};

}  // namespace tarn::stream
