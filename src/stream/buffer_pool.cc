#include <algorithm>

#include "stream/buffer_pool_internal.h"

namespace tarn::stream {

std::shared_ptr<std::string> BufferPool::Take(size_t size) {
  std::unique_ptr<std::string> buffer;
  {
    const std::lock_guard lock(idle_->mutex);
    auto& idle = idle_->buffers;
    const size_t size_max = std::max<size_t>(4 * size, 64 << 10);
    const auto fit = std::ranges::find_if(
        idle, [&](const auto& candidate) { return candidate->size() >= size && candidate->size() <= size_max; });
    if (fit != idle.end()) {
      std::swap(*fit, idle.back());
      buffer = std::move(idle.back());
      idle.pop_back();
      idle_->bytes -= buffer->size();
    }
  }
  if (!buffer) buffer = std::make_unique<std::string>(size, '\0');
  return {buffer.release(), [idle = idle_](std::string* released) {
            std::unique_ptr<std::string> owned(released);
            const std::lock_guard lock(idle->mutex);
            if (idle->bytes + owned->size() > idle->bytes_max) return;
            idle->bytes += owned->size();
            idle->buffers.push_back(std::move(owned));
          }};
}

}  // namespace tarn::stream
