#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include <duckdb.hpp>

#include "base/testing/faulty_file_system.h"
#include "engine/cells.h"
#include "engine/database.h"
#include "engine/duckdb_access.h"
#include "engine/duckdb_types.h"
#include "storage/object_stores.h"

// DuckDB behind our door: which error has which code, what a COPY leaves behind, stopping, budgets, and types.

namespace tarn::engine {
namespace {

class EngineTest : public ::testing::Test {
 protected:
  void SetUp() override { Restart({.threads = 2}); }

  void Restart(const DatabaseOptions& options) {
    connection_.reset();
    database_.reset();
    if (!store_) store_ = std::move(*storage::OpenLocalObjectStore(disk_, "/store"));
    database_ = std::move(*Database::Open(options));
    ASSERT_TRUE(database_->MountStore("lake", *store_).ok());
    connection_ = std::move(*database_->Connect());
  }
  ErrorCode CodeOf(const std::string& sql) {
    const Status status = connection_->Execute(sql);
    EXPECT_FALSE(status.ok()) << sql;
    return status.ok() ? ErrorCode::kInternal : status.error().code();
  }
  std::string Text(const std::string& sql) {
    const auto rows = connection_->QueryText(sql);
    if (!rows.ok()) return "error: " + rows.error().ToString();
    std::string text;
    for (const auto& row : *rows) {
      if (!text.empty()) text += ';';
      for (size_t i = 0; i < row.size(); ++i) text += (i > 0 ? "," : "") + row[i].value_or("NULL");
    }
    return text;
  }
  // Every file of the disk below /store, temporary ones too.
  std::vector<std::string> Files(const std::string& folder = "/store") {
    std::vector<std::string> files;
    const auto entries = disk_.List(folder);
    if (!entries.ok()) return files;
    for (const FileInfo& entry : *entries) {
      const std::string path = folder + "/" + entry.name;
      const auto below = entry.is_directory ? Files(path) : std::vector<std::string>{path};
      files.insert(files.end(), below.begin(), below.end());
    }
    return files;
  }

