#include "cli/clickstream_sender.h"

#include <algorithm>
#include <mutex>
#include <nlohmann/json.hpp>

#include "stream/kafka/kafka_producer.h"

namespace tarn::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr Micros kSlice = 20'000;  // longest sleep: how late `stop` is noticed
constexpr Micros kAhead = 1'000;   // records due within this leave together
constexpr Micros kStateInterval = 1'000'000;
constexpr Micros kFlushTimeout = 120'000'000;

// The options that decide what is generated: a state saved under others is of no use.
std::string Fingerprint(const SenderOptions& options) {
  const auto& g = options.generator;
  return Json({g.seed, int(g.mode), g.count, g.event_rate, g.daily_curve, g.late_rate, g.too_late_rate,
               g.duplicate_rate, g.malformed_rate, options.topic})
      .dump();
}

class Sender final : public ClickstreamSender {
 public:
  Sender(SenderOptions options, FileSystem& file_system, Clock& clock)
      : options_(std::move(options)), file_system_(file_system), clock_(clock) {}

  Status Run(const std::atomic<bool>& stop) override {
    TARN_ASSIGN_OR_RETURN(producer_, stream::kafka::KafkaProducer::Make({.bootstrap = options_.bootstrap}));
    Begin();
    Micros saved_at = clock_.Steady();
    Ledger sent = ledger();
    const uint64_t count = options_.generator.count;
    while (!stop && (count == 0 || sent.produced() < count)) {
      const generate::GeneratedRecord& record = generator_->Next();
      if (options_.paced) AwaitDue(record.send_time, stop);  // what is drawn when a stop comes is sent at once
      TARN_TRY(producer_->Produce(
          {.topic = options_.topic, .partition = std::nullopt, .key = std::nullopt, .value = record.value}));
      Count(record.kind, &sent);
      Publish(sent);
      if (!options_.state_path.empty() && clock_.Steady() - saved_at > kStateInterval) {
        TARN_TRY(Save(sent));
        saved_at = clock_.Steady();
      }
    }
    if (!options_.state_path.empty()) return Save(sent);
    return producer_->Flush(kFlushTimeout);
  }

  Ledger ledger() const override {
    std::lock_guard lock(mutex_);
    return ledger_;
  }

 private:
  // Goes on where the last process, or the last failed try, had everything delivered; or begins.
  void Begin() {
    start_ = options_.generator.start;
    steady_ahead_ = clock_.Steady() - start_;
    if (!options_.state_path.empty() && Restore()) return;
    generator_ = generate::MakeClickstreamGenerator(options_.generator);
    Publish({});
  }

  bool Restore() {
    const auto text = ReadFile(file_system_, options_.state_path);
    if (!text.ok()) return false;
    const auto json = Json::parse(*text, nullptr, false);
    if (!json.is_object() || json.value("options", "") != Fingerprint(options_)) return false;
    generate::ClickstreamOptions generator = options_.generator;
    generator.start = json.value("start", Micros(0));
    auto restored = generate::RestoreClickstreamGenerator(generator, json.value("generator", ""));
    if (!restored.ok()) return false;
    generator_ = std::move(*restored);
    start_ = generator.start;
    // The series' clock is the wall clock, over restarts too: what was missed meanwhile is caught up.
    steady_ahead_ = clock_.Steady() - clock_.Now();
    Publish({.valid = json.value("valid", uint64_t(0)),
             .late = json.value("late", uint64_t(0)),
             .too_late = json.value("too_late", uint64_t(0)),
             .duplicates = json.value("duplicates", uint64_t(0)),
             .malformed = json.value("malformed", uint64_t(0))});
    return true;
  }

  // Everything counted is delivered before it is written down: a crash between the two sends some records again, under
  // the same event ids.
  Status Save(const Ledger& sent) {
    TARN_TRY(producer_->Flush(kFlushTimeout));
    const Json json = {{"options", Fingerprint(options_)},
                       {"start", start_},
                       {"valid", sent.valid},
                       {"late", sent.late},
                       {"too_late", sent.too_late},
                       {"duplicates", sent.duplicates},
                       {"malformed", sent.malformed},
                       {"generator", generator_->SaveState()}};
    return WriteFileDurably(file_system_, options_.state_path, json.dump());
  }

  // Until the record is due, or `stop`.
  void AwaitDue(Micros send_time, const std::atomic<bool>& stop) {
    const Micros due = send_time + steady_ahead_;
    while (!stop) {
      const Micros left = due - clock_.Steady();
      if (left <= kAhead) return;
      clock_.SleepFor(std::min(left, kSlice));
    }
  }

  static void Count(generate::RecordKind kind, Ledger* sent) {
    switch (kind) {
      case generate::RecordKind::kValid:
        ++sent->valid;
        break;
      case generate::RecordKind::kLate:
        ++sent->late;
        break;
      case generate::RecordKind::kTooLate:
        ++sent->too_late;
        break;
      case generate::RecordKind::kDuplicate:
        ++sent->duplicates;
        break;
      case generate::RecordKind::kMalformed:
        ++sent->malformed;
        break;
    }
  }

  void Publish(const Ledger& sent) {
    std::lock_guard lock(mutex_);
    ledger_ = sent;
  }

  const SenderOptions options_;
  FileSystem& file_system_;
  Clock& clock_;
  std::unique_ptr<stream::kafka::KafkaProducer> producer_;
  std::unique_ptr<generate::ClickstreamGenerator> generator_;
  Micros start_ = 0;
  Micros steady_ahead_ = 0;  // of the series' clock
  mutable std::mutex mutex_;
  Ledger ledger_;
};

}  // namespace

std::unique_ptr<ClickstreamSender> MakeClickstreamSender(SenderOptions options, FileSystem& file_system, Clock& clock) {
  return std::make_unique<Sender>(std::move(options), file_system, clock);
}

}  // namespace tarn::cli
