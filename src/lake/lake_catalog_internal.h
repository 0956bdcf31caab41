#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include <duckdb/catalog/catalog.hpp>
#include <duckdb/catalog/catalog_entry/schema_catalog_entry.hpp>
#include <duckdb/catalog/catalog_entry/table_catalog_entry.hpp>

#include "lake/lake_transaction_internal.h"
#include "lake/scan_internal.h"

namespace tarn::lake {

// One table as statements see it.
class LakeTableEntry final : public duckdb::TableCatalogEntry {
 public:
  LakeTableEntry(duckdb::Catalog& catalog, duckdb::SchemaCatalogEntry& schema, duckdb::CreateTableInfo& info,
                 LakeContext& context, ScanSource source)
      : TableCatalogEntry(catalog, schema, info), context_(context), source_(std::move(source)) {}

  const TableView& view() const { return *source_.view; }

  duckdb::unique_ptr<duckdb::BaseStatistics> GetStatistics(duckdb::ClientContext&, duckdb::column_t) override {
    return nullptr;
  }
  duckdb::TableFunction GetScanFunction(duckdb::ClientContext& client,
                                        duckdb::unique_ptr<duckdb::FunctionData>& bind_data) override {
    ScanSource source = source_;
    source.entry = this;
    return BindScan(client, context_, std::move(source), bind_data);
  }
  duckdb::TableStorageInfo GetStorageInfo(duckdb::ClientContext&) override;
  duckdb::virtual_column_map_t GetVirtualColumns() const override { return ScanVirtualColumns(); }
  duckdb::vector<duckdb::column_t> GetRowIdColumns() const override;
  void BindUpdateConstraints(duckdb::Binder&, duckdb::LogicalGet&, duckdb::LogicalProjection&, duckdb::LogicalUpdate&,
                             duckdb::ClientContext&) override;

 private:
  LakeContext& context_;
  const ScanSource source_;
};

// One namespace. Lives as long as the catalog.
class LakeSchemaEntry final : public duckdb::SchemaCatalogEntry {
 public:
  LakeSchemaEntry(duckdb::Catalog& catalog, duckdb::CreateSchemaInfo& info, LakeContext& context)
      : SchemaCatalogEntry(catalog, info), context_(context) {}

  void Scan(duckdb::ClientContext& client, duckdb::CatalogType type,
            const std::function<void(duckdb::CatalogEntry&)>& callback) override;
  void Scan(duckdb::CatalogType, const std::function<void(duckdb::CatalogEntry&)>&) override {}
  duckdb::optional_ptr<duckdb::CatalogEntry> LookupEntry(duckdb::CatalogTransaction transaction,
                                                         const duckdb::EntryLookupInfo& lookup) override;
  duckdb::SimilarCatalogEntry GetSimilarEntry(duckdb::CatalogTransaction transaction,
                                              const duckdb::EntryLookupInfo& lookup) override;

  duckdb::optional_ptr<duckdb::CatalogEntry> CreateTable(duckdb::CatalogTransaction transaction,
                                                         duckdb::BoundCreateTableInfo& info) override;
  duckdb::optional_ptr<duckdb::CatalogEntry> CreateView(duckdb::CatalogTransaction transaction,
                                                        duckdb::CreateViewInfo& info) override;
  void DropEntry(duckdb::ClientContext& client, duckdb::DropInfo& info) override;
  void Alter(duckdb::CatalogTransaction transaction, duckdb::AlterInfo& info) override;

  duckdb::optional_ptr<duckdb::CatalogEntry> CreateIndex(duckdb::CatalogTransaction, duckdb::CreateIndexInfo&,
                                                         duckdb::TableCatalogEntry&) override;
  duckdb::optional_ptr<duckdb::CatalogEntry> CreateFunction(duckdb::CatalogTransaction,
                                                            duckdb::CreateFunctionInfo&) override;
  duckdb::optional_ptr<duckdb::CatalogEntry> CreateSequence(duckdb::CatalogTransaction,
                                                            duckdb::CreateSequenceInfo&) override;
  duckdb::optional_ptr<duckdb::CatalogEntry> CreateTableFunction(duckdb::CatalogTransaction,
                                                                 duckdb::CreateTableFunctionInfo&) override;
  duckdb::optional_ptr<duckdb::CatalogEntry> CreateCopyFunction(duckdb::CatalogTransaction,
                                                                duckdb::CreateCopyFunctionInfo&) override;
  duckdb::optional_ptr<duckdb::CatalogEntry> CreatePragmaFunction(duckdb::CatalogTransaction,
                                                                  duckdb::CreatePragmaFunctionInfo&) override;
  duckdb::optional_ptr<duckdb::CatalogEntry> CreateCollation(duckdb::CatalogTransaction,
                                                             duckdb::CreateCollationInfo&) override;
  duckdb::optional_ptr<duckdb::CatalogEntry> CreateType(duckdb::CatalogTransaction, duckdb::CreateTypeInfo&) override;

