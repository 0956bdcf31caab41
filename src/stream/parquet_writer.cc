#include "stream/parquet_writer.h"

#include <algorithm>

#include <duckdb.hpp>

#include "base/failpoint.h"
#include "stream/json_values.h"

// COPY … RETURN_STATS gives one row a file: filename, count, file_size_bytes, footer_size_bytes, column_statistics: a
// map from a quoted, dotted column path to a map of texts.

namespace tarn::stream {
namespace {

using engine::TypeKind;

// "a"."b""c" as its parts.
std::vector<std::string> SplitPath(std::string_view path) {
  std::vector<std::string> parts;
  for (size_t at = 0; at < path.size();) {
    std::string part;
    if (path[at] == '"') {
      for (++at; at < path.size(); ++at) {
        if (path[at] == '"' && (at + 1 >= path.size() || path[at + 1] != '"')) break;
        if (path[at] == '"') ++at;
        part += path[at];
      }
      ++at;
    } else {
      for (; at < path.size() && path[at] != '.'; ++at) part += path[at];
    }
    parts.push_back(std::move(part));
    ++at;  // '.'
  }
  return parts;
}

// The leaf that a path through structs leads to; null inside lists and maps, which have no statistics.
const engine::DataType* LeafOf(const engine::Schema& schema, const std::vector<std::string>& parts) {
  const std::vector<engine::Field>* fields = &schema.fields;
  for (size_t i = 0; i < parts.size(); ++i) {
    const auto found =
        std::find_if(fields->begin(), fields->end(), [&](const engine::Field& f) { return f.name == parts[i]; });
    if (found == fields->end()) return nullptr;
    if (i + 1 == parts.size()) return found->type.fields ? nullptr : &found->type;
    if (found->type.kind != TypeKind::kStruct) return nullptr;
    fields = found->type.fields.get();
  }
  return nullptr;
}

// A bound as table::ColumnStatistics spells it.
std::optional<std::string> BoundOf(const engine::DataType& type, std::string text, bool max) {
  switch (type.kind) {
    case TypeKind::kBinary:
      return std::nullopt;
    case TypeKind::kBoolean:
      return text == "1" || text == "true" ? "true" : "false";
    case TypeKind::kFloat:
    case TypeKind::kDouble:
      // Zeros of both signs are written as -0.0, as maximum too.
      return max && (text == "-0.0" || text == "-0") ? "0.0" : text;
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampNtz: {
      Micros micros = 0;
      if (!ParseTimestamp(text, micros)) return std::nullopt;
      text = FormatTimestamp(micros);
      if (type.kind == TypeKind::kTimestampNtz) text.pop_back();
      return text;
    }
    default:
      return text;
  }
}

void ReadStatistics(const duckdb::Value& columns, const engine::Schema& schema, table::DataFile& file) {
  for (const duckdb::Value& entry : duckdb::MapValue::GetChildren(columns)) {
    const auto& pair = duckdb::StructValue::GetChildren(entry);
    const auto parts = SplitPath(duckdb::StringValue::Get(pair[0]));
    const engine::DataType* type = LeafOf(schema, parts);
    if (type == nullptr) continue;
    std::string name;
    for (const std::string& part : parts) name += (name.empty() ? "" : ".") + part;
    table::ColumnStatistics& statistics = file.statistics[name];
    for (const duckdb::Value& item : duckdb::MapValue::GetChildren(pair[1])) {
      const auto& fact = duckdb::StructValue::GetChildren(item);
      if (fact[1].IsNull()) continue;
      const std::string what = duckdb::StringValue::Get(fact[0]), value = duckdb::StringValue::Get(fact[1]);
      if (what == "min") statistics.min = BoundOf(*type, value, false);
      if (what == "max") statistics.max = BoundOf(*type, value, true);
      if (what == "null_count") statistics.null_count = std::stoll(value);
      if (what == "has_nan") statistics.has_nan = value == "true";
    }
  }
}

bool IsPartitionColumn(const table::Snapshot& snapshot, const std::string& name) {
  const auto& columns = snapshot.partition_columns;
  return std::find(columns.begin(), columns.end(), name) != columns.end();
}

}  // namespace

Result<std::vector<ParquetWriter::Partition>> ParquetWriter::Partitions(const std::string& select_sql,
                                                                        const table::Snapshot& snapshot) {
  std::vector<Partition> partitions;
  if (snapshot.partition_columns.empty()) {
    partitions.push_back({.file = {.path = table_.NewDataFilePath({})}});
    return partitions;
  }
  // Grouped by value first: a text for every row would cost more than the rest.
  std::string values, texts;
  for (const std::string& column : snapshot.partition_columns) {
    const std::string name = engine::QuoteIdentifier(column);
    values += name + ", ";
    texts += "CAST(" + name + " AS VARCHAR), ";
  }
  TARN_ASSIGN_OR_RETURN(const auto rows, connection_.QueryText("SELECT " + texts + "sum(tarn_count) FROM (SELECT " +
                                                               values + "count(*) AS tarn_count FROM (" + select_sql +
                                                               ") GROUP BY ALL) GROUP BY ALL"));
  for (const auto& row : rows) {
    Partition partition;
    for (size_t i = 0; i < snapshot.partition_columns.size(); ++i) {
      const std::string& column = snapshot.partition_columns[i];
      const std::string cast = "CAST(" + engine::QuoteIdentifier(column) + " AS VARCHAR)";
      partition.file.partition_values[column] = row[i];
      partition.filter += (i == 0 ? " WHERE " : " AND ") + cast + " IS NOT DISTINCT FROM " +
                          (row[i] ? engine::QuoteLiteral(*row[i]) : "NULL");
    }
    // One partition needs no filter.
    if (rows.size() == 1) partition.filter.clear();
    partition.rows = std::stoll(row.back().value_or("0"));
    partition.file.path = table_.NewDataFilePath(partition.file.partition_values);
    partitions.push_back(std::move(partition));
  }
  return partitions;
}

Status ParquetWriter::Copy(const std::string& select_sql, const table::Snapshot& snapshot, Partition& partition) {
  std::string columns;
  for (const engine::Field& field : snapshot.schema.fields)
    if (!IsPartitionColumn(snapshot, field.name))
      columns += (columns.empty() ? "" : ", ") + engine::QuoteIdentifier(field.name);
  const std::string target = options_.store_scheme + "://" + table_.location() + "/" + partition.file.path;
  const std::string level = options_.compression == "zstd" ? ", COMPRESSION_LEVEL 1" : "";
  // V2 is its encodings: texts of many values as lengths and bytes, numbers as differences. A tenth smaller and less
  // work.
  const std::string sql = "COPY (SELECT " + columns + " FROM (" + select_sql + ")" + partition.filter + ") TO " +
                          engine::QuoteLiteral(target) + " (FORMAT parquet, COMPRESSION " +
                          engine::QuoteLiteral(options_.compression) + level + ", ROW_GROUP_SIZE " +
                          std::to_string(options_.row_group_rows) + ", PARQUET_VERSION V2, RETURN_STATS)";
  TARN_ASSIGN_OR_RETURN(const auto rows, connection_.Query(sql));
  table::DataFile& file = partition.file;
  while (true) {
    TARN_ASSIGN_OR_RETURN(duckdb::DataChunk * chunk, rows->Next());
    if (chunk == nullptr) break;
    for (duckdb::idx_t row = 0; row < chunk->size(); ++row) {
      file.record_count = chunk->GetValue(1, row).GetValue<int64_t>();
      file.size = chunk->GetValue(2, row).GetValue<uint64_t>();
      ReadStatistics(chunk->GetValue(4, row), snapshot.schema, file);
    }
  }
  file.modified = clock_.Now();
  if (file.record_count < 0) return Error(ErrorCode::kInternal, "COPY told nothing about " + target);
  if (partition.rows >= 0 && file.record_count != partition.rows)
    return Error(ErrorCode::kInvalidArgument, "the model gave " + std::to_string(file.record_count) +
                                                  " rows for a partition, then " + std::to_string(partition.rows) +
                                                  ": its partition columns must depend on the rows alone");
  for (const engine::Field& field : snapshot.schema.fields) {
    const auto found = file.statistics.find(field.name);
    if (!field.nullable && found != file.statistics.end() && found->second.null_count.value_or(0) > 0)
      return Error(ErrorCode::kInvalidArgument,
                   "the model gave NULL for column '" + field.name + "', which the table declares NOT NULL");
  }
  return Ok();
}

Status ParquetWriter::Write(const std::string& select_sql, const table::Snapshot& snapshot,
                            std::vector<table::DataFile>& files) {
  TARN_FAILPOINT("stream.before_parquet");
  TARN_ASSIGN_OR_RETURN(std::vector<Partition> partitions, Partitions(select_sql, snapshot));
  for (Partition& partition : partitions) {
    Status copied = Copy(select_sql, snapshot, partition);
    files.push_back(std::move(partition.file));
    TARN_TRY(std::move(copied));
  }
  TARN_FAILPOINT("stream.after_parquet");
  return Ok();
}

void ParquetWriter::DeleteFiles(const std::vector<table::DataFile>& files) {
  // One that stays is an orphan for vacuum.
  for (const table::DataFile& file : files) (void)table_.store().Delete(table_.location() + "/" + file.path);
}

}  // namespace tarn::stream
