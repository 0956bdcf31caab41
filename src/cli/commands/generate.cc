#include <atomic>
#include <csignal>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/clickstream_sender.h"
#include "cli/commands/commands.h"
#include "cli/exit_codes.h"
#include "cli/yaml_reader_internal.h"

namespace tarn::cli {
namespace {

std::atomic<bool> g_stop = false;

Result<SenderOptions> MakeSenderOptions(const GenerateOptions& options) {
  TARN_ASSIGN_OR_RETURN(const Place place, FindPlace(options.place, false));
  SenderOptions sender{.topic = options.topic, .paced = options.rate > 0};
  TARN_ASSIGN_OR_RETURN(sender.bootstrap, FindKafka(options.bootstrap, place));
  generate::ClickstreamOptions& generator = sender.generator;
  generator.seed = options.seed;
  generator.count = options.events;
  if (options.mode == "original") {
    generator.mode = generate::ClickstreamMode::kOriginal;
    generator.late_rate = generator.too_late_rate = generator.duplicate_rate = generator.malformed_rate = 0;
  }
  if (sender.paced) {
    generator.event_rate = options.rate;
    generator.daily_curve = false;  // who names a rate wants that one, now
  } else {
    generator = generate::BacklogOptions(generator);
  }
  TARN_ASSIGN_OR_RETURN(generator.start, ParseTime(options.start, SystemClock()));
  // What is sent at once spans a while on its own clock: begun that much earlier, nothing lies in the future.
  if (options.start == "now" && !sender.paced) generator.start -= generate::SeriesDuration(generator);
  return sender;
}

}  // namespace

int RunGenerate(const GenerateOptions& options) {
  const auto sender_options = MakeSenderOptions(options);
  if (!sender_options.ok()) return Finish(sender_options.error());
  for (const int signal : {SIGINT, SIGTERM}) std::signal(signal, [](int) { g_stop = true; });

  Clock& clock = SystemClock();
  const Micros started = clock.Steady();
  const auto sender = MakeClickstreamSender(*sender_options, PosixFileSystem(), clock);
  const Status sent = sender->Run(g_stop);
  const double seconds = double(clock.Steady() - started) / 1e6;
  const Ledger ledger = sender->ledger();
  if (!sent.ok())
    return Finish(Error(sent.error()).WithContext("sending to " + options.topic + " at " + sender_options->bootstrap));

  const std::string start = FormatTimestamp(sender_options->generator.start);
  if (options.json) {
    const nlohmann::ordered_json json = {{"produced", ledger.produced()},
                                         {"valid", ledger.valid},
                                         {"malformed", ledger.malformed},
                                         {"duplicates", ledger.duplicates},
                                         {"late", ledger.late},
                                         {"too_late", ledger.too_late},
                                         {"seed", options.seed},
                                         {"start", start},
                                         {"seconds", seconds}};
    std::printf("%s\n", json.dump().c_str());
    return kExitDone;
  }
  std::printf("%s records to %s at %s in %.1f s (%s a second), seed %llu, start %s\n",
              GroupDigits(ledger.produced()).c_str(), options.topic.c_str(), sender_options->bootstrap.c_str(), seconds,
              GroupDigits(uint64_t(double(ledger.produced()) / std::max(seconds, 0.001))).c_str(),
              static_cast<unsigned long long>(options.seed), start.c_str());
  for (const auto& [what, count] :
       {std::pair{"valid", ledger.valid}, std::pair{"late", ledger.late}, std::pair{"duplicates", ledger.duplicates},
        std::pair{"too late", ledger.too_late}, std::pair{"malformed", ledger.malformed}})
    std::printf("  %-11s %12s\n", what, GroupDigits(count).c_str());
  return kExitDone;
}

}  // namespace tarn::cli
