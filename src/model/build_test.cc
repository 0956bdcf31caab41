#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/failpoint.h"
#include "base/random.h"
#include "model/project.h"
#include "model/testing/model_fixture.h"

// Builds in a real lake: results against plain SQL, incremental against full, failures, killed processes.

namespace tarn::model {
namespace {

using testing::BuildProject;
using testing::Describe;
using testing::FindNode;
using ::testing::HasSubstr;
using testing::LoadProject;
using testing::TemporaryFolder;
using testing::TestLake;

class BuildTest : public ::testing::Test {
 protected:
  BuildTest() : lake_(std::make_unique<TestLake>(folder_.path() + "/data")) {
    Write("dbt_project.yml", "name: shop\n");
    Write("models/sources.yml", "sources:\n  - name: raw\n    tables: [{name: events}]\n");
    Sql("CREATE SCHEMA raw");
    Sql("CREATE TABLE raw.events (id INTEGER, kind VARCHAR, date DATE) PARTITIONED BY (date)");
    Sql("INSERT INTO raw.events VALUES (1, 'a', '2025-01-01'), (2, 'b', '2025-01-01'), (3, 'a', '2025-01-02')");
  }
  ~BuildTest() override { EXPECT_TRUE(SetFailpoints("").ok()); }

  void Write(const std::string& file, const std::string& content) { folder_.Write("project/" + file, content); }
  std::string Sql(const std::string& statement) { return lake_->Sql(statement); }
  BuildReport Build(const BuildOptions& options = {}, std::map<std::string, std::string> vars = {}) {
    return BuildProject(folder_.path() + "/project", *lake_, options, std::move(vars));
  }
  BuildReport BuildFine(const BuildOptions& options = {}, std::map<std::string, std::string> vars = {}) {
    BuildReport report = Build(options, std::move(vars));
    EXPECT_TRUE(report.ok()) << Describe(report);
    EXPECT_TRUE(report.published);
    return report;
  }
  // A daily count by date, kept incrementally.
  void WriteDailyModel(const std::string& extra_columns = "") {
    Write("models/daily.sql",
          "{{ config(materialized='incremental', partition_by='date') }}\n"
          "select date, count(*) as events" +
              extra_columns +
              " from {{ source('raw', 'events') }}\n"
              "{% if is_incremental() %} where date in ({{ changed_partitions(source('raw', 'events'), "
              "since=var('start_date', none), "
              "until=var('end_date', none)) }}) {% endif %}\ngroup by date");
  }
  std::string Daily() { return Sql("SELECT date, events FROM shop.daily ORDER BY date"); }

