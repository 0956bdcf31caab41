#include "generate/clickstream.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <tuple>

#include "generate/agenda_internal.h"
#include "generate/clickstream_state_internal.h"
#include "generate/independent_events_internal.h"

// How one record comes about (Next):
//
//  1. Each record takes one tick of the series' clock. If a record that was held back is due by then, it is the one.
//  2. Otherwise lots are drawn what comes. A broken or a too late record is made from the first event of a session that
//     ends with it. Any other is the next event of an open session if one is due by now, else the first of a new one.
//  3. If that event is to be late, it is held back for its delay, and lots are drawn again for the same tick.
//  4. A valid record may leave a copy behind, held back until the next tick or up to a minute.
//
// So the rate is exact from the first tick on, and the share of new sessions settles by itself: while few sessions are
// open, few events are due, and new sessions take the rest of the ticks.

namespace tarn::generate {

using namespace clickstream;

namespace {

constexpr Micros kSecond = 1'000'000;
constexpr Micros kDay = 86'400 * kSecond;
constexpr double kBacklogEventRate = 1000;
constexpr double kBacklogSecondsMax = 240;  // below the five minutes that streams tolerate

constexpr double kLateMedianSeconds = 20, kLateSigma = 1.2, kLateSecondsMax = 600;
constexpr double kCopyAtOnceShare = 0.8;
// A copy waits for its tick on top: below a minute in all.
constexpr Micros kCopyDelayMin = 1 * kSecond, kCopyDelayMax = 59 * kSecond;
constexpr Micros kTooLateMin = 8 * kDay, kTooLateMax = 30 * kDay;
// "Too late" means something to a stream only after it has seen events in time, in whatever order it reads partitions.
constexpr uint64_t kTooLateAfter = 1000;

bool DueLater(const HeldRecord& a, const HeldRecord& b) {
  return std::tie(a.due, a.serial) > std::tie(b.due, b.serial);
}

// What the hour and the day of the week make of the rate; the mean over a week is 1.
double DailyCurve(Micros time) {
  constexpr double kWeekMean = (5 + 2 * 0.8) / 7;
  const Micros of_day = ((time % kDay) + kDay) % kDay;
  const int64_t weekday = ((time - of_day) / kDay % 7 + 7 + 4) % 7;  // 1970-01-01 was a Thursday; 0: Sunday
  const double hour = double(of_day) / double(3600 * kSecond);
  const double week = weekday == 0 || weekday == 6 ? 0.8 : 1.0;
  return (1 + 0.6 * std::sin(2 * std::numbers::pi * (hour - 9) / 24)) * week / kWeekMean;
}

class Generator final : public ClickstreamGenerator {
 public:
  Generator(const ClickstreamOptions& options, ClickstreamState state)
      : options_(options), state_(std::move(state)), visitors_(options.seed, options.start), agenda_(Now()) {
    const double primary = 1 - options.duplicate_rate;  // copies draw no lots
    malformed_ = options.malformed_rate / primary;
    too_late_ = options.too_late_rate / primary;
    late_ = options.late_rate / primary;
    const double valid = 1 - malformed_ - too_late_ - late_;
    copied_ = valid > 0 ? options.duplicate_rate / primary / valid : 0;
    too_late_after_ = options.count == 0 ? kTooLateAfter : std::min(kTooLateAfter, options.count / 2);
    std::ranges::make_heap(state_.held, DueLater);
    for (const Session& session : state_.sessions) agenda_.Add(session);
    state_.sessions.clear();
  }

  const GeneratedRecord& Next() override {
    TARN_CHECK(options_.count == 0 || state_.position < options_.count);
    const Micros now = Now();
    record_.send_time = now;
    while (HeldIsNext(now) ? !TakeHeld() : !MakeRecord(now)) {
    }
    if (record_.kind == RecordKind::kValid && state_.random.Chance(copied_) && Remaining() > state_.held.size() + 1)
      HoldCopy(now);
    if (record_.kind == RecordKind::kValid || record_.kind == RecordKind::kLate)
      state_.newest = std::max(state_.newest, record_.event_time);
    ++state_.position;
    AdvanceTick(now);
    return record_;
  }

  uint64_t position() const override { return state_.position; }

  std::string SaveState() const override {
    ClickstreamState state = state_;
    state.sessions = agenda_.All();
    return FormatState(options_, state);
  }

 private:
  Micros Now() const { return options_.start + state_.elapsed_ns / 1000; }

  void AdvanceTick(Micros now) {
    double rate = options_.event_rate;
    if (options_.daily_curve) {
      // By the minute: within it the curve is flat enough.
      const Micros minute = now - ((now % (60 * kSecond)) + 60 * kSecond) % (60 * kSecond);
      if (minute != curve_minute_) {
        curve_minute_ = minute;
        curve_ = DailyCurve(minute);
      }
      rate *= curve_;
    }
    state_.elapsed_ns += std::max<int64_t>(1, std::llround(1e9 / rate));
  }

  // At the end of a bounded series what is still held back leaves early, so that no session misses an event.
  bool HeldIsNext(Micros now) const {
    if (state_.held.empty()) return false;
    return state_.held.front().due <= now || Remaining() <= state_.held.size();
  }

  uint64_t Remaining() const { return options_.count == 0 ? UINT64_MAX : options_.count - state_.position; }

  bool TakeHeld() {
    std::ranges::pop_heap(state_.held, DueLater);
    HeldRecord& held = state_.held.back();
    record_.value.swap(held.value);
    record_.event_time = held.event_time;
    record_.kind = held.kind;
    state_.held.pop_back();
    return true;
  }

