#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

// How a Kafka message lies in bytes. The messages themselves are generated (protocol/generate.py, from messages/*.msg):
// each is a struct whose Visit passes its fields, in their order and for the codec's version, to a Codec that reads,
// writes or fills them. Spec: Kafka protocol guide, "Protocol Primitive Types" and KIP-482 (flexible versions).

namespace tarn::broker {

using Uuid = std::array<char, 16>;

// Thread-compatible. Used for one message of one version.
class Codec {
 public:
  Codec(int version, bool flexible) : version_(version), flexible_(flexible) {}
  virtual ~Codec() = default;
  Codec(const Codec&) = delete;
  Codec& operator=(const Codec&) = delete;

  int version() const { return version_; }
  bool flexible() const { return flexible_; }
  // Whether the version lies in [low, high]: the field exists.
  bool In(int low, int high) const { return version_ >= low && version_ <= high; }

  virtual void Value(bool& value) = 0;
  virtual void Value(int8_t& value) = 0;
  virtual void Value(int16_t& value) = 0;
  virtual void Value(uint16_t& value) = 0;
  virtual void Value(int32_t& value) = 0;
  virtual void Value(uint32_t& value) = 0;
  virtual void Value(int64_t& value) = 0;
  virtual void Value(double& value) = 0;
  virtual void Value(Uuid& value) = 0;

  void Value(std::string_view& value) { Plain(value, Kind::kString); }
  void Value(std::string& value) { Owned(value, Kind::kString); }
  void Bytes(std::string_view& value) { Plain(value, Kind::kBytes); }
  void Bytes(std::string& value) { Owned(value, Kind::kBytes); }
  // `nullable`: whether this version may say null; where it may not, null is written as empty.
  void Value(std::optional<std::string_view>& value, bool nullable) { Text(value, Kind::kString, nullable); }
  void Value(std::optional<std::string>& value, bool nullable) { OwnedNullable(value, Kind::kString, nullable); }
  void Bytes(std::optional<std::string_view>& value, bool nullable) { Text(value, Kind::kBytes, nullable); }
  void Bytes(std::optional<std::string>& value, bool nullable) { OwnedNullable(value, Kind::kBytes, nullable); }
  // Record batches: bytes, which a writer moves out of an owning field instead of copying them.
  void Records(std::optional<std::string_view>& value) { Text(value, Kind::kBytes, true); }
  virtual void Records(std::optional<std::string>& value) { OwnedNullable(value, Kind::kBytes, true); }

  template <typename T, typename F>
  void Array(std::vector<T>& items, F each) {
    Items(items, ArrayLength(int64_t(items.size()), false), each);
  }
  template <typename T, typename F>
  void Array(std::optional<std::vector<T>>& items, bool nullable, F each) {
    const int64_t length = ArrayLength(items ? int64_t(items->size()) : (nullable ? -1 : 0), nullable);
    if (length < 0) {
      items.reset();
      return;
    }
    if (!items) items.emplace();
    Items(*items, length, each);
  }

  // The tagged fields that end every struct of a flexible version: BeginTags, Tag in rising order, EndTags.
  // `set`: whether a writer has anything to say; a reader calls `visit` when the tag came.
  virtual void BeginTags() = 0;
  virtual void Tag(uint32_t tag, bool set, const std::function<void()>& visit) = 0;
  virtual void EndTags() = 0;

 protected:
  enum class Kind { kString, kBytes };
  virtual void Text(std::optional<std::string_view>& value, Kind kind, bool nullable) = 0;
  // The length to use (-1: null): a writer writes and returns `length`, others return their own.
  virtual int64_t ArrayLength(int64_t length, bool nullable) = 0;
  // Whether to go on with further items.
  virtual bool Going() const = 0;

 private:
  void Plain(std::string_view& value, Kind kind);
  void Owned(std::string& value, Kind kind);
  void OwnedNullable(std::optional<std::string>& value, Kind kind, bool nullable);

