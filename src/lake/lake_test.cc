#include "lake/lake.h"

#include <atomic>
#include <filesystem>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "base/failpoint.h"
#include "base/file_system.h"
#include "catalog/open_catalog.h"
#include "storage/object_stores.h"
#include "table/open_table.h"

namespace tarn::lake {
namespace {

using Text = std::vector<std::vector<std::optional<std::string>>>;

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
  Result<std::unique_ptr<storage::ObjectWriter>> OpenWriter(const std::string& key) override { return store_->OpenWriter(key); }
  Status PutIfAbsent(const std::string& key, std::string_view content) override { return store_->PutIfAbsent(key, content); }
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

template <typename T>
T Must(Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.error().ToString());
  return std::move(result).value();
}

// A lake in a temporary folder: local store, SQLite catalog, Delta tables.
class LakeTest : public testing::Test {
 protected:
  LakeTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "tarn-lake-XXXXXX";
    root_ = mkdtemp(pattern.data());
    store_ = std::make_unique<CountingStore>(Must(storage::OpenLocalObjectStore(PosixFileSystem(), root_ + "/store")));
    database_ = Must(engine::Database::Open({.memory_limit_bytes = uint64_t(512) << 20, .threads = 2}));
    EXPECT_TRUE(database_->MountStore("lake", *store_).ok());
    catalog_ = OpenAnotherCatalog();
    lake_ = Must(Lake::Attach({}, {.database = *database_, .store = *store_, .catalog = *catalog_, .clock = clock_,
                                   .logger = NullLogger(), .random = Random(7)}));
    connection_ = Must(lake_->Connect());
    Run("CREATE SCHEMA s");
  }
  ~LakeTest() override {
    EXPECT_TRUE(SetFailpoints("").ok());
    connection_.reset();
    lake_.reset();
    std::filesystem::remove_all(root_);
  }

  std::unique_ptr<catalog::Catalog> OpenAnotherCatalog() {
    const auto context = [this] {
      return table::TableContext{.clock = clock_, .logger = NullLogger(), .random = Random::FromEntropy(),
                                 .database = database_.get(), .scheme = "lake"};
    };
    return Must(catalog::OpenCatalog(
        {.path = root_ + "/catalog.sqlite"}, *store_, clock_,
        {.open = [this, context](const std::string& location) -> Result<std::shared_ptr<table::Table>> {
           TARN_ASSIGN_OR_RETURN(auto table, table::OpenTable(*store_, location, context()));
           return std::shared_ptr<table::Table>(std::move(table));
         },
         .create = [this, context](const std::string& location,
                                   const table::TableOptions& options) -> Result<std::shared_ptr<table::Table>> {
           TARN_ASSIGN_OR_RETURN(auto table, table::CreateTable(*store_, location, options, context()));
           return std::shared_ptr<table::Table>(std::move(table));
         }}));
  }

  void Run(const std::string& sql) { Run(*connection_, sql); }
  static void Run(engine::Connection& connection, const std::string& sql) {
    const Status done = connection.Execute(sql);
    ASSERT_TRUE(done.ok()) << sql << "\n" << done.error().ToString();
  }
  Error Fails(const std::string& sql) {
    const Status done = connection_->Execute(sql);
    EXPECT_FALSE(done.ok()) << sql;
    return done.ok() ? Error(ErrorCode::kInternal, "it succeeded") : done.error();
  }
  // Rows as "a,b;c,d".
  std::string Rows(const std::string& sql) { return Rows(*connection_, sql); }
  static std::string Rows(engine::Connection& connection, const std::string& sql) {
    const auto rows = connection.QueryText(sql);
    if (!rows.ok()) return "error: " + rows.error().ToString();
    std::string out;
    for (const auto& row : *rows) {
      if (!out.empty()) out += ';';
      for (size_t i = 0; i < row.size(); ++i) out += (i > 0 ? "," : "") + row[i].value_or("NULL");
    }
    return out;
  }
  size_t FilesOpenedBy(const std::string& sql) {
    store_->TakeOpened();
    EXPECT_EQ(Rows(sql).find("error"), std::string::npos) << Rows(sql);
    return store_->TakeOpened().size();
  }
  std::set<std::string> DataFiles(const std::string& folder) {
    std::set<std::string> keys;
    for (const auto& object : Must(store_->List("lake/" + folder + "/", "", true)))
      if (object.key.ends_with(".parquet") && object.key.find("_delta_log") == object.key.npos) keys.insert(object.key);
    return keys;
  }
  uint64_t Write(const LakeWrite& write) {
    const auto rows = lake_->WriteTable(*connection_, write);
    EXPECT_TRUE(rows.ok()) << rows.status().error().ToString();
    return rows.ok() ? *rows : 0;
  }

