#include <algorithm>
#include <set>

#include "base/failpoint.h"
#include "base/logging.h"
#include "base/random.h"
#include "catalog/change_codec_internal.h"
#include "catalog/sqlite_catalog_internal.h"

// Publications: several logs change, readers of the catalog see all of it or nothing.
//
//   validate ── pin (one SQLite transaction) ── commit each log ── finish (one SQLite transaction)
//      │ kConflict      │                            │ none landed: roll back
//      └ nothing done   └ from here a crash is       └ one landed: only forward
//                         settled by recovery
//
// 1. The planned changes are durable before the first log gets a commit: recovery has all it needs to go on.
// 2. Versions "before" are durable before any log gets a commit. A reader takes a table's head first and then asks the
// file:
//    a head with the commit in it therefore always finds the publication, in flight or finished.
// 3. A publication is in flight or finished for all its tables at once: that is one row. A reader whose moment is older
// than
//    a publication sees the version before it, of every table.
// 4. Every log's commit carries the change's commit_id; looking for it settles what a crash or a lost reply left open.
// 5. Rolled back only when no log has the commit, forward as soon as one has. Logs cannot be locked against foreign
// engines,
//    so a commit of theirs can slip in between validation and our second log. Then an overwrite is done over it: theirs
//    was visible (or pinned away), and is replaced, as if they had come just before us. An append is not disturbed by
//    other commits. Progress that somebody else advanced in that gap is theirs: our part of that table is left out,
//    with a warning, since its rows are in the table already. Tarn's own writers of one model hold one lock and never
//    meet here.
// 6. Publications come one after another, under the PublishLock; it dies with its process, so a row that is in flight
// when
//    the lock is free belongs to nobody.