  template <typename T, typename F>
  void Items(std::vector<T>& items, int64_t length, F each) {
    // An announced length allocates nothing: items grow as their bytes are read.
    for (int64_t i = 0; i < length && Going(); ++i) {
      if (size_t(i) >= items.size()) items.emplace_back();
      each(items[size_t(i)]);
    }
  }

  const int version_;
  const bool flexible_;
};

// Reads a message out of `bytes`, which outlives what views were read from it. After the first fault every read gives
// zeros.
class Reader final : public Codec {
 public:
  // At most this many array items in one message, so that memory stays within some 60 bytes a byte received, and 60 MB.
  static constexpr int64_t kItemsMax = 1'000'000;

  Reader(std::string_view bytes, int version, bool flexible)
      : Codec(version, flexible), begin_(bytes.data()), rest_(bytes) {}

  // kCorruption: the offset in `bytes` and what was expected there.
  Status status() const;
  std::string_view rest() const { return rest_; }

  using Codec::Bytes;
  using Codec::Records;
  using Codec::Value;
  void Value(bool& value) override;
  void Value(int8_t& value) override;
  void Value(int16_t& value) override;
  void Value(uint16_t& value) override;
  void Value(int32_t& value) override;
  void Value(uint32_t& value) override;
  void Value(int64_t& value) override;
  void Value(double& value) override;
  void Value(Uuid& value) override;
  void BeginTags() override;
  void Tag(uint32_t tag, bool set, const std::function<void()>& visit) override;
  void EndTags() override;

 protected:
  void Text(std::optional<std::string_view>& value, Kind kind, bool nullable) override;
  int64_t ArrayLength(int64_t length, bool nullable) override;
  bool Going() const override { return expected_ == nullptr; }

 private:
  struct TaggedField {
    uint32_t tag;
    std::string_view bytes;
  };
  template <typename T>
  void Integer(T& value);
  uint32_t Varint();
  std::string_view Take(size_t size, const char* what);
  void Fail(const char* expected);

  const char* const begin_;
  std::string_view rest_;
  const char* expected_ = nullptr;
  size_t failed_at_ = 0;
  int64_t items_ = 0;
  std::vector<std::vector<TaggedField>> tags_;
};

// Writes a message as pieces to be sent one after the other.
class Writer final : public Codec {
 public:
  Writer(int version, bool flexible) : Codec(version, flexible) {}

  // What was written. The writer is empty afterwards.
  std::vector<std::string> Finish();

  using Codec::Bytes;
  using Codec::Records;
  using Codec::Value;
  void Value(bool& value) override;
  void Value(int8_t& value) override;
  void Value(int16_t& value) override;
  void Value(uint16_t& value) override;
  void Value(int32_t& value) override;
  void Value(uint32_t& value) override;
  void Value(int64_t& value) override;
  void Value(double& value) override;
  void Value(Uuid& value) override;
  void Records(std::optional<std::string>& value) override;
  void BeginTags() override;
  void Tag(uint32_t tag, bool set, const std::function<void()>& visit) override;
  void EndTags() override;

 protected:
  void Text(std::optional<std::string_view>& value, Kind kind, bool nullable) override;
  int64_t ArrayLength(int64_t length, bool nullable) override;
  bool Going() const override { return true; }

 private:
  struct Struct {
    std::string before;
    uint32_t tags = 0;
  };
  template <typename T>
  void Integer(T value);
  void Varint(uint32_t value);
  void Length(int64_t length, Kind kind);

  std::vector<std::string> pieces_;
  std::string out_;
  std::vector<Struct> structs_;
};

// A struct without tagged fields of its own still ends in their number; unknown ones are skipped.
inline void NoTags(Codec& codec) {
  if (!codec.flexible()) return;
  codec.BeginTags();
  codec.EndTags();
}

}  // namespace tarn::broker
