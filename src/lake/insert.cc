#include "lake/insert_internal.h"

#include <duckdb/catalog/catalog_entry/copy_function_catalog_entry.hpp>
#include <duckdb/common/operator/cast_operators.hpp>
#include <duckdb/execution/operator/persistent/physical_copy_to_file.hpp>
#include <duckdb/execution/operator/projection/physical_projection.hpp>
#include <duckdb/execution/physical_plan_generator.hpp>
#include <duckdb/main/client_context.hpp>
#include <duckdb/parser/constraints/not_null_constraint.hpp>
#include <duckdb/parser/expression/columnref_expression.hpp>
#include <duckdb/parser/parsed_data/copy_info.hpp>
#include <duckdb/parser/parsed_data/create_table_info.hpp>
#include <duckdb/planner/expression/bound_cast_expression.hpp>
#include <duckdb/planner/expression/bound_reference_expression.hpp>
#include <duckdb/planner/operator/logical_create_table.hpp>
#include <duckdb/planner/operator/logical_insert.hpp>

#include "base/failpoint.h"
#include "lake/column_types_internal.h"
#include "lake/written_file_internal.h"

// INSERT and CREATE TABLE AS as a plan: the rows, cast to what files hold, checked for NULL where the table has none;
// DuckDB's own parallel COPY to Parquet below the table's folder, one file a partition and size; and on top an operator
// that takes COPY's statistics of each file into the transaction.

namespace tarn::lake {
namespace {

using duckdb::LogicalType;
using duckdb::PhysicalOperator;

// Memory of a writer is threads x rows of a row group; this many keep it near 100 MB and scans parallel.
constexpr int64_t kRowGroupRows = 122'880;

// Lets rows through; a NULL in a column that takes none ends the statement.
class CheckNotNull final : public PhysicalOperator {
 public:
  CheckNotNull(duckdb::PhysicalPlan& plan, duckdb::vector<LogicalType> types, duckdb::idx_t cardinality,
               WriteTarget target)
      : PhysicalOperator(plan, duckdb::PhysicalOperatorType::EXTENSION, std::move(types), cardinality),
        target_(std::move(target)) {}

  std::string GetName() const override { return "TARN_CHECK_NOT_NULL"; }
  bool ParallelOperator() const override { return true; }
  duckdb::OperatorResultType Execute(duckdb::ExecutionContext&, duckdb::DataChunk& input, duckdb::DataChunk& chunk,
                                     duckdb::GlobalOperatorState&, duckdb::OperatorState&) const override {
    for (size_t i = 0; i < target_.schema.fields.size(); ++i) {
      if (target_.schema.fields[i].nullable || !duckdb::VectorOperations::HasNull(input.data[i], input.size()))
        continue;
      throw duckdb::ConstraintException("NOT NULL constraint failed: %s.%s", target_.name.ToString(),
                                        target_.schema.fields[i].name);
    }
    chunk.Reference(input);
    return duckdb::OperatorResultType::NEED_MORE_INPUT;
  }

 private:
  const WriteTarget target_;
};

struct CollectState final : public duckdb::GlobalSinkState {
  std::vector<table::DataFile> files;
  int64_t rows = 0;
};

// Takes COPY's row of each file; tells the number of rows.
class CollectFiles final : public PhysicalOperator {
 public:
  CollectFiles(duckdb::PhysicalPlan& plan, duckdb::vector<LogicalType> types, LakeContext& context,
               duckdb::Catalog& catalog, WriteTarget target)
      : PhysicalOperator(plan, duckdb::PhysicalOperatorType::EXTENSION, std::move(types), 1),
        context_(context),
        catalog_(catalog),
        target_(std::move(target)) {}

  std::string GetName() const override { return "TARN_WRITE"; }
  duckdb::InsertionOrderPreservingMap<std::string> ParamsToString() const override {
    duckdb::InsertionOrderPreservingMap<std::string> lines;
    lines["Table"] = target_.name.ToString();
    return lines;
  }