  FakeClock clock_{1'800'000'000'000'000};
  std::string root_;
  std::unique_ptr<CountingStore> store_;
  std::unique_ptr<engine::Database> database_;
  std::unique_ptr<catalog::Catalog> catalog_;
  std::unique_ptr<Lake> lake_;
  std::unique_ptr<engine::Connection> connection_;
};

TEST_F(LakeTest, RowsThatAreInsertedAreRead) {
  Run("CREATE TABLE s.t (id BIGINT NOT NULL, name VARCHAR)");
  EXPECT_EQ(Rows("SELECT count(*) FROM s.t"), "0");
  EXPECT_EQ(Rows("INSERT INTO s.t VALUES (1, 'a'), (2, NULL)"), "2");
  Run("INSERT INTO s.t SELECT 3, 'c'");
  EXPECT_EQ(Rows("SELECT * FROM s.t ORDER BY id"), "1,a;2,NULL;3,c");
  EXPECT_EQ(Rows("SELECT count(*) FROM s.t"), "3");
  EXPECT_EQ(Rows("SELECT count(*) FROM s.t WHERE id > 1"), "2");
  EXPECT_EQ(Rows("SELECT count(name) FROM s.t"), "2");
}

TEST_F(LakeTest, CreateTableAsWritesAndReplaces) {
  EXPECT_EQ(Rows("CREATE TABLE s.t AS SELECT range AS id, 'x' || range AS name FROM range(1000)"), "1000");
  EXPECT_EQ(Rows("SELECT count(*), min(id), max(name) FROM s.t"), "1000,0,x999");
  EXPECT_EQ(Fails("CREATE TABLE s.t AS SELECT 1 AS id").code(), ErrorCode::kAlreadyExists);
  EXPECT_EQ(Rows("CREATE OR REPLACE TABLE s.t AS SELECT 7 AS other"), "1");
  EXPECT_EQ(Rows("SELECT * FROM s.t"), "7");
  EXPECT_EQ(Rows("CREATE OR REPLACE TABLE s.t AS SELECT 7 AS other WHERE false"), "0");
  EXPECT_EQ(Rows("SELECT count(*) FROM s.t"), "0");
}

TEST_F(LakeTest, AtReadsOldVersions) {
  Run("CREATE TABLE s.t (id BIGINT)");
  Run("INSERT INTO s.t VALUES (1)");
  const Micros before = Must(Must(catalog_->LoadTable({"s", "t"}))->AtVersion(2))->committed_at;
  Run("CREATE OR REPLACE TABLE s.t AS SELECT 2::BIGINT AS id, 'new' AS note");
  EXPECT_EQ(Rows("SELECT * FROM s.t"), "2,new");
  EXPECT_EQ(Rows("SELECT * FROM s.t AT (VERSION => 2)"), "1");
  EXPECT_EQ(Rows("SELECT count(*) FROM s.t old AT (VERSION => 1)"), "0");
  EXPECT_EQ(Rows("SELECT * FROM s.t AT (TIMESTAMP => make_timestamptz(" + std::to_string(before) + "))"), "1");
  EXPECT_EQ(Fails("SELECT * FROM s.t AT (VERSION => 99)").code(), ErrorCode::kNotFound);
  EXPECT_EQ(Fails("SELECT * FROM s.t AT (TIMESTAMP => TIMESTAMP '2001-01-01')").code(), ErrorCode::kNotFound);
}

TEST_F(LakeTest, AMissingTableIsAnsweredWithTheNearest) {
  Run("CREATE TABLE s.daily_activity (id BIGINT)");
  const Error error = Fails("SELECT * FROM s.daily_activty");
  EXPECT_EQ(error.code(), ErrorCode::kNotFound);
  EXPECT_NE(error.message().find("daily_activity"), std::string::npos) << error.message();
}

TEST_F(LakeTest, TypesRoundTrip) {
  const std::string select =
      "SELECT true AS b, 1::TINYINT AS i8, 2::SMALLINT AS i16, 3::INTEGER AS i32, 4::BIGINT AS i64, 1.5::FLOAT AS f, "
      "2.5::DOUBLE AS d, 12.34::DECIMAL(10,2) AS dec, 'text' AS s, '\\x00\\xff'::BLOB AS bin, DATE '2026-11-24' AS day, "
      "TIMESTAMPTZ '2026-11-24 10:00:00.123456+00' AS at, TIMESTAMP '2026-11-24 10:00:00.123456' AS local, "
      "'0f8fad5b-d9cb-469f-a165-70867728950e'::UUID AS u, {'x': 1, 'y': {'z': 'deep'}} AS st, [1, NULL, 3] AS l, "
      "MAP {'k': 1.5::DOUBLE} AS m, [{'a': 1}] AS ls";
  Run("CREATE TABLE s.t AS " + select);
  EXPECT_EQ(Rows("SELECT * FROM s.t"), Rows(select));
  EXPECT_EQ(Rows("SELECT column_type FROM (DESCRIBE s.t)"), Rows("SELECT column_type FROM (DESCRIBE " + select + ")"));
  EXPECT_EQ(Rows("SELECT st.y.z, m['k'], u FROM s.t WHERE u = '0f8fad5b-d9cb-469f-a165-70867728950e'"),
            "deep,1.5,0f8fad5b-d9cb-469f-a165-70867728950e");
  Run("INSERT INTO s.t SELECT * FROM s.t");
  EXPECT_EQ(Rows("SELECT count(*) FROM s.t WHERE st.x = 1 AND dec = 12.34 AND day = DATE '2026-11-24'"), "2");
}

TEST_F(LakeTest, PartitionsAreReadFromTheLogAndPruned) {
  Run("CREATE TABLE s.t PARTITIONED BY (day) AS SELECT range AS id, DATE '2026-11-01' + (range % 5)::INT AS day FROM range(100)");
  EXPECT_EQ(Rows("SELECT count(*), sum(id) FROM s.t WHERE day = DATE '2026-11-02'"), "20,970");
  EXPECT_EQ(FilesOpenedBy("SELECT sum(id) FROM s.t WHERE day = DATE '2026-11-02'"), 1u);
  EXPECT_EQ(FilesOpenedBy("SELECT sum(id) FROM s.t WHERE day >= DATE '2026-11-03'"), 3u);
  EXPECT_EQ(FilesOpenedBy("SELECT sum(id) FROM s.t WHERE day IN (DATE '2026-11-01', DATE '2026-11-05')"), 2u);
  EXPECT_EQ(FilesOpenedBy("SELECT sum(id) FROM s.t WHERE dayofmonth(day) = 2 OR day = DATE '2026-11-03'"), 2u);
  EXPECT_EQ(FilesOpenedBy("SELECT sum(id) FROM s.t WHERE day IS NULL"), 0u);
  EXPECT_EQ(FilesOpenedBy("SELECT sum(id) FROM s.t"), 5u);
  const std::string plan = Rows("EXPLAIN SELECT sum(id) FROM s.t WHERE day = DATE '2026-11-02'");
  EXPECT_NE(plan.find("1 of 5"), std::string::npos) << plan;
  EXPECT_EQ(Rows("SELECT day, count(*) FROM s.t GROUP BY day ORDER BY day LIMIT 2"), "2026-11-01,20;2026-11-02,20");
}

TEST_F(LakeTest, NullAndOddPartitionValuesAreKept) {
  Run("CREATE TABLE s.t PARTITIONED BY (p) AS SELECT * FROM (VALUES (1, 'a/b=c%'), (2, NULL), (3, 'ü x')) v(id, p)");
  EXPECT_EQ(Rows("SELECT id, p FROM s.t ORDER BY id"), "1,a/b=c%;2,NULL;3,ü x");
  EXPECT_EQ(Rows("SELECT id FROM s.t WHERE p = 'a/b=c%'"), "1");
  EXPECT_EQ(Rows("SELECT id FROM s.t WHERE p IS NULL"), "2");
  EXPECT_EQ(FilesOpenedBy("SELECT id FROM s.t WHERE p IS NULL"), 1u);
}

TEST_F(LakeTest, StatisticsPruneFilesAndNeverRows) {
  Run("CREATE TABLE s.t (id BIGINT, happened TIMESTAMPTZ, name VARCHAR, x DOUBLE)");
  for (int i = 0; i < 4; ++i)
    Run("INSERT INTO s.t SELECT " + std::to_string(i * 10) + " + range, TIMESTAMPTZ '2026-11-24 10:00:00.000999+00' + " +
        "INTERVAL 1 HOUR * " + std::to_string(i) + ", repeat('n', 40) || " + std::to_string(i) +
        ", CASE WHEN range = 0 AND " + std::to_string(i) + " = 3 THEN 'NaN'::DOUBLE ELSE range END FROM range(10)");
  EXPECT_EQ(FilesOpenedBy("SELECT sum(x) FROM s.t WHERE id = 15"), 1u);
  EXPECT_EQ(FilesOpenedBy("SELECT sum(x) FROM s.t WHERE id BETWEEN 15 AND 25"), 2u);
  EXPECT_EQ(FilesOpenedBy("SELECT sum(x) FROM s.t WHERE 35 < id"), 1u);
  EXPECT_EQ(FilesOpenedBy("SELECT sum(id) FROM s.t WHERE name IS NULL"), 0u);
  // A bound cut to milliseconds still covers microseconds; one cut to 32 characters covers the rest.
  EXPECT_EQ(Rows("SELECT count(*) FROM s.t WHERE happened = TIMESTAMPTZ '2026-11-24 11:00:00.000999+00'"), "10");
  EXPECT_EQ(Rows("SELECT count(*) FROM s.t WHERE name = repeat('n', 40) || '2'"), "10");
  // NaN is above everything.
  EXPECT_EQ(Rows("SELECT id FROM s.t WHERE x > 100"), "30");
  EXPECT_EQ(FilesOpenedBy("SELECT id FROM s.t WHERE x > 100 AND id >= 30"), 1u);
}

TEST_F(LakeTest, ATransactionIsOneMomentAndSeesItsOwnWrites) {
  Run("CREATE TABLE s.a (id BIGINT)");
  Run("CREATE TABLE s.b (id BIGINT)");
  auto other = Must(lake_->Connect());
  Run("BEGIN");
  EXPECT_EQ(Rows("SELECT count(*) FROM s.a"), "0");
  Run(*other, "BEGIN; INSERT INTO s.a VALUES (1); INSERT INTO s.b VALUES (1); COMMIT");
  EXPECT_EQ(Rows("SELECT count(*) FROM s.a"), "0");
  EXPECT_EQ(Rows("SELECT count(*) FROM s.b"), "0");
  Run("INSERT INTO s.b VALUES (2), (3)");
  EXPECT_EQ(Rows("SELECT count(*) FROM s.b"), "2");
  EXPECT_EQ(Rows(*other, "SELECT count(*) FROM s.b"), "1");
  Run("COMMIT");
  EXPECT_EQ(Rows("SELECT count(*) FROM s.b"), "3");
}

TEST_F(LakeTest, RollbackLeavesNothing) {
  Run("CREATE TABLE s.a PARTITIONED BY (p) AS SELECT 1 AS id, 'x' AS p");
  const auto before = DataFiles("s/a");
  Run("BEGIN");
  Run("INSERT INTO s.a VALUES (2, 'y')");
  Run("CREATE TABLE s.b AS SELECT 1 AS id");
  Run("CREATE VIEW s.v AS SELECT * FROM s.b");
  Run("CREATE SCHEMA gone");
  EXPECT_EQ(Rows("SELECT count(*) FROM s.v"), "1");
  EXPECT_EQ(DataFiles("s/b").size(), 1u);
  Run("ROLLBACK");
  EXPECT_EQ(DataFiles("s/a"), before);
  EXPECT_TRUE(DataFiles("s/b").empty());
  EXPECT_EQ(Rows("SELECT count(*) FROM s.a"), "1");
  EXPECT_EQ(Fails("SELECT * FROM s.b").code(), ErrorCode::kNotFound);
  EXPECT_EQ(Fails("SELECT * FROM s.v").code(), ErrorCode::kNotFound);
  EXPECT_EQ(catalog_->ListNamespaces()->size(), 1u);
}

TEST_F(LakeTest, AFailedStatementLeavesNoFiles) {
  Run("CREATE TABLE s.a (id BIGINT, p VARCHAR) PARTITIONED BY (p)");
  EXPECT_FALSE(Fails("INSERT INTO s.a SELECT range, CASE WHEN range = 299999 THEN error('late') ELSE 'p' || (range % 3) END FROM range(300000)").message().empty());
  EXPECT_TRUE(DataFiles("s/a").empty());
  EXPECT_EQ(Rows("SELECT count(*) FROM s.a"), "0");
  Run("CREATE TABLE s.n (id BIGINT NOT NULL)");
  const Error error = Fails("INSERT INTO s.n VALUES (1), (NULL)");
  EXPECT_NE(error.message().find("s.n.id"), std::string::npos) << error.message();
  EXPECT_TRUE(DataFiles("s/n").empty());
}

TEST_F(LakeTest, TheLoserOfARaceIsToldToRetry) {
  Run("CREATE TABLE s.a AS SELECT 1 AS id");
  auto other = Must(lake_->Connect());
  Run("BEGIN");
  Run("CREATE OR REPLACE TABLE s.a AS SELECT 2 AS id");
  Run(*other, "INSERT INTO s.a VALUES (3)");
  EXPECT_EQ(Fails("COMMIT").code(), ErrorCode::kConflict);
  EXPECT_EQ(Rows("SELECT id FROM s.a ORDER BY id"), "1;3");
  EXPECT_EQ(DataFiles("s/a").size(), 2u);
}

TEST_F(LakeTest, ViewsAndDrops) {
  Run("CREATE TABLE s.a AS SELECT 1 AS id, 'x' AS name");
  Run("CREATE VIEW s.v (n) AS SELECT name FROM s.a");
  EXPECT_EQ(Rows("SELECT n FROM s.v"), "x");
  EXPECT_EQ(Fails("CREATE VIEW s.v AS SELECT 1").code(), ErrorCode::kAlreadyExists);
  Run("CREATE OR REPLACE VIEW s.v AS SELECT id FROM s.a");
  EXPECT_EQ(Rows("SELECT * FROM s.v"), "1");
  EXPECT_FALSE(Fails("DROP SCHEMA s").message().empty());
  Run("BEGIN; DROP VIEW s.v; CREATE TABLE s.v PARTITIONED BY (id) AS SELECT 5 AS id, 1 AS y; COMMIT");
  EXPECT_EQ(Rows("SELECT id FROM s.v"), "5");
  Run("BEGIN; DROP TABLE s.v; CREATE TABLE s.v AS SELECT 6 AS id; COMMIT");
  EXPECT_EQ(Rows("SELECT id FROM s.v"), "6");
  EXPECT_EQ(Rows("SELECT table_name FROM information_schema.tables WHERE table_schema = 's' ORDER BY 1"), "a;v");
  Run("DROP TABLE s.v");
  Run("DROP TABLE s.a");
  Run("DROP SCHEMA s");
  EXPECT_EQ(Rows("SELECT count(*) FROM information_schema.tables WHERE table_catalog = 'lake'"), "0");
}

TEST_F(LakeTest, WhatIsNotSupportedSaysWhatToDo) {
  Run("CREATE TABLE s.a AS SELECT 1 AS id");
  for (const char* sql : {"UPDATE s.a SET id = 2", "DELETE FROM s.a WHERE id = 1", "ALTER TABLE s.a ADD COLUMN x INT",
                          "MERGE INTO s.a USING (SELECT 1 AS id) n ON a.id = n.id WHEN MATCHED THEN DELETE",
                          "CREATE INDEX i ON s.a (id)", "CREATE TABLE s.c (id BIGINT PRIMARY KEY)",
                          "CREATE TABLE s.c PARTITIONED BY (id % 2) AS SELECT 1 AS id", "INSERT INTO s.a VALUES (1) RETURNING id"}) {
    const Error error = Fails(sql);
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported) << sql << ": " << error.ToString();
    EXPECT_NE(error.message().find("Tarn does not support"), std::string::npos) << sql << ": " << error.message();
  }
}

