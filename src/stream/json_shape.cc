#include <algorithm>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "stream/json_shape_internal.h"
#include "stream/json_values.h"

namespace tarn::stream {
namespace {

constexpr size_t kSlotsMax = 512;
constexpr size_t kTextMax = 64 << 10;
constexpr size_t kMapsMax = 8;

bool IsSpace(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
bool IsBare(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '+' || c == '.';
}
bool IsPlain(char c) {
  return static_cast<signed char>(c) >= 0x20 && c != '"' && c != '\\';
}

// The first byte from `at` on that is not plain; may read 16 bytes past `end`, but never returns past it.
const char* EndOfPlain(const char* at, const char* end) {
#if defined(__SSE2__)
  const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\'), space = _mm_set1_epi8(0x20);
  for (; at < end; at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    // Signed: bytes from 0x80 are below a space, as control characters are.
    const __m128i special = _mm_or_si128(_mm_cmplt_epi8(bytes, space),
                                         _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash)));
    if (const int mask = _mm_movemask_epi8(special); mask != 0)
      return std::min(at + __builtin_ctz(unsigned(mask)), end);
  }
  return end;
#else
  while (at < end && IsPlain(*at)) ++at;
  return at;
#endif
}

bool WriteBare(ColumnWriter* writer, uint64_t row, std::string_view token) {
  if (token == "null") {
    if (writer == nullptr) return true;
    if (!writer->nullable()) return false;
    writer->WriteNull(row);
    return true;
  }
  if (token == "true" || token == "false") return writer == nullptr || writer->WriteBoolean(row, token == "true");
  if (!IsJsonNumber(token)) return false;
  return writer == nullptr || writer->WriteNumber(row, token);
}

}  // namespace

bool JsonShape::Read(std::string_view text, uint64_t row) const {
  uint64_t map_rows[kMapsMax] = {};
  for (size_t i = 0; i < maps_.size(); ++i) {
    const MapLayout& map = maps_[i];
    map_rows[i] = map.writer->BeginChildren(row, map.keys.size());
    for (size_t k = 0; k < map.keys.size(); ++k)
      if (!map.writer->children()[0].WriteText(map_rows[i] + k, map.keys[k], false)) return false;
  }
  const char* at = text.data();
  const char* const end = at + text.size();
  for (const Slot& slot : slots_) {
    if (size_t(end - at) <= slot.before.size() || std::memcmp(at, slot.before.data(), slot.before.size()) != 0)
      return false;
    at += slot.before.size();
    const uint64_t target = slot.map < 0 ? row : map_rows[slot.map] + slot.entry;
    if (*at == '"') {
      const char* const close = EndOfPlain(at + 1, end);
      if (close == end || *close != '"') return false;
      const std::string_view value(at + 1, size_t(close - at - 1));
      if (slot.is_string)
        slot.writer->WriteStableString(target, value);
      else if (slot.writer != nullptr && !slot.writer->WriteText(target, value, true))
        return false;
      at = close + 1;
    } else {
      const char* const begin = at;
      while (at < end && IsBare(*at)) ++at;
      if (!WriteBare(slot.writer, target, {begin, size_t(at - begin)})) return false;
    }
  }
  if (std::string_view(at, size_t(end - at)) != after_) return false;
  for (ColumnWriter* writer : structs_) writer->MarkValid(row);
  for (ColumnWriter* writer : missing_) writer->WriteNull(row);
  return true;
}

bool JsonShape::SameLayout(const JsonShape& other) const {
  return after_ == other.after_ && std::equal(slots_.begin(), slots_.end(), other.slots_.begin(), other.slots_.end(),
                                              [](const Slot& a, const Slot& b) { return a.before == b.before; });
}

// Walks a record that is known to be valid JSON.
class ShapeLearner {
 public:
  ShapeLearner(std::string_view text, JsonShape& shape) : text_(text), shape_(shape) {}

  bool Learn(std::vector<ColumnWriter>& columns) {
    if (text_.size() > kTextMax) return false;
    SkipSpace();
    if (Peek() != '{' || !Fields(&columns)) return false;
    shape_.after_ = std::string(text_.substr(literal_));
    return true;
  }

