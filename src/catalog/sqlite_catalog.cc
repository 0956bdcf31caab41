#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/failpoint.h"
#include "base/random.h"
#include "catalog/sqlite_catalog_internal.h"
#include "storage/object_stores.h"

// Names. A table's row has a state: 'creating' and 'dropping' are invisible, 'live' is a table. A table is created as
//   row 'creating' → folder and log → row 'live'
// and purged as
//   row 'dropping' → files → no row
// so that whatever a crash leaves is known to the file and finished by the next holder of the PublishLock
// (RecoverTables). A folder that no row knows is never adopted and never deleted: a table of that name gets a folder of
// another name.

namespace tarn::catalog {
namespace {

// Frozen. A newer file has a greater number.
constexpr int64_t kLayoutVersion = 1;
constexpr const char* kLayout = R"(
CREATE TABLE namespaces (name TEXT PRIMARY KEY COLLATE NOCASE, created_at INTEGER NOT NULL) STRICT;
CREATE TABLE tables (
  name_space TEXT NOT NULL COLLATE NOCASE REFERENCES namespaces (name),
  name TEXT NOT NULL COLLATE NOCASE,
  format TEXT NOT NULL,
  location TEXT NOT NULL UNIQUE,
  state TEXT NOT NULL CHECK (state IN ('creating', 'live', 'dropping')),
  created_at INTEGER NOT NULL) STRICT;
CREATE UNIQUE INDEX table_names ON tables (name_space, name) WHERE state <> 'dropping';
CREATE TABLE views (
  name_space TEXT NOT NULL COLLATE NOCASE REFERENCES namespaces (name),
  name TEXT NOT NULL COLLATE NOCASE,
  sql TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (name_space, name)) STRICT;
CREATE TABLE publications (
  id TEXT PRIMARY KEY,
  sequence INTEGER UNIQUE,           -- NULL while in flight
  changed_at INTEGER NOT NULL) STRICT;
CREATE TABLE publication_tables (
  publication TEXT NOT NULL REFERENCES publications (id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  name_space TEXT NOT NULL COLLATE NOCASE,
  name TEXT NOT NULL COLLATE NOCASE,
  location TEXT NOT NULL,
  version_before INTEGER NOT NULL,   -- what readers see while it is in flight; -1: the table does not exist
  change TEXT,                       -- the planned change; NULL once finished
  version_after INTEGER,
  PRIMARY KEY (publication, position)) STRICT;
CREATE INDEX publication_locations ON publication_tables (location);
CREATE TABLE sequences (newest INTEGER NOT NULL, forgotten INTEGER NOT NULL) STRICT;
INSERT INTO sequences VALUES (0, 0);
PRAGMA user_version = 1;
)";

size_t EditDistance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substitute = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substitute});
    }
  }
  return row[b.size()];
}

// A name becomes a folder and an SQL identifier: no slash, no leading dot, no control character.
Status CheckName(const std::string& name) {
  if (name.empty() || name.size() > 200 || name[0] == '.' || name[0] == '_')
    return Error(ErrorCode::kInvalidArgument,
                 "not a name for a table or namespace (empty, too long, or begins with '.' or '_'): '" + name + "'");
  for (const unsigned char c : name)
    if (c < 0x20 || c == 0x7f || std::strchr("/\\\"'%?#:*", c) != nullptr)
      return Error(ErrorCode::kInvalidArgument,
                   "a table's name is also a folder's and must not contain '" + std::string(1, char(c)) + "': " + name);
  return Ok();
}

}  // namespace

PublishLock::PublishLock(PublishLock&& other) noexcept : lock_(std::move(other.lock_)), descriptor_(other.descriptor_) {
  other.descriptor_ = -1;
}

PublishLock::~PublishLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<PublishLock> PublishLock::Take(std::mutex& mutex, const std::string& path) {
  std::unique_lock lock(mutex);
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor < 0) return Error(ErrorCode::kIoError, "opening the lock " + path + ": " + std::strerror(errno));
  while (::flock(descriptor, LOCK_EX) != 0) {
    if (errno == EINTR) continue;
    const Error error(ErrorCode::kIoError, "locking " + path + ": " + std::strerror(errno));
    ::close(descriptor);
    return error;
  }
  return PublishLock(std::move(lock), descriptor);
}

