#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/schema.h"
#include "storage/object_store.h"

// DuckDB in this process, behind an adapter that turns its exceptions into our errors.
// Units that need DuckDB's own classes (lake, format, stream's batch functions) include engine/duckdb_access.h.

namespace duckdb {
class DuckDB;
class Connection;
class DataChunk;
class QueryResult;
}  // namespace duckdb

namespace tarn::engine {

struct DatabaseOptions {
  uint64_t memory_limit_bytes = uint64_t(256) << 20;
  int threads = 0;                  // 0: one a core
  std::string temporary_directory;  // spill files; empty: no spilling
};

// What a statement's rows are.
enum class RowsKind {
  kResult,   // what was asked for
  kChanged,  // one row: how many rows the statement changed
  kNothing,  // none
};

// The rows of one finished statement, streamed chunk by chunk. Thread-compatible; the connection is busy until it is
// exhausted or destroyed.
class Rows {
 public:
  virtual ~Rows() = default;
  virtual const Schema& schema() const = 0;
  virtual RowsKind kind() const = 0;
  // The next rows, or null at the end. Valid until the next call.
  virtual Result<duckdb::DataChunk*> Next() = 0;
};

// One session: its own transaction and settings. Thread-compatible, except Interrupt (any thread).
class Connection {
 public:
  virtual ~Connection() = default;
  // Runs statements one after another; returns the rows of the last. Errors carry the position in the SQL text as
  // DuckDB shows it: kInvalidArgument (parser, binder, conversion, constraint), kNotFound (catalog), kResourceExhausted
  // (memory), kCancelled (interrupted), kConflict (transaction), kIoError, kInternal.
  virtual Result<std::unique_ptr<Rows>> Query(const std::string& sql) = 0;
  // Query, rows dropped.
  virtual Status Execute(const std::string& sql) = 0;
  // All rows as text, NULL as nullopt: for small results.
  virtual Result<std::vector<std::vector<std::optional<std::string>>>> QueryText(const std::string& sql) = 0;
  virtual void Interrupt() = 0;
  virtual duckdb::Connection& native() = 0;
};

// One DuckDB instance, in memory, locked down: no autoload, no autoinstall, UTC, the given budget. Thread-safe. A FATAL
// error inside DuckDB invalidates the instance: every later call is kInternal, and the owner opens a new one.
class Database {
 public:
  virtual ~Database() = default;
  // kFailedPrecondition: the library's version is not the one whose headers we were compiled with.
  static Result<std::unique_ptr<Database>> Open(const DatabaseOptions& options);

  // Makes objects readable and writable in SQL as "<scheme>://<key>". The store outlives the database. A COPY to such a
  // path is durable when the statement returns and replaces an older object at once; one that fails leaves that as it
  // was. kResourceExhausted also when the store is full.
  virtual Status MountStore(const std::string& scheme, storage::ObjectStore& store) = 0;
  virtual Result<std::unique_ptr<Connection>> Connect() = 0;
  virtual duckdb::DuckDB& native() = 0;
  // Bytes that DuckDB holds now.
  virtual uint64_t MemoryUsed() = 0;
};

// "name" quoted as an SQL identifier, 'text' as a literal.
std::string QuoteIdentifier(std::string_view name);
std::string QuoteLiteral(std::string_view text);

}  // namespace tarn::engine