TEST_F(LakeTest, APlanThatReadsTwiceIsCopiedWell) {
  Run("CREATE TABLE s.t PARTITIONED BY (day) AS SELECT range AS id, DATE '2026-11-01' + (range % 5)::INT AS day FROM range(100)");
  EXPECT_EQ(Rows("WITH c AS (SELECT * FROM s.t WHERE day < DATE '2026-11-04') SELECT (SELECT count(*) FROM c), (SELECT "
                 "min(day) FROM c WHERE id > 50), (SELECT max(id) FROM c)"),
            "60,2026-11-01,97");
  EXPECT_EQ(Rows("SELECT count(*) FROM s.t a JOIN s.t b USING (id) WHERE a.day = b.day AND a.day = DATE '2026-11-02'"), "20");
  EXPECT_EQ(Rows("SELECT id, day FROM s.t ORDER BY id DESC LIMIT 2"), "99,2026-11-05;98,2026-11-04");
  Run("PREPARE p AS SELECT count(*) FROM s.t WHERE day = $1");
  EXPECT_EQ(Rows("EXECUTE p(DATE '2026-11-02')"), "20");
  Run("INSERT INTO s.t VALUES (100, DATE '2026-11-02')");
  EXPECT_EQ(Rows("EXECUTE p(DATE '2026-11-02')"), "21");
}

