#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <duckdb/catalog/catalog_entry/table_catalog_entry.hpp>
#include <duckdb/catalog/catalog_entry/view_catalog_entry.hpp>
#include <duckdb/main/client_context_state.hpp>
#include <duckdb/transaction/transaction.hpp>
#include <duckdb/transaction/transaction_manager.hpp>

#include "lake/transaction_work_internal.h"

namespace tarn::lake {

class LakeCatalog;

// One DuckDB transaction on the lake: our work, and the catalog entries handed out, which live as long as it does.
// Thread-safe.
class LakeTransaction final : public duckdb::Transaction {
 public:
  LakeTransaction(duckdb::TransactionManager& manager, duckdb::ClientContext& client,
                  std::unique_ptr<TransactionWork> work)
      : Transaction(manager, client), work_(std::move(work)) {}

  static LakeTransaction& Get(duckdb::ClientContext& client, duckdb::Catalog& catalog);

  TransactionWork& work() { return *work_; }
  // Keeps an entry; the one that `view` or `sql` made before is found again instead.
  template <typename Entry>
  Entry& Keep(duckdb::unique_ptr<Entry> entry) {
    std::lock_guard lock(mutex_);
    Entry& kept = *entry;
    entries_.push_back(std::move(entry));
    return kept;
  }
  duckdb::CatalogEntry* FindTableEntry(const TableView* view);
  void RememberTableEntry(TableViewPointer view, duckdb::CatalogEntry& entry);

  // What Lake::WriteTable asks of the statement that it runs; null otherwise.
  const LakeWrite* intent = nullptr;

 private:
  const std::unique_ptr<TransactionWork> work_;
  std::mutex mutex_;
  std::vector<duckdb::unique_ptr<duckdb::CatalogEntry>> entries_;
  std::map<const TableView*, std::pair<TableViewPointer, duckdb::CatalogEntry*>> table_entries_;
};

// What a connection remembers between transactions.
struct LakeSession final : public duckdb::ClientContextState {
  static duckdb::shared_ptr<LakeSession> Of(duckdb::ClientContext& client);
  std::map<std::string, table::TableVersion> last_commit;
};

class LakeTransactionManager final : public duckdb::TransactionManager {
 public:
  LakeTransactionManager(duckdb::AttachedDatabase& database, LakeContext& context)
      : TransactionManager(database), context_(context) {}

  duckdb::Transaction& StartTransaction(duckdb::ClientContext& client) override;
  duckdb::ErrorData CommitTransaction(duckdb::ClientContext& client, duckdb::Transaction& transaction) override;
  void RollbackTransaction(duckdb::Transaction& transaction) override;
  void Checkpoint(duckdb::ClientContext&, bool) override {}

 private:
  duckdb::unique_ptr<LakeTransaction> Take(duckdb::Transaction& transaction);

  LakeContext& context_;
  std::mutex mutex_;
  std::map<duckdb::Transaction*, duckdb::unique_ptr<LakeTransaction>> open_;
};

}  // namespace tarn::lake
