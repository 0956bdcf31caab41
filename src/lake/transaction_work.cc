#include "lake/transaction_work_internal.h"

#include <algorithm>

#include "base/failpoint.h"

namespace tarn::lake {
namespace {

using catalog::TableName;
using table::DataFile;
using table::WriteMode;

std::string Lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = char(c - 'A' + 'a');
  return text;
}

std::pair<std::string, std::string> KeyOf(const TableName& name) {
  return {Lower(name.name_space), Lower(name.name)};
}

// A log cannot tell an empty text from NULL in a partition value.
PartitionValues WithoutEmpty(PartitionValues values) {
  for (auto& [column, value] : values)
    if (value && value->empty()) value.reset();
  return values;
}

TableViewPointer ViewOf(const TableName& name, const std::string& location, const table::Snapshot& snapshot) {
  auto view = std::make_shared<TableView>();
  view->name = name;
  view->location = location;
  view->version = snapshot.version;
  view->schema = snapshot.schema;
  view->partition_columns = snapshot.partition_columns;
  view->progress = snapshot.progress;
  view->files = snapshot.files;
  return view;
}

}  // namespace

bool TableView::IsPartitionColumn(const std::string& column) const {
  return std::find(partition_columns.begin(), partition_columns.end(), column) != partition_columns.end();
}

std::string LakeContext::NewUuid() {
  std::lock_guard lock(random_mutex);
  return MakeUuid(random);
}

Result<std::unique_ptr<TransactionWork>> TransactionWork::Begin(LakeContext& context) {
  TARN_ASSIGN_OR_RETURN(const auto moment, context.catalog.Now());
  return std::unique_ptr<TransactionWork>(new TransactionWork(context, moment));
}

Result<TableViewPointer> TransactionWork::Table(const TableName& name) {
  std::lock_guard lock(mutex_);
  return Find(name);
}

// Requires mutex_.
Result<TableViewPointer> TransactionWork::Find(const TableName& name) {
  const Key key = KeyOf(name);
  if (const auto pending = pending_.find(key); pending != pending_.end()) return pending->second.view;
  if (dropped_tables_.contains(key))
    return Error(ErrorCode::kNotFound, "table " + name.ToString() + " was dropped in this transaction");
  if (const auto known = snapshots_.find(key); known != snapshots_.end()) return known->second;
  TARN_ASSIGN_OR_RETURN(const auto entry, context_.catalog.GetTable(name));
  TARN_ASSIGN_OR_RETURN(const auto snapshot, context_.catalog.Resolve(name, moment_));
  return snapshots_[key] = ViewOf(entry.name, entry.location, *snapshot);
}

Result<TableViewPointer> TransactionWork::TableAtVersion(const TableName& name, table::TableVersion version) {
  TARN_ASSIGN_OR_RETURN(const auto entry, context_.catalog.GetTable(name));
  TARN_ASSIGN_OR_RETURN(const auto table, context_.catalog.LoadTable(name));
  TARN_ASSIGN_OR_RETURN(const auto snapshot, table->AtVersion(version));
  return ViewOf(entry.name, entry.location, *snapshot);
}

Result<TableViewPointer> TransactionWork::TableAtTime(const TableName& name, Micros time) {
  TARN_ASSIGN_OR_RETURN(const auto entry, context_.catalog.GetTable(name));
  TARN_ASSIGN_OR_RETURN(const auto table, context_.catalog.LoadTable(name));
  TARN_ASSIGN_OR_RETURN(const auto snapshot, table->AtTime(time));
  return ViewOf(entry.name, entry.location, *snapshot);
}

Result<catalog::ViewEntry> TransactionWork::View(const TableName& name) {
  std::lock_guard lock(mutex_);
  const Key key = KeyOf(name);
  if (const auto created = created_views_.find(key); created != created_views_.end()) return created->second;
  if (dropped_views_.contains(key))
    return Error(ErrorCode::kNotFound, "view " + name.ToString() + " was dropped in this transaction");
  return context_.catalog.GetView(name);
}

Result<std::vector<std::string>> TransactionWork::Namespaces() {
  std::lock_guard lock(mutex_);
  TARN_ASSIGN_OR_RETURN(auto names, context_.catalog.ListNamespaces());
  std::erase_if(names, [&](const std::string& name) { return dropped_namespaces_.contains(Lower(name)); });
  for (const auto& [key, name] : created_namespaces_) names.push_back(name);
  return names;
}

