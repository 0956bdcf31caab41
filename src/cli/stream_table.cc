#include "cli/stream_table.h"

#include <algorithm>

namespace tarn::cli {
namespace {

// The columns that the stream's SELECT gives over an empty batch.
Result<engine::Schema> DeriveSchema(const StreamSpec& spec, engine::Database& database) {
  const stream::StreamOptions& options = spec.options;
  std::string columns;
  for (const auto& field : options.input.fields)
    columns += engine::QuoteIdentifier(field.name) + " " + field.type.ToString() + ", ";
  TARN_ASSIGN_OR_RETURN(const auto connection, database.Connect());
  TARN_TRY(
      connection->Execute("CREATE TEMP TABLE batch (" + columns + "processing_timestamp TIMESTAMP WITH TIME ZONE)"));
  TARN_ASSIGN_OR_RETURN(const auto rows, connection->Query(options.sql));
  engine::Schema schema = rows->schema();
  for (auto& field : schema.fields) {
    const int input = options.input.IndexOf(field.name);
    const bool required = input >= 0 && !options.input.fields[size_t(input)].nullable;
    field.nullable =
        !required && std::find(spec.not_null.begin(), spec.not_null.end(), field.name) == spec.not_null.end();
  }
  for (const std::vector<std::string>* names : {&spec.partition_by, &spec.not_null})
    for (const std::string& name : *names)
      if (schema.IndexOf(name) < 0)
        return Error(ErrorCode::kInvalidArgument, "the SQL of the stream gives no column '" + name + "'");
  return schema;
}

Result<std::shared_ptr<table::Table>> OpenOrCreate(catalog::Catalog& catalog, const catalog::TableName& name,
                                                   const std::function<Result<table::TableOptions>()>& options) {
  auto table = catalog.LoadTable(name);
  if (!table.Is(ErrorCode::kNotFound)) return table;
  TARN_ASSIGN_OR_RETURN(const table::TableOptions create, options());
  return catalog.CreateTable(name, create);
}

}  // namespace

Result<StreamTables> OpenStreamTables(const StreamSpec& spec, const std::string& name_space, catalog::Catalog& catalog,
                                      engine::Database& database) {
  StreamTables tables;
  TARN_ASSIGN_OR_RETURN(
      tables.table, OpenOrCreate(catalog, {name_space, spec.table}, [&]() -> Result<table::TableOptions> {
        TARN_ASSIGN_OR_RETURN(engine::Schema schema, DeriveSchema(spec, database));
        return table::TableOptions{.schema = std::move(schema), .partition_columns = spec.partition_by};
      }));
  TARN_ASSIGN_OR_RETURN(
      tables.dead_letters,
      OpenOrCreate(catalog, {name_space, spec.dead_letter_table}, []() -> Result<table::TableOptions> {
        return table::TableOptions{.schema = stream::DeadLetterSchema()};
      }));
  return tables;
}

}  // namespace tarn::cli
