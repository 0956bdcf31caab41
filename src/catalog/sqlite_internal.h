#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace tarn::catalog {

class SqliteConnection;

// One run of a prepared statement; gives it back on destruction. Thread-compatible.
class SqliteQuery {
 public:
  SqliteQuery(sqlite3* database, sqlite3_stmt* statement, Status status);
  SqliteQuery(SqliteQuery&& other) noexcept;
  SqliteQuery& operator=(SqliteQuery&&) = delete;
  ~SqliteQuery();

  // Binds the next parameter.
  SqliteQuery&& Bind(std::string_view text) &&;
  SqliteQuery&& Bind(int64_t number) &&;
  // The next row: true, or false at the end.
  Result<bool> Step();
  // Steps to the end, rows dropped.
  Status Run();

  std::string Text(int column) const;
  int64_t Number(int column) const;
  bool IsNull(int column) const;

 private:
  sqlite3* database_;
  sqlite3_stmt* statement_;
  Status status_;
  int bound_ = 0;
};

// One connection in WAL mode with full sync. Thread-compatible: the catalog holds its mutex around every use.
class SqliteConnection {
 public:
  static Result<std::unique_ptr<SqliteConnection>> Open(const std::string& path);
  ~SqliteConnection();

  // Statements are prepared once and kept. At most one query per SQL text runs at a time.
  SqliteQuery Prepare(const std::string& sql);
  // Several statements, no parameters.
  Status Execute(const std::string& sql);
  int64_t changes() const;

 private:
  explicit SqliteConnection(sqlite3* database) : database_(database) {}
  sqlite3* database_;
  std::unordered_map<std::string, sqlite3_stmt*> statements_;
};

// BEGIN IMMEDIATE … Finish; rolled back without it.
class SqliteTransaction {
 public:
  explicit SqliteTransaction(SqliteConnection& connection) : connection_(connection) {}
  ~SqliteTransaction();
  Status Begin();
  Status Finish();

 private:
  SqliteConnection& connection_;
  bool open_ = false;
};

}  // namespace tarn::catalog