  TemporaryFolder folder_;
  std::unique_ptr<TestLake> lake_;
};

TEST_F(BuildTest, EveryMaterialization) {
  Write("models/a_view.sql", "select id, kind from {{ source('raw', 'events') }};\n");
  Write("models/a_cte.sql",
        "{{ config(materialized='ephemeral') }} with v as (select * from {{ ref('a_view') }}) select * from v -- end");
  Write("models/a_cte2.sql",
        "{{ config(materialized='ephemeral') }} select * from {{ ref('a_cte') }} where kind = 'a'");
  Write("models/a_table.sql",
        "{{ config(materialized='table', schema='gold') }}\nwith own as (select * from {{ ref('a_cte2') }})\n"
        "select own.id, cte.kind from own join {{ ref('a_cte') }} as cte using (id)");
  Write("models/appended.sql",
        "{{ config(materialized='incremental') }} select id from {{ source('raw', 'events') }} "
        "{% if is_incremental() %} where id > (select max(id) from {{ this }}) {% endif %}");
  const BuildReport report = BuildFine();
  EXPECT_EQ(FindNode(report, "a_table").rows, 2u);
  EXPECT_EQ(std::to_string(report.source_versions.at("raw.events")), Sql("SELECT tarn_table_version('raw.events')"));
  EXPECT_EQ(Sql("SELECT * FROM shop.a_view ORDER BY id"), "1,a;2,b;3,a");
  EXPECT_EQ(Sql("SELECT * FROM gold.a_table ORDER BY id"), "1,a;3,a");
  EXPECT_EQ(Sql("SELECT id FROM shop.appended ORDER BY id"), "1;2;3");
  Sql("INSERT INTO raw.events VALUES (4, 'a', '2025-01-03')");
  EXPECT_EQ(FindNode(BuildFine(), "appended").rows, 1u);
  EXPECT_EQ(Sql("SELECT id FROM shop.appended ORDER BY id"), "1;2;3;4");
  EXPECT_EQ(Sql("SELECT id FROM gold.a_table ORDER BY id"), "1;3;4");
}

TEST_F(BuildTest, AnIncrementalBuildRecomputesTheTouchedPartitionsOnly) {
  WriteDailyModel();
  BuildFine();
  EXPECT_EQ(Daily(), "2025-01-01,2;2025-01-02,1");
  Sql("INSERT INTO raw.events VALUES (4, 'late', '2025-01-01'), (5, 'a', '2025-01-03')");
  EXPECT_EQ(FindNode(BuildFine(), "daily").rows, 2u);
  EXPECT_EQ(Daily(), "2025-01-01,3;2025-01-02,1;2025-01-03,1");
}

TEST_F(BuildTest, WithoutChangesNothingIsWritten) {
  WriteDailyModel();
  const auto first = BuildFine().versions;
  EXPECT_EQ(first.count("shop.daily"), 1u);
  const BuildReport again = BuildFine();
  EXPECT_EQ(FindNode(again, "daily").message, "no partition has changed");
  EXPECT_TRUE(again.versions.empty());
}

TEST_F(BuildTest, ABackfillRecomputesTheGivenDatesAndLeavesTheOthersDue) {
  WriteDailyModel();
  BuildFine();
  Sql("INSERT INTO raw.events VALUES (4, 'a', '2025-01-01'), (5, 'a', '2025-01-02'), (6, 'a', '2025-01-03')");
  BuildFine({}, {{"start_date", "2025-01-02"}, {"end_date", "2025-01-02"}});
  EXPECT_EQ(Daily(), "2025-01-01,2;2025-01-02,2");
  BuildFine();
  EXPECT_EQ(Daily(), "2025-01-01,3;2025-01-02,2;2025-01-03,1");
}

TEST_F(BuildTest, APartitionWithoutRowsLeftIsEmptied) {
  Write("models/only_a.sql",
        "{{ config(materialized='incremental', partition_by='date') }} select date, count(*) as n from {{ "
        "source('raw', 'events') }} "
        "where kind = (select max(kind) from {{ source('raw', 'events') }}) "
        "{% if is_incremental() %} and date in ({{ changed_partitions(source('raw', 'events')) }}) {% endif %} group "
        "by date");
  BuildFine();
  EXPECT_EQ(Sql("SELECT * FROM shop.only_a"), "2025-01-01,1");
  Sql("INSERT INTO raw.events VALUES (4, 'c', '2025-01-02'), (5, 'a', '2025-01-01')");
  BuildFine();
  EXPECT_EQ(Sql("SELECT * FROM shop.only_a"), "2025-01-02,1");
}

TEST_F(BuildTest, AChangedSchemaIsBuiltInFull) {
  WriteDailyModel();
  BuildFine();
  WriteDailyModel(", max(id) as last_id");
  BuildFine();
  EXPECT_EQ(Sql("SELECT date, events, last_id FROM shop.daily ORDER BY date"), "2025-01-01,2,2;2025-01-02,1,3");
}

TEST_F(BuildTest, FullRefreshRebuilds) {
  WriteDailyModel();
  BuildFine();
  EXPECT_EQ(FindNode(BuildFine({.full_refresh = true}), "daily").rows, 2u);
}

TEST_F(BuildTest, GoldOnGoldFollowsTheChangesOfTheSameBuild) {
  WriteDailyModel();
  Write("models/doubled.sql",
        "{{ config(materialized='incremental', partition_by='date') }} select date, events * 2 as twice from {{ "
        "ref('daily') }} "
        "{% if is_incremental() %} where date in ({{ changed_partitions(ref('daily')) }}) {% endif %}");
  BuildFine();
  BuildFine();
  Sql("INSERT INTO raw.events VALUES (4, 'late', '2025-01-01')");
  BuildFine();
  EXPECT_EQ(Sql("SELECT * FROM shop.doubled ORDER BY date"), "2025-01-01,6;2025-01-02,2");
}

TEST_F(BuildTest, AFailedTestPublishesNothingAndStopsWhatDependsOnIt) {
  Write("models/first.sql", "{{ config(materialized='table') }} select * from {{ source('raw', 'events') }}");
  Write("models/second.sql", "{{ config(materialized='table') }} select * from {{ ref('first') }}");
  Write("models/third.sql", "{{ config(materialized='table') }} select count(*) as n from {{ ref('second') }}");
  Write("models/apart.sql", "{{ config(materialized='table') }} select 1 as a");
  Write("models/schema.yml", "models:\n  - name: first\n    columns: [{name: id, tests: [unique, not_null]}]\n");
  BuildFine();
  Sql("INSERT INTO raw.events VALUES (3, 'again', '2025-01-05')");
  const BuildReport report = Build();
  EXPECT_FALSE(report.ok());
  EXPECT_FALSE(report.published);
  const NodeResult& failed = FindNode(report, "unique_first_id");
  EXPECT_EQ(failed.outcome, NodeOutcome::kFail);
  EXPECT_EQ(failed.rows, 1u);
  EXPECT_EQ(failed.message, "models/schema.yml:3:34: unique_first_id: 1 failing row");
  EXPECT_EQ(FindNode(report, "not_null_first_id").outcome, NodeOutcome::kPass);
  EXPECT_EQ(FindNode(report, "second").outcome, NodeOutcome::kSkipped);
  EXPECT_THAT(FindNode(report, "second").message, HasSubstr("the test unique_first_id failed on model.shop.first"));
  EXPECT_EQ(FindNode(report, "third").outcome, NodeOutcome::kSkipped);
  EXPECT_EQ(FindNode(report, "apart").outcome, NodeOutcome::kSuccess);
  EXPECT_EQ(Sql("SELECT count(*) FROM shop.first"), "3");
  EXPECT_EQ(Sql("SELECT n FROM shop.third"), "3");
  // The table that it found wrong is gone, so the rows are in the report.
  ASSERT_EQ(failed.failing_rows.size(), 1u);
  EXPECT_EQ(failed.failing_rows[0], "{'unique_field': 3, 'n_records': 2}");
}

TEST_F(BuildTest, SeverityWhereAndLimitsOfTests) {
  Write("models/one.sql", "{{ config(materialized='table') }} select * from {{ source('raw', 'events') }}");
  Write("models/schema.yml", R"yml(models:
  - name: one
    columns:
      - name: kind
        data_tests:
          - unique: {name: only_warns, config: {severity: warn}}
          - unique: {name: on_one_day, config: {where: "date = '2025-01-02'"}}
          - unique: {name: few_are_fine, config: {error_if: ">5", warn_if: ">1"}}
          - accepted_values: {name: known, values: [a, b]}
          - accepted_values: {name: unknown, values: ["b", "it's"], severity: warn}
          - relationships: {name: related, to: "source('raw', 'events')", field: kind}
)yml");
  const BuildReport report = BuildFine();
  EXPECT_EQ(FindNode(report, "only_warns").outcome, NodeOutcome::kWarn);
  EXPECT_EQ(FindNode(report, "on_one_day").outcome, NodeOutcome::kPass);
  EXPECT_EQ(FindNode(report, "few_are_fine").outcome, NodeOutcome::kPass);
  EXPECT_EQ(FindNode(report, "known").outcome, NodeOutcome::kPass);
  EXPECT_EQ(FindNode(report, "unknown").outcome, NodeOutcome::kWarn);
  EXPECT_EQ(FindNode(report, "related").outcome, NodeOutcome::kPass);
  EXPECT_EQ(Sql(FindNode(report, "only_warns").failures_sql), "a,2");
}

TEST_F(BuildTest, TestsOfSourcesAndTestsAlone) {
  Write(
      "models/sources.yml",
      "sources:\n  - name: raw\n    tables:\n      - name: events\n        columns: [{name: kind, tests: [unique]}]\n");
  Write("models/one.sql", "{{ config(materialized='table') }} select * from {{ source('raw', 'events') }}");
  EXPECT_EQ(FindNode(Build(), "one").outcome, NodeOutcome::kSkipped);
  const BuildReport tests = Build({.tests_only = true});
  ASSERT_EQ(tests.nodes.size(), 1u);
  EXPECT_EQ(tests.nodes[0].name, "unique_source_raw_events_kind");
  EXPECT_EQ(tests.nodes[0].outcome, NodeOutcome::kFail);
  EXPECT_FALSE(tests.published);
}

TEST_F(BuildTest, AnErrorInSqlNamesTheFileAndStopsWhatDependsOnIt) {
  Write("models/wrong.sql", "select no_such_column from {{ source('raw', 'events') }}");
  Write("models/after.sql", "select * from {{ ref('wrong') }}");
  Write("models/z_broken.sql",
        "{{ config(materialized='table') }} select cast(kind as integer) as n from {{ source('raw', 'events') }}");
  const BuildReport report = Build();
  EXPECT_FALSE(report.published);
  EXPECT_THAT(FindNode(report, "wrong").message, HasSubstr("models/wrong.sql: "));
  EXPECT_THAT(FindNode(report, "wrong").message, HasSubstr("no_such_column"));
  EXPECT_EQ(FindNode(report, "after").outcome, NodeOutcome::kSkipped);
  EXPECT_EQ(FindNode(report, "z_broken").outcome, NodeOutcome::kError);
}

TEST_F(BuildTest, TemplatesCanAskTheDatabaseAndTheProject) {
  Write("macros/kinds.sql",
        "{% macro kinds() %}{% if execute %}{% set found = run_query('select distinct kind, 1 as n from raw.events "
        "order by kind') %}"
        "{{ return(found.columns[0].values()) }}{% else %}{{ return([]) }}{% endif %}{% endmacro %}");
  Write("models/pivot.sql",
        "{{ config(materialized='table', meta={'owner': 'me'}) }}\nselect date{% for kind in kinds() %}, count(*) "
        "filter (kind = '{{ kind }}') as "
        "kind_{{ kind }}{% endfor %}, '{{ this }}' as this, '{{ target.schema }}' as target, '{{ "
        "config.get('meta').owner }}' as owner, "
        "'{{ model.name }}' as model from {{ source('raw', 'events') }} group by date");
  BuildFine();
  EXPECT_EQ(Sql("SELECT * FROM shop.pivot ORDER BY date"),
            "2025-01-01,1,1,\"shop\".\"pivot\",shop,me,pivot;2025-01-02,1,0,\"shop\".\"pivot\",shop,me,pivot");
  Write("models/pivot.sql", "select 1 as a\n{{ exceptions.raise_compiler_error('not today') }}");
  EXPECT_THROW(LoadProject(folder_.path() + "/project"), std::runtime_error);
}

TEST_F(BuildTest, ATableInTheWayOfAViewIsKeptUnlessAskedFor) {
  Write("models/one.sql", "{{ config(materialized='table') }} select 1 as a");
  BuildFine();
  Write("models/one.sql", "select 2 as a");
  EXPECT_THAT(FindNode(Build(), "one").message,
              HasSubstr("shop.one is a table and the model makes a view; --full-refresh drops it first"));
  EXPECT_EQ(Sql("SELECT a FROM shop.one"), "1");
  BuildFine({.full_refresh = true});
  EXPECT_EQ(Sql("SELECT a FROM shop.one"), "2");
}

TEST_F(BuildTest, CompileShowsWhatABuildWouldRun) {
  WriteDailyModel();
  auto project = LoadProject(folder_.path() + "/project");
  EXPECT_THAT(*project->Compile("daily", lake_->context()), ::testing::Not(HasSubstr("where date in")));
  BuildFine();
  Sql("INSERT INTO raw.events VALUES (4, 'late', '2025-01-01')");
  EXPECT_THAT(*project->Compile("daily", lake_->context()), HasSubstr("where date in ('2025-01-01'::DATE)"));
  EXPECT_THAT(project->Compile("dialy", lake_->context()).error().message(), HasSubstr("did you mean 'daily'?"));
}

// The scenario's own project over seeded events.
class ClickstreamBuildTest : public ::testing::Test {
 protected:
  ClickstreamBuildTest() { OpenLake(); }
  ~ClickstreamBuildTest() override { EXPECT_TRUE(SetFailpoints("").ok()); }

