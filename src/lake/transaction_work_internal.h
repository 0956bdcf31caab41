#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "lake/lake.h"
#include "lake/table_view_internal.h"

namespace tarn::lake {

// What the parts of one lake share. Thread-safe; outlives every connection of the database.
struct LakeContext {
  LakeOptions options;
  engine::Database& database;
  catalog::Catalog& catalog;
  Clock& clock;
  Logger& logger;
  storage::ObjectStore& store;

  std::string NewUuid();
  std::string Url(const std::string& key) const { return options.store_scheme + "://" + key; }

  std::mutex random_mutex;
  Random random;
};

// Where the rows of one statement go.
struct WriteTarget {
  catalog::TableName name;
  std::string location;
  engine::Schema schema;
  std::vector<std::string> partition_columns;
  bool creates = false;  // the table is not there yet
  table::WriteMode mode = table::WriteMode::kAppend;
  std::vector<PartitionValues> also_replaced;
  std::map<std::string, int64_t> progress;
  std::string operation;
  std::string file_prefix;  // of the names of this statement's files, unlike any other's
};

// What one transaction sees and what it has done: its moment of the catalog, one snapshot a table, its own writes on
// top.
//
//   statement ── Begin/FinishWrite ──> pending tables ── Commit ──> Catalog::Publish
//                                                     └─ Rollback: the files written are deleted
//
// The order of a commit: 1. namespaces are created; 2. names that it drops and creates anew as tables are dropped; 3.
// all changes of tables are published together; 4. other tables are dropped, views created or replaced; 5. views and
// namespaces are dropped. A view therefore never names columns that are not there yet; for a moment an old view reads
// new tables. A failure up to 3 leaves tables and views as they were; one in 4 or 5 is kOutcomeUnknown and tells what
// was published.
//
// Thread-safe: one mutex, held across the catalog's calls, since a statement's threads ask rarely.
class TransactionWork {
 public:
  static Result<std::unique_ptr<TransactionWork>> Begin(LakeContext& context);

  // kNotFound, naming the nearest.
  Result<TableViewPointer> Table(const catalog::TableName& name);
  // AT (VERSION => …) and AT (TIMESTAMP => …): without the transaction's own writes.
  Result<TableViewPointer> TableAtVersion(const catalog::TableName& name, table::TableVersion version);
  Result<TableViewPointer> TableAtTime(const catalog::TableName& name, Micros time);
  Result<catalog::ViewEntry> View(const catalog::TableName& name);
  Result<std::vector<std::string>> Namespaces();
  Result<std::vector<std::string>> TableNames(const std::string& name_space);
  Result<std::vector<std::string>> ViewNames(const std::string& name_space);

  Status CreateNamespace(const std::string& name);
  Status DropNamespace(const std::string& name);
  Status CreateView(const catalog::TableName& name, const std::string& sql, bool replace);
  Status DropView(const catalog::TableName& name);
  Status DropTable(const catalog::TableName& name);

  // Files named target.file_prefix… may appear below target.location from now on.
  void BeginWrite(const WriteTarget& target);
  // All files of the statement are there: they join what the transaction reads and will publish. kInvalidArgument,
  // kFailedPrecondition: the write does not fit the table or what the transaction did to it before.
  Status FinishWrite(const WriteTarget& target, std::vector<table::DataFile> files);

  // The partitions changed after `since`, own writes included; every live one when the history is too short.
  Result<std::vector<PartitionValues>> ChangedPartitions(const catalog::TableName& name, table::TableVersion since);

  // Nothing to publish and nothing to clean up.
  bool IsReadOnly();
  Status Commit();
  void Rollback();
  const std::map<std::string, table::TableVersion>& committed() const { return committed_; }

 private:
  struct PendingTable {
    TableViewPointer base;  // null: created here
    TableViewPointer view;
    std::optional<table::TableOptions> create;
    table::WriteMode mode = table::WriteMode::kAppend;
    std::vector<table::DataFile> added;
    std::set<PartitionValues> overwritten;
    std::map<std::string, table::ProgressStep> progress;
    std::string operation;
  };
  using Key = std::pair<std::string, std::string>;  // name space and name in lower case

  explicit TransactionWork(LakeContext& context, catalog::CatalogMoment moment) : context_(context), moment_(moment) {}
  Result<TableViewPointer> Find(const catalog::TableName& name);
  Result<bool> NamespaceExists(const std::string& name);
  Status CheckTakesWrite(const WriteTarget& target, const PendingTable& pending) const;
  void Merge(const WriteTarget& target, std::vector<table::DataFile> files, PendingTable& pending);
  void Supersede(std::vector<table::DataFile> files, const std::string& location);
  catalog::PublishedChange ToChange(const PendingTable& pending);
  Status Publish();
  Status ApplyNames();
  void DeleteUnfinished();
  void Delete(const std::set<std::string>& keys);

  LakeContext& context_;
  const catalog::CatalogMoment moment_;

  std::mutex mutex_;
  std::map<Key, TableViewPointer> snapshots_;  // by moment_
  std::map<Key, PendingTable> pending_;
  std::map<Key, catalog::TableName> dropped_tables_;
  std::map<Key, catalog::TableName> dropped_views_;
  std::map<Key, catalog::ViewEntry> created_views_;
  std::map<std::string, std::string> created_namespaces_, dropped_namespaces_;  // lower case -> as written
  std::set<std::pair<std::string, std::string>> unfinished_;                    // location, file prefix
  std::set<std::string> written_;     // keys of files that the publication will make part of a table
  std::set<std::string> superseded_;  // keys of own files that a later statement replaced
  std::map<std::string, table::TableVersion> committed_;
};

}  // namespace tarn::lake
