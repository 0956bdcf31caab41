#include "broker/protocol/codec.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

namespace tarn::broker {

void Codec::Plain(std::string_view& value, Kind kind) {
  std::optional<std::string_view> text = value;
  Text(text, kind, false);
  value = text.value_or(std::string_view());
}

void Codec::Owned(std::string& value, Kind kind) {
  std::optional<std::string_view> text = value;
  Text(text, kind, false);
  if (text && text->data() != value.data()) value.assign(*text);
}

void Codec::OwnedNullable(std::optional<std::string>& value, Kind kind, bool nullable) {
  std::optional<std::string_view> text;
  if (value) text = *value;
  Text(text, kind, nullable);
  if (!text) {
    value.reset();
  } else if (!value || text->data() != value->data()) {
    value.emplace(*text);
  }
}

// ---- Reader

void Reader::Fail(const char* expected) {
  if (expected_ != nullptr) return;
  expected_ = expected;
  failed_at_ = size_t(rest_.data() - begin_);
  rest_ = {};
}

Status Reader::status() const {
  if (expected_ == nullptr) return Ok();
  return Error(ErrorCode::kCorruption, "malformed Kafka message: expected " + std::string(expected_) + " at byte " +
                                           std::to_string(failed_at_));
}

std::string_view Reader::Take(size_t size, const char* what) {
  if (size > rest_.size()) {
    Fail(what);
    return {};
  }
  const std::string_view taken = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return taken;
}

template <typename T>
void Reader::Integer(T& value) {
  const std::string_view bytes = Take(sizeof(T), "an integer");
  std::make_unsigned_t<T> bits = 0;
  for (char byte : bytes) bits = std::make_unsigned_t<T>((uint64_t(bits) << 8) | uint8_t(byte));
  value = T(bits);
}

void Reader::Value(bool& value) {
  int8_t byte = 0;
  Integer(byte);
  value = byte != 0;
}
void Reader::Value(int8_t& value) {
  Integer(value);
}
void Reader::Value(int16_t& value) {
  Integer(value);
}
void Reader::Value(uint16_t& value) {
  Integer(value);
}
void Reader::Value(int32_t& value) {
  Integer(value);
}
void Reader::Value(uint32_t& value) {
  Integer(value);
}
void Reader::Value(int64_t& value) {
  Integer(value);
}
void Reader::Value(double& value) {
  uint64_t bits = 0;
  Integer(bits);
  value = std::bit_cast<double>(bits);
}
void Reader::Value(Uuid& value) {
  const std::string_view bytes = Take(value.size(), "a UUID");
  value = {};
  std::copy(bytes.begin(), bytes.end(), value.begin());
}

uint32_t Reader::Varint() {
  uint64_t value = 0;
  for (int shift = 0; shift < 35; shift += 7) {
    const std::string_view byte = Take(1, "an unsigned varint");
    if (byte.empty()) return 0;
    value |= uint64_t(uint8_t(byte[0]) & 0x7f) << shift;
    if ((uint8_t(byte[0]) & 0x80) != 0) continue;
    if (value > std::numeric_limits<uint32_t>::max()) break;
    return uint32_t(value);
  }
  Fail("an unsigned varint of 32 bits");
  return 0;
}

void Reader::Text(std::optional<std::string_view>& value, Kind kind, bool nullable) {
  int64_t length = 0;
  if (flexible()) {
    length = int64_t(Varint()) - 1;
  } else if (kind == Kind::kString) {
    int16_t size = 0;
    Integer(size);
    length = size;
  } else {
    int32_t size = 0;
    Integer(size);
    length = size;
  }
  value = std::string_view();
  if (!Going()) return;
  if (length < 0) {
    if (!nullable || length < -1) {
      Fail("a text that is not null");
    } else {
      value.reset();
    }
    return;
  }
  value = Take(size_t(length), "as many bytes as a length says");
}

int64_t Reader::ArrayLength(int64_t, bool nullable) {
  int64_t length = 0;
  if (flexible()) {
    length = int64_t(Varint()) - 1;
  } else {
    int32_t size = 0;
    Integer(size);
    length = size;
  }
  if (!Going()) return 0;
  if (length < 0) {
    if (nullable && length == -1) return -1;
    Fail("an array that is not null");
    return 0;
  }
  items_ += length;
  if (length > int64_t(rest_.size()) || items_ > kItemsMax) {
    Fail("no more array items than bytes");
    return 0;
  }
  return length;
}

void Reader::BeginTags() {
  std::vector<TaggedField> fields;
  const uint32_t count = Varint();
  for (uint32_t i = 0; i < count && Going(); ++i) {
    TaggedField field;
    field.tag = Varint();
    field.bytes = Take(Varint(), "as many bytes as a tagged field's length says");
    if (!fields.empty() && field.tag <= fields.back().tag) Fail("rising tags");
    fields.push_back(field);
  }
  tags_.push_back(std::move(fields));
}

void Reader::Tag(uint32_t tag, bool, const std::function<void()>& visit) {
  for (const TaggedField& field : tags_.back()) {
    if (field.tag != tag || !Going()) continue;
    const std::string_view after = std::exchange(rest_, field.bytes);
    visit();
    if (Going() && !rest_.empty()) Fail("a tagged field of the length that it says");
    if (Going()) rest_ = after;
    return;
  }
}

void Reader::EndTags() {
  tags_.pop_back();
}

// ---- Writer

std::vector<std::string> Writer::Finish() {
  if (!out_.empty()) pieces_.push_back(std::move(out_));
  out_.clear();
  return std::exchange(pieces_, {});
}

template <typename T>
void Writer::Integer(T value) {
  char bytes[sizeof(T)];
  auto bits = std::make_unsigned_t<T>(value);
  for (size_t i = sizeof(T); i > 0; --i) {
    bytes[i - 1] = char(bits & 0xff);
    bits = std::make_unsigned_t<T>(uint64_t(bits) >> 8);
  }
  out_.append(bytes, sizeof(T));
}

void Writer::Value(bool& value) {
  out_.push_back(value ? 1 : 0);
}
void Writer::Value(int8_t& value) {
  Integer(value);
}
void Writer::Value(int16_t& value) {
  Integer(value);
}
void Writer::Value(uint16_t& value) {
  Integer(value);
}
void Writer::Value(int32_t& value) {
  Integer(value);
}
void Writer::Value(uint32_t& value) {
  Integer(value);
}
void Writer::Value(int64_t& value) {
  Integer(value);
}
void Writer::Value(double& value) {
  Integer(std::bit_cast<uint64_t>(value));
}
void Writer::Value(Uuid& value) {
  out_.append(value.data(), value.size());
}

void Writer::Varint(uint32_t value) {
  for (; value >= 0x80; value >>= 7) out_.push_back(char((value & 0x7f) | 0x80));
  out_.push_back(char(value));
}

void Writer::Length(int64_t length, Kind kind) {
  if (flexible()) {
    Varint(uint32_t(length + 1));
  } else if (kind == Kind::kString) {
    Integer(int16_t(length));
  } else {
    Integer(int32_t(length));
  }
}

void Writer::Text(std::optional<std::string_view>& value, Kind kind, bool nullable) {
  if (!value) {
    Length(nullable ? -1 : 0, kind);
    return;
  }
  std::string_view text = *value;
  // Only texts that we wrote ourselves can be longer (error messages): cut them rather than break the frame.
  if (kind == Kind::kString) text = text.substr(0, size_t(std::numeric_limits<int16_t>::max()));
  Length(int64_t(text.size()), kind);
  out_.append(text);
}

void Writer::Records(std::optional<std::string>& value) {
  constexpr size_t kWorthMoving = 4096;
  if (!value || value->size() < kWorthMoving || !structs_.empty()) {
    Codec::Records(value);
    return;
  }
  Length(int64_t(value->size()), Kind::kBytes);
  pieces_.push_back(std::move(out_));
  out_.clear();
  pieces_.push_back(std::move(*value));
  value->clear();
}

int64_t Writer::ArrayLength(int64_t length, bool) {
  Length(length, Kind::kBytes);
  return length;
}

void Writer::BeginTags() {
  structs_.push_back({.before = std::exchange(out_, {}), .tags = 0});
}

void Writer::Tag(uint32_t tag, bool set, const std::function<void()>& visit) {
  if (!set) return;
  ++structs_.back().tags;
  std::string before = std::exchange(out_, {});
  visit();
  const std::string body = std::exchange(out_, std::move(before));
  Varint(tag);
  Varint(uint32_t(body.size()));
  out_ += body;
}

void Writer::EndTags() {
  const std::string tags = std::exchange(out_, std::move(structs_.back().before));
  Varint(structs_.back().tags);
  out_ += tags;
  structs_.pop_back();
}

}  // namespace tarn::broker
