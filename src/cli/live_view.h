#pragma once

#include <cstdio>
#include <optional>
#include <string>

#include "serve/platform_status.h"

// What `tarn up` shows while it runs: on a terminal a block that is drawn anew, elsewhere a line every few seconds.

namespace tarn::cli {

// Thread-compatible.
class LiveView {
 public:
  // `out` outlives it.
  LiveView(std::FILE* out, bool terminal) : out_(out), terminal_(terminal) {}

  // The addresses, once, when everything is ready.
  void ShowStart(const serve::PlatformStatus& status, double ready_seconds, const std::string& project_argument);
  void Show(const serve::PlatformStatus& status);
  // Leaves the block where it is: something else is printed below it, and the next one is drawn below that.
  void KeepBlock() { drawn_lines_ = 0; }
  // How often to call Show.
  Micros interval() const { return terminal_ ? 500'000 : 5'000'000; }

 private:
  double RowsPerSecond(const serve::PlatformStatus& status) const;
  std::string Block(const serve::PlatformStatus& status);
  std::string Line(const serve::PlatformStatus& status);

  std::FILE* const out_;
  const bool terminal_;
  int drawn_lines_ = 0;  // of the block that is on the screen
  std::optional<serve::PlatformStatus> before_;
};

// "1.5 MB", in decimal units.
std::string FormatBytes(uint64_t bytes);
// "450 ms", "12.3 s".
std::string FormatSeconds(double seconds);
// "00:01:12", "2 d 03:04:05".
std::string FormatUptime(Micros uptime);

}  // namespace tarn::cli
