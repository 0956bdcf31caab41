#pragma once

#include <deque>
#include <string>
#include <string_view>

#include "base/random.h"
#include "broker/protocol/codec.h"

namespace tarn::broker {

// Fills a message with random values that its version can carry: sometimes null, sometimes empty, tagged fields
// sometimes left out. Outlives the views in requests that it filled.
class Filler final : public Codec {
 public:
  Filler(int version, bool flexible, Random& random) : Codec(version, flexible), random_(random) {}

  using Codec::Bytes;
  using Codec::Records;
  using Codec::Value;
  void Value(bool& value) override { value = random_.Chance(0.5); }
  void Value(int8_t& value) override { value = int8_t(random_.Next()); }
  void Value(int16_t& value) override { value = int16_t(random_.Next()); }
  void Value(uint16_t& value) override { value = uint16_t(random_.Next()); }
  void Value(int32_t& value) override { value = int32_t(random_.Next()); }
  void Value(uint32_t& value) override { value = uint32_t(random_.Next()); }
  void Value(int64_t& value) override { value = int64_t(random_.Next()); }
  void Value(double& value) override { value = random_.Unit(); }
  void Value(Uuid& value) override {
    for (char& byte : value) byte = char(random_.Next());
  }
  void BeginTags() override {}
  void Tag(uint32_t, bool, const std::function<void()>& visit) override {
    if (random_.Chance(0.5)) visit();
  }
  void EndTags() override {}

 protected:
  void Text(std::optional<std::string_view>& value, Kind kind, bool nullable) override {
    if (nullable && random_.Chance(0.3)) return value.reset();
    const bool large = kind == Kind::kBytes && random_.Chance(0.1);
    std::string text(random_.Below(large ? 10'000 : 20), '\0');
    for (char& byte : text) byte = char(random_.Next());
    value = kept_.emplace_back(std::move(text));
  }
  int64_t ArrayLength(int64_t, bool nullable) override {
    return nullable && random_.Chance(0.3) ? -1 : int64_t(random_.Below(4));
  }
  bool Going() const override { return true; }

 private:
  Random& random_;
  std::deque<std::string> kept_;
};

}  // namespace tarn::broker
