#pragma once

#include <memory>

#include "base/result.h"
#include "cli/environment.h"
#include "cli/lakehouse.h"

// What a command that is soon over works with.

namespace tarn::cli {

// The tables of a data directory, opened for one command; errors and warnings of its parts go to stderr. Several may
// work beside each other and beside `tarn up`: commits and the catalog decide between processes.
class OneOff {
 public:
  static Result<std::unique_ptr<OneOff>> Open(const Place& place);

  Lakehouse& house() { return *house_; }
  Logger& logger() { return *logger_; }

 private:
  std::unique_ptr<Logger> logger_;
  std::unique_ptr<Metrics> metrics_;
  std::unique_ptr<Lakehouse> house_;
};

}  // namespace tarn::cli
