#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/result.h"
#include "generate/clickstream.h"

// Sends generated events to a topic, at the pace of their event time or as fast as it goes.

namespace tarn::cli {

// What was sent, each record under one kind.
struct Ledger {
  uint64_t valid = 0, late = 0, too_late = 0, duplicates = 0, malformed = 0;
  uint64_t produced() const { return valid + late + too_late + duplicates + malformed; }
};

struct SenderOptions {
  std::string bootstrap;
  std::string topic;
  generate::ClickstreamOptions generator;
  bool paced = true;       // false: as fast as possible
  std::string state_path;  // where to go on after a restart; empty: nowhere
};

// Thread-compatible, but ledger() may be asked from any thread.
class ClickstreamSender {
 public:
  virtual ~ClickstreamSender() = default;

  // Sends until the generator's `count` records are delivered or `stop` is set. An error tells that records could not
  // be delivered; another call goes on, with a state from what was delivered for certain.
  virtual Status Run(const std::atomic<bool>& stop) = 0;
  virtual Ledger ledger() const = 0;
};

// The dependencies outlive it.
std::unique_ptr<ClickstreamSender> MakeClickstreamSender(SenderOptions options, FileSystem& file_system, Clock& clock);

}  // namespace tarn::cli
