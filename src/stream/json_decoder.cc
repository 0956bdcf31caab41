#include "stream/json_decoder.h"

#include <algorithm>

#include "stream/json_reader_internal.h"
#include "stream/json_shape_internal.h"

namespace tarn::stream {
namespace {

constexpr size_t kShapesMax = 4;
// Learning costs about as much as reading: a topic whose records are all laid out differently must not pay it for each.
constexpr int kLearnCreditMax = 8;
constexpr uint64_t kHitsPerCredit = 64;
constexpr uint64_t kMissesPerCredit = 256;

void CollectNested(ColumnWriter& writer, std::vector<ColumnWriter*>& nested) {
  if (writer.is_list() || writer.is_map()) nested.push_back(&writer);
  for (ColumnWriter& child : writer.children()) CollectNested(child, nested);
}

}  // namespace

std::string_view LetterReasonName(LetterReason reason) {
  switch (reason) {
    case LetterReason::kNotDecodable:
      return "not_decodable";
    case LetterReason::kMissingField:
      return "missing_field";
    case LetterReason::kBadValue:
      return "bad_value";
    case LetterReason::kTooLate:
      return "too_late";
    case LetterReason::kInFuture:
      return "in_future";
  }
  return "not_decodable";
}

JsonDecoder::JsonDecoder(const engine::Schema& schema, Options options)
    : options_(options), learn_credit_(kLearnCreditMax) {
  for (const engine::Field& field : schema.fields) columns_.emplace_back(field);
  for (ColumnWriter& column : columns_) CollectNested(column, nested_);
  reader_ = std::make_unique<JsonReader>(columns_);
}

JsonDecoder::~JsonDecoder() = default;

void JsonDecoder::Begin(duckdb::DataChunk& chunk, TextArena& texts) {
  for (size_t i = 0; i < columns_.size(); ++i) columns_[i].Bind(chunk.data[i], texts);
  // Child rows begin at none, at every depth.
  for (ColumnWriter* nested : nested_) nested->TruncateChildren(0);
}

void JsonDecoder::RestoreSizes() {
  for (size_t i = 0; i < nested_.size(); ++i) nested_[i]->TruncateChildren(sizes_[i]);
}

std::optional<DecodeProblem> JsonDecoder::Decode(std::string_view value, uint64_t row) {
  sizes_.clear();
  for (const ColumnWriter* nested : nested_) sizes_.push_back(nested->child_size());
  for (size_t i = 0; i < shapes_.size(); ++i) {
    if (!shapes_[i]->Read(value, row)) {
      RestoreSizes();
      continue;
    }
    if (++shape_hits_ % kHitsPerCredit == 0) learn_credit_ = std::min(learn_credit_ + 1, kLearnCreditMax);
    unknown_fields_ += shapes_[i]->unknown_fields();
    if (i > 0) std::swap(shapes_[0], shapes_[i]);
    return std::nullopt;
  }
  auto problem = reader_->Read(value, row);
  if (problem) {
    RestoreSizes();
    return problem;
  }
  unknown_fields_ += reader_->unknown_fields();
  if (++shape_misses_ % kMissesPerCredit == 0) learn_credit_ = std::min(learn_credit_ + 1, kLearnCreditMax);
  if (options_.shapes && learn_credit_ > 0) Learn(value);
  return std::nullopt;
}

void JsonDecoder::Learn(std::string_view value) {
  --learn_credit_;
  auto shape = JsonShape::Learn(value, columns_);
  if (!shape) return;
  for (const auto& known : shapes_)
    if (known->SameLayout(*shape)) return;
  shapes_.insert(shapes_.begin(), std::make_unique<JsonShape>(std::move(*shape)));
  if (shapes_.size() > kShapesMax) shapes_.pop_back();
}

void JsonDecoder::Finish() {
  for (ColumnWriter& column : columns_) column.Finish();
}

}  // namespace tarn::stream