namespace tarn::catalog {
namespace {

using table::TableVersion;
using table::WriteMode;

// Finished publications are remembered for readers with older moments.
constexpr Micros kRemembered = Micros(24) * 3600 * 1'000'000;

std::set<std::string> ReplacedPaths(const table::Snapshot& snapshot, const table::TableChange& change) {
  std::set<std::string> paths;
  for (const auto& file : snapshot.files) {
    const bool replaced = change.mode == WriteMode::kOverwrite ||
                          std::find(change.overwritten_partitions.begin(), change.overwritten_partitions.end(),
                                    file->partition_values) != change.overwritten_partitions.end();
    if (replaced) paths.insert(file->path);
  }
  return paths;
}

}  // namespace

Result<CatalogMoment> SqliteCatalog::Now() {
  std::lock_guard lock(mutex_);
  auto query = connection_->Prepare("SELECT newest FROM sequences");
  TARN_TRY(query.Step());
  return CatalogMoment{query.Number(0)};
}

Result<std::shared_ptr<const table::Snapshot>> SqliteCatalog::Resolve(const TableName& name, CatalogMoment moment) {
  TARN_ASSIGN_OR_RETURN(const TableEntry entry, GetTable(name));
  TARN_ASSIGN_OR_RETURN(const auto table, Open(entry.location));
  TARN_ASSIGN_OR_RETURN(const auto head, table->Latest());  // before the question below: rule 2
  int64_t version_before = 0;
  {
    std::lock_guard lock(mutex_);
    {
      auto query = connection_->Prepare("SELECT forgotten FROM sequences");
      TARN_TRY(query.Step());
      if (moment.sequence < query.Number(0))
        return Error(ErrorCode::kFailedPrecondition,
                     "this transaction began more than a day ago; begin a new one to read " + name.ToString());
    }
    auto query =
        connection_
            ->Prepare(
                "SELECT t.version_before FROM publication_tables t JOIN publications p ON p.id = t.publication "
                "WHERE t.location = ? AND (p.sequence IS NULL OR p.sequence > ?) ORDER BY p.sequence IS NULL, "
                "p.sequence LIMIT 1")
            .Bind(entry.location)
            .Bind(moment.sequence);
    TARN_ASSIGN_OR_RETURN(const bool hidden, query.Step());
    if (!hidden) return head;
    version_before = query.Number(0);
  }
  if (version_before < 0)
    return Error(ErrorCode::kNotFound, "no table " + name.ToString() + " yet when this transaction began");
  if (version_before == head->version) return head;
  return table->AtVersion(version_before);
}

// What a race would turn into a conflict is asked before anything is done.
Status SqliteCatalog::Validate(Part& part) {
  const auto& change = part.published.change;
  if (part.published.create) {
    TARN_TRY(CheckNameIsFree(part.published.table));
    part.location = part.published.location;
    if (!part.location.empty()) return CheckLocationIsFree(part.location);
    TARN_ASSIGN_OR_RETURN(part.location, FreeLocation(part.published.table));
    return Ok();
  }
  TARN_ASSIGN_OR_RETURN(const TableEntry entry, GetTable(part.published.table));
  part.location = entry.location;
  TARN_ASSIGN_OR_RETURN(part.table, Open(part.location));
  TARN_ASSIGN_OR_RETURN(const auto head, part.table->Latest());
  part.version_before = head->version;
  for (const auto& step : change.progress) {
    const auto found = head->progress.find(step.application_id);
    const std::optional<int64_t> current = found == head->progress.end() ? std::nullopt : std::optional(found->second);
    if (current != step.expected)
      return Error(ErrorCode::kFenced, "progress of '" + step.application_id + "' in " +
                                           part.published.table.ToString() + " was advanced by another writer");
  }
  if (change.mode == WriteMode::kAppend || !change.read_version || *change.read_version == head->version) return Ok();
  TARN_ASSIGN_OR_RETURN(const auto read, part.table->AtVersion(*change.read_version));
  if (read->schema == head->schema && ReplacedPaths(*read, change) == ReplacedPaths(*head, change)) return Ok();
  return Error(ErrorCode::kConflict, part.published.table.ToString() + " was changed by another commit: version " +
                                         std::to_string(head->version) +
                                         " changes what this one replaces, which was computed from version " +
                                         std::to_string(*change.read_version));
}

Status SqliteCatalog::Pin(const std::string& id, std::vector<Part>& parts) {
  std::lock_guard lock(mutex_);
  SqliteTransaction transaction(*connection_);
  TARN_TRY(transaction.Begin());
  TARN_TRY(connection_->Prepare("INSERT INTO publications VALUES (?, NULL, ?)").Bind(id).Bind(clock_.Now()).Run());
  int64_t position = 0;
  for (const Part& part : parts) {
    if (part.published.create) TARN_TRY(InsertTable(part.published.table, part.location, "creating"));
    TARN_TRY(connection_->Prepare("INSERT INTO publication_tables VALUES (?, ?, ?, ?, ?, ?, ?, NULL)")
                 .Bind(id)
                 .Bind(position++)
                 .Bind(part.published.table.name_space)
                 .Bind(part.published.table.name)
                 .Bind(part.location)
                 .Bind(part.version_before)
                 .Bind(EncodeChange(part.published))
                 .Run());
  }
  return transaction.Finish();
}

Status SqliteCatalog::CommitPart(Part& part, bool must_win) {
  if (part.published.create && !part.table) {
    auto created = factory_.create(part.location, *part.published.create);
    if (created.Is(ErrorCode::kAlreadyExists))
      created = factory_.open(part.location);  // recovery: it got that far before
    TARN_ASSIGN_OR_RETURN(part.table, std::move(created));
    std::lock_guard lock(mutex_);
    part.table = tables_.insert_or_assign(part.location, part.table).first->second;
  }
  if (!part.table) {
    TARN_ASSIGN_OR_RETURN(part.table, Open(part.location));
  }
  const auto& change = part.published.change;
  auto version = part.table->CommitTable(change);
  if (must_win && (version.Is(ErrorCode::kConflict) || version.Is(ErrorCode::kFenced))) {
    if (version.Is(ErrorCode::kFenced)) {
      logger_.Warn("catalog", "a publication's part is left out: another writer advanced this table's progress",
                   {{"table", part.published.table.ToString()}, {"commit_id", change.commit_id}});
      TARN_ASSIGN_OR_RETURN(const auto head, part.table->Latest());
      part.version_after = head->version;
      part.landed = true;
      return Ok();
    }
    table::TableChange forced = change;
    forced.read_version.reset();  // rule 5
    version = part.table->CommitTable(forced);
  }
  TARN_ASSIGN_OR_RETURN(part.version_after, std::move(version));
  part.landed = true;
  return Ok();
}

Status SqliteCatalog::FinishPublication(const std::string& id, const std::vector<Part>& parts) {
  std::lock_guard lock(mutex_);
  SqliteTransaction transaction(*connection_);
  TARN_TRY(transaction.Begin());
  TARN_TRY(connection_->Prepare("UPDATE sequences SET newest = newest + 1").Run());
  TARN_TRY(
      connection_
          ->Prepare("UPDATE publications SET sequence = (SELECT newest FROM sequences), changed_at = ? WHERE id = ?")
          .Bind(clock_.Now())
          .Bind(id)
          .Run());
  int64_t position = 0;
  for (const Part& part : parts) {
    TARN_TRY(
        connection_
            ->Prepare(
                "UPDATE publication_tables SET change = NULL, version_after = ? WHERE publication = ? AND position = ?")
            .Bind(part.version_after)
            .Bind(id)
            .Bind(position++)
            .Run());
    if (part.published.create) TARN_TRY(SetTableState(part.location, "live"));
  }
  const int64_t forget = clock_.Now() - kRemembered;
  TARN_TRY(
      connection_
          ->Prepare("UPDATE sequences SET forgotten = max(forgotten, coalesce((SELECT max(sequence) FROM publications "
                    "WHERE sequence IS NOT NULL AND changed_at < ?), 0))")
          .Bind(forget)
          .Run());
  TARN_TRY(connection_->Prepare("DELETE FROM publications WHERE sequence <= (SELECT forgotten FROM sequences)").Run());
  return transaction.Finish();
}

// Requires: no log has a commit of it.
Status SqliteCatalog::RollBack(const std::string& id, const std::vector<Part>& parts) {
  for (const Part& part : parts)
    if (part.published.create) TARN_TRY(PurgeFolder(part.location + "/_delta_log"));
  std::lock_guard lock(mutex_);
  SqliteTransaction transaction(*connection_);
  TARN_TRY(transaction.Begin());
  for (const Part& part : parts)
    if (part.published.create) TARN_TRY(RemoveTableRow(part.location));
  TARN_TRY(connection_->Prepare("DELETE FROM publications WHERE id = ?").Bind(id).Run());
  return transaction.Finish();
}

Status SqliteCatalog::CommitAll(const std::string& id, std::vector<Part>& parts) {
  bool one_landed = std::any_of(parts.begin(), parts.end(), [](const Part& part) { return part.landed; });
  for (Part& part : parts) {
    if (part.landed) continue;
    Status committed = PassFailpoint("catalog.publish.before_log_commit");
    if (committed.ok()) committed = CommitPart(part, one_landed);
    if (committed.ok()) {
      one_landed = true;
      committed = PassFailpoint("catalog.publish.after_log_commit");
    }
    if (committed.ok()) continue;
    if (!one_landed && !committed.Is(ErrorCode::kOutcomeUnknown)) {
      // Definite, and the first: nothing happened anywhere.
      const Status back = RollBack(id, parts);
      if (back.ok()) return committed;
    }
    return Error(ErrorCode::kOutcomeUnknown, "publication " + id + " stopped at " + part.published.table.ToString() +
                                                 " (" + committed.error().ToString() +
                                                 "); recovery finishes it, readers see the state before it until then");
  }
  return Ok();
}

Result<std::vector<TableVersion>> SqliteCatalog::Publish(const std::vector<PublishedChange>& changes) {
  if (changes.empty()) return std::vector<TableVersion>{};
  TARN_ASSIGN_OR_RETURN(const auto held, PublishLock::Take(publish_mutex_, options_.path + ".lock"));
  TARN_TRY(RecoverLocked());
  std::vector<Part> parts;
  for (const auto& change : changes) {
    for (const Part& other : parts)
      if (other.published.table == change.table)
        return Error(ErrorCode::kInvalidArgument, "two changes of " + change.table.ToString() + " in one publication");
    TARN_TRY(Validate(parts.emplace_back(Part{.published = change})));
  }
  TARN_FAILPOINT("catalog.publish.before_pin");
  auto random = Random::FromEntropy();
  const std::string id = MakeUuid(random);
  TARN_TRY(Pin(id, parts));
  const Status after_pin = PassFailpoint("catalog.publish.after_pin");
  if (!after_pin.ok()) {
    TARN_TRY(RollBack(id, parts));
    return after_pin.error();
  }

  TARN_TRY(CommitAll(id, parts));
  Status finished = PassFailpoint("catalog.publish.before_unpin");
  if (finished.ok()) finished = FinishPublication(id, parts);
  if (finished.ok()) finished = PassFailpoint("catalog.publish.after_unpin");
  if (!finished.ok())
    return Error(ErrorCode::kOutcomeUnknown,
                 "publication " + id + ": every log has its commit, but " + finished.error().ToString());
  std::vector<TableVersion> versions;
  for (const Part& part : parts) versions.push_back(part.version_after);
  return versions;
}

Result<std::vector<SqliteCatalog::Part>> SqliteCatalog::LoadParts(const std::string& id) {
  std::lock_guard lock(mutex_);
  auto query = connection_
                   ->Prepare(
                       "SELECT name_space, name, location, version_before, change FROM publication_tables WHERE "
                       "publication = ? ORDER BY position")
                   .Bind(id);
  std::vector<Part> parts;
  while (true) {
    TARN_ASSIGN_OR_RETURN(const bool more, query.Step());
    if (!more) return parts;
    TARN_ASSIGN_OR_RETURN(PublishedChange published, DecodeChange(query.Text(4)));
    published.table = {query.Text(0), query.Text(1)};
    parts.push_back(
        Part{.published = std::move(published), .location = query.Text(2), .version_before = query.Number(3)});
  }
}

Status SqliteCatalog::RecoverOne(const std::string& id) {
  TARN_ASSIGN_OR_RETURN(std::vector<Part> parts, LoadParts(id));
  bool one_landed = false;
  for (Part& part : parts) {
    auto table = part.published.create ? factory_.open(part.location) : Open(part.location);
    if (part.published.create && table.Is(ErrorCode::kNotFound)) continue;
    TARN_ASSIGN_OR_RETURN(part.table, std::move(table));
    TARN_ASSIGN_OR_RETURN(const auto version,
                          part.table->FindCommit(part.published.change.commit_id, part.version_before));
    if (!version) continue;
    part.landed = true;
    part.version_after = *version;
    one_landed = true;
  }
  if (!one_landed) return RollBack(id, parts);
  TARN_TRY(CommitAll(id, parts));
  return FinishPublication(id, parts);
}

// Tables that a dead process was creating or purging, outside publications.
Status SqliteCatalog::RecoverTables() {
  std::vector<std::string> locations;
  {
    std::lock_guard lock(mutex_);
    auto query = connection_->Prepare("SELECT location FROM tables WHERE state <> 'live'");
    while (true) {
      TARN_ASSIGN_OR_RETURN(const bool more, query.Step());
      if (!more) break;
      locations.push_back(query.Text(0));
    }
  }
  for (const auto& location : locations) {
    TARN_TRY(PurgeFolder(location));
    std::lock_guard lock(mutex_);
    TARN_TRY(RemoveTableRow(location));
  }
  return Ok();
}

Status SqliteCatalog::RecoverLocked() {
  std::vector<std::string> ids;
  {
    std::lock_guard lock(mutex_);
    auto query = connection_->Prepare("SELECT id FROM publications WHERE sequence IS NULL");
    while (true) {
      TARN_ASSIGN_OR_RETURN(const bool more, query.Step());
      if (!more) break;
      ids.push_back(query.Text(0));
    }
  }
  for (const auto& id : ids) {
    const Status recovered = RecoverOne(id);
    if (!recovered.ok()) return std::move(Error(recovered.error())).WithContext("recovering publication " + id);
  }
  return RecoverTables();
}

Status SqliteCatalog::RecoverPublications() {
  TARN_ASSIGN_OR_RETURN(const auto held, PublishLock::Take(publish_mutex_, options_.path + ".lock"));
  return RecoverLocked();
}

}  // namespace tarn::catalog
