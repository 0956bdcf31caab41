#include <charconv>
#include <cstdio>

#include "generate/clickstream_state_internal.h"

namespace tarn::generate::clickstream {
namespace {

constexpr std::string_view kMagic = "tarn-clickstream 1";

// Floating point as hexadecimal digits, which come back exactly.
std::string OptionsLine(const ClickstreamOptions& options) {
  char line[512];
  const int size =
      std::snprintf(line, sizeof(line), "options %llu %d %lld %llu %a %d %a %a %a %a\n",
                    (unsigned long long)(options.seed), int(options.mode), (long long)(options.start),
                    (unsigned long long)(options.count), options.event_rate, int(options.daily_curve),
                    options.late_rate, options.too_late_rate, options.duplicate_rate, options.malformed_rate);
  return {line, size_t(size)};
}

class Writer {
 public:
  Writer& operator<<(std::string_view word) {
    text_ += word;
    return *this;
  }
  template <typename T>
    requires std::is_integral_v<T>
  Writer& operator<<(T number) {
    char digits[24];
    text_ += ' ';
    text_.append(digits, std::to_chars(digits, digits + sizeof(digits), number).ptr);
    return *this;
  }
  std::string Take() { return std::move(text_); }

 private:
  std::string text_;
};

// Reads what Writer wrote. After the first failure everything fails.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool Word(std::string_view word) {
    ok_ = ok_ && text_.substr(at_).starts_with(word);
    if (ok_) at_ += word.size();
    return ok_;
  }
  template <typename T>
  T Number() {
    T number{};
    if (!Word(" ")) return number;
    const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), number);
    ok_ = error == std::errc();
    if (ok_) at_ = size_t(end - text_.data());
    return number;
  }
  std::string_view Bytes(size_t size) {
    ok_ = ok_ && size <= text_.size() - at_;
    if (!ok_) return {};
    at_ += size;
    return text_.substr(at_ - size, size);
  }
  bool ok() const { return ok_; }
  bool Check(bool holds) { return ok_ = ok_ && holds; }
  bool at_end() const { return at_ == text_.size(); }
  size_t at() const { return at_; }

 private:
  const std::string_view text_;
  size_t at_ = 0;
  bool ok_ = true;
};

Session ReadSession(Reader& in) {
  Session session;
  session.id.high = in.Number<uint64_t>();
  session.id.low = in.Number<uint64_t>();
  session.due = in.Number<int64_t>();
  session.user = in.Number<uint32_t>();
  session.ip_address = in.Number<uint32_t>();
  session.device = in.Number<uint8_t>();
  session.screen = in.Number<uint8_t>();
  session.previous_page = in.Number<uint8_t>();
  session.next = EventType(in.Number<uint8_t>());
  session.product = in.Number<int8_t>();
  session.cart = in.Number<uint8_t>();
  in.Word("\n");
  in.Check(Visitors::Plausible(session));
  return session;
}

HeldRecord ReadHeld(Reader& in) {
  HeldRecord held;
  held.due = in.Number<int64_t>();
  held.serial = in.Number<uint64_t>();
  const int kind = in.Number<int>();
  in.Check(kind == int(RecordKind::kLate) || kind == int(RecordKind::kDuplicate));
  held.kind = RecordKind(kind);
  held.event_time = in.Number<int64_t>();
  const auto size = in.Number<uint64_t>();
  in.Word("\n");
  held.value = in.Bytes(size);
  in.Word("\n");
  return held;
}

}  // namespace

std::string FormatState(const ClickstreamOptions& options, const ClickstreamState& state) {
  Writer out;
  out << kMagic << "\n" << OptionsLine(options) << "at" << state.position << state.elapsed_ns << state.newest;
  out << state.too_late_owed << state.serial;
  for (const uint64_t word : state.random.state()) out << word;
  out << "\nsessions" << state.sessions.size() << "\n";
  for (const Session& session : state.sessions) {
    out << session.id.high << session.id.low << session.due << session.user << session.ip_address;
    out << int(session.device) << int(session.screen) << int(session.previous_page) << int(session.next);
    out << int(session.product) << int(session.cart) << "\n";
  }
  out << "held" << state.held.size() << "\n";
  for (const HeldRecord& held : state.held) {
    out << held.due << held.serial << int(held.kind) << held.event_time << held.value.size() << "\n";
    out << held.value << "\n";
  }
  return (out << "end\n").Take();
}

Result<ClickstreamState> ParseState(const ClickstreamOptions& options, std::string_view text) {
  Reader in(text);
  in.Word(kMagic), in.Word("\n");
  if (in.ok() && !in.Word(OptionsLine(options)))
    return Error(ErrorCode::kInvalidArgument, "the generator's state is of a series with other options");
  ClickstreamState state{.random = Random(0)};
  in.Word("at");
  state.position = in.Number<uint64_t>();
  state.elapsed_ns = in.Number<int64_t>();
  state.newest = in.Number<int64_t>();
  state.too_late_owed = in.Number<uint64_t>();
  state.serial = in.Number<uint64_t>();
  Random::State words;
  for (uint64_t& word : words) word = in.Number<uint64_t>();
  state.random = Random::FromState(words);
  in.Word("\nsessions");
  const auto sessions = in.Number<uint64_t>();
  in.Word("\n");
  for (uint64_t left = sessions; in.ok() && left > 0; --left) state.sessions.push_back(ReadSession(in));
  in.Word("held");
  const auto held = in.Number<uint64_t>();
  in.Word("\n");
  for (uint64_t left = held; in.ok() && left > 0; --left) state.held.push_back(ReadHeld(in));
  if (!in.Word("end\n") || !in.at_end())
    return Error(ErrorCode::kCorruption,
                 "not a generator's state of layout 1 (byte " + std::to_string(in.at()) + " is not as expected)");
  return state;
}

}  // namespace tarn::generate::clickstream
