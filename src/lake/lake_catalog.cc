#include "lake/lake_catalog_internal.h"

#include <duckdb/common/multi_file/multi_file_reader.hpp>
#include <duckdb/common/types/timestamp.hpp>
#include <duckdb/main/client_context.hpp>
#include <duckdb/parser/parsed_data/create_schema_info.hpp>
#include <duckdb/parser/parsed_data/drop_info.hpp>
#include <duckdb/planner/logical_operator.hpp>
#include <duckdb/storage/database_size.hpp>

#include "lake/column_types_internal.h"

namespace tarn::lake {
namespace {

constexpr std::string_view kRewriteHint =
    "rewrite the table with CREATE OR REPLACE TABLE … AS SELECT …, or its partitions in a model";

}  // namespace

void ThrowIfFailed(const Status& status) {
  if (!status.ok()) engine::ThrowError(status.error());
}

void ThrowNotYet(const std::string& what, const std::string& instead) {
  engine::ThrowError(Error(ErrorCode::kUnsupported, "Tarn does not support " + what + " yet: " + instead));
}

TableViewPointer LakeCatalog::ResolveTable(duckdb::ClientContext& client, const catalog::TableName& name,
                                           const std::string& at_unit, const duckdb::Value& at_value) {
  TransactionWork& work = LakeTransaction::Get(client, *this).work();
  if (at_unit.empty()) return ValueOrThrow(work.Table(name));
  if (at_value.IsNull()) ThrowIfFailed(Error(ErrorCode::kInvalidArgument, "AT (" + at_unit + " => …) needs a value"));
  if (duckdb::StringUtil::CIEquals(at_unit, "version")) {
    duckdb::Value version;
    if (!at_value.DefaultTryCastAs(duckdb::LogicalType::BIGINT, version, nullptr))
      ThrowIfFailed(
          Error(ErrorCode::kInvalidArgument, "AT (VERSION => …) needs a number, found " + at_value.ToString()));
    return ValueOrThrow(work.TableAtVersion(name, version.GetValue<int64_t>()));
  }
  if (duckdb::StringUtil::CIEquals(at_unit, "timestamp")) {
    duckdb::Value time;
    if (!at_value.TryCastAs(client, duckdb::LogicalType::TIMESTAMP_TZ, time, nullptr))
      ThrowIfFailed(
          Error(ErrorCode::kInvalidArgument, "AT (TIMESTAMP => …) needs a time, found " + at_value.ToString()));
    return ValueOrThrow(work.TableAtTime(name, time.GetValue<duckdb::timestamp_tz_t>().value));
  }
  ThrowIfFailed(Error(ErrorCode::kInvalidArgument, "AT takes VERSION or TIMESTAMP, not " + at_unit));
  return nullptr;
}

duckdb::DatabaseSize LakeCatalog::GetDatabaseSize(duckdb::ClientContext&) {
  return {};
}

LakeSchemaEntry& LakeCatalog::SchemaEntry(const std::string& name) {
  std::lock_guard lock(mutex_);
  auto& entry = schemas_[duckdb::StringUtil::Lower(name)];
  if (!entry) {
    duckdb::CreateSchemaInfo info;
    info.schema = name;
    entry = std::make_unique<LakeSchemaEntry>(*this, info, context_);
  }
  return *entry;
}

duckdb::optional_ptr<duckdb::SchemaCatalogEntry> LakeCatalog::LookupSchema(duckdb::CatalogTransaction transaction,
                                                                           const duckdb::EntryLookupInfo& lookup,
                                                                           duckdb::OnEntryNotFound if_not_found) {
  const std::string& name = lookup.GetEntryName();
  // The default schema is there even when no namespace has its name: a session needs one to stand in.
  if (duckdb::StringUtil::CIEquals(name, GetDefaultSchema())) return &SchemaEntry(GetDefaultSchema());
  const auto names = ValueOrThrow(transaction.transaction->Cast<LakeTransaction>().work().Namespaces());
  for (const std::string& known : names)
    if (duckdb::StringUtil::CIEquals(known, name)) return &SchemaEntry(known);
  if (if_not_found == duckdb::OnEntryNotFound::RETURN_NULL) return nullptr;
  const auto nearest =
      duckdb::StringUtil::TopNJaroWinkler(duckdb::vector<std::string>(std::vector<std::string>(names)), name, 1);
  throw duckdb::CatalogException(lookup.GetErrorContext(), "Schema with name %s does not exist!%s", name,
                                 nearest.empty() ? "" : "\nDid you mean \"" + nearest[0] + "\"?");
}

void LakeCatalog::ScanSchemas(duckdb::ClientContext& client,
                              std::function<void(duckdb::SchemaCatalogEntry&)> callback) {
  bool has_default = false;
  for (const std::string& name : ValueOrThrow(LakeTransaction::Get(client, *this).work().Namespaces())) {
    has_default = has_default || duckdb::StringUtil::CIEquals(name, GetDefaultSchema());
    callback(SchemaEntry(name));
  }
  if (!has_default) callback(SchemaEntry(GetDefaultSchema()));
}

duckdb::optional_ptr<duckdb::CatalogEntry> LakeCatalog::CreateSchema(duckdb::CatalogTransaction transaction,
                                                                     duckdb::CreateSchemaInfo& info) {
  TransactionWork& work = transaction.transaction->Cast<LakeTransaction>().work();
  for (const std::string& name : ValueOrThrow(work.Namespaces())) {
    if (!duckdb::StringUtil::CIEquals(name, info.schema)) continue;
    if (info.on_conflict == duckdb::OnCreateConflict::IGNORE_ON_CONFLICT) return nullptr;
    ThrowIfFailed(Error(ErrorCode::kAlreadyExists, "schema " + name + " exists already"));
  }
  ThrowIfFailed(work.CreateNamespace(info.schema));
  return &SchemaEntry(info.schema);
}

void LakeCatalog::DropSchema(duckdb::ClientContext& client, duckdb::DropInfo& info) {
  TransactionWork& work = LakeTransaction::Get(client, *this).work();
  for (const std::string& name : ValueOrThrow(work.Namespaces())) {
    if (!duckdb::StringUtil::CIEquals(name, info.name)) continue;
    if (info.cascade) {
      for (const std::string& view : ValueOrThrow(work.ViewNames(name))) ThrowIfFailed(work.DropView({name, view}));
      for (const std::string& table : ValueOrThrow(work.TableNames(name))) ThrowIfFailed(work.DropTable({name, table}));
    }
    ThrowIfFailed(work.DropNamespace(name));
    return;
  }
  if (info.if_not_found == duckdb::OnEntryNotFound::THROW_EXCEPTION)
    ThrowIfFailed(Error(ErrorCode::kNotFound, "no schema " + info.name));
}

duckdb::PhysicalOperator& LakeCatalog::PlanDelete(duckdb::ClientContext&, duckdb::PhysicalPlanGenerator&,
                                                  duckdb::LogicalDelete&, duckdb::PhysicalOperator&) {
  ThrowNotYet("DELETE", std::string(kRewriteHint));
}

duckdb::PhysicalOperator& LakeCatalog::PlanUpdate(duckdb::ClientContext&, duckdb::PhysicalPlanGenerator&,
                                                  duckdb::LogicalUpdate&, duckdb::PhysicalOperator&) {
  ThrowNotYet("UPDATE", std::string(kRewriteHint));
}

duckdb::PhysicalOperator& LakeCatalog::PlanMergeInto(duckdb::ClientContext&, duckdb::PhysicalPlanGenerator&,
                                                     duckdb::LogicalMergeInto&, duckdb::PhysicalOperator&) {
  ThrowNotYet("MERGE INTO", std::string(kRewriteHint));
}

duckdb::unique_ptr<duckdb::LogicalOperator> LakeCatalog::BindCreateIndex(duckdb::Binder&, duckdb::CreateStatement&,
                                                                         duckdb::TableCatalogEntry&,
                                                                         duckdb::unique_ptr<duckdb::LogicalOperator>) {
  ThrowNotYet("CREATE INDEX", "partition the table by what you filter on");
}

duckdb::TableStorageInfo LakeTableEntry::GetStorageInfo(duckdb::ClientContext&) {
  return {};
}

duckdb::vector<duckdb::column_t> LakeTableEntry::GetRowIdColumns() const {
  duckdb::vector<duckdb::column_t> columns;
  columns.push_back(duckdb::MultiFileReader::COLUMN_IDENTIFIER_FILENAME);
  columns.push_back(duckdb::MultiFileReader::COLUMN_IDENTIFIER_FILE_ROW_NUMBER);
  return columns;
}

void LakeTableEntry::BindUpdateConstraints(duckdb::Binder&, duckdb::LogicalGet&, duckdb::LogicalProjection&,
                                           duckdb::LogicalUpdate&, duckdb::ClientContext&) {
  ThrowNotYet("UPDATE", std::string(kRewriteHint));
}

}  // namespace tarn::lake
