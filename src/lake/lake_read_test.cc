#include "lake/testing/lake_fixture.h"

namespace tarn::lake {
namespace {

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

TEST_F(LakeTest, AtReadsOldVersions) {
  Run("CREATE TABLE s.t (id BIGINT)");
  Run("INSERT INTO s.t VALUES (1)");
  const Micros before = Must(Must(world_.catalog->LoadTable({"s", "t"}))->AtVersion(2))->committed_at;
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
      "2.5::DOUBLE AS d, 12.34::DECIMAL(10,2) AS dec, 'text' AS s, '\\x00\\xff'::BLOB AS bin, DATE '2026-11-24' AS "
      "day, "
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
  Run("CREATE TABLE s.t PARTITIONED BY (day) AS SELECT range AS id, DATE '2026-11-01' + (range % 5)::INT AS day FROM "
      "range(100)");
  EXPECT_EQ(Rows("SELECT count(*), sum(id) FROM s.t WHERE day = DATE '2026-11-02'"), "20,970");
  EXPECT_EQ(FilesOpenedBy("SELECT sum(id) FROM s.t WHERE day = DATE '2026-11-02'"), 1u);
  EXPECT_EQ(FilesOpenedBy("SELECT sum(id) FROM s.t WHERE day >= DATE '2026-11-03'"), 3u);
  EXPECT_EQ(FilesOpenedBy("SELECT sum(id) FROM s.t WHERE day IN (DATE '2026-11-01', DATE '2026-11-05')"), 2u);
  EXPECT_EQ(FilesOpenedBy("SELECT sum(id) FROM s.t WHERE dayofmonth(day) = 2 OR day = DATE '2026-11-03'"), 2u);
  EXPECT_EQ(FilesOpenedBy("SELECT sum(id) FROM s.t WHERE day IS NULL"), 0u);
  EXPECT_EQ(FilesOpenedBy("SELECT sum(id) FROM s.t"), 5u);
  // What a join's other side says while the query runs.
  Run("INSERT INTO s.t VALUES (1000, DATE '2026-11-04')");
  const std::string changed = "WHERE day IN (SELECT day FROM tarn_changed_partitions('s.t', 1))";
  EXPECT_EQ(Rows("SELECT sum(id) FROM s.t " + changed), "2010");
  EXPECT_EQ(FilesOpenedBy("SELECT sum(id) FROM s.t " + changed), 2u);
  EXPECT_EQ(FilesOpenedBy("SELECT sum(id) FROM s.t " + changed + " AND id = 1000"), 1u);
  const std::string plan = Rows("EXPLAIN SELECT sum(id) FROM s.t WHERE day = DATE '2026-11-02'");
  EXPECT_NE(plan.find("1 of 6"), std::string::npos) << plan;
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
    Run("INSERT INTO s.t SELECT " + std::to_string(i * 10) +
        " + range, TIMESTAMPTZ '2026-11-24 10:00:00.000999+00' + " + "INTERVAL 1 HOUR * " + std::to_string(i) +
        ", repeat('n', 40) || " + std::to_string(i) + ", CASE WHEN range = 0 AND " + std::to_string(i) +
        " = 3 THEN 'NaN'::DOUBLE ELSE range END FROM range(10)");
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

TEST_F(LakeTest, APlanThatReadsTwiceIsCopiedWell) {
  Run("CREATE TABLE s.t PARTITIONED BY (day) AS SELECT range AS id, DATE '2026-11-01' + (range % 5)::INT AS day FROM "
      "range(100)");
  EXPECT_EQ(Rows("WITH c AS (SELECT * FROM s.t WHERE day < DATE '2026-11-04') SELECT (SELECT count(*) FROM c), (SELECT "
                 "min(day) FROM c WHERE id > 50), (SELECT max(id) FROM c)"),
            "60,2026-11-01,97");
  EXPECT_EQ(Rows("SELECT count(*) FROM s.t a JOIN s.t b USING (id) WHERE a.day = b.day AND a.day = DATE '2026-11-02'"),
            "20");
  EXPECT_EQ(Rows("SELECT id, day FROM s.t ORDER BY id DESC LIMIT 2"), "99,2026-11-05;98,2026-11-04");
  Run("PREPARE p AS SELECT count(*) FROM s.t WHERE day = $1");
  EXPECT_EQ(Rows("EXECUTE p(DATE '2026-11-02')"), "20");
  Run("INSERT INTO s.t VALUES (100, DATE '2026-11-02')");
  EXPECT_EQ(Rows("EXECUTE p(DATE '2026-11-02')"), "21");
}

// Pruning is compared with the same rows in a table of DuckDB's own.
TEST_F(LakeTest, NoFilterLosesARowToPruning) {
  Run("CREATE TABLE s.t (p VARCHAR, i INTEGER, d DOUBLE, n DECIMAL(8,2), s VARCHAR, day DATE, ts TIMESTAMPTZ, b "
      "BOOLEAN) PARTITIONED BY (p)");
  const char* doubles[] = {"'NaN'::DOUBLE", "'inf'::DOUBLE", "-0.0", "0.0", "1.5", "-7.25", "NULL"};
  Random random(11);
  const auto value = [&](const std::string& text) { return random.Chance(0.15) ? std::string("NULL") : text; };
  const auto number = [&] { return std::to_string(random.Between(-20, 20)); };
  const auto text = [&] {
    return "repeat('é', " + std::to_string(random.Below(40)) + ") || chr(" + std::to_string(random.Between(97, 102)) +
           ")";
  };
  const auto day = [&] { return "(DATE '2026-11-10' + " + std::to_string(random.Below(6)) + ")"; };
  const auto time = [&] {
    return "(TIMESTAMPTZ '2026-11-24 10:00:00.000999+00' + to_microseconds(" + std::to_string(random.Below(3000)) +
           "))";
  };
  // The first half within the transaction that wrote, where bounds are DuckDB's own; the other as the log tells them.
  Run("BEGIN");
  for (int file = 0; file < 12; ++file) {
    std::string rows;
    for (int row = 0; row < 4; ++row)
      rows += (row > 0 ? ", (" : "(") + value(random.Chance(0.5) ? "'x'" : "'y'") + ", " + value(number()) + ", " +
              doubles[random.Below(7)] + ", " + value(number() + ".25") + ", " + value(text()) + ", " + value(day()) +
              ", " + value(time()) + ", " + value(random.Chance(0.5) ? "true" : "false") + ")";
    Run("INSERT INTO s.t VALUES " + rows);
  }
  Run("CREATE TEMP TABLE plain AS SELECT * FROM s.t");
  const auto comparison = [&]() -> std::string {
    const char* operators[] = {"=", "<", "<=", ">", ">=", "<>", "IS DISTINCT FROM", "IS NOT DISTINCT FROM"};
    const std::string op = std::string(" ") + operators[random.Below(8)] + " ";
    switch (random.Below(9)) {
      case 0:
        return "p" + op + (random.Chance(0.5) ? "'x'" : "'z'");
      case 1:
        return "i" + op + number();
      case 2:
        return "d" + op + doubles[random.Below(6)];
      case 3:
        return number() + ".25" + op + "n";
      case 4:
        return "s" + op + text();
      case 5:
        return "day" + op + day();
      case 6:
        return "ts" + op + time();
      case 7:
        return random.Chance(0.5) ? "b" : "NOT b";
      default:
        return "i IN (" + number() + ", " + number() + ") OR i BETWEEN " + number() + " AND " + number();
    }
  };
  for (int round = 0; round < 300; ++round) {
    if (round == 150) Run("COMMIT");
    std::string filter = "(" + comparison() + ")";
    while (random.Chance(0.5)) filter = "(" + filter + (random.Chance(0.5) ? " AND (" : " OR (") + comparison() + "))";
    if (random.Chance(0.2)) filter = "NOT " + filter;
    if (random.Chance(0.2)) filter += random.Chance(0.5) ? " AND s IS NULL" : " AND p IS NOT NULL";
    const std::string select = "SELECT count(*), sum(i), max(s), min(ts) FROM ";
    ASSERT_EQ(Rows(select + "s.t WHERE " + filter), Rows(select + "plain WHERE " + filter)) << filter;
  }
}

}  // namespace
}  // namespace tarn::lake
