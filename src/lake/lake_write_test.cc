#include <atomic>
#include <thread>

#include "lake/testing/lake_fixture.h"

namespace tarn::lake {
namespace {

TEST_F(LakeTest, CreateTableAsWritesAndReplaces) {
  EXPECT_EQ(Rows("CREATE TABLE s.t AS SELECT range AS id, 'x' || range AS name FROM range(1000)"), "1000");
  EXPECT_EQ(Rows("SELECT count(*), min(id), max(name) FROM s.t"), "1000,0,x999");
  EXPECT_EQ(Fails("CREATE TABLE s.t AS SELECT 1 AS id").code(), ErrorCode::kAlreadyExists);
  EXPECT_EQ(Rows("CREATE OR REPLACE TABLE s.t AS SELECT 7 AS other"), "1");
  EXPECT_EQ(Rows("SELECT * FROM s.t"), "7");
  EXPECT_EQ(Rows("CREATE OR REPLACE TABLE s.t AS SELECT 7 AS other WHERE false"), "0");
  EXPECT_EQ(Rows("SELECT count(*) FROM s.t"), "0");
}

TEST_F(LakeTest, ATransactionIsOneMomentAndSeesItsOwnWrites) {
  Run("CREATE TABLE s.a (id BIGINT)");
  Run("CREATE TABLE s.b (id BIGINT)");
  auto other = Must(world_.lake->Connect());
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
  EXPECT_EQ(world_.catalog->ListNamespaces()->size(), 1u);
}

TEST_F(LakeTest, AFailedStatementLeavesNoFiles) {
  Run("CREATE TABLE s.a (id BIGINT, p VARCHAR) PARTITIONED BY (p)");
  EXPECT_FALSE(Fails("INSERT INTO s.a SELECT range, CASE WHEN range = 299999 THEN error('late') ELSE 'p' || (range % "
                     "3) END FROM range(300000)")
                   .message()
                   .empty());
  EXPECT_TRUE(DataFiles("s/a").empty());
  EXPECT_EQ(Rows("SELECT count(*) FROM s.a"), "0");
  Run("CREATE TABLE s.n (id BIGINT NOT NULL)");
  const Error error = Fails("INSERT INTO s.n VALUES (1), (NULL)");
  EXPECT_NE(error.message().find("s.n.id"), std::string::npos) << error.message();
  EXPECT_TRUE(DataFiles("s/n").empty());
}

TEST_F(LakeTest, TheLoserOfARaceIsToldToRetry) {
  Run("CREATE TABLE s.a AS SELECT 1 AS id");
  auto other = Must(world_.lake->Connect());
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
  for (const char* sql :
       {"UPDATE s.a SET id = 2", "DELETE FROM s.a WHERE id = 1", "ALTER TABLE s.a ADD COLUMN x INT",
        "MERGE INTO s.a USING (SELECT 1 AS id) n ON a.id = n.id WHEN MATCHED THEN DELETE", "CREATE INDEX i ON s.a (id)",
        "CREATE TABLE s.c (id BIGINT PRIMARY KEY)", "CREATE TABLE s.c PARTITIONED BY (id % 2) AS SELECT 1 AS id",
        "INSERT INTO s.a VALUES (1) RETURNING id"}) {
    const Error error = Fails(sql);
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported) << sql << ": " << error.ToString();
    EXPECT_NE(error.message().find("Tarn does not support"), std::string::npos) << sql << ": " << error.message();
  }
}

TEST_F(LakeTest, WriteTableBuildsSeveralTablesInOnePublication) {
  Run("CREATE TABLE s.src AS SELECT range AS id, DATE '2026-11-01' + (range % 3)::INT AS day FROM range(30)");
  Run("BEGIN");
  EXPECT_EQ(Write({.table = {"s", "a"},
                   .select_sql = "SELECT id, day FROM s.src -- all",
                   .mode = LakeWriteMode::kCreateOrReplace,
                   .partition_columns = {"day"},
                   .not_null_columns = {"id"},
                   .progress = {{"model", 5}}}),
            30u);
  EXPECT_EQ(Write({.table = {"s", "b"},
                   .select_sql = "SELECT day, count(*) AS n FROM s.a GROUP BY day",
                   .mode = LakeWriteMode::kCreateOrReplace}),
            3u);
  EXPECT_EQ(Rows("SELECT sum(n), tarn_table_progress('s.a', 'model') FROM s.b"), "30,5");
  Run("COMMIT");
  EXPECT_EQ(world_.lake->LastCommit(*connection_).size(), 2u);
  EXPECT_EQ(
      Rows("SELECT tarn_table_version('s.a'), tarn_table_progress('s.a', 'model'), tarn_table_progress('s.a', 'none')"),
      "1,5,NULL");

  Run("BEGIN");
  EXPECT_EQ(Write({.table = {"s", "a"},
                   .select_sql = "SELECT 100 AS id, DATE '2026-11-02' AS day",
                   .mode = LakeWriteMode::kOverwritePartitions,
                   .also_replaced = {{{"day", "2026-11-03"}}},
                   .progress = {{"model", 6}}}),
            1u);
  EXPECT_EQ(Rows("SELECT day, count(*) FROM s.a GROUP BY day ORDER BY day"), "2026-11-01,10;2026-11-02,1");
  Run("COMMIT");
  EXPECT_EQ(Rows("SELECT day, count(*) FROM s.a GROUP BY day ORDER BY day"), "2026-11-01,10;2026-11-02,1");
  EXPECT_EQ(Rows("SELECT day FROM tarn_changed_partitions('s.a', 1) ORDER BY day"), "2026-11-02;2026-11-03");
  EXPECT_EQ(Rows("SELECT count(*) FROM tarn_changed_partitions('s.a', -1)"), "3");
  EXPECT_EQ(Rows("SELECT count(*) FROM tarn_changed_partitions('s.a', 2)"), "0");

  Run("BEGIN");
  EXPECT_EQ(Write({.table = {"s", "a"}, .select_sql = "SELECT DATE '2026-12-01' AS day, 1 AS id"}), 1u);
  EXPECT_EQ(Rows("SELECT day FROM tarn_changed_partitions('s.a', 2)"), "2026-12-01");
  EXPECT_TRUE(world_.lake->WriteTable(*connection_, {.table = {"s", "none"}, .select_sql = "SELECT 1 AS id"})
                  .Is(ErrorCode::kNotFound));
  Run("ROLLBACK");
  EXPECT_TRUE(world_.lake->WriteTable(*connection_, {.table = {"s", "a"}, .select_sql = "SELECT 1"})
                  .Is(ErrorCode::kFailedPrecondition));
}

TEST_F(LakeTest, ProgressThatMovedMeanwhileFences) {
  Run("CREATE TABLE s.a AS SELECT 1 AS id");
  Run("BEGIN");
  Write({.table = {"s", "a"}, .select_sql = "SELECT 2 AS id", .progress = {{"app", 1}}});
  auto other = Must(world_.lake->Connect());
  Run(*other, "BEGIN");
  ASSERT_TRUE(
      world_.lake->WriteTable(*other, {.table = {"s", "a"}, .select_sql = "SELECT 3 AS id", .progress = {{"app", 1}}})
          .ok());
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
  ASSERT_TRUE(world_.catalog->RecoverPublications().ok());
  EXPECT_EQ(Rows("SELECT id FROM s.a ORDER BY id"), "1;2");
}

TEST_F(LakeTest, ReplacingMayPartitionOtherwiseAndKeepsTheHistory) {
  Run("CREATE TABLE s.a AS SELECT 1 AS id, 'x' AS p");
  Run("CREATE OR REPLACE TABLE s.a PARTITIONED BY (p) AS SELECT id, p, TIMESTAMP '2026-11-24 10:00:00' AS local FROM "
      "s.a");
  EXPECT_EQ(Rows("SELECT * FROM s.a WHERE p = 'x'"), "1,x,2026-11-24 10:00:00");
  EXPECT_EQ(FilesOpenedBy("SELECT id FROM s.a WHERE p = 'y'"), 0u);
  Run("INSERT INTO s.a VALUES (2, 'y', NULL)");
  Run("CREATE OR REPLACE TABLE s.a PARTITIONED BY (id) AS SELECT p, id FROM s.a");
  EXPECT_EQ(Rows("SELECT p, id FROM s.a ORDER BY id"), "x,1;y,2");
  EXPECT_EQ(Rows("SELECT id, p FROM s.a AT (VERSION => 3) WHERE p = 'y'"), "2,y");
  EXPECT_EQ(Rows("SELECT * FROM s.a AT (VERSION => 1)"), "1,x");
  const auto again = world_.OpenAnotherCatalog();
  EXPECT_EQ(Must(again->Resolve({"s", "a"}, Must(again->Now())))->partition_columns, std::vector<std::string>{"id"});
}

TEST_F(LakeTest, WhatWasPublishedIsToldWhenNamesFail) {
  ASSERT_TRUE(SetFailpoints("lake.commit.before_names=error").ok());
  Run("BEGIN");
  Run("CREATE TABLE s.a AS SELECT 1 AS id");
  Run("CREATE VIEW s.v AS SELECT * FROM s.a");
  const Error error = Fails("COMMIT");
  ASSERT_TRUE(SetFailpoints("").ok());
  EXPECT_EQ(error.code(), ErrorCode::kOutcomeUnknown);
  EXPECT_NE(error.message().find("s.a at version 1"), std::string::npos) << error.message();
  EXPECT_EQ(Rows("SELECT id FROM s.a"), "1");
  EXPECT_EQ(Fails("SELECT * FROM s.v").code(), ErrorCode::kNotFound);
}

TEST_F(LakeTest, AWriteCanReadWhatItReplaces) {
  Run("CREATE TABLE s.a AS SELECT range AS id FROM range(10)");
  Run("BEGIN");
  for (int round = 0; round < 3; ++round)
    Run("CREATE OR REPLACE TABLE s.a AS SELECT id FROM s.a WHERE id <> " + std::to_string(round));
  Run("INSERT INTO s.a SELECT id + 100 FROM s.a");
  Run("COMMIT");
  EXPECT_EQ(Rows("SELECT count(*), min(id), max(id) FROM s.a"), "14,3,109");
  EXPECT_EQ(Rows("SELECT tarn_table_version('s.a')"), "2");
  // Those of the version before are kept for its readers; the two between are of no commit.
  EXPECT_EQ(DataFiles("s/a").size(), 3u);
}

TEST_F(LakeTest, WritesThatAreNotOneCommitAreRefused) {
  Run("CREATE TABLE s.a PARTITIONED BY (p) AS SELECT 1 AS id, 'x' AS p");
  Run("BEGIN");
  Run("INSERT INTO s.a VALUES (2, 'y')");
  LakeWrite overwrite{
      .table = {"s", "a"}, .select_sql = "SELECT 3 AS id, 'z' AS p", .mode = LakeWriteMode::kOverwritePartitions};
  EXPECT_TRUE(world_.lake->WriteTable(*connection_, overwrite).Is(ErrorCode::kFailedPrecondition));
  Run("ROLLBACK");
  Run("BEGIN");
  overwrite.also_replaced = {{{"q", "x"}}};
  EXPECT_TRUE(world_.lake->WriteTable(*connection_, overwrite).Is(ErrorCode::kInvalidArgument));
  Run("ROLLBACK");
  EXPECT_EQ(DataFiles("s/a").size(), 1u);
  EXPECT_EQ(Rows("SELECT * FROM s.a"), "1,x");
}

TEST_F(LakeTest, AReaderBesidePublicationsNeverSeesAMixture) {
  Run("CREATE TABLE s.a AS SELECT 0 AS v");
  Run("CREATE TABLE s.b AS SELECT 0 AS v");
  std::atomic<bool> done = false;
  std::thread writer([&] {
    auto connection = Must(world_.lake->Connect());
    for (int i = 1; i <= 25; ++i) {
      const std::string select = "SELECT " + std::to_string(i) + " AS v";
      Run(*connection, "BEGIN; CREATE OR REPLACE TABLE s.a AS " + select + "; CREATE OR REPLACE TABLE s.b AS " +
                           select + "; COMMIT");
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
