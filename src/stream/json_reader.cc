#include <cstring>
#include <unordered_map>

#include <simdjson.h>

#include "stream/json_reader_internal.h"
#include "stream/json_values.h"

// simdjson's on-demand parser checks only what is asked for, so everything is asked for: unknown fields are walked to
// their leaves, numbers are checked by the grammar, and nothing may follow the object.

namespace tarn::stream {
namespace {

using simdjson::error_code;
using simdjson::ondemand::json_type;

constexpr int kDepthMax = 500;
// Beyond so many keys of one map, repeated keys are looked up by hash.
constexpr size_t kLinearKeysMax = 16;

std::string_view Trimmed(std::string_view token) {
  const size_t last = token.find_last_not_of(" \t\r\n");
  return last == token.npos ? std::string_view() : token.substr(0, last + 1);
}

std::string Shortened(std::string_view token) {
  constexpr size_t kMax = 48;
  std::string out(token.substr(0, kMax));
  // Not in the middle of a character.
  if (token.size() > kMax) {
    while (!out.empty() && (out.back() & 0xc0) == 0x80) out.pop_back();
    if (!out.empty() && (out.back() & 0x80) != 0) out.pop_back();
    out += "…";
  }
  return out;
}

enum class Seen : uint8_t { kNo, kNull, kValue };

}  // namespace

#define TARN_JSON_TRY(expr) \
  if (const error_code tarn_json_error = (expr); tarn_json_error != simdjson::SUCCESS) return tarn_json_error

class JsonReader::Impl {
 public:
  explicit Impl(std::vector<ColumnWriter>& columns) : columns_(columns) {}

  std::optional<DecodeProblem> Read(std::string_view text, uint64_t row) {
    unknown_fields = 0;
    missing_.clear();
    bad_.clear();
    seen_.clear();
    path_.clear();
    text_ = text;
    simdjson::ondemand::document document;
    error_code error =
        parser_.iterate(text.data(), text.size(), text.size() + simdjson::SIMDJSON_PADDING).get(document);
    if (error == simdjson::SUCCESS) {
      error = ReadDocument(document, row);
      if (error != simdjson::SUCCESS) return Broken(error, document);
    }
    if (error != simdjson::SUCCESS) return DecodeProblem{LetterReason::kNotDecodable, simdjson::error_message(error)};
    if (!missing_.empty()) return DecodeProblem{LetterReason::kMissingField, missing_};
    if (!bad_.empty()) return DecodeProblem{LetterReason::kBadValue, bad_};
    return std::nullopt;
  }

  uint64_t unknown_fields = 0;

 private:
  using Value = simdjson::ondemand::value;

  DecodeProblem Broken(error_code error, simdjson::ondemand::document& document) {
    std::string detail = error == simdjson::INCORRECT_TYPE ? "expected a JSON object" : simdjson::error_message(error);
    const char* location = nullptr;
    if (error != simdjson::INCORRECT_TYPE && document.current_location().get(location) == simdjson::SUCCESS &&
        location >= text_.data() && location <= text_.data() + text_.size())
      detail += " (near byte " + std::to_string(location - text_.data()) + ")";
    return {LetterReason::kNotDecodable, std::move(detail)};
  }

  error_code ReadDocument(simdjson::ondemand::document& document, uint64_t row) {
    json_type type;
    TARN_JSON_TRY(document.type().get(type));
    if (type != json_type::object) return simdjson::INCORRECT_TYPE;
    simdjson::ondemand::object object;
    TARN_JSON_TRY(document.get_object().get(object));
    TARN_JSON_TRY(ReadFields(object, columns_, row, 0));
    const char* rest = nullptr;
    return document.current_location().get(rest) == simdjson::OUT_OF_BOUNDS ? simdjson::SUCCESS : simdjson::TAPE_ERROR;
  }

  static int Find(const std::vector<ColumnWriter>& writers, std::string_view key, size_t& guess) {
    for (size_t tried = 0; tried < writers.size(); ++tried) {
      const size_t index = guess < writers.size() ? guess : guess - writers.size();
      if (writers[index].name() == key) {
        guess = index + 1;
        return int(index);
      }
      guess = index + 1;
    }
    return -1;
  }

