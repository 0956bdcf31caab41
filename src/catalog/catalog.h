#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "table/table.h"

// Names: namespaces, tables and views, durable in one SQLite file; and publications, which make changes of several
// tables visible together.

namespace tarn::catalog {

struct TableName {
  std::string name_space;
  std::string name;

  std::string ToString() const { return name_space + "." + name; }
  auto operator<=>(const TableName&) const = default;
};

struct TableEntry {
  TableName name;
  std::string format;    // "delta"
  std::string location;  // key prefix in the object store: "lake/<namespace>/<table>"
  Micros created_at = 0;
};

struct ViewEntry {
  TableName name;
  std::string sql;  // one SELECT
  Micros created_at = 0;
};

// One table's part in a publication.
struct PublishedChange {
  TableName table;
  table::TableChange change;
  // Set: the table does not exist yet; it is created with these and its name appears together with the rest.
  std::optional<table::TableOptions> create;
  // With `create`: where, as NewTableLocation said; its first files may lie there already. Empty: chosen.
  std::string location;
};

// A moment of the whole catalog: what a reader's transaction resolves names with. Taken once at its start; two tables
// resolved with the same moment are never on two sides of one publication. Cheap to copy.
struct CatalogMoment {
  int64_t sequence = 0;
};

// Thread-safe. Opened on a SQLite file (WAL, synchronous=FULL) and the object store of its tables, both outliving it.
// Names compare without case and are kept as written.
class Catalog {
 public:
  virtual ~Catalog() = default;

  // Success when it exists.
  virtual Status CreateNamespace(const std::string& name) = 0;
  // kFailedPrecondition: not empty, the message names what is in it. kNotFound.
  virtual Status DropNamespace(const std::string& name) = 0;
  virtual Result<std::vector<std::string>> ListNamespaces() = 0;

  // Creates the table's folder and log, then the name. kAlreadyExists; kNotFound: the namespace.
  virtual Result<std::shared_ptr<table::Table>> CreateTable(const TableName& name,
                                                            const table::TableOptions& options) = 0;
  // Where a table of this name would be created now: a folder that is nobody's. Reserves nothing.
  virtual Result<std::string> NewTableLocation(const TableName& name) = 0;
  // kNotFound, naming the nearest table.
  virtual Result<std::shared_ptr<table::Table>> LoadTable(const TableName& name) = 0;
  virtual Result<TableEntry> GetTable(const TableName& name) = 0;
  virtual Result<std::vector<TableEntry>> ListTables(const std::string& name_space) = 0;
  // Removes the name; `purge` removes the files too. kNotFound.
  virtual Status DropTable(const TableName& name, bool purge) = 0;

  // kAlreadyExists unless `replace`; never replaces a table.
  virtual Status CreateView(const TableName& name, const std::string& sql, bool replace) = 0;
  virtual Result<ViewEntry> GetView(const TableName& name) = 0;
  virtual Result<std::vector<ViewEntry>> ListViews(const std::string& name_space) = 0;
  virtual Status DropView(const TableName& name) = 0;

  virtual Result<CatalogMoment> Now() = 0;
  // The snapshot that readers of this moment see: the head, except that of a publication in flight or finished after
  // the moment the version before it counts. kNotFound; kFailedPrecondition: the moment is older than what is
  // remembered (a day).
  virtual Result<std::shared_ptr<const table::Snapshot>> Resolve(const TableName& name, CatalogMoment moment) = 0;

  // Commits all changes; readers of the catalog see all of them or none, whatever crashes in between: tables are pinned
  // for readers first, each log gets its commit under its change's commit_id, then all are unpinned in one catalog
  // transaction. Returns each table's new version, in order. kConflict: nothing is visible and nothing stays.
  // kOutcomeUnknown: recovery (at the next open, or RecoverPublications) rolls it forward or back. kFailedPrecondition,
  // kAlreadyExists: a table to create is there. A change is validated against its read_version and progress before
  // anything is pinned; what a foreign engine commits to a log within the milliseconds after that, when the first of
  // several logs has its commit already, loses against an overwrite (publications.cc tells why).
  virtual Result<std::vector<table::TableVersion>> Publish(const std::vector<PublishedChange>& changes) = 0;
  // Finishes publications whose process died. Called by open; callable again.
  virtual Status RecoverPublications() = 0;
};

}  // namespace tarn::catalog
