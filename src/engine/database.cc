#include "engine/database.h"

#include <algorithm>
#include <thread>

#include <duckdb.hpp>
#include <duckdb/common/error_data.hpp>
#include <duckdb/main/database_file_opener.hpp>
#include <duckdb/storage/buffer_manager.hpp>

#include "base/clock.h"
#include "engine/duckdb_access.h"
#include "engine/duckdb_types.h"
#include "engine/object_store_file_system.h"
#include "engine/utc_casts.h"

namespace tarn::engine {

constexpr std::string_view kCodeMark = "[tarn:";

Error ToError(const duckdb::ErrorData& data) {
  using duckdb::ExceptionType;
  ErrorCode code = ErrorCode::kInvalidArgument;
  switch (data.Type()) {
    case ExceptionType::CATALOG:
      code = ErrorCode::kNotFound;
      break;
    case ExceptionType::OUT_OF_MEMORY:
      code = ErrorCode::kResourceExhausted;
      break;
    case ExceptionType::INTERRUPT:
      code = ErrorCode::kCancelled;
      break;
    case ExceptionType::TRANSACTION:
      code = ErrorCode::kConflict;
      break;
    case ExceptionType::IO:
    case ExceptionType::HTTP:
    case ExceptionType::NETWORK:
      code = ErrorCode::kIoError;
      break;
    case ExceptionType::PERMISSION:
      code = ErrorCode::kPermissionDenied;
      break;
    case ExceptionType::NOT_IMPLEMENTED:
      code = ErrorCode::kUnsupported;
      break;
    case ExceptionType::FATAL:
    case ExceptionType::INTERNAL:
      code = ErrorCode::kInternal;
      break;
    default:
      break;
  }
  // Without the advice about DuckDB's own settings, which are not the user's to set.
  std::string message = data.RawMessage().substr(0, data.RawMessage().find("\n\nPossible solutions"));
  // What ThrowError put in: DuckDB keeps an exception's text, but not always its type.
  const size_t begin = message.find(kCodeMark);
  const size_t end = begin == message.npos ? begin : message.find("] ", begin);
  if (end == message.npos) return Error(code, std::move(message));
  const std::string name = message.substr(begin + kCodeMark.size(), end - begin - kCodeMark.size());
  for (int i = 0; i <= int(ErrorCode::kInternal); ++i)
    if (ErrorCodeName(ErrorCode(i)) == name) code = ErrorCode(i);
  return Error(code, message.erase(begin, end + 2 - begin));
}

void ThrowError(const Error& error) {
  throw duckdb::InvalidInputException(std::string(kCodeMark) + std::string(ErrorCodeName(error.code())) + "] " +
                                      error.ToString());
}

Error ToError(const std::exception& exception) {
  return ToError(duckdb::ErrorData(exception));
}

namespace {

class QueryRows final : public Rows {
 public:
  explicit QueryRows(duckdb::unique_ptr<duckdb::QueryResult> result) : result_(std::move(result)) {
    for (size_t i = 0; i < result_->types.size(); ++i)
      schema_.fields.push_back({.name = result_->names[i], .type = FromDuckdb(result_->types[i])});
  }

  const Schema& schema() const override { return schema_; }
  RowsKind kind() const override {
    switch (result_->properties.return_type) {
      case duckdb::StatementReturnType::QUERY_RESULT:
        return RowsKind::kResult;
      case duckdb::StatementReturnType::CHANGED_ROWS:
        return RowsKind::kChanged;
      case duckdb::StatementReturnType::NOTHING:
        return RowsKind::kNothing;
    }
    return RowsKind::kResult;
  }

  Result<duckdb::DataChunk*> Next() override {
    try {
      chunk_ = result_->Fetch();
      if (result_->HasError()) return ToError(result_->GetErrorObject());
      if (chunk_ && chunk_->size() == 0) chunk_.reset();
      return chunk_.get();
    } catch (const std::exception& exception) {
      return ToError(exception);
    }
  }

 private:
  duckdb::unique_ptr<duckdb::QueryResult> result_;
  duckdb::unique_ptr<duckdb::DataChunk> chunk_;
  Schema schema_;
};

class DuckConnection final : public Connection {
 public:
  explicit DuckConnection(duckdb::DuckDB& database) : connection_(database) {}

  Result<std::unique_ptr<Rows>> Query(const std::string& sql) override {
    try {
      auto statements = connection_.ExtractStatements(sql);
      if (statements.empty()) return Error(ErrorCode::kInvalidArgument, "no statement in the SQL text");
      for (size_t i = 0; i < statements.size(); ++i) {
        const bool last = i + 1 == statements.size();
        // The last one streams; the others run to their end.
        auto pending = connection_.PendingQuery(std::move(statements[i]), last);
        if (pending->HasError()) return ToError(pending->GetErrorObject());
        auto result = Finish(*pending);
        if (result == nullptr) return ToError(pending->GetErrorObject());
        if (result->HasError()) return ToError(result->GetErrorObject());
        if (last) return std::unique_ptr<Rows>(std::make_unique<QueryRows>(std::move(result)));
      }
      return Error(ErrorCode::kInternal, "unreachable");
    } catch (const std::exception& exception) {
      return ToError(exception);
    }
  }