  bool IsSink() const override { return true; }
  duckdb::unique_ptr<duckdb::GlobalSinkState> GetGlobalSinkState(duckdb::ClientContext& client) const override {
    LakeTransaction::Get(client, catalog_).work().BeginWrite(target_);
    ThrowIfFailed(PassFailpoint("lake.write.before_files"));
    return duckdb::make_uniq<CollectState>();
  }
  duckdb::SinkResultType Sink(duckdb::ExecutionContext&, duckdb::DataChunk& chunk,
                              duckdb::OperatorSinkInput& input) const override {
    auto& state = input.global_state.Cast<CollectState>();
    for (duckdb::idx_t row = 0; row < chunk.size(); ++row) {
      duckdb::vector<duckdb::Value> values;
      for (duckdb::idx_t column = 0; column < chunk.ColumnCount(); ++column)
        values.push_back(chunk.GetValue(column, row));
      table::DataFile file = ValueOrThrow(ToDataFile(context_, target_, values));
      if (file.record_count == 0) {
        ThrowIfFailed(context_.store.Delete(target_.location + "/" + file.path));
        continue;
      }
      state.rows += file.record_count;
      state.files.push_back(std::move(file));
    }
    return duckdb::SinkResultType::NEED_MORE_INPUT;
  }
  duckdb::SinkFinalizeType Finalize(duckdb::Pipeline&, duckdb::Event&, duckdb::ClientContext& client,
                                    duckdb::OperatorSinkFinalizeInput& input) const override {
    auto& state = input.global_state.Cast<CollectState>();
    ThrowIfFailed(LakeTransaction::Get(client, catalog_).work().FinishWrite(target_, std::move(state.files)));
    return duckdb::SinkFinalizeType::READY;
  }

  bool IsSource() const override { return true; }
  duckdb::SourceResultType GetDataInternal(duckdb::ExecutionContext&, duckdb::DataChunk& chunk,
                                           duckdb::OperatorSourceInput&) const override {
    chunk.SetCardinality(1);
    chunk.SetValue(0, 0, duckdb::Value::BIGINT(sink_state->Cast<CollectState>().rows));
    return duckdb::SourceResultType::FINISHED;
  }