 private:
  LakeTableEntry& TableEntry(LakeTransaction& transaction, ScanSource source);
  duckdb::optional_ptr<duckdb::CatalogEntry> ViewEntry(duckdb::ClientContext& client, LakeTransaction& transaction,
                                                       const catalog::ViewEntry& view);
  catalog::TableName Named(const std::string& table) const { return {name, table}; }

  LakeContext& context_;
};

class LakeCatalog final : public duckdb::Catalog {
 public:
  LakeCatalog(duckdb::AttachedDatabase& database, LakeContext& context) : Catalog(database), context_(context) {}

  LakeContext& context() { return context_; }
  // AT's unit and value as the parser gives them; an empty unit: what the transaction sees. Throws.
  TableViewPointer ResolveTable(duckdb::ClientContext& client, const catalog::TableName& name,
                                const std::string& at_unit, const duckdb::Value& at_value);

  void Initialize(bool) override {}
  std::string GetCatalogType() override { return "tarn"; }
  bool InMemory() override { return false; }
  std::string GetDBPath() override { return context_.options.store_scheme + "://"; }
  bool SupportsTimeTravel() const override { return true; }
  duckdb::ErrorData SupportsCreateTable(duckdb::BoundCreateTableInfo&) override { return {}; }
  duckdb::DatabaseSize GetDatabaseSize(duckdb::ClientContext&) override;

  duckdb::optional_ptr<duckdb::CatalogEntry> CreateSchema(duckdb::CatalogTransaction transaction,
                                                          duckdb::CreateSchemaInfo& info) override;
  void DropSchema(duckdb::ClientContext& client, duckdb::DropInfo& info) override;
  duckdb::optional_ptr<duckdb::SchemaCatalogEntry> LookupSchema(duckdb::CatalogTransaction transaction,
                                                                const duckdb::EntryLookupInfo& lookup,
                                                                duckdb::OnEntryNotFound if_not_found) override;
  void ScanSchemas(duckdb::ClientContext& client, std::function<void(duckdb::SchemaCatalogEntry&)> callback) override;

  duckdb::PhysicalOperator& PlanCreateTableAs(duckdb::ClientContext& client, duckdb::PhysicalPlanGenerator& planner,
                                              duckdb::LogicalCreateTable& op, duckdb::PhysicalOperator& plan) override;
  duckdb::PhysicalOperator& PlanInsert(duckdb::ClientContext& client, duckdb::PhysicalPlanGenerator& planner,
                                       duckdb::LogicalInsert& op,
                                       duckdb::optional_ptr<duckdb::PhysicalOperator> plan) override;
  duckdb::PhysicalOperator& PlanDelete(duckdb::ClientContext& client, duckdb::PhysicalPlanGenerator& planner,
                                       duckdb::LogicalDelete& op, duckdb::PhysicalOperator& plan) override;
  duckdb::PhysicalOperator& PlanUpdate(duckdb::ClientContext& client, duckdb::PhysicalPlanGenerator& planner,
                                       duckdb::LogicalUpdate& op, duckdb::PhysicalOperator& plan) override;
  duckdb::PhysicalOperator& PlanMergeInto(duckdb::ClientContext& client, duckdb::PhysicalPlanGenerator& planner,
                                          duckdb::LogicalMergeInto& op, duckdb::PhysicalOperator& plan) override;

  duckdb::unique_ptr<duckdb::LogicalOperator> BindCreateIndex(
      duckdb::Binder& binder, duckdb::CreateStatement& statement, duckdb::TableCatalogEntry& table,
      duckdb::unique_ptr<duckdb::LogicalOperator> plan) override;

 private:
  LakeSchemaEntry& SchemaEntry(const std::string& name);

  LakeContext& context_;
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<LakeSchemaEntry>> schemas_;  // by name in lower case; guarded by mutex_
};

// Throws that Tarn does not take `what` yet, with what to do instead.
[[noreturn]] void ThrowNotYet(const std::string& what, const std::string& instead);

// Throws our errors as DuckDB wants them.
template <typename T>
T ValueOrThrow(Result<T> result);
void ThrowIfFailed(const Status& status);

}  // namespace tarn::lake

#include "engine/duckdb_access.h"

namespace tarn::lake {

template <typename T>
T ValueOrThrow(Result<T> result) {
  if (!result.ok()) engine::ThrowError(result.error());
  return std::move(result).value();
}

}  // namespace tarn::lake
