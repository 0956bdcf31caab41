#include "lake/lake_transaction_internal.h"

#include <duckdb/main/client_context.hpp>

#include "engine/duckdb_access.h"

namespace tarn::lake {

LakeTransaction& LakeTransaction::Get(duckdb::ClientContext& client, duckdb::Catalog& catalog) {
  return Transaction::Get(client, catalog).Cast<LakeTransaction>();
}

duckdb::CatalogEntry* LakeTransaction::FindTableEntry(const TableView* view) {
  std::lock_guard lock(mutex_);
  const auto found = table_entries_.find(view);
  return found == table_entries_.end() ? nullptr : found->second.second;
}

void LakeTransaction::RememberTableEntry(TableViewPointer view, duckdb::CatalogEntry& entry) {
  std::lock_guard lock(mutex_);
  const TableView* key = view.get();
  table_entries_[key] = {std::move(view), &entry};
}

duckdb::shared_ptr<LakeSession> LakeSession::Of(duckdb::ClientContext& client) {
  return client.registered_state->GetOrCreate<LakeSession>("tarn_lake");
}

duckdb::Transaction& LakeTransactionManager::StartTransaction(duckdb::ClientContext& client) {
  auto work = TransactionWork::Begin(context_);
  if (!work.ok()) engine::ThrowError(work.error());
  auto transaction = duckdb::make_uniq<LakeTransaction>(*this, client, std::move(*work));
  std::lock_guard lock(mutex_);
  duckdb::Transaction* key = transaction.get();
  return *(open_[key] = std::move(transaction));
}

duckdb::unique_ptr<LakeTransaction> LakeTransactionManager::Take(duckdb::Transaction& transaction) {
  std::lock_guard lock(mutex_);
  auto taken = std::move(open_.at(&transaction));
  open_.erase(&transaction);
  return taken;
}

duckdb::ErrorData LakeTransactionManager::CommitTransaction(duckdb::ClientContext& client,
                                                            duckdb::Transaction& transaction) {
  const auto taken = Take(transaction);
  if (taken->work().IsReadOnly()) return duckdb::ErrorData();
  const Status committed = taken->work().Commit();
  LakeSession::Of(client)->last_commit = taken->work().committed();
  if (committed.ok()) return duckdb::ErrorData();
  try {
    engine::ThrowError(committed.error());
  } catch (const std::exception& exception) {
    return duckdb::ErrorData(exception);
  }
}

void LakeTransactionManager::RollbackTransaction(duckdb::Transaction& transaction) {
  Take(transaction)->work().Rollback();
}

}  // namespace tarn::lake
