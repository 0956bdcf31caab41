#include <duckdb/catalog/similar_catalog_entry.hpp>
#include <duckdb/common/string_util.hpp>
#include <duckdb/main/client_context.hpp>
#include <duckdb/parser/constraints/not_null_constraint.hpp>
#include <duckdb/parser/parsed_data/create_table_info.hpp>
#include <duckdb/parser/parsed_data/create_view_info.hpp>
#include <duckdb/parser/parsed_data/drop_info.hpp>
#include <duckdb/planner/parsed_data/bound_create_table_info.hpp>
#include <duckdb/planner/tableref/bound_at_clause.hpp>

#include "lake/column_types_internal.h"
#include "lake/insert_internal.h"
#include "lake/lake_catalog_internal.h"

namespace tarn::lake {

LakeTableEntry& LakeSchemaEntry::TableEntry(LakeTransaction& transaction, ScanSource source) {
  const TableViewPointer view = source.view;
  if (duckdb::CatalogEntry* known = transaction.FindTableEntry(view.get())) return known->Cast<LakeTableEntry>();
  duckdb::CreateTableInfo info(*this, view->name.name);
  for (size_t i = 0; i < view->schema.fields.size(); ++i) {
    const engine::Field& field = view->schema.fields[i];
    info.columns.AddColumn(duckdb::ColumnDefinition(field.name, SqlType(field)));
    if (!field.nullable)
      info.constraints.push_back(duckdb::make_uniq<duckdb::NotNullConstraint>(duckdb::LogicalIndex(i)));
  }
  LakeTableEntry& entry =
      transaction.Keep(duckdb::make_uniq<LakeTableEntry>(catalog, *this, info, context_, std::move(source)));
  transaction.RememberTableEntry(view, entry);
  return entry;
}

duckdb::optional_ptr<duckdb::CatalogEntry> LakeSchemaEntry::ViewEntry(duckdb::ClientContext&,
                                                                      LakeTransaction& transaction,
                                                                      const catalog::ViewEntry& view) {
  duckdb::CreateViewInfo info(*this, view.name.name);
  info.sql = view.sql;
  info.query = duckdb::CreateViewInfo::ParseSelect(view.sql);
  return &transaction.Keep(duckdb::make_uniq<duckdb::ViewCatalogEntry>(catalog, *this, info));
}

duckdb::optional_ptr<duckdb::CatalogEntry> LakeSchemaEntry::LookupEntry(duckdb::CatalogTransaction transaction,
                                                                        const duckdb::EntryLookupInfo& lookup) {
  const duckdb::CatalogType type = lookup.GetCatalogType();
  if (type != duckdb::CatalogType::TABLE_ENTRY && type != duckdb::CatalogType::VIEW_ENTRY) return nullptr;
  auto& ours = transaction.transaction->Cast<LakeTransaction>();
  const catalog::TableName table = Named(lookup.GetEntryName());
  if (const auto at = lookup.GetAtClause()) {
    auto& lake = catalog.Cast<LakeCatalog>();
    // A name that is not there is DuckDB's to report, a version that is not there is ours.
    const auto known = context_.catalog.GetTable(table);
    if (known.Is(ErrorCode::kNotFound)) return nullptr;
    ScanSource source{.at_unit = at->Unit(), .at_value = at->GetValue()};
    source.view = lake.ResolveTable(transaction.GetContext(), table, source.at_unit, source.at_value);
    return &TableEntry(ours, std::move(source));
  }
  auto view = ours.work().Table(table);
  if (view.ok()) return &TableEntry(ours, {.view = std::move(*view)});
  if (!view.Is(ErrorCode::kNotFound)) engine::ThrowError(view.error());
  auto named = ours.work().View(table);
  if (named.ok()) return ViewEntry(transaction.GetContext(), ours, *named);
  if (!named.Is(ErrorCode::kNotFound)) engine::ThrowError(named.error());
  return nullptr;
}

duckdb::SimilarCatalogEntry LakeSchemaEntry::GetSimilarEntry(duckdb::CatalogTransaction transaction,
                                                             const duckdb::EntryLookupInfo& lookup) {
  duckdb::SimilarCatalogEntry best;
  TransactionWork& work = transaction.transaction->Cast<LakeTransaction>().work();
  const auto consider = [&](const Result<std::vector<std::string>>& names) {
    if (!names.ok()) return;
    for (const std::string& candidate : *names) {
      const double score = duckdb::StringUtil::SimilarityRating(candidate, lookup.GetEntryName());
      if (score <= best.score) continue;
      best.score = score;
      best.name = candidate;
      best.schema = this;
    }
  };
  consider(work.TableNames(name));
  consider(work.ViewNames(name));
  return best;
}

void LakeSchemaEntry::Scan(duckdb::ClientContext& client, duckdb::CatalogType type,
                           const std::function<void(duckdb::CatalogEntry&)>& callback) {
  if (type != duckdb::CatalogType::TABLE_ENTRY && type != duckdb::CatalogType::VIEW_ENTRY) return;
  auto& transaction = LakeTransaction::Get(client, catalog);
  TransactionWork& work = transaction.work();
  // DuckDB asks for tables and means views too.
  for (const std::string& table : ValueOrThrow(work.TableNames(name))) {
    const auto view = work.Table(Named(table));
    if (view.ok() && type == duckdb::CatalogType::TABLE_ENTRY) callback(TableEntry(transaction, {.view = *view}));
  }
  for (const std::string& view_name : ValueOrThrow(work.ViewNames(name))) {
    const auto view = work.View(Named(view_name));
    if (view.ok()) callback(*ViewEntry(client, transaction, *view));
  }
}

duckdb::optional_ptr<duckdb::CatalogEntry> LakeSchemaEntry::CreateTable(duckdb::CatalogTransaction transaction,
                                                                        duckdb::BoundCreateTableInfo& info) {
  auto& ours = transaction.transaction->Cast<LakeTransaction>();
  duckdb::CreateTableInfo& base = info.Base();
  if (const auto known = ours.work().Table(Named(base.table)); known.ok()) {
    if (base.on_conflict == duckdb::OnCreateConflict::IGNORE_ON_CONFLICT) return &TableEntry(ours, {.view = *known});
  }
  WriteTarget target = TargetOfCreate(context_, ours, Named(base.table), base);
  target.operation = "CREATE TABLE";
  ThrowIfFailed(ours.work().FinishWrite(target, {}));
  return &TableEntry(ours, {.view = ValueOrThrow(ours.work().Table(target.name))});
}

duckdb::optional_ptr<duckdb::CatalogEntry> LakeSchemaEntry::CreateView(duckdb::CatalogTransaction transaction,
                                                                       duckdb::CreateViewInfo& info) {
  auto& ours = transaction.transaction->Cast<LakeTransaction>();
  if (!info.aliases.empty()) {
    // The catalog keeps one SELECT: the names that the view gives its columns become part of it.
    std::string columns;
    for (const std::string& alias : info.aliases)
      columns += (columns.empty() ? "" : ", ") + engine::QuoteIdentifier(alias);
    info.query = duckdb::CreateViewInfo::ParseSelect("SELECT * FROM (" + info.query->ToString() + ") AS \"" + "view" +
                                                     "\"(" + columns + ")");
    info.aliases.clear();
  }
  const std::string sql = info.query->ToString();
  const catalog::TableName view = Named(info.view_name);
  const bool exists = ours.work().View(view).ok();
  if (exists && info.on_conflict == duckdb::OnCreateConflict::IGNORE_ON_CONFLICT) return nullptr;
  ThrowIfFailed(ours.work().CreateView(view, sql, info.on_conflict == duckdb::OnCreateConflict::REPLACE_ON_CONFLICT));
  return ViewEntry(transaction.GetContext(), ours, ValueOrThrow(ours.work().View(view)));
}

void LakeSchemaEntry::DropEntry(duckdb::ClientContext& client, duckdb::DropInfo& info) {
  TransactionWork& work = LakeTransaction::Get(client, catalog).work();
  const catalog::TableName entry = Named(info.name);
  if (info.type == duckdb::CatalogType::TABLE_ENTRY) {
    ThrowIfFailed(work.DropTable(entry));
  } else if (info.type == duckdb::CatalogType::VIEW_ENTRY) {
    ThrowIfFailed(work.DropView(entry));
  } else {
    ThrowNotYet("DROP " + duckdb::CatalogTypeToString(info.type), "the lake holds tables and views");
  }
}

void LakeSchemaEntry::Alter(duckdb::CatalogTransaction, duckdb::AlterInfo&) {
  ThrowNotYet("ALTER", "CREATE OR REPLACE TABLE … AS SELECT … with the columns you want");
}

duckdb::optional_ptr<duckdb::CatalogEntry> LakeSchemaEntry::CreateIndex(duckdb::CatalogTransaction,
                                                                        duckdb::CreateIndexInfo&,
                                                                        duckdb::TableCatalogEntry&) {
  ThrowNotYet("CREATE INDEX", "partition the table by what you filter on");
}
duckdb::optional_ptr<duckdb::CatalogEntry> LakeSchemaEntry::CreateFunction(duckdb::CatalogTransaction,
                                                                           duckdb::CreateFunctionInfo&) {
  ThrowNotYet("functions and macros in the lake", "create them in the catalog temp");
}
duckdb::optional_ptr<duckdb::CatalogEntry> LakeSchemaEntry::CreateSequence(duckdb::CatalogTransaction,
                                                                           duckdb::CreateSequenceInfo&) {
  ThrowNotYet("CREATE SEQUENCE", "create it in the catalog temp");
}
duckdb::optional_ptr<duckdb::CatalogEntry> LakeSchemaEntry::CreateTableFunction(duckdb::CatalogTransaction,
                                                                                duckdb::CreateTableFunctionInfo&) {
  ThrowNotYet("table functions in the lake", "create them in the catalog temp");
}
duckdb::optional_ptr<duckdb::CatalogEntry> LakeSchemaEntry::CreateCopyFunction(duckdb::CatalogTransaction,
                                                                               duckdb::CreateCopyFunctionInfo&) {
  ThrowNotYet("copy functions in the lake", "load them in the system catalog");
}
duckdb::optional_ptr<duckdb::CatalogEntry> LakeSchemaEntry::CreatePragmaFunction(duckdb::CatalogTransaction,
                                                                                 duckdb::CreatePragmaFunctionInfo&) {
  ThrowNotYet("pragma functions in the lake", "load them in the system catalog");
}
duckdb::optional_ptr<duckdb::CatalogEntry> LakeSchemaEntry::CreateCollation(duckdb::CatalogTransaction,
                                                                            duckdb::CreateCollationInfo&) {
  ThrowNotYet("collations in the lake", "use those that DuckDB has");
}
duckdb::optional_ptr<duckdb::CatalogEntry> LakeSchemaEntry::CreateType(duckdb::CatalogTransaction,
                                                                       duckdb::CreateTypeInfo&) {
  ThrowNotYet("CREATE TYPE", "use the type itself");
}

}  // namespace tarn::lake
