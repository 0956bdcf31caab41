#include "stream/dead_letter_table.h"

#include <algorithm>

#include <duckdb.hpp>

#include "engine/duckdb_access.h"
#include "engine/duckdb_types.h"
#include "stream/stream.h"

namespace tarn::stream {

using engine::DataType;
using engine::TypeKind;

engine::Schema DeadLetterSchema() {
  const auto field = [](const char* name, TypeKind kind, bool nullable = false) {
    return engine::Field{.name = name, .type = DataType::Of(kind), .nullable = nullable};
  };
  return {{field("reason", TypeKind::kString), field("detail", TypeKind::kString), field("topic", TypeKind::kString),
           field("partition", TypeKind::kInt32), field("offset", TypeKind::kInt64),
           field("failed_at", TypeKind::kTimestamp), field("key", TypeKind::kBinary, true),
           field("payload", TypeKind::kBinary)}};
}

std::string ReadParquetSql(const std::string& store_scheme, const std::string& location,
                           const std::vector<std::string>& paths) {
  std::string sql = "read_parquet([";
  for (const std::string& path : paths)
    sql += (sql.back() == '[' ? "" : ", ") + engine::QuoteLiteral(store_scheme + "://" + location + "/" + path);
  return sql + "], union_by_name = true, hive_partitioning = false)";
}

Result<std::unique_ptr<DeadLetterTable>> DeadLetterTable::Make(engine::Database& database, table::Table& table,
                                                               Clock& clock, const std::string& stream,
                                                               ParquetWriter::Options options) {
  TARN_ASSIGN_OR_RETURN(const auto snapshot, table.Latest());
  const engine::Schema schema = DeadLetterSchema();
  bool fits = snapshot->schema.fields.size() == schema.fields.size();
  for (size_t i = 0; fits && i < schema.fields.size(); ++i)
    fits = snapshot->schema.fields[i].name == schema.fields[i].name &&
           snapshot->schema.fields[i].type == schema.fields[i].type;
  if (!fits)
    return Error(ErrorCode::kInvalidArgument, "the table at " + table.location() +
                                                  " does not have the columns of a dead-letter table: reason, detail, "
                                                  "topic, partition, offset, failed_at, key, payload");
  std::unique_ptr<DeadLetterTable> made(new DeadLetterTable(table, options.store_scheme));
  TARN_ASSIGN_OR_RETURN(made->connection_, database.Connect());
  duckdb::vector<duckdb::LogicalType> types;
  duckdb::vector<duckdb::string> names;
  for (const engine::Field& field : schema.fields) {
    types.push_back(engine::ToDuckdb(field.type));
    names.push_back(field.name);
  }
  TARN_ASSIGN_OR_RETURN(made->relation_, BatchRelation::Register(database, "tarn_stream_letters_" + stream,
                                                                 std::move(types), std::move(names)));
  made->writer_ = std::make_unique<ParquetWriter>(*made->connection_, table, clock, std::move(options));
  return made;
}

Status DeadLetterTable::Write(const std::vector<DeadLetter>& letters, std::vector<table::DataFile>& files) {
  using duckdb::Value;
  TARN_ASSIGN_OR_RETURN(const auto snapshot, table_.Latest());
  std::vector<std::unique_ptr<duckdb::DataChunk>> chunks;
  RelationRows rows;
  try {
    duckdb::vector<duckdb::LogicalType> types;
    for (const engine::Field& field : DeadLetterSchema().fields) types.push_back(engine::ToDuckdb(field.type));
    const auto blob = [](const std::string& bytes) {
      return Value::BLOB(reinterpret_cast<duckdb::const_data_ptr_t>(bytes.data()), bytes.size());
    };
    for (size_t begin = 0; begin < letters.size(); begin += STANDARD_VECTOR_SIZE) {
      const size_t count = std::min<size_t>(letters.size() - begin, STANDARD_VECTOR_SIZE);
      auto& chunk = *chunks.emplace_back(std::make_unique<duckdb::DataChunk>());
      chunk.Initialize(duckdb::Allocator::DefaultAllocator(), types, count);
      chunk.SetCardinality(count);
      for (size_t i = 0; i < count; ++i) {
        const DeadLetter& letter = letters[begin + i];
        chunk.SetValue(0, i, Value(letter.reason));
        chunk.SetValue(1, i, Value(letter.detail));
        chunk.SetValue(2, i, Value(letter.topic));
        chunk.SetValue(3, i, Value::INTEGER(letter.partition));
        chunk.SetValue(4, i, Value::BIGINT(letter.offset));
        chunk.SetValue(5, i, Value::TIMESTAMPTZ(duckdb::timestamp_tz_t(letter.failed_at)));
        chunk.SetValue(6, i, letter.key ? blob(*letter.key) : Value(duckdb::LogicalType::BLOB));
        chunk.SetValue(7, i, blob(letter.payload));
      }
      rows.chunks.push_back({.chunk = &chunk, .count = count});
    }
  } catch (const std::exception& exception) {
    return engine::ToError(exception);
  }
  relation_->Set(std::move(rows));
  const Status written =
      writer_->Write("SELECT * FROM " + engine::QuoteIdentifier(relation_->name()) + "()", *snapshot, files);
  relation_->Clear();
  return written;
}

Result<std::vector<DeadLetter>> DeadLetterTable::Read(const table::Snapshot& snapshot, const std::string& topic,
                                                      const OffsetRanges& ranges, Micros since) {
  std::vector<DeadLetter> letters;
  std::vector<std::string> paths;
  for (const auto& file : snapshot.files) paths.push_back(file->path);
  if (paths.empty() || ranges.empty()) return letters;
  std::string where;
  for (const auto& [partition, range] : ranges)
    where += std::string(where.empty() ? "" : " OR ") + "(partition = " + std::to_string(partition) +
             " AND \"offset\" >= " + std::to_string(range.first) + " AND \"offset\" < " + std::to_string(range.second) +
             ")";
  TARN_ASSIGN_OR_RETURN(
      const auto rows,
      connection_->Query("SELECT reason, detail, partition, \"offset\", epoch_us(failed_at), key, payload FROM " +
                         ReadParquetSql(store_scheme_, table_.location(), paths) +
                         " WHERE topic = " + engine::QuoteLiteral(topic) +
                         " AND epoch_us(failed_at) >= " + std::to_string(since) + " AND (" + where + ")"));
  while (true) {
    TARN_ASSIGN_OR_RETURN(const duckdb::DataChunk* chunk, rows->Next());
    if (chunk == nullptr) break;
    for (duckdb::idx_t row = 0; row < chunk->size(); ++row) {
      const duckdb::Value key = chunk->GetValue(5, row);
      letters.push_back({.reason = duckdb::StringValue::Get(chunk->GetValue(0, row)),
                         .detail = duckdb::StringValue::Get(chunk->GetValue(1, row)),
                         .topic = topic,
                         .partition = chunk->GetValue(2, row).GetValue<int32_t>(),
                         .offset = chunk->GetValue(3, row).GetValue<int64_t>(),
                         .failed_at = chunk->GetValue(4, row).GetValue<int64_t>(),
                         .key = key.IsNull() ? std::nullopt : std::optional<std::string>(duckdb::StringValue::Get(key)),
                         .payload = duckdb::StringValue::Get(chunk->GetValue(6, row))});
    }
  }
  std::sort(letters.begin(), letters.end(), [](const DeadLetter& a, const DeadLetter& b) {
    return std::pair(a.partition, a.offset) < std::pair(b.partition, b.offset);
  });
  return letters;
}

}  // namespace tarn::stream