  void OpenLake() {
    lake_ = std::make_unique<TestLake>(folder_.path() + "/data");
    lake_->Sql("CREATE SCHEMA IF NOT EXISTS clickstream");
  }
  static std::string Project() { return std::string(std::getenv("TARN_SOURCE_DIR")) + "/examples/clickstream"; }

  void CreateSilver() {
    lake_->Sql(R"(CREATE TABLE clickstream.clickstream_events_delta (
      event_id VARCHAR, user_id VARCHAR, session_id VARCHAR, event_type VARCHAR, product_id VARCHAR, "timestamp" TIMESTAMPTZ,
      page_url VARCHAR, user_agent VARCHAR, ip_address VARCHAR, device_type VARCHAR, browser VARCHAR, os VARCHAR, country VARCHAR,
      referrer VARCHAR, screen_resolution VARCHAR, time_on_page INTEGER, scroll_depth INTEGER, click_coordinates MAP(VARCHAR, INTEGER),
      processing_timestamp TIMESTAMPTZ, date DATE) PARTITIONED BY (date))");
  }

  // `count` events of `days` days from the given one; ids begin at `first`, so that a seed gives the same rows every
  // time.
  void AddEvents(int first, int count, int day, int days) {
    lake_->Sql(
        "INSERT INTO clickstream.clickstream_events_delta SELECT 'e' || i, 'u' || hash(i) % 40, 's' || hash(i, 1) % "
        "90, "
        "['page_view', 'product_view', 'add_to_cart', 'checkout', 'purchase'][1 + (hash(i, 2) % 5)::BIGINT], "
        "CASE WHEN hash(i, 3) % 4 = 0 THEN NULL ELSE ['laptop', 'smartphone', 'tablet'][1 + (hash(i, 4) % 3)::BIGINT] "
        "END, t, "
        "'/', 'agent', '10.0.0.1', 'mobile', 'Chrome', 'Linux', 'US', NULL, '800x600', "
        "CASE WHEN hash(i, 5) % 9 = 0 THEN NULL ELSE hash(i, 6) % 300 END, hash(i, 7) % 101, MAP {'x': 1, 'y': 2}, "
        "t + INTERVAL 1 MINUTE, CAST(t AS DATE) FROM (SELECT i, TIMESTAMPTZ '2025-03-01 00:00:00+00' + "
        "to_seconds((" +
        std::to_string(day) + " * 86400 + hash(i, 8) % (86400 * " + std::to_string(days) +
        "))::BIGINT) AS t "
        "FROM range(" +
        std::to_string(first) + ", " + std::to_string(first + count) + ") AS r(i))");
  }