// Requires mutex_.
Result<bool> TransactionWork::NamespaceExists(const std::string& name) {
  if (created_namespaces_.contains(Lower(name))) return true;
  if (dropped_namespaces_.contains(Lower(name))) return false;
  TARN_ASSIGN_OR_RETURN(const auto names, context_.catalog.ListNamespaces());
  return std::any_of(names.begin(), names.end(), [&](const std::string& other) { return Lower(other) == Lower(name); });
}

Result<std::vector<std::string>> TransactionWork::TableNames(const std::string& name_space) {
  std::lock_guard lock(mutex_);
  std::map<Key, std::string> names;
  TARN_ASSIGN_OR_RETURN(const auto entries, context_.catalog.ListTables(name_space));
  for (const auto& entry : entries) names[KeyOf(entry.name)] = entry.name.name;
  for (const auto& [key, name] : dropped_tables_) names.erase(key);
  for (const auto& [key, pending] : pending_)
    if (key.first == Lower(name_space)) names[key] = pending.view->name.name;
  std::vector<std::string> list;
  for (const auto& [key, name] : names) list.push_back(name);
  return list;
}

Result<std::vector<std::string>> TransactionWork::ViewNames(const std::string& name_space) {
  std::lock_guard lock(mutex_);
  std::map<Key, std::string> names;
  TARN_ASSIGN_OR_RETURN(const auto entries, context_.catalog.ListViews(name_space));
  for (const auto& entry : entries) names[KeyOf(entry.name)] = entry.name.name;
  for (const auto& [key, name] : dropped_views_) names.erase(key);
  for (const auto& [key, view] : created_views_)
    if (key.first == Lower(name_space)) names[key] = view.name.name;
  std::vector<std::string> list;
  for (const auto& [key, name] : names) list.push_back(name);
  return list;
}

Status TransactionWork::CreateNamespace(const std::string& name) {
  std::lock_guard lock(mutex_);
  if (dropped_namespaces_.erase(Lower(name)) > 0) return Ok();
  created_namespaces_[Lower(name)] = name;
  return Ok();
}

Status TransactionWork::DropNamespace(const std::string& name) {
  TARN_ASSIGN_OR_RETURN(auto inside, TableNames(name));
  TARN_ASSIGN_OR_RETURN(const auto views, ViewNames(name));
  inside.insert(inside.end(), views.begin(), views.end());
  if (!inside.empty()) {
    std::string list;
    for (const std::string& one : inside) list += (list.empty() ? "" : ", ") + one;
    return Error(ErrorCode::kFailedPrecondition, "schema " + name + " is not empty, drop what is in it first: " + list);
  }
  std::lock_guard lock(mutex_);
  if (created_namespaces_.erase(Lower(name)) == 0) dropped_namespaces_[Lower(name)] = name;
  return Ok();
}

Status TransactionWork::CreateView(const TableName& name, const std::string& sql, bool replace) {
  std::lock_guard lock(mutex_);
  const Key key = KeyOf(name);
  if (const auto table = Find(name); table.ok())
    return Error(ErrorCode::kAlreadyExists, name.ToString() + " is a table: drop it first, or choose another name");
  const bool exists =
      created_views_.contains(key) || (!dropped_views_.contains(key) && context_.catalog.GetView(name).ok());
  if (exists && !replace) return Error(ErrorCode::kAlreadyExists, "view " + name.ToString() + " exists already");
  created_views_[key] = {.name = name, .sql = sql, .created_at = context_.clock.Now()};
  return Ok();
}

Status TransactionWork::DropView(const TableName& name) {
  std::lock_guard lock(mutex_);
  const Key key = KeyOf(name);
  created_views_.erase(key);
  if (context_.catalog.GetView(name).ok()) dropped_views_[key] = name;
  return Ok();
}

Status TransactionWork::DropTable(const TableName& name) {
  std::lock_guard lock(mutex_);
  const Key key = KeyOf(name);
  TARN_ASSIGN_OR_RETURN(const auto view, Find(name));
  if (const auto pending = pending_.find(key); pending != pending_.end()) {
    Supersede(std::move(pending->second.added), view->location);
    const bool created_here = pending->second.base == nullptr;
    pending_.erase(pending);
    if (created_here) return Ok();
  }
  dropped_tables_[key] = view->name;
  return Ok();
}