 private:
  char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void SkipSpace() {
    while (at_ < text_.size() && IsSpace(text_[at_])) ++at_;
  }
  void SkipString() {
    for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_)
      if (text_[at_] == '\\') ++at_;
    ++at_;
  }
  // The text of a key, still escaped, and what follows up to the value.
  std::string_view Key() {
    const size_t begin = at_ + 1;
    SkipString();
    const std::string_view key = text_.substr(begin, at_ - 1 - begin);
    SkipSpace();
    ++at_;  // ':'
    SkipSpace();
    return key;
  }
  // Between members: whether another follows.
  bool More(char close) {
    SkipSpace();
    const bool more = Peek() == ',';
    if (!more && Peek() != close) at_ = text_.size();
    ++at_;
    SkipSpace();
    return more;
  }
  bool Empty(char close) {
    ++at_;
    SkipSpace();
    if (Peek() != close) return false;
    ++at_;
    return true;
  }

  // Null `writers`: the fields of an unknown object.
  bool Fields(std::vector<ColumnWriter>* writers) {
    std::vector<bool> seen(writers != nullptr ? writers->size() : 0);
    if (!Empty('}')) {
      do {
        const std::string_view key = Key();
        ColumnWriter* writer = nullptr;
        if (writers != nullptr) {
          if (key.find('\\') != key.npos) return false;
          const auto found = std::find_if(writers->begin(), writers->end(),
                                          [&](const ColumnWriter& candidate) { return candidate.name() == key; });
          if (found == writers->end()) {
            ++shape_.unknown_fields_;
          } else {
            const size_t index = size_t(found - writers->begin());
            if (seen[index]) return false;
            seen[index] = true;
            writer = &*found;
          }
        }
        if (!Value(writer)) return false;
      } while (More('}'));
    }
    for (size_t i = 0; i < seen.size(); ++i)
      if (!seen[i]) {
        if (!(*writers)[i].nullable()) return false;
        shape_.missing_.push_back(&(*writers)[i]);
      }
    return true;
  }

  bool Map(ColumnWriter& writer) {
    if (shape_.maps_.size() == kMapsMax) return false;
    const int map = int(shape_.maps_.size());
    shape_.maps_.push_back({.writer = &writer});
    if (Empty('}')) return true;
    do {
      const std::string_view key = Key();
      std::vector<std::string>& keys = shape_.maps_[size_t(map)].keys;
      if (!std::all_of(key.begin(), key.end(), IsPlain) || std::find(keys.begin(), keys.end(), key) != keys.end())
        return false;
      keys.emplace_back(key);
      if (Peek() == '{' || Peek() == '[') return false;
      Scalar(&writer.children()[1], map, uint32_t(keys.size() - 1));
    } while (More('}'));
    return true;
  }

  bool Value(ColumnWriter* writer) {
    if (shape_.slots_.size() >= kSlotsMax) return false;
    if (Peek() == '{') {
      if (writer == nullptr) return Fields(nullptr);
      if (writer->is_map()) return Map(*writer);
      if (!writer->is_struct()) return false;
      shape_.structs_.push_back(writer);
      return Fields(&writer->children());
    }
    if (Peek() == '[') {
      if (writer != nullptr) return false;
      if (Empty(']')) return true;
      do {
        if (!Value(nullptr)) return false;
      } while (More(']'));
      return true;
    }
    Scalar(writer, -1, 0);
    return true;
  }

  void Scalar(ColumnWriter* writer, int map, uint32_t entry) {
    shape_.slots_.push_back({.before = std::string(text_.substr(literal_, at_ - literal_)),
                             .writer = writer,
                             .map = map,
                             .entry = entry,
                             .is_string = writer != nullptr && writer->is_string()});
    if (Peek() == '"')
      SkipString();
    else
      while (at_ < text_.size() && IsBare(text_[at_])) ++at_;
    literal_ = at_;
  }

  const std::string_view text_;
  JsonShape& shape_;
  size_t at_ = 0;
  size_t literal_ = 0;  // where the text since the last value begins
};

std::optional<JsonShape> JsonShape::Learn(std::string_view text, std::vector<ColumnWriter>& columns) {
  JsonShape shape;
  if (!ShapeLearner(text, shape).Learn(columns)) return std::nullopt;
  return shape;
}

}  // namespace tarn::stream