  Status Execute(const std::string& sql) override {
    TARN_ASSIGN_OR_RETURN(const auto rows, Query(sql));
    while (true) {
      TARN_ASSIGN_OR_RETURN(const duckdb::DataChunk* chunk, rows->Next());
      if (chunk == nullptr) return Ok();
    }
  }

  Result<std::vector<std::vector<std::optional<std::string>>>> QueryText(const std::string& sql) override {
    TARN_ASSIGN_OR_RETURN(const auto rows, Query(sql));
    std::vector<std::vector<std::optional<std::string>>> text;
    while (true) {
      TARN_ASSIGN_OR_RETURN(const duckdb::DataChunk* chunk, rows->Next());
      if (chunk == nullptr) return text;
      for (duckdb::idx_t row = 0; row < chunk->size(); ++row) {
        auto& line = text.emplace_back();
        for (duckdb::idx_t column = 0; column < chunk->ColumnCount(); ++column) {
          const duckdb::Value value = chunk->GetValue(column, row);
          line.push_back(value.IsNull() ? std::nullopt : std::optional<std::string>(value.ToString()));
        }
      }
    }
  }

  void Interrupt() override { connection_.Interrupt(); }
  duckdb::Connection& native() override { return connection_; }

 private:
  // Execute, without its busy waiting for the other threads' last tasks. Null: the pending query holds the error.
  static duckdb::unique_ptr<duckdb::QueryResult> Finish(duckdb::PendingQueryResult& pending) {
    constexpr Micros kPauseMin = 50, kPauseMax = 1'000;
    Micros pause = kPauseMin;
    while (true) {
      const duckdb::PendingExecutionResult state = pending.ExecuteTask();
      if (pending.HasError()) return nullptr;
      if (duckdb::PendingQueryResult::IsResultReady(state)) return pending.Execute();
      if (state == duckdb::PendingExecutionResult::NO_TASKS_AVAILABLE) {
        SystemClock().SleepFor(pause);
        pause = std::min(pause * 2, kPauseMax);
      } else {
        pause = kPauseMin;
      }
      if (state == duckdb::PendingExecutionResult::BLOCKED) pending.WaitForTask();
    }
  }

  duckdb::Connection connection_;
};

class DuckDatabase final : public Database {
 public:
  explicit DuckDatabase(duckdb::DBConfig& config) : database_(nullptr, &config) {}

  Status MountStore(const std::string& scheme, storage::ObjectStore& store) override {
    try {
      database_.GetFileSystem().RegisterSubSystem(MakeObjectStoreFileSystem(scheme, store));
      return Ok();
    } catch (const std::exception& exception) {
      return ToError(exception);
    }
  }

  Result<std::unique_ptr<Connection>> Connect() override {
    try {
      return std::unique_ptr<Connection>(std::make_unique<DuckConnection>(database_));
    } catch (const std::exception& exception) {
      return ToError(exception);
    }
  }

  duckdb::DuckDB& native() override { return database_; }

  uint64_t MemoryUsed() override {
    return duckdb::BufferManager::GetBufferManager(*database_.instance).GetUsedMemory();
  }

 private:
  duckdb::DuckDB database_;
};

}  // namespace

Result<std::unique_ptr<Database>> Database::Open(const DatabaseOptions& options) {
  // Headers of one version on a library of another are undefined behaviour: nothing else may run before this.
  if (const std::string_view version = duckdb::DuckDB::LibraryVersion(); version != kDuckdbVersion)
    return Error(ErrorCode::kFailedPrecondition, "libduckdb.so is " + std::string(version) +
                                                     ", but Tarn was built for " + std::string(kDuckdbVersion) +
                                                     ": put the matching library beside the program");
  try {
    duckdb::DBConfig config;
    config.SetOptionByName("memory_limit", duckdb::Value(std::to_string(options.memory_limit_bytes) + "B"));
    config.SetOptionByName("autoinstall_known_extensions", duckdb::Value::BOOLEAN(false));
    config.SetOptionByName("autoload_known_extensions", duckdb::Value::BOOLEAN(false));
    const int threads = options.threads > 0 ? options.threads : int(std::max(1u, std::thread::hardware_concurrency()));
    config.SetOptionByName("threads", duckdb::Value::BIGINT(threads));
    config.SetOptionByName("temp_directory", duckdb::Value(options.temporary_directory));
    RegisterUtcCasts(config);
    auto database = std::make_unique<DuckDatabase>(config);
    TARN_ASSIGN_OR_RETURN(const auto connection, database->Connect());
    TARN_TRY(connection->Execute("SET GLOBAL TimeZone = 'UTC'"));
    return std::unique_ptr<Database>(std::move(database));
  } catch (const std::exception& exception) {
    return ToError(exception);
  }
}

std::string QuoteIdentifier(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

std::string QuoteLiteral(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') out += '\'';
    out += c;
  }
  return out + "'";
}

}  // namespace tarn::engine