  BuildReport Build(const BuildOptions& options = {}) {
    BuildReport report = BuildProject(Project(), *lake_, options);
    EXPECT_TRUE(report.ok()) << Describe(report);
    return report;
  }

  // The differences between a table and what it must be; "0" when there are none.
  std::string Differences(const std::string& table, const std::string& expected) {
    return lake_->Sql("SELECT count(*) FROM ((SELECT * FROM " + table + " EXCEPT ALL (" + expected + ")) UNION ALL ((" +
                      expected + ") EXCEPT ALL SELECT * FROM " + table + "))");
  }

  // Gold, computed another way: from lists of distinct values instead of distinct aggregates.
  void ExpectGoldIsRight() {
    const std::string silver = "clickstream.clickstream_events_delta";
    EXPECT_EQ(Differences("clickstream.daily_user_activity",
                          "SELECT date, user_id, sum(1)::BIGINT, len(list_distinct(list(session_id)))::BIGINT, "
                          "coalesce(len(list_distinct(list(product_id) FILTER (product_id IS NOT NULL))), 0)::BIGINT, "
                          "sum(CASE WHEN event_type = 'purchase' THEN 1 ELSE 0 END)::BIGINT, "
                          "sum(time_on_page)::DOUBLE / count(time_on_page) FROM " +
                              silver + " GROUP BY ALL"),
              "0");
    EXPECT_EQ(
        Differences("clickstream.product_performance",
                    "SELECT date, product_id, sum(1)::BIGINT, sum((event_type = 'product_view')::INT)::BIGINT, "
                    "sum((event_type = 'add_to_cart')::INT)::BIGINT, sum((event_type = 'purchase')::INT)::BIGINT, "
                    "len(list_distinct(list(user_id)))::BIGINT, sum(time_on_page)::DOUBLE / count(time_on_page) FROM " +
                        silver + " WHERE product_id IS NOT NULL GROUP BY ALL"),
        "0");
    EXPECT_EQ(Differences("clickstream.daily_aggregates",
                          "SELECT date, event_type, sum(1)::BIGINT, len(list_distinct(list(user_id)))::BIGINT, "
                          "len(list_distinct(list(session_id)))::BIGINT FROM " +
                              silver + " GROUP BY ALL"),
              "0");
  }

