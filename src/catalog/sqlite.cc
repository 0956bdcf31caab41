#include <sqlite3.h>

#include "catalog/sqlite_internal.h"

namespace tarn::catalog {
namespace {

// How long a statement waits for another process's write.
constexpr int kBusyTimeoutMs = 10'000;

Error ToError(sqlite3* database, int code) {
  const std::string message = "catalog: " + std::string(database ? sqlite3_errmsg(database) : sqlite3_errstr(code));
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Error(ErrorCode::kUnavailable, message + " (another process keeps writing)");
    case SQLITE_FULL:
      return Error(ErrorCode::kResourceExhausted, message);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Error(ErrorCode::kCorruption, message);
    case SQLITE_CONSTRAINT:
      return Error(ErrorCode::kAlreadyExists, message);
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return Error(ErrorCode::kPermissionDenied, message);
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
      return Error(ErrorCode::kIoError, message);
    default:
      return Error(ErrorCode::kInternal, message);
  }
}

}  // namespace

SqliteQuery::SqliteQuery(sqlite3* database, sqlite3_stmt* statement, Status status)
    : database_(database), statement_(statement), status_(std::move(status)) {}

SqliteQuery::SqliteQuery(SqliteQuery&& other) noexcept
    : database_(other.database_),
      statement_(other.statement_),
      status_(std::move(other.status_)),
      bound_(other.bound_) {
  other.statement_ = nullptr;
}

SqliteQuery::~SqliteQuery() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

SqliteQuery&& SqliteQuery::Bind(std::string_view text) && {
  if (status_.ok()) {
    const int code = sqlite3_bind_text64(statement_, ++bound_, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
    if (code != SQLITE_OK) status_ = ToError(database_, code);
  }
  return std::move(*this);
}

SqliteQuery&& SqliteQuery::Bind(int64_t number) && {
  if (status_.ok()) {
    const int code = sqlite3_bind_int64(statement_, ++bound_, number);
    if (code != SQLITE_OK) status_ = ToError(database_, code);
  }
  return std::move(*this);
}

Result<bool> SqliteQuery::Step() {
  TARN_TRY(status_);
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return ToError(database_, code);
}

Status SqliteQuery::Run() {
  while (true) {
    TARN_ASSIGN_OR_RETURN(const bool more, Step());
    if (!more) return Ok();
  }
}

std::string SqliteQuery::Text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  return text == nullptr ? std::string() : std::string(text, size_t(sqlite3_column_bytes(statement_, column)));
}
int64_t SqliteQuery::Number(int column) const {
  return sqlite3_column_int64(statement_, column);
}
bool SqliteQuery::IsNull(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

Result<std::unique_ptr<SqliteConnection>> SqliteConnection::Open(const std::string& path) {
  sqlite3* database = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &database,
                                   SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX, nullptr);
  if (code != SQLITE_OK) {
    const Error error = std::move(ToError(database, code)).WithContext(path);
    sqlite3_close(database);
    return error;
  }
  sqlite3_busy_timeout(database, kBusyTimeoutMs);
  sqlite3_extended_result_codes(database, 1);
  return std::unique_ptr<SqliteConnection>(new SqliteConnection(database));
}

SqliteConnection::~SqliteConnection() {
  for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close(database_);
}

SqliteQuery SqliteConnection::Prepare(const std::string& sql) {
  if (const auto found = statements_.find(sql); found != statements_.end())
    return SqliteQuery(database_, found->second, Ok());
  sqlite3_stmt* statement = nullptr;
  const int code =
      sqlite3_prepare_v3(database_, sql.c_str(), int(sql.size()), SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return SqliteQuery(database_, nullptr, ToError(database_, code));
  statements_.emplace(sql, statement);
  return SqliteQuery(database_, statement, Ok());
}

Status SqliteConnection::Execute(const std::string& sql) {
  const int code = sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? Ok() : Status(ToError(database_, code));
}

int64_t SqliteConnection::changes() const {
  return sqlite3_changes64(database_);
}

SqliteTransaction::~SqliteTransaction() {
  if (open_) (void)connection_.Execute("ROLLBACK");
}

Status SqliteTransaction::Begin() {
  TARN_TRY(connection_.Execute("BEGIN IMMEDIATE"));
  open_ = true;
  return Ok();
}

Status SqliteTransaction::Finish() {
  TARN_TRY(connection_.Execute("COMMIT"));
  open_ = false;
  return Ok();
}

}  // namespace tarn::catalog
