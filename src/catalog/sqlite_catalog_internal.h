#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "catalog/open_catalog.h"
#include "catalog/sqlite_internal.h"

namespace tarn::catalog {

// Held while somebody publishes, creates or purges: one at a time on this file, over all processes (flock, which dies
// with its process). Whoever holds it knows that what is half done in the file belongs to nobody alive.
class PublishLock {
 public:
  PublishLock(PublishLock&& other) noexcept;
  PublishLock& operator=(PublishLock&&) = delete;
  ~PublishLock();
  // Waits. kIoError.
  static Result<PublishLock> Take(std::mutex& mutex, const std::string& path);

 private:
  PublishLock(std::unique_lock<std::mutex> lock, int descriptor) : lock_(std::move(lock)), descriptor_(descriptor) {}
  std::unique_lock<std::mutex> lock_;
  int descriptor_;
};

// Thread-safe. mutex_ guards the connection and is never held across the object store; publish_mutex_ is taken before
// it.
class SqliteCatalog final : public Catalog {
 public:
  SqliteCatalog(CatalogOptions options, storage::ObjectStore& store, Clock& clock, TableFactory factory, Logger& logger,
                std::unique_ptr<SqliteConnection> connection);
  // Creates or checks the layout of the file.
  Status Prepare();

  Status CreateNamespace(const std::string& name) override;
  Status DropNamespace(const std::string& name) override;
  Result<std::vector<std::string>> ListNamespaces() override;

  Result<std::shared_ptr<table::Table>> CreateTable(const TableName& name, const table::TableOptions& options) override;
  Result<std::string> NewTableLocation(const TableName& name) override { return FreeLocation(name); }
  Result<std::shared_ptr<table::Table>> LoadTable(const TableName& name) override;
  Result<TableEntry> GetTable(const TableName& name) override;
  Result<std::vector<TableEntry>> ListTables(const std::string& name_space) override;
  Status DropTable(const TableName& name, bool purge) override;

  Status CreateView(const TableName& name, const std::string& sql, bool replace) override;
  Result<ViewEntry> GetView(const TableName& name) override;
  Result<std::vector<ViewEntry>> ListViews(const std::string& name_space) override;
  Status DropView(const TableName& name) override;

  Result<CatalogMoment> Now() override;
  Result<std::shared_ptr<const table::Snapshot>> Resolve(const TableName& name, CatalogMoment moment) override;
  Result<std::vector<table::TableVersion>> Publish(const std::vector<PublishedChange>& changes) override;
  Status RecoverPublications() override;

 private:
  // One table of a publication, as it is worked on.
  struct Part {
    PublishedChange published;
    std::string location;
    table::TableVersion version_before = -1;
    std::shared_ptr<table::Table> table;
    table::TableVersion version_after = -1;
    bool landed = false;
  };

  // names, sqlite_catalog.cc
  Result<std::shared_ptr<table::Table>> Open(const std::string& location);
  Result<std::string> FreeLocation(const TableName& name);
  Status CheckLocationIsFree(const std::string& location);
  Status CheckNameIsFree(const TableName& name);
  Status InsertTable(const TableName& name, const std::string& location, const std::string& state);
  Status SetTableState(const std::string& location, const std::string& state);
  Status RemoveTableRow(const std::string& location);
  Status PurgeFolder(const std::string& location);

  // publications, publications.cc. All require the PublishLock.
  Status RecoverLocked();
  Status RecoverOne(const std::string& id);
  Status RecoverTables();
  Result<std::vector<Part>> LoadParts(const std::string& id);
  Status Validate(Part& part);
  Status Pin(const std::string& id, std::vector<Part>& parts);
  Status CommitPart(Part& part, bool must_win);
  Status FinishPublication(const std::string& id, const std::vector<Part>& parts);
  Status RollBack(const std::string& id, const std::vector<Part>& parts);
  Status CommitAll(const std::string& id, std::vector<Part>& parts);

  const CatalogOptions options_;
  storage::ObjectStore& store_;
  Clock& clock_;
  const TableFactory factory_;
  Logger& logger_;

  std::mutex publish_mutex_;
  std::mutex mutex_;
  std::unique_ptr<SqliteConnection> connection_;                 // guarded by mutex_
  std::map<std::string, std::shared_ptr<table::Table>> tables_;  // by location; guarded by mutex_
};

}  // namespace tarn::catalog
