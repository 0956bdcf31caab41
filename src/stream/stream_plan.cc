#include "stream/stream_plan.h"

#include <algorithm>

#include <duckdb.hpp>

#include "engine/duckdb_access.h"
#include "engine/duckdb_types.h"

namespace tarn::stream {
namespace {

using duckdb::LogicalType;
using duckdb::LogicalTypeId;
using engine::TypeKind;

Error Invalid(std::string message) {
  return Error(ErrorCode::kInvalidArgument, std::move(message));
}

int IntegerRank(LogicalTypeId id) {
  switch (id) {
    case LogicalTypeId::TINYINT:
      return 1;
    case LogicalTypeId::SMALLINT:
      return 2;
    case LogicalTypeId::INTEGER:
      return 3;
    case LogicalTypeId::BIGINT:
      return 4;
    default:
      return 0;
  }
}

bool IsTimestamp(LogicalTypeId id) {
  return id == LogicalTypeId::TIMESTAMP || id == LogicalTypeId::TIMESTAMP_TZ;
}

// Whether every value of `from` is one of `to`. Timestamps without a zone are UTC.
bool Fits(const LogicalType& from, const LogicalType& to) {
  if (from == to || from.id() == LogicalTypeId::SQLNULL) return true;
  if (IsTimestamp(from.id()) && IsTimestamp(to.id())) return true;
  if (IntegerRank(from.id()) > 0 && IntegerRank(to.id()) > 0) return IntegerRank(from.id()) < IntegerRank(to.id());
  if (from.id() == LogicalTypeId::FLOAT && to.id() == LogicalTypeId::DOUBLE) return true;
  if (from.id() == LogicalTypeId::DECIMAL && to.id() == LogicalTypeId::DECIMAL) {
    const int scale = duckdb::DecimalType::GetScale(to) - duckdb::DecimalType::GetScale(from);
    const int width = duckdb::DecimalType::GetWidth(to) - duckdb::DecimalType::GetWidth(from);
    return scale >= 0 && width >= scale;
  }
  return false;
}

}  // namespace

Status CheckOptions(const StreamOptions& options) {
  const auto legal = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.';
  };
  if (options.name.empty() || !std::all_of(options.name.begin(), options.name.end(), legal))
    return Invalid("stream name '" + options.name + "': letters, digits, '_', '-' and '.' only");
  if (options.input.fields.empty()) return Invalid("the input schema has no fields");
  for (const engine::Field& field : options.input.fields)
    if (&options.input.fields[size_t(options.input.IndexOf(field.name))] != &field)
      return Invalid("input field '" + field.name + "' is there twice");
  if (options.input.IndexOf("processing_timestamp") >= 0)
    return Invalid("input field 'processing_timestamp': the stream adds a column of that name");
  const auto field_of = [&](const std::string& name) -> const engine::Field* {
    const int index = options.input.IndexOf(name);
    return index < 0 ? nullptr : &options.input.fields[size_t(index)];
  };
  if (!options.time_column.empty()) {
    const engine::Field* field = field_of(options.time_column);
    if (field == nullptr || (field->type.kind != TypeKind::kTimestamp && field->type.kind != TypeKind::kTimestampNtz))
      return Invalid("time_column '" + options.time_column + "' is not a timestamp of the input");
  }
  if (!options.key_column.empty() && !options.time_column.empty()) {
    const engine::Field* field = field_of(options.key_column);
    if (field == nullptr || field->type.kind != TypeKind::kString)
      return Invalid("key_column '" + options.key_column + "' is not a string of the input");
  }
  if (options.commit_interval < 1'000) return Invalid("commit_interval must be at least 1 ms");
  if (options.batch_rows_max == 0 || options.batch_bytes_max == 0 || options.queue_bytes_max == 0)
    return Invalid("batch and queue limits must not be 0");
  if (options.compression != "zstd" && options.compression != "snappy")
    return Invalid("compression '" + options.compression + "'; there are: zstd, snappy");
  return Ok();
}

Result<std::string> PlanModel(engine::Connection& connection, const StreamOptions& options,
                              const table::Snapshot& snapshot) {
  duckdb::vector<LogicalType> types;
  duckdb::vector<duckdb::string> names;
  try {
    auto prepared = connection.native().Prepare("SELECT * FROM (" + options.sql + "\n)");
    if (prepared->HasError()) {
      Error error = engine::ToError(prepared->GetErrorObject());
      return Invalid("the model of stream " + options.name + ": " + error.message());
    }
    types = prepared->GetTypes();
    names = prepared->GetNames();
  } catch (const std::exception& exception) {
    return engine::ToError(exception);
  }
  if (!options.key_column.empty() && !options.time_column.empty())
    for (const std::string& column : {options.key_column, options.time_column})
      if (snapshot.schema.IndexOf(column) < 0)
        return Invalid("the table has no column '" + column + "', which de-duplication looks up");
  std::vector<bool> used(names.size());
  std::string select;
  for (const engine::Field& field : snapshot.schema.fields) {
    size_t index = 0;
    while (index < names.size() &&
           (used[index] || duckdb::StringUtil::Lower(names[index]) != duckdb::StringUtil::Lower(field.name)))
      ++index;
    if (index == names.size())
      return Invalid("the model of stream " + options.name + " gives no column '" + field.name +
                     "', which the table has");
    used[index] = true;
    const LogicalType wanted = engine::ToDuckdb(field.type);
    if (!Fits(types[index], wanted))
      return Invalid("column '" + field.name + "': the model gives " + types[index].ToString() + ", the table has " +
                     wanted.ToString() + "; cast it in the model");
    const std::string name = engine::QuoteIdentifier(names[index]);
    select += select.empty() ? "SELECT " : ", ";
    select += types[index] == wanted ? name : "CAST(" + name + " AS " + wanted.ToString() + ")";
    select += " AS " + engine::QuoteIdentifier(field.name);
  }
  for (size_t i = 0; i < names.size(); ++i)
    if (!used[i])
      return Invalid("the model of stream " + options.name + " gives column '" + names[i] +
                     "', which the table does not have");
  return select + " FROM (" + options.sql + "\n)";
}

}  // namespace tarn::stream
