#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <duckdb/common/types/data_chunk.hpp>

#include "base/clock.h"
#include "base/result.h"
#include "engine/database.h"

namespace tarn::stream {

// Chunks as SQL sees them: the rows of `chunk`, or of them those that `selection` names.
struct ChunkView {
  duckdb::DataChunk* chunk = nullptr;
  duckdb::sel_t* selection = nullptr;
  uint64_t count = 0;
};

struct RelationRows {
  std::vector<ChunkView> chunks;
  uint64_t count = 0;
  // The value of the last column, when the relation has one more column than the chunks.
  std::optional<Micros> timestamp;
};

// A table function without arguments, over chunks that we hold: no row is copied, and several threads read at once in
// no order. Owned by its stream; statements that still run keep what they read.
class BatchRelation {
 public:
  // Registers the function as `name`, replacing one of that name.
  static Result<std::unique_ptr<BatchRelation>> Register(engine::Database& database, const std::string& name,
                                                         duckdb::vector<duckdb::LogicalType> types,
                                                         duckdb::vector<duckdb::string> names);
  ~BatchRelation();

  // What statements that start from now on read; the chunks stay as they are until Clear.
  void Set(RelationRows rows);
  void Clear();
  const std::string& name() const { return name_; }

 private:
  struct Shared;
  explicit BatchRelation(std::string name) : name_(std::move(name)) {}
  const std::string name_;
  std::shared_ptr<Shared> shared_;
};

}  // namespace tarn::stream