 private:
  LakeContext& context_;
  duckdb::Catalog& catalog_;
  const WriteTarget target_;
};

PhysicalOperator& CastToFileTypes(duckdb::ClientContext& client, duckdb::PhysicalPlanGenerator& planner,
                                  const WriteTarget& target, PhysicalOperator& plan) {
  duckdb::vector<LogicalType> types;
  duckdb::vector<duckdb::unique_ptr<duckdb::Expression>> expressions;
  bool any = false;
  for (size_t i = 0; i < target.schema.fields.size(); ++i) {
    types.push_back(FileType(target.schema.fields[i]));
    any = any || types.back() != plan.types[i];
    expressions.push_back(duckdb::BoundCastExpression::AddCastToType(
        client, duckdb::make_uniq<duckdb::BoundReferenceExpression>(plan.types[i], i), types.back()));
  }
  if (!any) return plan;
  auto& projection =
      planner.Make<duckdb::PhysicalProjection>(std::move(types), std::move(expressions), plan.estimated_cardinality);
  projection.children.push_back(plan);
  return projection;
}

PhysicalOperator& CopyToFolder(duckdb::ClientContext& client, duckdb::PhysicalPlanGenerator& planner,
                               LakeContext& context, const WriteTarget& target, PhysicalOperator& plan) {
  duckdb::CopyInfo info;
  info.file_path = context.Url(target.location);
  info.format = "parquet";
  info.is_from = false;
  info.options["compression"] = {duckdb::Value(context.options.compression)};
  info.options["row_group_size"] = {duckdb::Value::BIGINT(kRowGroupRows)};
  auto& function = duckdb::Catalog::GetSystemCatalog(client)
                       .GetEntry<duckdb::CopyFunctionCatalogEntry>(client, DEFAULT_SCHEMA, "parquet")
                       .function;
  duckdb::vector<std::string> names, written_names;
  duckdb::vector<LogicalType> written_types;
  duckdb::vector<duckdb::idx_t> partition_columns;
  for (const std::string& column : target.partition_columns)
    partition_columns.push_back(duckdb::idx_t(target.schema.IndexOf(column)));
  for (size_t i = 0; i < target.schema.fields.size(); ++i) {
    names.push_back(target.schema.fields[i].name);
    if (std::find(partition_columns.begin(), partition_columns.end(), i) != partition_columns.end()) continue;
    written_names.push_back(names.back());
    written_types.push_back(plan.types[i]);
  }
  duckdb::CopyFunctionBindInput bind_input(info);
  auto bind_data = function.copy_to_bind(client, bind_input, written_names, written_types);
  auto& copy =
      planner
          .Make<duckdb::PhysicalCopyToFile>(
              duckdb::GetCopyFunctionReturnLogicalTypes(duckdb::CopyFunctionReturnType::WRITTEN_FILE_STATISTICS),
              function, std::move(bind_data), plan.estimated_cardinality)
          .Cast<duckdb::PhysicalCopyToFile>();
  copy.file_path = info.file_path;
  copy.use_tmp_file = false;
  copy.filename_pattern.SetFilenamePattern(target.file_prefix + "{uuid}");
  copy.file_extension = context.options.compression + ".parquet";
  copy.overwrite_mode = duckdb::CopyOverwriteMode::COPY_OVERWRITE_OR_IGNORE;
  copy.per_thread_output = false;
  copy.file_size_bytes = context.options.target_file_bytes;
  copy.rotate = true;
  copy.return_type = duckdb::CopyFunctionReturnType::WRITTEN_FILE_STATISTICS;
  copy.partition_output = !partition_columns.empty();
  copy.partition_columns = std::move(partition_columns);
  copy.write_partition_columns = false;
  copy.write_empty_file = false;
  copy.hive_file_pattern = true;
  copy.names = std::move(names);
  copy.expected_types = plan.types;
  copy.parallel = true;
  copy.children.push_back(plan);
  return copy;
}

PhysicalOperator& PlanWrite(duckdb::ClientContext& client, duckdb::PhysicalPlanGenerator& planner, LakeCatalog& catalog,
                            WriteTarget target, PhysicalOperator& rows) {
  std::reference_wrapper<PhysicalOperator> plan = CastToFileTypes(client, planner, target, rows);
  const auto& fields = target.schema.fields;
  if (std::any_of(fields.begin(), fields.end(), [](const engine::Field& field) { return !field.nullable; })) {
    auto& check = planner.Make<CheckNotNull>(plan.get().types, plan.get().estimated_cardinality, target);
    check.children.push_back(plan.get());
    plan = check;
  }
  plan = CopyToFolder(client, planner, catalog.context(), target, plan.get());
  auto& collect = planner.Make<CollectFiles>(duckdb::vector<LogicalType>{LogicalType::BIGINT}, catalog.context(),
                                             catalog, std::move(target));
  collect.children.push_back(plan.get());
  return collect;
}

std::vector<std::string> PartitionColumnsOf(const duckdb::CreateTableInfo& info) {
  std::vector<std::string> columns;
  for (const auto& key : info.partition_keys) {
    if (key->GetExpressionType() != duckdb::ExpressionType::COLUMN_REF)
      ThrowNotYet("PARTITIONED BY (" + key->ToString() + ")", "partition by a column, and compute it in the SELECT");
    const std::string& name = key->Cast<duckdb::ColumnRefExpression>().GetColumnName();
    if (!info.columns.ColumnExists(name))
      ThrowIfFailed(Error(ErrorCode::kInvalidArgument, "PARTITIONED BY: there is no column " + name));
    columns.push_back(info.columns.GetColumn(name).Name());
  }
  return columns;
}

engine::Schema SchemaOf(const duckdb::CreateTableInfo& info, const LakeWrite* intent) {
  std::vector<bool> not_null(info.columns.LogicalColumnCount(), false);
  for (const auto& constraint : info.constraints) {
    if (constraint->type != duckdb::ConstraintType::NOT_NULL)
      ThrowNotYet("the constraint " + constraint->ToString(),
                  "NOT NULL is the one that tables keep; test the others in a model");
    not_null[constraint->Cast<duckdb::NotNullConstraint>().index.index] = true;
  }
  engine::Schema schema;
  for (const auto& column : info.columns.Logical()) {
    if (column.Generated() || column.HasDefaultValue())
      ThrowNotYet("a default or generated value for column " + column.Name(), "give the value in the INSERT");
    schema.fields.push_back(ValueOrThrow(TableField(column.Name(), column.Type(), !not_null[column.Logical().index])));
  }
  if (intent == nullptr) return schema;
  for (const std::string& column : intent->not_null_columns) {
    const int index = schema.IndexOf(column);
    if (index < 0) ThrowIfFailed(Error(ErrorCode::kInvalidArgument, "NOT NULL: there is no column " + column));
    schema.fields[size_t(index)].nullable = false;
  }
  return schema;
}

}  // namespace

std::string NewFilePrefix(LakeContext& context) {
  std::string digits = context.NewUuid();
  std::erase(digits, '-');
  return "part-" + digits.substr(0, 16) + "-";
}

WriteTarget TargetOfCreate(LakeContext& context, LakeTransaction& transaction, const catalog::TableName& name,
                           duckdb::CreateTableInfo& info) {
  WriteTarget target{.name = name, .mode = table::WriteMode::kOverwrite};
  target.schema = SchemaOf(info, transaction.intent);
  target.partition_columns = PartitionColumnsOf(info);
  target.file_prefix = NewFilePrefix(context);
  target.operation = "CREATE TABLE AS SELECT";
  if (transaction.intent != nullptr) {
    target.operation = transaction.intent->operation;
    target.progress = transaction.intent->progress;
  }
  const auto existing = transaction.work().Table(name);
  if (!existing.ok()) {
    if (!existing.Is(ErrorCode::kNotFound)) engine::ThrowError(existing.error());
    if (transaction.work().View(name).ok())
      ThrowIfFailed(Error(ErrorCode::kAlreadyExists, name.ToString() + " is a view: drop it first"));
    target.creates = true;
    target.location = ValueOrThrow(context.catalog.NewTableLocation(name));
    return target;
  }
  if (info.on_conflict != duckdb::OnCreateConflict::REPLACE_ON_CONFLICT)
    ThrowIfFailed(Error(ErrorCode::kAlreadyExists, "table " + name.ToString() + " exists already"));
  const TableView& view = **existing;
  if (target.partition_columns.empty()) target.partition_columns = view.partition_columns;
  target.name = view.name;
  target.location = view.location;
  target.creates = view.version < 0;
  return target;
}

PhysicalOperator& LakeCatalog::PlanCreateTableAs(duckdb::ClientContext& client, duckdb::PhysicalPlanGenerator& planner,
                                                 duckdb::LogicalCreateTable& op, PhysicalOperator& plan) {
  auto& info = op.info->Base();
  WriteTarget target =
      TargetOfCreate(context_, LakeTransaction::Get(client, *this), {op.schema.name, info.table}, info);
  return PlanWrite(client, planner, *this, std::move(target), plan);
}

PhysicalOperator& LakeCatalog::PlanInsert(duckdb::ClientContext& client, duckdb::PhysicalPlanGenerator& planner,
                                          duckdb::LogicalInsert& op, duckdb::optional_ptr<PhysicalOperator> plan) {
  if (op.return_chunk) ThrowNotYet("INSERT … RETURNING", "SELECT the rows after the INSERT");
  if (op.on_conflict_info.action_type != duckdb::OnConflictAction::THROW)
    ThrowNotYet("INSERT … ON CONFLICT", "leave rows that are there out of the SELECT");
  if (!op.column_index_map.empty()) plan = planner.ResolveDefaultsProjection(op, *plan);
  const TableView& view = op.table.Cast<LakeTableEntry>().view();
  WriteTarget target{.name = view.name,
                     .location = view.location,
                     .schema = view.schema,
                     .partition_columns = view.partition_columns,
                     .creates = view.version < 0,
                     .operation = "WRITE",
                     .file_prefix = NewFilePrefix(context_)};
  if (const LakeWrite* intent = LakeTransaction::Get(client, *this).intent) {
    target.operation = intent->operation;
    target.progress = intent->progress;
    target.also_replaced = intent->also_replaced;
    if (intent->mode == LakeWriteMode::kOverwritePartitions) target.mode = table::WriteMode::kOverwritePartitions;
  }
  return PlanWrite(client, planner, *this, std::move(target), *plan);
}

}  // namespace tarn::lake