void TransactionWork::BeginWrite(const WriteTarget& target) {
  std::lock_guard lock(mutex_);
  unfinished_.emplace(target.location, target.file_prefix);
}

// Requires mutex_. Some changes of one table cannot be one commit of its log.
Status TransactionWork::CheckTakesWrite(const WriteTarget& target, const PendingTable& pending) const {
  const auto conflict = [&](const std::string& what) {
    return Error(ErrorCode::kFailedPrecondition, target.name.ToString() + ": " + what + "; commit in between");
  };
  if (target.mode == WriteMode::kOverwritePartitions && target.partition_columns.empty())
    return Error(ErrorCode::kInvalidArgument,
                 target.name.ToString() + " has no partition columns: partitions of it cannot be overwritten");
  for (const PartitionValues& values : target.also_replaced) {
    bool fits = values.size() == target.partition_columns.size();
    for (const std::string& column : target.partition_columns) fits = fits && values.contains(column);
    if (!fits)
      return Error(ErrorCode::kInvalidArgument,
                   target.name.ToString() + ": a replaced partition must name exactly the partition columns");
  }
  if (target.mode == WriteMode::kOverwritePartitions && pending.mode == WriteMode::kAppend && !pending.added.empty())
    return conflict("rows were appended in this transaction, then partitions overwritten");
  if (target.mode == WriteMode::kAppend && pending.mode == WriteMode::kOverwritePartitions)
    return conflict("partitions were overwritten in this transaction, then rows appended");
  return Ok();
}

Status TransactionWork::FinishWrite(const WriteTarget& target, std::vector<DataFile> files) {
  std::lock_guard lock(mutex_);
  TARN_FAILPOINT("lake.write.after_files");
  const Key key = KeyOf(target.name);
  PendingTable pending;
  if (const auto known = pending_.find(key); known != pending_.end()) {
    pending = known->second;
  } else if (target.creates) {
    pending.create = table::TableOptions{.schema = target.schema, .partition_columns = target.partition_columns};
    pending.mode = WriteMode::kOverwrite;
  } else {
    TARN_ASSIGN_OR_RETURN(pending.base, Find(target.name));
    pending.view = pending.base;
  }
  TARN_TRY(CheckTakesWrite(target, pending));
  const bool adds_nothing = target.mode == WriteMode::kAppend && files.empty() && target.progress.empty();
  if (adds_nothing) {
    unfinished_.erase({target.location, target.file_prefix});
    return Ok();
  }
  for (const DataFile& file : files) written_.insert(target.location + "/" + file.path);
  unfinished_.erase({target.location, target.file_prefix});
  Merge(target, std::move(files), pending);
  pending_[key] = std::move(pending);
  return Ok();
}

// Requires mutex_ and CheckTakesWrite.
void TransactionWork::Merge(const WriteTarget& target, std::vector<DataFile> files, PendingTable& pending) {
  auto view = std::make_shared<TableView>();
  if (pending.view) *view = *pending.view;
  view->name = pending.view ? pending.view->name : target.name;
  view->location = target.location;
  view->schema = target.schema;
  view->partition_columns = target.partition_columns;
  view->has_own_writes = true;
  if (pending.create) pending.create = {.schema = target.schema, .partition_columns = target.partition_columns};

  std::set<PartitionValues> replaced;
  if (target.mode == WriteMode::kOverwritePartitions) {
    for (const PartitionValues& values : target.also_replaced) replaced.insert(WithoutEmpty(values));
    for (const DataFile& file : files) replaced.insert(WithoutEmpty(file.partition_values));
  }
  const auto is_replaced = [&](const DataFile& file) {
    return target.mode == WriteMode::kOverwrite ||
           (target.mode == WriteMode::kOverwritePartitions && replaced.contains(WithoutEmpty(file.partition_values)));
  };
  table::FileList::Edits edits;
  for (const auto& file : view->files)
    if (is_replaced(*file)) edits[file->path] = nullptr;
  const auto kept = std::stable_partition(pending.added.begin(), pending.added.end(),
                                          [&](const DataFile& file) { return !is_replaced(file); });
  Supersede({kept, pending.added.end()}, target.location);
  pending.added.erase(kept, pending.added.end());
  for (DataFile& file : files) {
    edits[file.path] = std::make_shared<const DataFile>(file);
    pending.added.push_back(std::move(file));
  }
  view->files = view->files.Edited(edits);

  if (target.mode == WriteMode::kOverwrite) pending.mode = WriteMode::kOverwrite;
  if (target.mode == WriteMode::kOverwritePartitions && pending.mode != WriteMode::kOverwrite) {
    pending.mode = WriteMode::kOverwritePartitions;
    pending.overwritten.insert(replaced.begin(), replaced.end());
  }
  for (const auto& [application, next] : target.progress) {
    table::ProgressStep& step = pending.progress[application];
    step.application_id = application;
    step.next = next;
    if (pending.base)
      if (const auto found = pending.base->progress.find(application); found != pending.base->progress.end())
        step.expected = found->second;
    view->progress[application] = next;
  }
  pending.operation = target.operation;
  pending.view = std::move(view);
}

