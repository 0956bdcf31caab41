#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <thread>

#include "cli/assemble.h"
#include "cli/commands/commands.h"
#include "cli/data_directory.h"
#include "cli/exit_codes.h"
#include "cli/live_view.h"

namespace tarn::cli {
namespace {

// SIGINT and SIGTERM, taken by whoever waits for them instead of by a handler. Requires: made before any other thread.
class StopSignals {
 public:
  StopSignals() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGINT);
    sigaddset(&set_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  }

  // True: one came within `timeout`.
  bool Await(Micros timeout) {
    timespec wait{.tv_sec = time_t(timeout / 1'000'000), .tv_nsec = long(timeout % 1'000'000) * 1000};
    return sigtimedwait(&set_, nullptr, &wait) > 0;
  }

  // From here on one more ends the process at once. What is acknowledged or committed is on disk; what is not is read
  // again at the next start.
  void ExitOnNext() {
    std::thread([set = set_] {
      int signal = 0;
      sigwait(&set, &signal);
      _exit(128 + signal);
    }).detach();
  }

 private:
  sigset_t set_;
};

Result<PlatformOptions> MakePlatformOptions(const UpOptions& options, Place place) {
  PlatformOptions platform{
      .project = std::move(place.project), .data_dir = place.data_dir, .run_generators = options.generators};
  TARN_ASSIGN_OR_RETURN(platform.kafka_port, OffsetPort(platform.project.kafka_port));
  TARN_ASSIGN_OR_RETURN(platform.http_port, OffsetPort(platform.project.http_port));
  platform.generator_bootstrap = EnvironmentVariable("KAFKA_BOOTSTRAP_SERVERS").value_or("");
  if (const auto interval = EnvironmentVariable("EVENT_INTERVAL"); interval && !interval->empty()) {
    char* end = nullptr;
    const double seconds = std::strtod(interval->c_str(), &end);
    if (*end != '\0' || !(seconds > 0))
      return Error(ErrorCode::kInvalidArgument,
                   "EVENT_INTERVAL='" + *interval + "' must be the seconds between two events, above 0");
    platform.generator_rate = 1 / seconds;
  }
  return platform;
}

std::string ProjectArgument(const UpOptions& options) {
  std::string argument;
  if (!options.place.project.empty()) argument += " --project " + options.place.project;
  if (!options.place.data_dir.empty()) argument += " --data-dir " + options.place.data_dir;
  return argument;
}

// Shows how it goes until a signal or the end of --for.
void Watch(Platform& platform, LiveView& view, StopSignals& signals, double seconds) {
  Clock& clock = SystemClock();
  const Micros end = seconds > 0 ? clock.Steady() + Micros(seconds * 1e6) : INT64_MAX;
  Micros next = clock.Steady() + view.interval();
  while (clock.Steady() < end) {
    if (signals.Await(std::max<Micros>(0, std::min(next, end) - clock.Steady()))) return;
    if (clock.Steady() < next) continue;
    view.Show(platform.CurrentStatus());
    next += view.interval();
  }
}

Status Run(const UpOptions& options) {
  Clock& clock = SystemClock();
  const Micros started = clock.Steady();
  StopSignals signals;
  TARN_ASSIGN_OR_RETURN(Place place, FindPlace(options.place, true));
  TARN_ASSIGN_OR_RETURN(PlatformOptions platform_options, MakePlatformOptions(options, place));
  TARN_ASSIGN_OR_RETURN(const auto lock, DataDirectoryLock::Take(place.data_dir, options.command));
  const auto logger = MakeLogger({.path = place.data_dir + "/tarn.log"});
  const auto metrics = MakeMetrics();
  TARN_ASSIGN_OR_RETURN(
      const auto platform,
      Platform::Start(std::move(platform_options),
                      {.file_system = PosixFileSystem(), .clock = clock, .logger = *logger, .metrics = *metrics}));
  TARN_TRY(lock->Announce(platform->http_address(), platform->kafka_address()));
  const double ready = double(clock.Steady() - started) / 1e6;
  logger->Info("cli", "ready",
               {{"seconds", ready}, {"http", platform->http_address()}, {"kafka", platform->kafka_address()}});

  LiveView view(stdout, ::isatty(STDOUT_FILENO) != 0);
  view.ShowStart(platform->CurrentStatus(), ready, ProjectArgument(options));
  Watch(*platform, view, signals, options.seconds);

  signals.ExitOnNext();
  view.KeepBlock();
  std::printf("stopping: committing what was read (Ctrl-C again leaves at once)\n");
  std::fflush(stdout);
  platform->Stop();
  serve::PlatformStatus last = platform->CurrentStatus();
  last.problems.clear();  // a stopped stream is what was asked for
  view.Show(last);
  std::printf("stopped\n");
  logger->Info("cli", "stopped");
  return Ok();
}

}  // namespace

int RunUp(const UpOptions& options) {
  return Finish(Run(options));
}

}  // namespace tarn::cli