  error_code ReadFields(simdjson::ondemand::object object, std::vector<ColumnWriter>& writers, uint64_t row,
                        int depth) {
    if (depth > kDepthMax) return simdjson::DEPTH_ERROR;
    const size_t base = seen_.size();
    seen_.resize(base + writers.size(), Seen::kNo);
    size_t guess = 0;
    for (auto member : object) {
      std::string_view key;
      TARN_JSON_TRY(member.unescaped_key().get(key));
      Value value;
      TARN_JSON_TRY(member.value().get(value));
      const int index = Find(writers, key, guess);
      if (index < 0) {
        ++unknown_fields;
        TARN_JSON_TRY(Skip(value, depth + 1));
        continue;
      }
      ColumnWriter& writer = writers[size_t(index)];
      path_.push_back(&writer);
      bool null = false;
      TARN_JSON_TRY(ReadValue(value, writer, row, depth + 1, null));
      path_.pop_back();
      seen_[base + size_t(index)] = null ? Seen::kNull : Seen::kValue;
    }
    for (size_t i = 0; i < writers.size(); ++i) {
      if (seen_[base + i] == Seen::kValue) continue;
      if (seen_[base + i] == Seen::kNo) writers[i].WriteNull(row);
      if (!writers[i].nullable() && missing_.empty()) {
        path_.push_back(&writers[i]);
        missing_ = Path() + (seen_[base + i] == Seen::kNo ? " is missing" : " is null");
        path_.pop_back();
      }
    }
    seen_.resize(base);
    return simdjson::SUCCESS;
  }

  error_code ReadValue(Value& value, ColumnWriter& writer, uint64_t row, int depth, bool& null) {
    json_type type;
    TARN_JSON_TRY(value.type().get(type));
    std::string_view token = value.raw_json_token();
    switch (type) {
      case json_type::null:
        if (Trimmed(token) != "null") return simdjson::N_ATOM_ERROR;
        null = true;
        writer.WriteNull(row);
        return simdjson::SUCCESS;
      case json_type::boolean: {
        bool flag = false;
        TARN_JSON_TRY(value.get_bool().get(flag));
        if (!writer.WriteBoolean(row, flag)) Bad(writer, token);
        return simdjson::SUCCESS;
      }
      case json_type::number:
        token = Trimmed(token);
        if (!IsJsonNumber(token)) return simdjson::NUMBER_ERROR;
        if (!writer.WriteNumber(row, token)) Bad(writer, token);
        return simdjson::SUCCESS;
      case json_type::string: {
        std::string_view text;
        TARN_JSON_TRY(value.get_string().get(text));
        const bool stable = InPlace(token, text);
        if (!writer.WriteText(row, text, stable)) Bad(writer, token);
        return simdjson::SUCCESS;
      }
      case json_type::object:
        if (writer.is_struct()) {
          simdjson::ondemand::object object;
          TARN_JSON_TRY(value.get_object().get(object));
          writer.MarkValid(row);
          return ReadFields(object, writer.children(), row, depth);
        }
        if (writer.is_map()) return ReadMap(value, writer, row, depth);
        Bad(writer, token);
        return Skip(value, depth);
      case json_type::array:
        if (writer.is_list()) return ReadList(value, writer, row, depth);
        Bad(writer, token);
        return Skip(value, depth);
    }
    return simdjson::TAPE_ERROR;
  }

  // A value below a list or map, where null is a value that may be allowed.
  error_code ReadElement(Value& value, ColumnWriter& writer, uint64_t row, int depth) {
    bool null = false;
    path_.push_back(&writer);
    TARN_JSON_TRY(ReadValue(value, writer, row, depth, null));
    if (null && !writer.nullable()) Bad(writer, "null");
    path_.pop_back();
    return simdjson::SUCCESS;
  }

  error_code ReadList(Value& value, ColumnWriter& writer, uint64_t row, int depth) {
    if (depth > kDepthMax) return simdjson::DEPTH_ERROR;
    simdjson::ondemand::array array;
    TARN_JSON_TRY(value.get_array().get(array));
    const uint64_t first = writer.child_size();
    for (auto element : array) {
      Value child;
      TARN_JSON_TRY(element.get(child));
      TARN_JSON_TRY(ReadElement(child, writer.children()[0], writer.AddChild(), depth + 1));
    }
    writer.EndChildren(row, first);
    return simdjson::SUCCESS;
  }