TEST_F(LakeTest, WriteTableBuildsSeveralTablesInOnePublication) {
  Run("CREATE TABLE s.src AS SELECT range AS id, DATE '2026-11-01' + (range % 3)::INT AS day FROM range(30)");
  Run("BEGIN");
  EXPECT_EQ(Write({.table = {"s", "a"}, .select_sql = "SELECT id, day FROM s.src -- all", .mode = LakeWriteMode::kCreateOrReplace,
                   .partition_columns = {"day"}, .not_null_columns = {"id"}, .progress = {{"model", 5}}}), 30u);
  EXPECT_EQ(Write({.table = {"s", "b"}, .select_sql = "SELECT day, count(*) AS n FROM s.a GROUP BY day",
                   .mode = LakeWriteMode::kCreateOrReplace}), 3u);
  EXPECT_EQ(Rows("SELECT sum(n), tarn_table_progress('s.a', 'model') FROM s.b"), "30,5");
  Run("COMMIT");
  EXPECT_EQ(lake_->LastCommit(*connection_).size(), 2u);
  EXPECT_EQ(Rows("SELECT tarn_table_version('s.a'), tarn_table_progress('s.a', 'model'), tarn_table_progress('s.a', 'none')"), "1,5,NULL");

  Run("BEGIN");
  EXPECT_EQ(Write({.table = {"s", "a"}, .select_sql = "SELECT 100 AS id, DATE '2026-11-02' AS day",
                   .mode = LakeWriteMode::kOverwritePartitions, .also_replaced = {{{"day", "2026-11-03"}}}, .progress = {{"model", 6}}}), 1u);
  EXPECT_EQ(Rows("SELECT day, count(*) FROM s.a GROUP BY day ORDER BY day"), "2026-11-01,10;2026-11-02,1");
  Run("COMMIT");
  EXPECT_EQ(Rows("SELECT day, count(*) FROM s.a GROUP BY day ORDER BY day"), "2026-11-01,10;2026-11-02,1");
  EXPECT_EQ(Rows("SELECT day FROM tarn_changed_partitions('s.a', 1) ORDER BY day"), "2026-11-02;2026-11-03");
  EXPECT_EQ(Rows("SELECT count(*) FROM tarn_changed_partitions('s.a', -1)"), "3");
  EXPECT_EQ(Rows("SELECT count(*) FROM tarn_changed_partitions('s.a', 2)"), "0");

  Run("BEGIN");
  EXPECT_EQ(Write({.table = {"s", "a"}, .select_sql = "SELECT DATE '2026-12-01' AS day, 1 AS id"}), 1u);
  EXPECT_EQ(Rows("SELECT day FROM tarn_changed_partitions('s.a', 2)"), "2026-12-01");
  EXPECT_TRUE(lake_->WriteTable(*connection_, {.table = {"s", "none"}, .select_sql = "SELECT 1 AS id"}).Is(ErrorCode::kNotFound));
  Run("ROLLBACK");
  EXPECT_TRUE(lake_->WriteTable(*connection_, {.table = {"s", "a"}, .select_sql = "SELECT 1"}).Is(ErrorCode::kFailedPrecondition));
}