// Requires mutex_.
void TransactionWork::Supersede(std::vector<DataFile> files, const std::string& location) {
  for (const DataFile& file : files) {
    written_.erase(location + "/" + file.path);
    superseded_.insert(location + "/" + file.path);
  }
}

Result<std::vector<PartitionValues>> TransactionWork::ChangedPartitions(const TableName& name,
                                                                        table::TableVersion since) {
  std::lock_guard lock(mutex_);
  TARN_ASSIGN_OR_RETURN(const auto view, Find(name));
  std::set<PartitionValues> changed;
  const auto pending = pending_.find(KeyOf(name));
  if (view->version >= 0) {
    TARN_ASSIGN_OR_RETURN(const auto table, context_.catalog.LoadTable(name));
    TARN_ASSIGN_OR_RETURN(const auto told, table->ChangedPartitions(since, view->version));
    if (told && (pending == pending_.end() || pending->second.mode != WriteMode::kOverwrite)) {
      for (const PartitionValues& values : *told) changed.insert(WithoutEmpty(values));
    } else {
      for (const auto& file : view->files) changed.insert(WithoutEmpty(file->partition_values));
    }
  }
  if (pending != pending_.end()) {
    for (const DataFile& file : pending->second.added) changed.insert(WithoutEmpty(file.partition_values));
    changed.insert(pending->second.overwritten.begin(), pending->second.overwritten.end());
  }
  return std::vector<PartitionValues>(changed.begin(), changed.end());
}

// Requires mutex_.
catalog::PublishedChange TransactionWork::ToChange(const PendingTable& pending) {
  catalog::PublishedChange published{.table = pending.view->name, .create = pending.create};
  if (pending.create) published.location = pending.view->location;
  table::TableChange& change = published.change;
  change.commit_id = context_.NewUuid();
  change.operation = pending.operation;
  change.mode = pending.mode;
  change.added_files = pending.added;
  change.overwritten_partitions.assign(pending.overwritten.begin(), pending.overwritten.end());
  for (const auto& [application, step] : pending.progress) change.progress.push_back(step);
  if (pending.base) {
    change.read_version = pending.base->version;
    if (!(pending.base->schema == pending.view->schema)) change.new_schema = pending.view->schema;
    if (pending.base->partition_columns != pending.view->partition_columns)
      change.new_partition_columns = pending.view->partition_columns;
  }
  int64_t rows = 0, bytes = 0;
  for (const DataFile& file : pending.added) {
    rows += file.record_count;
    bytes += int64_t(file.size);
  }
  change.metrics = {{"numOutputRows", std::to_string(rows)},
                    {"numOutputBytes", std::to_string(bytes)},
                    {"numFiles", std::to_string(pending.added.size())}};
  return published;
}

bool TransactionWork::IsReadOnly() {
  std::lock_guard lock(mutex_);
  return pending_.empty() && dropped_tables_.empty() && dropped_views_.empty() && created_views_.empty() &&
         created_namespaces_.empty() && dropped_namespaces_.empty() && unfinished_.empty() && superseded_.empty();
}

