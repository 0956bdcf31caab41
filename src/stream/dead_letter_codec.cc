#include <nlohmann/json.hpp>

#include "stream/dead_letter_topic.h"

namespace tarn::stream {
namespace {

// Longer ones are cut, so that every letter fits a record of a megabyte; the table has them whole.
constexpr size_t kPayloadBytesMax = 600 << 10;
constexpr size_t kTextBytesMax = 16 << 10;  // of detail and key

std::string EncodeBase64(std::string_view bytes) {
  static constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t word = 0;
    for (size_t j = 0; j < 3; ++j) word = word << 8 | (i + j < bytes.size() ? uint8_t(bytes[i + j]) : 0);
    for (size_t j = 0; j < 4; ++j) text += i + j <= bytes.size() ? kDigits[word >> (18 - 6 * j) & 63] : '=';
  }
  return text;
}

}  // namespace

std::string EncodeDeadLetter(const DeadLetter& letter) {
  using Json = nlohmann::ordered_json;
  Json json;
  json["reason"] = letter.reason;
  json["detail"] = letter.detail.substr(0, kTextBytesMax);
  json["topic"] = letter.topic;
  json["partition"] = letter.partition;
  json["offset"] = letter.offset;
  json["failed_at"] = FormatTimestamp(letter.failed_at);
  json["key"] = letter.key ? Json(letter.key->substr(0, kTextBytesMax)) : Json(nullptr);
  json["payload"] = EncodeBase64(std::string_view(letter.payload).substr(0, kPayloadBytesMax));
  if (letter.payload.size() > kPayloadBytesMax) json["payload_size"] = letter.payload.size();
  // A key or a detail may quote bytes that are no text: those are replaced, the payload has the truth.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<LetterOrigin> DecodeLetterOrigin(std::string_view value) {
  const auto json = nlohmann::json::parse(value, nullptr, /*allow_exceptions=*/false);
  const auto field = [&](const char* name) { return json.is_object() && json.contains(name) ? json[name] : nullptr; };
  const auto topic = field("topic"), partition = field("partition"), offset = field("offset");
  if (!topic.is_string() || !partition.is_number_integer() || !offset.is_number_integer())
    return Error(ErrorCode::kCorruption, "expected a dead letter: a JSON object with topic, partition and offset");
  const auto number = partition.get<int64_t>();
  if (number < 0 || number > INT32_MAX)
    return Error(ErrorCode::kCorruption, "expected a partition's number, found " + std::to_string(number));
  return LetterOrigin(topic.get<std::string>(), int32_t(number), offset.get<int64_t>());
}

}  // namespace tarn::stream