SqliteCatalog::SqliteCatalog(CatalogOptions options, storage::ObjectStore& store, Clock& clock, TableFactory factory,
                             Logger& logger, std::unique_ptr<SqliteConnection> connection)
    : options_(std::move(options)),
      store_(store),
      clock_(clock),
      factory_(std::move(factory)),
      logger_(logger),
      connection_(std::move(connection)) {}

Status SqliteCatalog::Prepare() {
  std::lock_guard lock(mutex_);
  const auto version = [&]() -> Result<int64_t> {
    auto query = connection_->Prepare("PRAGMA user_version");
    TARN_TRY(query.Step());
    return query.Number(0);
  };
  TARN_ASSIGN_OR_RETURN(int64_t found, version());
  // Before anything that writes to the file.
  if (found > kLayoutVersion)
    return Error(ErrorCode::kFailedPrecondition, options_.path + " has layout " + std::to_string(found) +
                                                     ", this program knows up to " + std::to_string(kLayoutVersion) +
                                                     ": it was written by a newer Tarn and is left as it is");
  TARN_TRY(connection_->Execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON"));
  if (found == kLayoutVersion) return Ok();
  SqliteTransaction transaction(*connection_);
  TARN_TRY(transaction.Begin());
  TARN_ASSIGN_OR_RETURN(found, version());  // another process may have been first
  if (found == 0) TARN_TRY(connection_->Execute(kLayout));
  return transaction.Finish();
}

Status SqliteCatalog::CreateNamespace(const std::string& name) {
  TARN_TRY(CheckName(name));
  std::lock_guard lock(mutex_);
  return connection_->Prepare("INSERT INTO namespaces VALUES (?, ?) ON CONFLICT DO NOTHING")
      .Bind(name)
      .Bind(clock_.Now())
      .Run();
}

Status SqliteCatalog::DropNamespace(const std::string& name) {
  std::lock_guard lock(mutex_);
  SqliteTransaction transaction(*connection_);
  TARN_TRY(transaction.Begin());
  {
    auto inside = connection_
                      ->Prepare(
                          "SELECT name FROM tables WHERE name_space = ?1 AND state <> 'dropping' UNION SELECT name "
                          "FROM views WHERE name_space = ?1 LIMIT 4")
                      .Bind(name);
    std::string names;
    while (true) {
      TARN_ASSIGN_OR_RETURN(const bool more, inside.Step());
      if (!more) break;
      names += (names.empty() ? "" : ", ") + inside.Text(0);
    }
    if (!names.empty())
      return Error(ErrorCode::kFailedPrecondition, "namespace " + name + " is not empty: it has " + names);
  }
  // A purge of a dropped table that is still due keeps the row that knows its folder; it is finished first.
  {
    auto dropping = connection_->Prepare("SELECT 1 FROM tables WHERE name_space = ?").Bind(name);
    TARN_ASSIGN_OR_RETURN(const bool more, dropping.Step());
    if (more)
      return Error(ErrorCode::kFailedPrecondition,
                   "namespace " + name + " holds a table whose files are still being removed");
  }
  TARN_TRY(connection_->Prepare("DELETE FROM namespaces WHERE name = ?").Bind(name).Run());
  if (connection_->changes() == 0) return Error(ErrorCode::kNotFound, "no namespace " + name);
  return transaction.Finish();
}

Result<std::vector<std::string>> SqliteCatalog::ListNamespaces() {
  std::lock_guard lock(mutex_);
  auto query = connection_->Prepare("SELECT name FROM namespaces ORDER BY name");
  std::vector<std::string> names;
  while (true) {
    TARN_ASSIGN_OR_RETURN(const bool more, query.Step());
    if (!more) return names;
    names.push_back(query.Text(0));
  }
}

Status SqliteCatalog::CheckNameIsFree(const TableName& name) {
  TARN_TRY(CheckName(name.name));
  std::lock_guard lock(mutex_);
  {
    auto query = connection_->Prepare("SELECT 1 FROM namespaces WHERE name = ?").Bind(name.name_space);
    TARN_ASSIGN_OR_RETURN(const bool found, query.Step());
    if (!found) return Error(ErrorCode::kNotFound, "no namespace " + name.name_space);
  }
  auto query = connection_
                   ->Prepare(
                       "SELECT 'table' FROM tables WHERE name_space = ?1 AND name = ?2 AND state <> 'dropping' "
                       "UNION ALL SELECT 'view' FROM views WHERE name_space = ?1 AND name = ?2")
                   .Bind(name.name_space)
                   .Bind(name.name);
  TARN_ASSIGN_OR_RETURN(const bool found, query.Step());
  if (found)
    return Error(ErrorCode::kAlreadyExists, "there is a " + query.Text(0) + " " + name.ToString() + " already");
  return Ok();
}

Result<std::string> SqliteCatalog::FreeLocation(const TableName& name) {
  std::string location = options_.tables_prefix + "/" + name.name_space + "/" + name.name;
  bool known = false;
  {
    std::lock_guard lock(mutex_);
    auto query = connection_->Prepare("SELECT 1 FROM tables WHERE location = ?").Bind(location);
    TARN_ASSIGN_OR_RETURN(known, query.Step());
  }
  if (!known) {
    TARN_ASSIGN_OR_RETURN(const auto objects, store_.List(location + "/"));
    if (objects.empty()) return location;
  }
  auto random = Random::FromEntropy();
  return location + "-" + MakeUuid(random).substr(0, 8);
}

// For a table whose first files are there already: no row and no log may be.
Status SqliteCatalog::CheckLocationIsFree(const std::string& location) {
  TARN_TRY(storage::CheckKey(location));
  {
    std::lock_guard lock(mutex_);
    auto query = connection_->Prepare("SELECT 1 FROM tables WHERE location = ?").Bind(location);
    TARN_ASSIGN_OR_RETURN(const bool known, query.Step());
    if (known) return Error(ErrorCode::kAlreadyExists, "another table was created at " + location);
  }
  TARN_ASSIGN_OR_RETURN(const auto log, store_.List(location + "/_delta_log/"));
  if (!log.empty()) return Error(ErrorCode::kAlreadyExists, "another table was created at " + location);
  return Ok();
}

Status SqliteCatalog::InsertTable(const TableName& name, const std::string& location, const std::string& state) {
  return connection_->Prepare("INSERT INTO tables VALUES (?, ?, 'delta', ?, ?, ?)")
      .Bind(name.name_space)
      .Bind(name.name)
      .Bind(location)
      .Bind(state)
      .Bind(clock_.Now())
      .Run();
}

Status SqliteCatalog::SetTableState(const std::string& location, const std::string& state) {
  return connection_->Prepare("UPDATE tables SET state = ? WHERE location = ?").Bind(state).Bind(location).Run();
}

Status SqliteCatalog::RemoveTableRow(const std::string& location) {
  tables_.erase(location);
  return connection_->Prepare("DELETE FROM tables WHERE location = ?").Bind(location).Run();
}

Status SqliteCatalog::PurgeFolder(const std::string& location) {
  TARN_ASSIGN_OR_RETURN(const auto objects, store_.List(location + "/"));
  // The log first: without it no engine takes the rest for a table.
  for (const auto& object : objects)
    if (object.key.starts_with(location + "/_delta_log/")) TARN_TRY(store_.Delete(object.key));
  for (const auto& object : objects) TARN_TRY(store_.Delete(object.key));
  return Ok();
}

Result<std::shared_ptr<table::Table>> SqliteCatalog::Open(const std::string& location) {
  {
    std::lock_guard lock(mutex_);
    if (const auto found = tables_.find(location); found != tables_.end()) return found->second;
  }
  TARN_ASSIGN_OR_RETURN(auto table, factory_.open(location));
  std::lock_guard lock(mutex_);
  // One object a location, so that its group commit and its cached snapshot serve everybody.
  return tables_.emplace(location, std::move(table)).first->second;
}

Result<std::shared_ptr<table::Table>> SqliteCatalog::CreateTable(const TableName& name,
                                                                 const table::TableOptions& options) {
  TARN_ASSIGN_OR_RETURN(const auto held, PublishLock::Take(publish_mutex_, options_.path + ".lock"));
  TARN_TRY(RecoverLocked());
  TARN_TRY(CheckNameIsFree(name));
  TARN_ASSIGN_OR_RETURN(const std::string location, FreeLocation(name));
  {
    std::lock_guard lock(mutex_);
    TARN_TRY(InsertTable(name, location, "creating"));
  }
  TARN_FAILPOINT("catalog.create_table.after_row");
  auto table = factory_.create(location, options);
  if (!table.ok()) {
    if (!table.Is(ErrorCode::kOutcomeUnknown)) {
      TARN_TRY(PurgeFolder(location));
      std::lock_guard lock(mutex_);
      TARN_TRY(RemoveTableRow(location));
    }
    return std::move(std::move(table).error()).WithContext("creating table " + name.ToString());
  }
  TARN_FAILPOINT("catalog.create_table.after_folder");
  std::lock_guard lock(mutex_);
  TARN_TRY(SetTableState(location, "live"));
  return tables_.insert_or_assign(location, std::move(*table)).first->second;
}

Result<TableEntry> SqliteCatalog::GetTable(const TableName& name) {
  std::lock_guard lock(mutex_);
  {
    auto query = connection_
                     ->Prepare(
                         "SELECT name_space, name, format, location, created_at FROM tables WHERE name_space = ? AND "
                         "name = ? AND state = 'live'")
                     .Bind(name.name_space)
                     .Bind(name.name);
    TARN_ASSIGN_OR_RETURN(const bool found, query.Step());
    if (found)
      return TableEntry{.name = {query.Text(0), query.Text(1)},
                        .format = query.Text(2),
                        .location = query.Text(3),
                        .created_at = query.Number(4)};
  }
  auto others = connection_->Prepare("SELECT name_space, name FROM tables WHERE state = 'live'");
  std::string nearest;
  size_t distance = name.name.size() / 2 + 1;
  while (true) {
    TARN_ASSIGN_OR_RETURN(const bool more, others.Step());
    if (!more) break;
    const TableName other{others.Text(0), others.Text(1)};
    if (const size_t d = EditDistance(name.ToString(), other.ToString()); d < distance) {
      distance = d;
      nearest = other.ToString();
    }
  }
  return Error(ErrorCode::kNotFound,
               "no table " + name.ToString() + (nearest.empty() ? "" : "; did you mean " + nearest + "?"));
}

Result<std::shared_ptr<table::Table>> SqliteCatalog::LoadTable(const TableName& name) {
  TARN_ASSIGN_OR_RETURN(const TableEntry entry, GetTable(name));
  return Open(entry.location);
}

Result<std::vector<TableEntry>> SqliteCatalog::ListTables(const std::string& name_space) {
  std::lock_guard lock(mutex_);
  auto query = connection_
                   ->Prepare(
                       "SELECT name_space, name, format, location, created_at FROM tables WHERE name_space = ? AND "
                       "state = 'live' ORDER BY name")
                   .Bind(name_space);
  std::vector<TableEntry> entries;
  while (true) {
    TARN_ASSIGN_OR_RETURN(const bool more, query.Step());
    if (!more) return entries;
    entries.push_back({.name = {query.Text(0), query.Text(1)},
                       .format = query.Text(2),
                       .location = query.Text(3),
                       .created_at = query.Number(4)});
  }
}

Status SqliteCatalog::DropTable(const TableName& name, bool purge) {
  TARN_ASSIGN_OR_RETURN(const auto held, PublishLock::Take(publish_mutex_, options_.path + ".lock"));
  TARN_TRY(RecoverLocked());
  TARN_ASSIGN_OR_RETURN(const TableEntry entry, GetTable(name));
  if (!purge) {
    std::lock_guard lock(mutex_);
    return RemoveTableRow(entry.location);
  }
  {
    std::lock_guard lock(mutex_);
    TARN_TRY(SetTableState(entry.location, "dropping"));
  }
  TARN_FAILPOINT("catalog.drop_table.after_row");
  TARN_TRY(PurgeFolder(entry.location));
  TARN_FAILPOINT("catalog.drop_table.after_files");
  std::lock_guard lock(mutex_);
  return RemoveTableRow(entry.location);
}

Status SqliteCatalog::CreateView(const TableName& name, const std::string& sql, bool replace) {
  TARN_TRY(CheckName(name.name));
  std::lock_guard lock(mutex_);
  SqliteTransaction transaction(*connection_);
  TARN_TRY(transaction.Begin());
  {
    auto query = connection_->Prepare("SELECT 1 FROM namespaces WHERE name = ?").Bind(name.name_space);
    TARN_ASSIGN_OR_RETURN(const bool found, query.Step());
    if (!found) return Error(ErrorCode::kNotFound, "no namespace " + name.name_space);
    auto table = connection_->Prepare("SELECT 1 FROM tables WHERE name_space = ? AND name = ? AND state <> 'dropping'")
                     .Bind(name.name_space)
                     .Bind(name.name);
    TARN_ASSIGN_OR_RETURN(const bool is_table, table.Step());
    if (is_table) return Error(ErrorCode::kAlreadyExists, "there is a table " + name.ToString() + " already");
  }
  if (replace)
    TARN_TRY(connection_->Prepare("DELETE FROM views WHERE name_space = ? AND name = ?")
                 .Bind(name.name_space)
                 .Bind(name.name)
                 .Run());
  const Status inserted = connection_->Prepare("INSERT INTO views VALUES (?, ?, ?, ?)")
                              .Bind(name.name_space)
                              .Bind(name.name)
                              .Bind(sql)
                              .Bind(clock_.Now())
                              .Run();
  if (inserted.Is(ErrorCode::kAlreadyExists))
    return Error(ErrorCode::kAlreadyExists, "there is a view " + name.ToString() + " already");
  TARN_TRY(inserted);
  return transaction.Finish();
}

Result<ViewEntry> SqliteCatalog::GetView(const TableName& name) {
  std::lock_guard lock(mutex_);
  auto query =
      connection_->Prepare("SELECT name_space, name, sql, created_at FROM views WHERE name_space = ? AND name = ?")
          .Bind(name.name_space)
          .Bind(name.name);
  TARN_ASSIGN_OR_RETURN(const bool found, query.Step());
  if (!found) return Error(ErrorCode::kNotFound, "no view " + name.ToString());
  return ViewEntry{.name = {query.Text(0), query.Text(1)}, .sql = query.Text(2), .created_at = query.Number(3)};
}

Result<std::vector<ViewEntry>> SqliteCatalog::ListViews(const std::string& name_space) {
  std::lock_guard lock(mutex_);
  auto query =
      connection_->Prepare("SELECT name_space, name, sql, created_at FROM views WHERE name_space = ? ORDER BY name")
          .Bind(name_space);
  std::vector<ViewEntry> views;
  while (true) {
    TARN_ASSIGN_OR_RETURN(const bool more, query.Step());
    if (!more) return views;
    views.push_back({.name = {query.Text(0), query.Text(1)}, .sql = query.Text(2), .created_at = query.Number(3)});
  }
}

Status SqliteCatalog::DropView(const TableName& name) {
  std::lock_guard lock(mutex_);
  TARN_TRY(connection_->Prepare("DELETE FROM views WHERE name_space = ? AND name = ?")
               .Bind(name.name_space)
               .Bind(name.name)
               .Run());
  return connection_->changes() > 0 ? Ok() : Status(Error(ErrorCode::kNotFound, "no view " + name.ToString()));
}

Result<std::unique_ptr<Catalog>> OpenCatalog(const CatalogOptions& options, storage::ObjectStore& store, Clock& clock,
                                             TableFactory factory, Logger& logger) {
  TARN_ASSIGN_OR_RETURN(auto connection, SqliteConnection::Open(options.path));
  auto catalog =
      std::make_unique<SqliteCatalog>(options, store, clock, std::move(factory), logger, std::move(connection));
  TARN_TRY(catalog->Prepare());
  TARN_TRY(catalog->RecoverPublications());
  return std::unique_ptr<Catalog>(std::move(catalog));
}

}  // namespace tarn::catalog
