#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>

#include "base/clock.h"
#include "catalog/catalog.h"
#include "engine/database.h"
#include "lake/lake.h"
#include "storage/object_store.h"

// A whole lake in one folder, for tests: local store, SQLite catalog, Delta tables, DuckDB.

namespace tarn::lake {

// Counts which objects were opened for reading.
class CountingStore final : public storage::ObjectStore {
 public:
  explicit CountingStore(std::unique_ptr<storage::ObjectStore> store) : store_(std::move(store)) {}
  Result<std::string> Get(const std::string& key) override { return store_->Get(key); }
  Result<storage::ObjectInfo> Head(const std::string& key) override { return store_->Head(key); }
  Result<std::unique_ptr<storage::ObjectReader>> OpenReader(const std::string& key) override {
    std::lock_guard lock(mutex_);
    if (key.ends_with(".parquet") && key.find("/_delta_log/") == key.npos) opened_.insert(key);
    return store_->OpenReader(key);
  }
  Result<std::unique_ptr<storage::ObjectWriter>> OpenWriter(const std::string& key) override {
    return store_->OpenWriter(key);
  }
  Status PutIfAbsent(const std::string& key, std::string_view content) override {
    return store_->PutIfAbsent(key, content);
  }
  Status Put(const std::string& key, std::string_view content) override { return store_->Put(key, content); }
  Status Delete(const std::string& key) override { return store_->Delete(key); }
  Result<std::vector<storage::ObjectInfo>> List(const std::string& prefix, const std::string& after,
                                                bool recursive) override {
    return store_->List(prefix, after, recursive);
  }
  std::string Location(const std::string& key) const override { return store_->Location(key); }

  std::set<std::string> TakeOpened() {
    std::lock_guard lock(mutex_);
    return std::exchange(opened_, {});
  }

 private:
  const std::unique_ptr<storage::ObjectStore> store_;
  std::mutex mutex_;
  std::set<std::string> opened_;
};

// The value, or std::runtime_error with the error's text.
template <typename T>
T Must(Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.error().ToString());
  return std::move(result).value();
}

// Thread-compatible; its parts are thread-safe as they say.
class LakeWorld {
 public:
  // `root` exists; what is in it already is opened.
  LakeWorld(std::string root, Clock& clock, engine::DatabaseOptions options, LakeOptions lake_options = {});

  // Another catalog object on the same file, as another process would have it.
  std::unique_ptr<catalog::Catalog> OpenAnotherCatalog();

  const std::string root;
  Clock& clock;
  const std::unique_ptr<CountingStore> store;
  const std::unique_ptr<engine::Database> database;
  const std::unique_ptr<catalog::Catalog> catalog;
  const std::unique_ptr<Lake> lake;
};

// Rows as "a,b;c,d", or "error: …".
std::string RowsOf(engine::Connection& connection, const std::string& sql);

}  // namespace tarn::lake