// Requires mutex_. Steps 1 to 3 of a commit.
Status TransactionWork::Publish() {
  for (const auto& [key, name] : created_namespaces_) TARN_TRY(context_.catalog.CreateNamespace(name));
  std::vector<catalog::ViewEntry> replaced_views;
  Status done;
  for (const auto& [key, pending] : pending_) {
    if (!pending.create || !done.ok()) continue;
    if (const auto view = dropped_views_.find(key); view != dropped_views_.end()) {
      if (const auto entry = context_.catalog.GetView(view->second); entry.ok()) replaced_views.push_back(*entry);
      done = context_.catalog.DropView(view->second);
      dropped_views_.erase(view);
    } else if (const auto table = dropped_tables_.find(key); table != dropped_tables_.end()) {
      done = context_.catalog.DropTable(table->second, false);
      dropped_tables_.erase(table);
    }
  }
  std::vector<catalog::PublishedChange> changes;
  for (const auto& [key, pending] : pending_) changes.push_back(ToChange(pending));
  if (done.ok()) done = PassFailpoint("lake.commit.before_publish");
  if (done.ok()) {
    const auto versions = context_.catalog.Publish(changes);
    if (!versions.ok()) done = versions.error();
    for (size_t i = 0; versions.ok() && i < changes.size(); ++i)
      committed_[changes[i].table.ToString()] = (*versions)[i];
  }
  if (!done.ok() && !done.Is(ErrorCode::kOutcomeUnknown))
    for (const auto& view : replaced_views)
      if (const Status back = context_.catalog.CreateView(view.name, view.sql, true); !back.ok())
        context_.logger.Warn("lake", "a dropped view could not be put back",
                             {{"view", view.name.ToString()}, {"error", back.error().ToString()}});
  return done;
}

// Requires mutex_. Steps 4 and 5.
Status TransactionWork::ApplyNames() {
  TARN_FAILPOINT("lake.commit.before_names");
  for (const auto& [key, name] : dropped_tables_) TARN_TRY(context_.catalog.DropTable(name, false));
  for (const auto& [key, view] : created_views_) TARN_TRY(context_.catalog.CreateView(view.name, view.sql, true));
  for (const auto& [key, name] : dropped_views_)
    if (!created_views_.contains(key)) TARN_TRY(context_.catalog.DropView(name));
  for (const auto& [key, name] : dropped_namespaces_) TARN_TRY(context_.catalog.DropNamespace(name));
  return Ok();
}

Status TransactionWork::Commit() {
  std::lock_guard lock(mutex_);
  const Status published = Publish();
  if (!published.ok()) {
    // Whether a publication with an unknown outcome has its files in a log is recovery's to find out: they stay.
    if (!published.Is(ErrorCode::kOutcomeUnknown)) Delete(written_);
    Delete(superseded_);
    DeleteUnfinished();
    return published;
  }
  Delete(superseded_);
  DeleteUnfinished();
  const Status named = ApplyNames();
  if (named.ok()) return named;
  std::string versions;
  for (const auto& [name, version] : committed_)
    versions += (versions.empty() ? "" : ", ") + name + " at version " + std::to_string(version);
  return Error(ErrorCode::kOutcomeUnknown,
               "published " + (versions.empty() ? "no tables" : versions) +
                   ", but views and dropped names are not all in place: " + named.error().ToString());
}

void TransactionWork::Rollback() {
  std::lock_guard lock(mutex_);
  Delete(written_);
  Delete(superseded_);
  DeleteUnfinished();
}

// Requires mutex_. A statement that failed half way does not tell what it wrote; its names do.
void TransactionWork::DeleteUnfinished() {
  for (const auto& [location, prefix] : unfinished_) {
    const auto objects = context_.store.List(location + "/");
    if (!objects.ok()) {
      context_.logger.Warn("lake", "files of a failed statement stay",
                           {{"location", location}, {"error", objects.error().ToString()}});
      continue;
    }
    std::set<std::string> keys;
    for (const auto& object : *objects)
      if (object.key.substr(object.key.rfind('/') + 1).starts_with(prefix)) keys.insert(object.key);
    Delete(keys);
  }
}

void TransactionWork::Delete(const std::set<std::string>& keys) {
  for (const std::string& key : keys)
    if (const Status deleted = context_.store.Delete(key); !deleted.ok())
      context_.logger.Warn("lake", "a file of no commit stays", {{"key", key}, {"error", deleted.error().ToString()}});
}

}  // namespace tarn::lake