  error_code ReadMap(Value& value, ColumnWriter& writer, uint64_t row, int depth) {
    if (depth > kDepthMax) return simdjson::DEPTH_ERROR;
    simdjson::ondemand::object object;
    TARN_JSON_TRY(value.get_object().get(object));
    const uint64_t first = writer.child_size();
    std::vector<std::string_view> keys;
    std::unordered_map<std::string_view, uint64_t> by_key;
    const auto place = [&](std::string_view key) -> std::optional<uint64_t> {
      if (keys.size() <= kLinearKeysMax) {
        for (size_t i = 0; i < keys.size(); ++i)
          if (keys[i] == key) return i;
        return std::nullopt;
      }
      for (size_t i = by_key.size(); i < keys.size(); ++i) by_key.emplace(keys[i], i);
      const auto found = by_key.find(key);
      return found == by_key.end() ? std::nullopt : std::optional<uint64_t>(found->second);
    };
    for (auto member : object) {
      std::string_view key;
      TARN_JSON_TRY(member.unescaped_key().get(key));
      Value child;
      TARN_JSON_TRY(member.value().get(child));
      const auto there = place(key);
      const uint64_t child_row = there ? first + *there : writer.AddChild();
      if (!there) {
        keys.push_back(key);
        if (!writer.children()[0].WriteText(child_row, key, false)) Bad(writer.children()[0], key);
      }
      TARN_JSON_TRY(ReadElement(child, writer.children()[1], child_row, depth + 1));
    }
    writer.EndChildren(row, first);
    return simdjson::SUCCESS;
  }

  error_code Skip(Value& value, int depth) {
    if (depth > kDepthMax) return simdjson::DEPTH_ERROR;
    json_type type;
    TARN_JSON_TRY(value.type().get(type));
    switch (type) {
      case json_type::null:
      case json_type::number: {
        const std::string_view token = Trimmed(value.raw_json_token());
        if (type == json_type::null) return token == "null" ? simdjson::SUCCESS : simdjson::N_ATOM_ERROR;
        return IsJsonNumber(token) ? simdjson::SUCCESS : simdjson::NUMBER_ERROR;
      }
      case json_type::boolean:
        return value.get_bool().error();
      case json_type::string:
        return value.get_string().error();
      case json_type::object: {
        simdjson::ondemand::object object;
        TARN_JSON_TRY(value.get_object().get(object));
        for (auto member : object) {
          TARN_JSON_TRY(member.unescaped_key().error());
          Value child;
          TARN_JSON_TRY(member.value().get(child));
          TARN_JSON_TRY(Skip(child, depth + 1));
        }
        return simdjson::SUCCESS;
      }
      case json_type::array: {
        simdjson::ondemand::array array;
        TARN_JSON_TRY(value.get_array().get(array));
        for (auto element : array) {
          Value child;
          TARN_JSON_TRY(element.get(child));
          TARN_JSON_TRY(Skip(child, depth + 1));
        }
        return simdjson::SUCCESS;
      }
    }
    return simdjson::TAPE_ERROR;
  }

  // Whether the text stands unescaped in the record; `text` then points there.
  static bool InPlace(std::string_view token, std::string_view& text) {
    if (token.size() < text.size() + 2 || token[text.size() + 1] != '"' ||
        std::memcmp(token.data() + 1, text.data(), text.size()) != 0)
      return false;
    text = token.substr(1, text.size());
    return true;
  }

  std::string Path() const {
    std::string path;
    for (const ColumnWriter* writer : path_) path += (path.empty() ? "" : ".") + writer->name();
    return path;
  }

  void Bad(const ColumnWriter& writer, std::string_view token) {
    if (!bad_.empty()) return;
    bad_ = Path() + ": expected " + writer.type().ToString() + ", got " + Shortened(Trimmed(token));
    if (token.data() >= text_.data() && token.data() <= text_.data() + text_.size())
      bad_ += " (byte " + std::to_string(token.data() - text_.data()) + ")";
  }

  std::vector<ColumnWriter>& columns_;
  simdjson::ondemand::parser parser_;
  std::string_view text_;
  std::vector<Seen> seen_;  // a stack: the fields of each object that is open
  std::vector<const ColumnWriter*> path_;
  std::string missing_, bad_;  // the first of each
};

JsonReader::JsonReader(std::vector<ColumnWriter>& columns) : impl_(std::make_unique<Impl>(columns)) {}
JsonReader::~JsonReader() = default;
std::optional<DecodeProblem> JsonReader::Read(std::string_view text, uint64_t row) {
  return impl_->Read(text, row);
}
uint64_t JsonReader::unknown_fields() const {
  return impl_->unknown_fields;
}

}  // namespace tarn::stream
