#include "lake/lake_functions_internal.h"

#include <duckdb/function/scalar_function.hpp>
#include <duckdb/main/database.hpp>
#include <duckdb/main/extension/extension_loader.hpp>

#include "lake/column_types_internal.h"
#include "lake/file_pruning_internal.h"
#include "lake/lake_catalog_internal.h"

namespace tarn::lake {
namespace {

using duckdb::LogicalType;
using duckdb::Value;

TransactionWork& WorkOf(duckdb::ClientContext& client, LakeContext& context) {
  return LakeTransaction::Get(client, duckdb::Catalog::GetCatalog(client, context.options.name)).work();
}

catalog::TableName NameOf(const Value& text) {
  return ValueOrThrow(ParseTableName(text.ToString(), DEFAULT_SCHEMA));
}

duckdb::ScalarFunction VersionFunction(std::shared_ptr<LakeContext> context) {
  const auto compute = [context](duckdb::DataChunk& arguments, duckdb::ExpressionState& state, duckdb::Vector& result) {
    result.SetVectorType(duckdb::VectorType::FLAT_VECTOR);
    for (duckdb::idx_t row = 0; row < arguments.size(); ++row) {
      const auto view = ValueOrThrow(WorkOf(state.GetContext(), *context).Table(NameOf(arguments.GetValue(0, row))));
      result.SetValue(row, view->version < 0 ? Value(LogicalType::BIGINT) : Value::BIGINT(view->version));
    }
  };
  return duckdb::ScalarFunction("tarn_table_version", {LogicalType::VARCHAR}, LogicalType::BIGINT, compute);
}

duckdb::ScalarFunction ProgressFunction(std::shared_ptr<LakeContext> context) {
  const auto compute = [context](duckdb::DataChunk& arguments, duckdb::ExpressionState& state, duckdb::Vector& result) {
    result.SetVectorType(duckdb::VectorType::FLAT_VECTOR);
    for (duckdb::idx_t row = 0; row < arguments.size(); ++row) {
      const auto view = ValueOrThrow(WorkOf(state.GetContext(), *context).Table(NameOf(arguments.GetValue(0, row))));
      const auto found = view->progress.find(arguments.GetValue(1, row).ToString());
      result.SetValue(row, found == view->progress.end() ? Value(LogicalType::BIGINT) : Value::BIGINT(found->second));
    }
  };
  return duckdb::ScalarFunction("tarn_table_progress", {LogicalType::VARCHAR, LogicalType::VARCHAR},
                                LogicalType::BIGINT, compute);
}

struct FunctionContext final : public duckdb::TableFunctionInfo {
  explicit FunctionContext(std::shared_ptr<LakeContext> context) : context(std::move(context)) {}
  const std::shared_ptr<LakeContext> context;
};

struct ChangedPartitionsData final : public duckdb::TableFunctionData {
  std::vector<std::vector<Value>> rows;
};

struct ChangedPartitionsState final : public duckdb::GlobalTableFunctionState {
  size_t next = 0;
};

duckdb::unique_ptr<duckdb::FunctionData> BindChangedPartitions(duckdb::ClientContext& client,
                                                               duckdb::TableFunctionBindInput& input,
                                                               duckdb::vector<LogicalType>& types,
                                                               duckdb::vector<std::string>& names) {
  LakeContext& context = *input.info->Cast<FunctionContext>().context;
  TransactionWork& work = WorkOf(client, context);
  const catalog::TableName name = NameOf(input.inputs[0]);
  const auto view = ValueOrThrow(work.Table(name));
  if (view->partition_columns.empty())
    ThrowIfFailed(Error(ErrorCode::kInvalidArgument, name.ToString() + " has no partition columns"));
  std::vector<const engine::Field*> fields;
  for (const std::string& column : view->partition_columns) {
    fields.push_back(&view->schema.fields[size_t(view->schema.IndexOf(column))]);
    names.push_back(column);
    types.push_back(SqlType(*fields.back()));
  }
  // NULL: never looked at it before.
  const table::TableVersion since = input.inputs[1].IsNull() ? -1 : input.inputs[1].GetValue<int64_t>();
  auto data = duckdb::make_uniq<ChangedPartitionsData>();
  for (PartitionValues& values : ValueOrThrow(work.ChangedPartitions(name, since))) {
    table::DataFile file{.partition_values = std::move(values)};
    auto& row = data->rows.emplace_back();
    for (const engine::Field* field : fields) row.push_back(PartitionValue(*field, file));
  }
  return data;
}

void ScanChangedPartitions(duckdb::ClientContext&, duckdb::TableFunctionInput& input, duckdb::DataChunk& output) {
  const auto& rows = input.bind_data->Cast<ChangedPartitionsData>().rows;
  size_t& next = input.global_state->Cast<ChangedPartitionsState>().next;
  duckdb::idx_t count = 0;
  for (; next < rows.size() && count < STANDARD_VECTOR_SIZE; ++next, ++count)
    for (size_t column = 0; column < rows[next].size(); ++column) output.SetValue(column, count, rows[next][column]);
  output.SetCardinality(count);
}

}  // namespace

void RegisterFunctions(std::shared_ptr<LakeContext> context) {
  duckdb::ExtensionLoader loader(*context->database.native().instance, "tarn");
  for (duckdb::ScalarFunction function : {VersionFunction(context), ProgressFunction(context)}) {
    // The same within a transaction, not between two runs of a prepared statement.
    function.stability = duckdb::FunctionStability::CONSISTENT_WITHIN_QUERY;
    loader.RegisterFunction(function);
  }
  duckdb::TableFunction changed(
      "tarn_changed_partitions", {LogicalType::VARCHAR, LogicalType::BIGINT}, ScanChangedPartitions,
      BindChangedPartitions,
      [](duckdb::ClientContext&,
         duckdb::TableFunctionInitInput&) -> duckdb::unique_ptr<duckdb::GlobalTableFunctionState> {
        return duckdb::make_uniq<ChangedPartitionsState>();
      });
  changed.function_info = duckdb::make_shared_ptr<FunctionContext>(context);
  loader.RegisterFunction(changed);
}

}  // namespace tarn::lake