  void Hold(Micros due, RecordKind kind) {
    state_.held.push_back({due, state_.serial++, kind, record_.event_time, record_.value});
    std::ranges::push_heap(state_.held, DueLater);
  }

  void HoldCopy(Micros now) {
    const bool at_once = state_.random.Chance(kCopyAtOnceShare);
    Hold(at_once ? now : now + state_.random.Between(kCopyDelayMin, kCopyDelayMax), RecordKind::kDuplicate);
  }

  // False: the event it made is held back.
  bool MakeRecord(Micros now) {
    const double lot = state_.random.Unit();
    const bool draws_too_late = lot >= malformed_ && lot < malformed_ + too_late_;
    if (draws_too_late) ++state_.too_late_owed;
    if (state_.too_late_owed > 0 && state_.position >= too_late_after_) {
      --state_.too_late_owed;
      MakeTooLate(now);
      return true;
    }
    if (lot < malformed_) {
      MakeMalformed(now);
      return true;
    }
    MakeEvent(now);
    if (draws_too_late || lot >= malformed_ + too_late_ + late_) {
      record_.kind = RecordKind::kValid;
      return true;
    }
    const double delay = kLateMedianSeconds * std::exp(kLateSigma * state_.random.Normal());
    Hold(now + std::lround(std::min(delay, kLateSecondsMax) * 1000) * 1000, RecordKind::kLate);
    return false;
  }

  void Write(Damage damage = Damage::kNone) {
    record_.event_time = event_.timestamp;
    WriteEvent(event_, damage, record_.value);
  }

  // The next event of the sessions that go on.
  void MakeEvent(Micros now) {
    if (options_.mode == ClickstreamMode::kOriginal) {
      independent_.Make(now, state_.random, event_);
      return Write();
    }
    if (Session* session = agenda_.Due(now)) {
      if (visitors_.Step(*session, state_.random, event_))
        agenda_.Postpone();
      else
        agenda_.Remove();
    } else {
      Session opened = visitors_.Open(now, state_.random);
      if (visitors_.Step(opened, state_.random, event_)) agenda_.Add(opened);
    }
    Write();
  }

  // The event of a session that ends with it.
  void MakeLoneEvent(Micros now) {
    if (options_.mode == ClickstreamMode::kOriginal) return independent_.Make(now, state_.random, event_);
    Session session = visitors_.Open(now, state_.random);
    (void)visitors_.Step(session, state_.random, event_);
  }

  void MakeTooLate(Micros now) {
    MakeLoneEvent(now);
    event_.timestamp = state_.newest - state_.random.Between(kTooLateMin, kTooLateMax);
    Write();
    record_.kind = RecordKind::kTooLate;
  }

  void MakeMalformed(Micros now) {
    MakeLoneEvent(now);
    Random& random = state_.random;
    const double lot = random.Unit();
    if (lot < 0.4) {
      // A part of an object without its last brace is no object.
      Write();
      record_.value.resize(size_t(random.Between(1, int64_t(record_.value.size()) - 1)));
    } else if (lot < 0.6) {
      // No JSON begins with a byte of 0x80 to 0xbf, and no text either.
      Write();
      record_.value.resize(size_t(random.Between(16, 256)));
      for (char& byte : record_.value) byte = char(random.Below(256));
      record_.value[0] = char(0x80 | (record_.value[0] & 0x3f));
    } else if (lot < 0.8) {
      Write(random.Chance(0.5) ? Damage::kNoEventId : Damage::kNoTimestamp);
    } else if (lot < 0.9) {
      Write(random.Chance(0.5) ? Damage::kTextTimeOnPage : Damage::kTextScrollDepth);
    } else {
      Write(Damage::kBadTimestamp);
    }
    record_.kind = RecordKind::kMalformed;
  }

  const ClickstreamOptions options_;
  ClickstreamState state_;                          // but for the sessions, which are in agenda_
  double malformed_ = 0, too_late_ = 0, late_ = 0;  // chances of a lot
  double copied_ = 0;                               // of a valid record
  uint64_t too_late_after_ = 0;
  Visitors visitors_;
  IndependentEvents independent_;
  Agenda agenda_;
  Micros curve_minute_ = -1;
  double curve_ = 1;
  Event event_;
  GeneratedRecord record_;
};

}  // namespace

ClickstreamOptions BacklogOptions(ClickstreamOptions options) {
  TARN_CHECK(options.count > 0);
  options.event_rate = std::max(kBacklogEventRate, double(options.count) / kBacklogSecondsMax);
  options.daily_curve = false;
  return options;
}

Micros SeriesDuration(const ClickstreamOptions& options) {
  return Micros(std::ceil(double(options.count) / options.event_rate * double(kSecond)));
}

std::unique_ptr<ClickstreamGenerator> MakeClickstreamGenerator(const ClickstreamOptions& options) {
  // Event ids come from here: another start must not repeat them.
  Random seeds(options.seed);
  ClickstreamState state{.random = Random(seeds.Next() ^ (uint64_t(options.start) * 0x9e3779b97f4a7c15))};
  state.newest = options.start;
  return std::make_unique<Generator>(options, std::move(state));
}

Result<std::unique_ptr<ClickstreamGenerator>> RestoreClickstreamGenerator(const ClickstreamOptions& options,
                                                                          const std::string& state) {
  TARN_ASSIGN_OR_RETURN(ClickstreamState parsed, ParseState(options, state));
  return std::unique_ptr<ClickstreamGenerator>(std::make_unique<Generator>(options, std::move(parsed)));
}

}  // namespace tarn::generate