  FaultyFileSystem disk_;
  std::unique_ptr<storage::ObjectStore> store_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<Connection> connection_;
};

TEST_F(EngineTest, ErrorsHaveTheCodesThatTheHeaderTells) {
  ASSERT_TRUE(connection_->Execute("CREATE TABLE t (id INTEGER PRIMARY KEY, n TINYINT NOT NULL)").ok());
  EXPECT_EQ(CodeOf("SELEKT 1"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(CodeOf(""), ErrorCode::kInvalidArgument);
  EXPECT_EQ(CodeOf("SELECT nothing FROM t"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(CodeOf("SELECT CAST('x' AS INTEGER)"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(CodeOf("INSERT INTO t VALUES (1, 300)"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(CodeOf("INSERT INTO t VALUES (1, NULL)"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(CodeOf("INSERT INTO t VALUES (1, 1), (1, 1)"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(CodeOf("SELECT error('on purpose')"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(CodeOf("SELECT * FROM nowhere"), ErrorCode::kNotFound);
  EXPECT_EQ(CodeOf("SELECT * FROM read_parquet('lake://none.parquet')"), ErrorCode::kIoError);
  EXPECT_EQ(CodeOf("COPY t TO 'lake://../out.csv'"), ErrorCode::kIoError);
  // The place in the text comes along.
  EXPECT_NE(connection_->Execute("SELECT 1,\n  nothing FROM t").error().message().find("LINE 2"), std::string::npos);
}

TEST_F(EngineTest, AWriteThatAnotherTransactionWroteTooIsAConflict) {
  ASSERT_TRUE(connection_->Execute("CREATE TABLE t AS SELECT 1 AS id, 0 AS n; BEGIN; UPDATE t SET n = 1").ok());
  const auto other = std::move(*database_->Connect());
  ASSERT_TRUE(other->Execute("BEGIN").ok());
  EXPECT_TRUE(other->Execute("UPDATE t SET n = 2").Is(ErrorCode::kConflict));
  ASSERT_TRUE(other->Execute("ROLLBACK").ok());
  ASSERT_TRUE(connection_->Execute("COMMIT").ok());
  EXPECT_EQ(Text("SELECT n FROM t"), "1");
}

TEST_F(EngineTest, OurOwnErrorsKeepTheirCodeOnTheWayThrough) {
  try {
    ThrowError(Error(ErrorCode::kFenced, "epoch 3 is old"));
    FAIL();
  } catch (const std::exception& exception) {
    EXPECT_EQ(ToError(exception).code(), ErrorCode::kFenced);
    EXPECT_EQ(ToError(exception).message(), "epoch 3 is old");
  }
}

TEST_F(EngineTest, ACopyIsDurableWhenTheStatementReturns) {
  ASSERT_TRUE(connection_->Execute("COPY (SELECT range AS id FROM range(10000)) TO 'lake://a/b/t.parquet'").ok());
  disk_.Crash();
  store_ = std::move(*storage::OpenLocalObjectStore(disk_, "/store"));
  Restart({.threads = 2});
  EXPECT_EQ(Text("SELECT count(*), sum(id) FROM 'lake://a/b/t.parquet'"), "10000,49995000");
  // Replacing it is as atomic.
  ASSERT_TRUE(connection_->Execute("COPY (SELECT 1 AS id) TO 'lake://a/b/t.parquet'").ok());
  EXPECT_EQ(Text("SELECT * FROM 'lake://a/b/t.parquet'"), "1");
  EXPECT_EQ(Files(), std::vector<std::string>{"/store/a/b/t.parquet"});
}

TEST_F(EngineTest, ACopyLeavesTheOldObjectOrTheNewWhateverOperationFails) {
  int failed = 0;
  for (uint64_t n = 1; n <= 30; ++n) {
    SCOPED_TRACE("operation " + std::to_string(n));
    ASSERT_TRUE(connection_->Execute("COPY (SELECT 'old' AS v) TO 'lake://t.parquet'").ok());
    disk_.FailChange(n);
    const bool copied = connection_->Execute("COPY (SELECT 'new' AS v) TO 'lake://t.parquet'").ok();
    disk_.FailChange(0);
    failed += copied ? 0 : 1;
    const std::string content = Text("SELECT v FROM 'lake://t.parquet'");
    EXPECT_TRUE(content == "new" || (content == "old" && !copied)) << content;
  }
  EXPECT_GT(failed, 3);
}

TEST_F(EngineTest, AFullDiskIsResourceExhaustedAndNoAdviceAboutMemory) {
  disk_.SetCapacity(1000);
  const Status copied =
      connection_->Execute("COPY (SELECT range, hash(range) FROM range(10000)) TO 'lake://t.parquet'");
  ASSERT_TRUE(copied.Is(ErrorCode::kResourceExhausted)) << copied.error().ToString();
  EXPECT_EQ(copied.error().message().find("memory"), std::string::npos) << copied.error().message();
  EXPECT_TRUE(Files().empty());
  disk_.SetCapacity(UINT64_MAX);
  EXPECT_TRUE(connection_->Execute("COPY (SELECT 1) TO 'lake://t.parquet'").ok());
}

TEST_F(EngineTest, AnInterruptedCopyIsCancelledAndLeavesNothing) {
  std::atomic<bool> writing{false};
  disk_.SetHook([&](DiskOperation operation, const std::string&) -> Status {
    if (operation == DiskOperation::kWrite) {
      writing = true;
      writing.notify_all();
    }
    return Ok();
  });
  std::thread stopper([&] {
    writing.wait(false);
    connection_->Interrupt();
  });
  const Status copied = connection_->Execute(
      "COPY (SELECT range, hash(range) FROM range(100000000000)) TO 'lake://t.parquet' (ROW_GROUP_SIZE 2048)");
  stopper.join();
  disk_.SetHook({});
  EXPECT_TRUE(copied.Is(ErrorCode::kCancelled)) << copied.error().ToString();
  EXPECT_TRUE(Files().empty());
  // The session lives on.
  EXPECT_EQ(Text("SELECT 42"), "42");
}

TEST_F(EngineTest, AStatementBeyondTheBudgetFailsAloneAndTheDatabaseGoesOn) {
  Restart({.memory_limit_bytes = uint64_t(32) << 20, .threads = 1});
  EXPECT_EQ(
      CodeOf("CREATE TEMP TABLE big AS SELECT range AS id, repeat('x', 100) || range AS text FROM range(2000000)"),
      ErrorCode::kResourceExhausted);
  EXPECT_EQ(Text("SELECT count(*) FROM range(1000)"), "1000");
  EXPECT_LT(database_->MemoryUsed(), uint64_t(32) << 20);
}

TEST_F(EngineTest, SeveralStatementsGiveTheRowsOfTheLast) {
  const auto rows = connection_->Query("CREATE TABLE t (id BIGINT); INSERT INTO t VALUES (1), (2); SELECT id FROM t");
  ASSERT_TRUE(rows.ok()) << rows.error().ToString();
  EXPECT_EQ((*rows)->kind(), RowsKind::kResult);
  EXPECT_EQ((*rows)->schema(), (Schema{{{.name = "id", .type = DataType::Of(TypeKind::kInt64)}}}));
  EXPECT_EQ((*connection_->Query("INSERT INTO t VALUES (3)"))->kind(), RowsKind::kChanged);
  EXPECT_EQ((*connection_->Query("CREATE SCHEMA s"))->kind(), RowsKind::kNothing);
}

TEST_F(EngineTest, TheInstanceIsLockedDownAndInUtc) {
  EXPECT_EQ(Text("SELECT current_setting('TimeZone')"), "UTC");
  EXPECT_EQ(
      Text("SELECT current_setting('autoload_known_extensions'), current_setting('autoinstall_known_extensions')"),
      "false,false");
  EXPECT_EQ(duckdb::DuckDB::LibraryVersion(), kDuckdbVersion);
}

TEST_F(EngineTest, ObjectsAreFoundByPattern) {
  for (const char* key : {"p/a=1/x.parquet", "p/a=2/x.parquet", "p/a=2/y.txt", "q/x.parquet"})
    ASSERT_TRUE(
        connection_->Execute(std::string("COPY (SELECT '") + key + "' AS k) TO 'lake://" + key + "' (FORMAT parquet)")
            .ok())
        << key;
  EXPECT_EQ(Text("SELECT k FROM read_parquet('lake://p/*/*.parquet', hive_partitioning = false) ORDER BY k"),
            "p/a=1/x.parquet;p/a=2/x.parquet");
  EXPECT_EQ(Text("SELECT count(*) FROM read_parquet('lake://**/*.parquet', hive_partitioning = false)"), "3");
  EXPECT_EQ(Text("SELECT k, a FROM read_parquet('lake://p/*/x.parquet', hive_partitioning = true) WHERE a = 2"),
            "p/a=2/x.parquet,2");
}

TEST_F(EngineTest, TypesComeBackFromDuckdbAndFromParquet) {
  const auto of = DataType::Of;
  const std::vector<std::pair<DataType, std::string>> types = {
      {of(TypeKind::kBoolean), "true"},
      {of(TypeKind::kInt8), "-128"},
      {of(TypeKind::kInt16), "-32768"},
      {of(TypeKind::kInt32), "-2147483648"},
      {of(TypeKind::kInt64), "-9223372036854775808"},
      {of(TypeKind::kFloat), "1.5"},
      {of(TypeKind::kDouble), "nan"},
      {DataType::Decimal(38, 10), "1234567890123456789012345678.0123456789"},
      {DataType::Decimal(4, 2), "-12.34"},
      {of(TypeKind::kString), "ü \"'\\"},
      {of(TypeKind::kBinary), "\\x00\\xFF"},
      {of(TypeKind::kDate), "0001-01-01"},
      {of(TypeKind::kTimestamp), "2026-11-24 10:00:00.123456+00"},
      {of(TypeKind::kTimestampNtz), "2026-11-24 10:00:00.123456"},
      {of(TypeKind::kTime), "23:59:59.999999"},
      {of(TypeKind::kUuid), "0f8fad5b-d9cb-469f-a165-70867728950e"},
      {DataType::Struct({{.name = "a b", .type = of(TypeKind::kInt32)}, {.name = "c", .type = of(TypeKind::kDate)}}),
       "{'a b': 1, 'c': 2026-11-24}"},
      {DataType::List(DataType::List(of(TypeKind::kString))), "[[x, NULL], NULL]"},
      {DataType::Map(of(TypeKind::kString), DataType::Decimal(4, 1)), "{k=1.5}"},
  };
  for (const auto& [type, value] : types) {
    SCOPED_TRACE(type.ToString());
    const auto stored = StoredType(ToDuckdb(type));
    ASSERT_TRUE(stored.ok()) << stored.error().ToString();
    EXPECT_EQ(*stored, type);
    ASSERT_TRUE(connection_
                    ->Execute("COPY (SELECT " + QuoteLiteral(value) + "::" + type.ToString() +
                              " AS v UNION ALL SELECT NULL) TO 'lake://v.parquet'")
                    .ok());
    const auto rows = connection_->Query("SELECT v FROM 'lake://v.parquet'");
    ASSERT_TRUE(rows.ok()) << rows.error().ToString();
    EXPECT_EQ((*rows)->schema().fields[0].type, type);
    EXPECT_EQ(Text("SELECT v FROM 'lake://v.parquet' ORDER BY v NULLS LAST"), value + ";NULL");
  }
}

TEST_F(EngineTest, TypesThatTablesLackAreWidenedOrRefusedByName) {
  using duckdb::LogicalType;
  EXPECT_EQ(StoredType(LogicalType::UTINYINT)->kind, TypeKind::kInt16);
  EXPECT_EQ(StoredType(LogicalType::UINTEGER)->kind, TypeKind::kInt64);
  EXPECT_EQ(*StoredType(LogicalType::UBIGINT), DataType::Decimal(20, 0));
  EXPECT_EQ(*StoredType(LogicalType::HUGEINT), DataType::Decimal(38, 0));
  for (const LogicalType& type : {LogicalType::LIST(LogicalType::INTERVAL), LogicalType(LogicalType::BIT)}) {
    const auto refused = StoredType(type);
    ASSERT_TRUE(refused.Is(ErrorCode::kUnsupported));
    EXPECT_EQ(FromDuckdb(type).kind, TypeKind::kString);
  }
  EXPECT_NE(StoredType(LogicalType::INTERVAL).error().message().find("INTERVAL"), std::string::npos);
}

TEST_F(EngineTest, CellsAsJson) {
  const auto rows = connection_->Query(
      "SELECT 170141183460469231731687303715884105727::HUGEINT, 1.50::DECIMAL(4,2), 'NaN'::DOUBLE, 0.1::FLOAT, "
      "{'a': [1, NULL], 'b': MAP {'k': DATE '2026-11-24'}}, 'say \"é\"\n', '\\xFF'::BLOB, NULL::INTEGER, true");
  ASSERT_TRUE(rows.ok()) << rows.error().ToString();
  duckdb::DataChunk* chunk = *(*rows)->Next();
  const Cells cells(*chunk);
  std::string json;
  for (size_t column = 0; column < cells.columns(); ++column) {
    if (column > 0) json += ' ';
    cells.AppendJson(column, 0, &json);
  }
  EXPECT_EQ(json,
            "170141183460469231731687303715884105727 1.50 \"nan\" 0.1 {\"a\":[1,null],\"b\":{\"k\":\"2026-11-24\"}} "
            "\"say \\\"é\\\"\\n\" \"\\\\xFF\" null true");
  std::string text;
  AppendJsonString(std::string_view("a\xff\0b", 4), &text);
  EXPECT_EQ(text, "\"a\xEF\xBF\xBD\\u0000b\"");
}

}  // namespace
}  // namespace tarn::engine
