#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/schema.h"
#include "stream/column_writer.h"

// JSON records as rows of a DuckDB chunk.

namespace tarn::stream {

enum class LetterReason { kNotDecodable, kMissingField, kBadValue, kTooLate, kInFuture };
inline constexpr LetterReason kLetterReasons[] = {LetterReason::kNotDecodable, LetterReason::kMissingField,
                                                  LetterReason::kBadValue, LetterReason::kTooLate,
                                                  LetterReason::kInFuture};
std::string_view LetterReasonName(LetterReason reason);

struct DecodeProblem {
  LetterReason reason = LetterReason::kNotDecodable;
  std::string detail;  // which field or byte, what was expected
};

class JsonReader;
class JsonShape;

// Decodes JSON objects by a schema. A record laid out like one before it is compared with that layout and its values
// cut out; every other goes to simdjson. Both give the same rows. Thread-compatible: one a thread.
//
// Of a key that occurs twice the last value counts. Keys are compared exactly. Fields that the schema does not name are
// parsed and counted. not_decodable comes before missing_field, that before bad_value.
class JsonDecoder {
 public:
  struct Options {
    bool shapes = true;  // false: simdjson alone, for comparison
  };
  explicit JsonDecoder(const engine::Schema& schema) : JsonDecoder(schema, Options{}) {}
  JsonDecoder(const engine::Schema& schema, Options options);
  ~JsonDecoder();

  // Decodes into `chunk` from now on: flat vectors of the schema's types. Both outlive the use until Finish.
  void Begin(duckdb::DataChunk& chunk, TextArena& texts);
  // Decodes one record into `row`; after a problem the row is to be written again. Texts are not copied where they need
  // not be: `value` lives as long as the chunk. Requires: 64 readable bytes after it.
  std::optional<DecodeProblem> Decode(std::string_view value, uint64_t row);
  void Finish();

  const std::vector<ColumnWriter>& columns() const { return columns_; }
  uint64_t unknown_fields() const { return unknown_fields_; }  // so far
  uint64_t shape_hits() const { return shape_hits_; }

 private:
  void Learn(std::string_view value);
  void RestoreSizes();

  const Options options_;
  std::vector<ColumnWriter> columns_;
  std::vector<ColumnWriter*> nested_;  // lists and maps, whose child rows a failed try must give back
  std::vector<uint64_t> sizes_;
  std::unique_ptr<JsonReader> reader_;
  std::vector<std::unique_ptr<JsonShape>> shapes_;  // the last one that fitted first
  int learn_credit_;
  uint64_t unknown_fields_ = 0;
  uint64_t shape_hits_ = 0;
  uint64_t shape_misses_ = 0;
};

}  // namespace tarn::stream