TEST_F(LakeTest, ProgressThatMovedMeanwhileFences) {
  Run("CREATE TABLE s.a AS SELECT 1 AS id");
  Run("BEGIN");
  Write({.table = {"s", "a"}, .select_sql = "SELECT 2 AS id", .progress = {{"app", 1}}});
  auto other = Must(lake_->Connect());
  Run(*other, "BEGIN");
  ASSERT_TRUE(lake_->WriteTable(*other, {.table = {"s", "a"}, .select_sql = "SELECT 3 AS id", .progress = {{"app", 1}}}).ok());
  Run(*other, "COMMIT");
  EXPECT_EQ(Fails("COMMIT").code(), ErrorCode::kFenced);
  EXPECT_EQ(Rows("SELECT id FROM s.a ORDER BY id"), "1;3");
}

TEST_F(LakeTest, FailuresAtEveryStepLeaveTheOldState) {
  Run("CREATE TABLE s.a AS SELECT 1 AS id");
  for (const char* point : {"lake.write.before_files", "lake.write.after_files", "lake.commit.before_publish",
                            "catalog.publish.before_pin", "delta.commit.before_put"}) {
    ASSERT_TRUE(SetFailpoints(std::string(point) + "=error").ok());
    EXPECT_FALSE(Fails("INSERT INTO s.a VALUES (2)").message().empty());
    ASSERT_TRUE(SetFailpoints("").ok());
    EXPECT_EQ(Rows("SELECT id FROM s.a"), "1") << point;
    EXPECT_EQ(DataFiles("s/a").size(), 1u) << point;
  }
}

