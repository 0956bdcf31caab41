#include "catalog/testing/plain_table.h"

#include <algorithm>
#include <mutex>

#include "base/random.h"
#include "catalog/change_codec_internal.h"

namespace tarn::catalog {
namespace {

using table::TableVersion;
using table::WriteMode;

std::string LogKey(const std::string& location, TableVersion version) {
  std::string digits = std::to_string(version);
  return location + "/_delta_log/" + std::string(20 - digits.size(), '0') + digits + ".json";
}

bool IsReplaced(const table::DataFile& file, const table::TableChange& change) {
  if (change.mode == WriteMode::kOverwrite) return true;
  if (std::count(change.removed_paths.begin(), change.removed_paths.end(), file.path) > 0) return true;
  return change.mode == WriteMode::kOverwritePartitions &&
         std::count(change.overwritten_partitions.begin(), change.overwritten_partitions.end(), file.partition_values) >
             0;
}

class PlainTable final : public table::Table {
 public:
  PlainTable(storage::ObjectStore& store, Clock& clock, std::string location, CommitHook hook)
      : store_(store), clock_(clock), location_(std::move(location)), hook_(std::move(hook)) {}

  const std::string& location() const override { return location_; }
  std::string_view format() const override { return "delta"; }
  storage::ObjectStore& store() const override { return store_; }

  Result<std::shared_ptr<const table::Snapshot>> Latest() override { return Replay(INT64_MAX); }
  Result<std::shared_ptr<const table::Snapshot>> AtVersion(TableVersion version) override {
    TARN_ASSIGN_OR_RETURN(auto snapshot, Replay(version));
    if (snapshot->version != version)
      return Error(ErrorCode::kNotFound, location_ + " has no version " + std::to_string(version));
    return snapshot;
  }
  Result<std::shared_ptr<const table::Snapshot>> AtTime(Micros time) override {
    TARN_ASSIGN_OR_RETURN(const auto head, Latest());
    for (TableVersion version = head->version; version >= 0; --version) {
      TARN_ASSIGN_OR_RETURN(auto snapshot, Replay(version));
      if (snapshot->committed_at <= time) return snapshot;
    }
    return Error(ErrorCode::kNotFound, location_ + " has no version that old");
  }
  Result<std::vector<table::HistoryEntry>> History(size_t limit) override {
    std::vector<table::HistoryEntry> history;
    TARN_ASSIGN_OR_RETURN(const auto head, Latest());
    for (TableVersion version = head->version; version >= 0 && history.size() < limit; --version) {
      TARN_ASSIGN_OR_RETURN(const std::string text, store_.Get(LogKey(location_, version)));
      TARN_ASSIGN_OR_RETURN(const PublishedChange entry, DecodeChange(text.substr(text.find('\n') + 1)));
      history.push_back({.version = version,
                         .committed_at = std::stoll(text),
                         .operation = entry.change.operation,
                         .commit_id = entry.change.commit_id,
                         .engine = "test",
                         .metrics = entry.change.metrics});
    }
    return history;
  }

  Result<TableVersion> CommitTable(const table::TableChange& change) override {
    if (hook_) TARN_TRY(hook_(location_, change));
    std::lock_guard lock(mutex_);
    while (true) {
      TARN_ASSIGN_OR_RETURN(const auto head, Latest());
      for (const auto& step : change.progress) {
        const auto found = head->progress.find(step.application_id);
        if ((found == head->progress.end() ? std::nullopt : std::optional(found->second)) != step.expected)
          return Error(ErrorCode::kFenced, "progress of " + step.application_id);
      }
      if (change.mode != WriteMode::kAppend && change.read_version && *change.read_version < head->version)
        return Error(ErrorCode::kConflict, location_ + " is at version " + std::to_string(head->version));
      const Status put = store_.PutIfAbsent(LogKey(location_, head->version + 1),
                                            std::to_string(clock_.Now()) + "\n" + EncodeChange({.change = change}));
      if (put.ok()) return head->version + 1;
      if (!put.Is(ErrorCode::kConflict)) return put.error();
    }
  }
  Result<std::optional<TableVersion>> FindCommit(const std::string& commit_id, TableVersion after) override {
    TARN_ASSIGN_OR_RETURN(const auto history, History(SIZE_MAX));
    for (const auto& entry : history)
      if (entry.version > after && entry.commit_id == commit_id) return std::optional(entry.version);
    return std::optional<TableVersion>();
  }
  Result<std::optional<std::vector<std::map<std::string, std::optional<std::string>>>>> ChangedPartitions(
      TableVersion, TableVersion) override {
    return std::optional<std::vector<std::map<std::string, std::optional<std::string>>>>();
  }
  std::string NewDataFilePath(const std::map<std::string, std::optional<std::string>>&) override {
    auto random = Random::FromEntropy();
    return "part-" + MakeUuid(random) + ".parquet";
  }

 private:
  Result<std::shared_ptr<const table::Snapshot>> Replay(TableVersion newest) {
    auto snapshot = std::make_shared<table::Snapshot>();
    for (TableVersion version = 0; version <= newest; ++version) {
      const auto text = store_.Get(LogKey(location_, version));
      if (text.Is(ErrorCode::kNotFound)) break;
      if (!text.ok()) return text.error();
      TARN_ASSIGN_OR_RETURN(const PublishedChange entry, DecodeChange(text->substr(text->find('\n') + 1)));
      const auto& change = entry.change;
      snapshot->version = version;
      snapshot->committed_at = std::stoll(*text);
      if (change.new_schema) snapshot->schema = *change.new_schema;
      if (change.new_properties) snapshot->properties = *change.new_properties;
      if (entry.create) {
        snapshot->schema = entry.create->schema;
        snapshot->partition_columns = entry.create->partition_columns;
      }
      table::FileList::Edits edits;
      for (const auto& file : snapshot->files)
        if (IsReplaced(*file, change)) edits[file->path] = nullptr;
      for (const auto& file : change.added_files) edits[file.path] = std::make_shared<const table::DataFile>(file);
      snapshot->files = snapshot->files.Edited(edits);
      for (const auto& step : change.progress) snapshot->progress[step.application_id] = step.next;
    }
    if (snapshot->version < 0) return Error(ErrorCode::kNotFound, "no table at " + location_);
    return std::shared_ptr<const table::Snapshot>(std::move(snapshot));
  }

  storage::ObjectStore& store_;
  Clock& clock_;
  const std::string location_;
  const CommitHook hook_;
  std::mutex mutex_;
};

}  // namespace

TableFactory MakePlainTableFactory(storage::ObjectStore& store, Clock& clock, CommitHook hook) {
  return {
      .open = [&store, &clock, hook](const std::string& location) -> Result<std::shared_ptr<table::Table>> {
        auto table = std::make_shared<PlainTable>(store, clock, location, hook);
        TARN_TRY(table->Latest());
        return std::shared_ptr<table::Table>(std::move(table));
      },
      .create = [&store, &clock, hook](const std::string& location,
                                       const table::TableOptions& options) -> Result<std::shared_ptr<table::Table>> {
        const PublishedChange entry{.change = {.operation = "CREATE TABLE"}, .create = options};
        const Status put =
            store.PutIfAbsent(LogKey(location, 0), std::to_string(clock.Now()) + "\n" + EncodeChange(entry));
        if (put.Is(ErrorCode::kConflict)) return Error(ErrorCode::kAlreadyExists, "a table is at " + location);
        TARN_TRY(put);
        return std::shared_ptr<table::Table>(std::make_shared<PlainTable>(store, clock, location, hook));
      }};
}

}  // namespace tarn::catalog
