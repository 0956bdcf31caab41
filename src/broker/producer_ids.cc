#include "broker/producer_ids.h"

#include <charconv>

#include "base/failpoint.h"

namespace tarn::broker {

namespace {
constexpr int64_t kReservation = 1000;
}

Result<std::unique_ptr<ProducerIds>> ProducerIds::Open(FileSystem& file_system, std::string path) {
  auto content = ReadFile(file_system, path, 64);
  if (content.Is(ErrorCode::kNotFound))
    return std::unique_ptr<ProducerIds>(new ProducerIds(file_system, std::move(path), 1));
  if (!content.ok()) return std::move(content).error();
  int64_t next = 0;
  const char* end = content->data() + content->size();
  const auto [stop, error] = std::from_chars(content->data(), end, next);
  if (error != std::errc() || next < 1 || (stop != end && *stop != '\n')) {
    return Error(ErrorCode::kCorruption, "expected one positive number, the next producer id, in " + path);
  }
  return std::unique_ptr<ProducerIds>(new ProducerIds(file_system, std::move(path), next));
}

Result<int64_t> ProducerIds::Next() {
  std::lock_guard lock(mutex_);
  if (next_ == reserved_) {
    TARN_FAILPOINT("broker.producer_ids.before_reserve");
    TARN_TRY(WriteFileDurably(file_system_, path_, std::to_string(reserved_ + kReservation) + "\n"));
    reserved_ += kReservation;
  }
  return next_++;
}

}  // namespace tarn::broker