TEST_F(LakeTest, AnUnknownOutcomeKeepsTheFiles) {
  Run("CREATE TABLE s.a AS SELECT 1 AS id");
  ASSERT_TRUE(SetFailpoints("catalog.publish.before_unpin=error").ok());
  EXPECT_EQ(Fails("INSERT INTO s.a VALUES (2)").code(), ErrorCode::kOutcomeUnknown);
  ASSERT_TRUE(SetFailpoints("").ok());
  EXPECT_EQ(DataFiles("s/a").size(), 2u);
  ASSERT_TRUE(catalog_->RecoverPublications().ok());
  EXPECT_EQ(Rows("SELECT id FROM s.a ORDER BY id"), "1;2");
}

TEST_F(LakeTest, AReaderBesidePublicationsNeverSeesAMixture) {
  Run("CREATE TABLE s.a AS SELECT 0 AS v");
  Run("CREATE TABLE s.b AS SELECT 0 AS v");
  std::atomic<bool> done = false;
  std::thread writer([&] {
    auto connection = Must(lake_->Connect());
    for (int i = 1; i <= 25; ++i) {
      const std::string select = "SELECT " + std::to_string(i) + " AS v";
      Run(*connection, "BEGIN; CREATE OR REPLACE TABLE s.a AS " + select + "; CREATE OR REPLACE TABLE s.b AS " + select + "; COMMIT");
    }
    done = true;
  });
  int reads = 0;
  for (; !done; ++reads) {
    EXPECT_EQ(Rows("SELECT (SELECT v FROM s.a) = (SELECT v FROM s.b)"), "true");
    Run("BEGIN");
    const std::string first = Rows("SELECT v FROM s.a");
    EXPECT_EQ(Rows("SELECT v FROM s.b"), first);
    EXPECT_EQ(Rows("SELECT v FROM s.a"), first);
    Run("COMMIT");
  }
  writer.join();
  EXPECT_GT(reads, 0);
  EXPECT_EQ(Rows("SELECT v FROM s.a"), "25");
}

}  // namespace
}  // namespace tarn::lake