  TemporaryFolder folder_;
  std::unique_ptr<TestLake> lake_;
};

TEST_F(ClickstreamBuildTest, GoldIsWhatTheScenarioSays) {
  CreateSilver();
  AddEvents(0, 5000, 0, 5);
  const BuildReport report = Build();
  EXPECT_TRUE(report.published);
  ExpectGoldIsRight();
  EXPECT_EQ(lake_->Sql("SELECT column_name || ' ' || column_type FROM (DESCRIBE clickstream.product_performance)"),
            "date DATE;product_id VARCHAR;total_events BIGINT;total_views BIGINT;cart_adds BIGINT;purchases "
            "BIGINT;unique_users BIGINT;"
            "avg_time_on_page DOUBLE");
  EXPECT_EQ(lake_->Sql("SELECT count(*) FROM (DESCRIBE staging.stg_clickstream_events)"), "18");
  EXPECT_EQ(lake_->Sql("SELECT sum(total_events) FROM clickstream.user_session_metrics"), "5000");
  EXPECT_EQ(
      lake_->Sql("SELECT count(*) FROM clickstream.product_conversion_rates WHERE conversion_rate IS DISTINCT FROM "
                 "round(100 * purchases / total_views, 2)"),
      "0");
}

TEST_F(ClickstreamBuildTest, IncrementalEqualsFullAfterLateRecords) {
  CreateSilver();
  AddEvents(0, 2000, 0, 4);
  Build();
  Random random(11);
  for (int round = 1; round <= 6; ++round) {
    // New events on one day or several, mostly on days that gold has already.
    AddEvents(round * 10'000, 1 + int(random.Below(300)), int(random.Below(6)), 1 + int(random.Below(3)));
    if (random.Below(2) == 0) AddEvents(round * 10'000 + 5'000, 20, int(random.Below(4)), 1);
    Build();
    ExpectGoldIsRight();
    const std::string version = lake_->Sql("SELECT tarn_table_version('clickstream.daily_user_activity')");
    Build();
    EXPECT_EQ(lake_->Sql("SELECT tarn_table_version('clickstream.daily_user_activity')"), version);
  }
  Build({.full_refresh = true});
  ExpectGoldIsRight();
}

TEST_F(ClickstreamBuildTest, ABrokenSilverPublishesNoGold) {
  CreateSilver();
  AddEvents(0, 500, 0, 2);
  Build();
  const std::string before = lake_->Sql("SELECT sum(total_events) FROM clickstream.daily_user_activity");
  AddEvents(0, 1, 0, 2);  // the event of id e0 a second time
  const BuildReport report = BuildProject(Project(), *lake_);
  EXPECT_FALSE(report.published);
  EXPECT_EQ(FindNode(report, "unique_stg_clickstream_events_event_id").outcome, NodeOutcome::kFail);
  EXPECT_EQ(FindNode(report, "daily_user_activity").outcome, NodeOutcome::kSkipped);
  EXPECT_EQ(lake_->Sql("SELECT sum(total_events) FROM clickstream.daily_user_activity"), before);
}

TEST_F(ClickstreamBuildTest, EachTestOfSilverFindsItsFault) {
  CreateSilver();
  AddEvents(0, 100, 0, 1);
  Build();
  const std::map<std::string, std::string> faults = {
      {"accepted_values_stg_clickstream_events_event_t", "event_type = 'refund'"},
      {"timestamp_not_in_future", "processing_timestamp = \"timestamp\" - INTERVAL 6 MINUTE"},
      {"not_null_stg_clickstream_events_user_id", "user_id = NULL"},
      {"not_null_stg_clickstream_events_session_id", "session_id = NULL"},
      {"in_range_stg_clickstream_events_time_on_page__0__3600", "time_on_page = 3601"},
      {"in_range_stg_clickstream_events_scroll_depth__0__100", "scroll_depth = -1"},
      {"click_coordinates_on_screen", "click_coordinates = MAP {'x': 1, 'y': 2161}"}};
  int id = 1'000;
  for (const auto& [test, fault] : faults) {
    const size_t equals = fault.find(" = ");
    lake_->Sql("INSERT INTO clickstream.clickstream_events_delta SELECT * REPLACE ('f" + std::to_string(++id) +
               "' AS event_id, " + fault.substr(equals + 3) + " AS " + fault.substr(0, equals) +
               ") FROM clickstream.clickstream_events_delta WHERE event_id = 'e1'");
  }
  const BuildReport report = BuildProject(Project(), *lake_, {.select = "stg_clickstream_events", .tests_only = true});
  for (const auto& [test, fault] : faults) {
    const auto found = std::find_if(report.nodes.begin(), report.nodes.end(),
                                    [name = test](const NodeResult& n) { return n.name.starts_with(name); });
    ASSERT_NE(found, report.nodes.end()) << test;
    EXPECT_EQ(found->outcome, NodeOutcome::kFail) << test << found->message;
    EXPECT_EQ(found->rows, 1u) << test;
  }
}

TEST_F(ClickstreamBuildTest, AKilledBuildLeavesAllOrNothingAndTheNextOneIsRight) {
  CreateSilver();
  AddEvents(0, 600, 0, 3);
  Build();
  lake_.reset();
  int first = 10'000;
  for (const char* point : {"model.build.before_model=exit@3", "model.build.before_commit=exit",
                            "catalog.publish.after_pin=exit", "catalog.publish.after_log_commit=exit@1",
                            "catalog.publish.before_unpin=exit", "model.build.after_commit=exit"}) {
    SCOPED_TRACE(point);
    OpenLake();
    AddEvents(first, 200, 1, 3);
    first += 1'000;
    lake_.reset();
    const pid_t child = fork();
    if (child == 0) {  // a process of its own, with a lake of its own
      OpenLake();
      if (!SetFailpoints(point).ok()) _exit(99);
      (void)BuildProject(Project(), *lake_);
      _exit(0);  // the point was never passed
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_FALSE(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 99));
    OpenLake();
    // Both tables stand at one silver version, whatever happened.
    EXPECT_EQ(lake_->Sql("SELECT (SELECT sum(purchases) FROM clickstream.daily_user_activity) = "
                         "(SELECT sum(event_count) FROM clickstream.daily_aggregates WHERE event_type = 'purchase')"),
              "true");
    Build();
    ExpectGoldIsRight();
    lake_.reset();
  }
}

}  // namespace
}  // namespace tarn::model
