#include <cstdint>
#include <cstdlib>
#include <string>

#include <duckdb.hpp>

#include "engine/duckdb_types.h"
#include "stream/json_decoder.h"

// Any bytes as a record: reading by layouts and by simdjson alone must give the same row or the same problem. The
// decoder with layouts lives on from input to input, so that it has layouts to compare with.

namespace {

using namespace tarn;
using engine::DataType;
using engine::TypeKind;

engine::Schema FuzzSchema() {
  return {{{.name = "id", .type = DataType::Of(TypeKind::kString), .nullable = false},
           {.name = "t", .type = DataType::Of(TypeKind::kTimestamp)},
           {.name = "n", .type = DataType::Of(TypeKind::kInt32)},
           {.name = "p", .type = DataType::Decimal(20, 3)},
           {.name = "m", .type = DataType::Map(DataType::Of(TypeKind::kString), DataType::Of(TypeKind::kInt32))},
           {.name = "l", .type = DataType::List(DataType::Of(TypeKind::kDouble))}}};
}

std::string Decode(stream::JsonDecoder& decoder, const std::string& padded, size_t size) {
  duckdb::DataChunk chunk;
  duckdb::vector<duckdb::LogicalType> types;
  for (const auto& field : FuzzSchema().fields) types.push_back(engine::ToDuckdb(field.type));
  chunk.Initialize(duckdb::Allocator::DefaultAllocator(), types, 1);
  stream::TextArena texts;
  decoder.Begin(chunk, texts);
  const auto problem = decoder.Decode({padded.data(), size}, 0);
  decoder.Finish();
  if (problem) return std::string(stream::LetterReasonName(problem->reason)) + problem->detail;
  chunk.SetCardinality(1);
  std::string row;
  for (size_t i = 0; i < types.size(); ++i) row += chunk.GetValue(i, 0).ToString() + "|";
  return row;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static stream::JsonDecoder with(FuzzSchema());
  stream::JsonDecoder without(FuzzSchema(), {.shapes = false});
  std::string padded(reinterpret_cast<const char*>(data), size);
  padded.append(64, '"');
  // Twice: the second time its layout may be known.
  for (int i = 0; i < 2; ++i)
    if (Decode(with, padded, size) != Decode(without, padded, size)) std::abort();
  return 0;
}
