#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "base/file_system.h"
#include "model/project.h"
#include "model/project_internal.h"
#include "model/testing/model_fixture.h"

// Reading a project: what it becomes, and what is said when it is wrong.

namespace tarn::model {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::LoadProject;
using testing::TemporaryFolder;

class LoadTest : public ::testing::Test {
 protected:
  LoadTest() {
    Write("dbt_project.yml", "name: shop\n");
    Write("models/sources.yml", "version: 2\nsources:\n  - name: raw\n    tables: [{name: events}]\n");
  }
  void Write(const std::string& file, const std::string& content) { folder_.Write(file, content); }

  std::string Message(ProjectOptions options = {}) {
    options.directory = folder_.path();
    const auto loaded = Project::Load(PosixFileSystem(), options);
    return loaded.ok() ? "loaded" : loaded.error().ToString();
  }
  std::vector<std::string> Names() {
    std::vector<std::string> names;
    const auto project = LoadProject(folder_.path());
    for (const NodeInfo& node : project->nodes()) names.push_back(node.name);
    return names;
  }
  NodeInfo Node(const std::string& name) {
    const auto project = LoadProject(folder_.path());
    for (const NodeInfo& node : project->nodes()) {
      if (node.name == name) return node;
    }
    throw std::runtime_error("no node " + name);
  }

  TemporaryFolder folder_;
};

TEST_F(LoadTest, OrdersModelsByTheirReferencesAndTestsAsEarlyAsTheyCan) {
  Write("models/a_last.sql", "select * from {{ ref('b_middle') }} join {{ ref('shop', 'c_first') }} using (id)");
  Write("models/b_middle.sql", "select * from {{ ref('c_first') }}");
  Write("models/c_first.sql", "select * from {{ source('raw', 'events') }}");
  Write("models/schema.yml",
        "models:\n  - name: c_first\n    columns:\n      - name: id\n        tests: [unique, not_null]\n");
  EXPECT_THAT(Names(), ElementsAre("c_first", "not_null_c_first_id", "unique_c_first_id", "b_middle", "a_last"));
  EXPECT_THAT(Node("a_last").depends_on, ElementsAre("model.shop.b_middle", "model.shop.c_first"));
  EXPECT_THAT(Node("c_first").depends_on, ElementsAre("source.shop.raw.events"));
}

TEST_F(LoadTest, ConfigsComeFromProjectSchemaFileAndModelInThatOrder) {
  Write("dbt_project.yml",
        "name: shop\nmodels:\n  +schema: everywhere\n  shop:\n    marts:\n      +schema: gold\n      +materialized: "
        "table\n");
  Write("models/one.sql", "select 1 as a");
  Write("models/marts/two.sql", "select 1 as a");
  Write("models/marts/three.sql", "{{ config(materialized='ephemeral') }} select 1 as a");
  Write("models/marts/schema.yml", "models:\n  - name: two\n    config: {schema: \"{{ var('place', 'special') }}\"}\n");
  EXPECT_EQ(Node("one").name_space, "everywhere");
  EXPECT_EQ(Node("one").materialization, Materialization::kView);
  EXPECT_EQ(Node("two").name_space, "special");
  EXPECT_EQ(Node("two").materialization, Materialization::kTable);
  EXPECT_EQ(Node("three").name_space, "gold");
  EXPECT_EQ(Node("three").materialization, Materialization::kEphemeral);
}

TEST_F(LoadTest, TheNamespaceIsTheTargetsElseTheProjects) {
  Write("models/one.sql", "select 1 as a");
  EXPECT_EQ(Node("one").name_space, "shop");
  Write("profiles.yml", "shop:\n  target: dev\n  outputs:\n    dev: {type: duckdb, schema: analytics}\n");
  EXPECT_EQ(Node("one").name_space, "analytics");
}

TEST_F(LoadTest, AnUnknownRefNamesItsPlaceAndTheNearestModel) {
  Write("models/stg_events.sql", "select 1 as a");
  Write("models/daily.sql", "select *\nfrom {{ ref('stg_evnts') }}");
  EXPECT_THAT(Message(), HasSubstr("models/daily.sql:2:"));
  EXPECT_THAT(Message(), HasSubstr("there is no model 'stg_evnts', did you mean 'stg_events'?"));
}

TEST_F(LoadTest, AnUnknownSourceOrPackageIsNamed) {
  Write("models/daily.sql", "select * from {{ source('raw', 'event') }}");
  EXPECT_THAT(Message(), HasSubstr("there is no source 'raw.event', did you mean 'raw.events'?"));
  EXPECT_THAT(Message(), HasSubstr("models/daily.sql:1:"));
  Write("models/daily.sql", "select * from {{ ref('shops', 'x') }}");
  EXPECT_THAT(Message(), HasSubstr("there is no package 'shops'"));
}

TEST_F(LoadTest, ACycleIsShownAsAPath) {
  Write("models/a.sql", "select * from {{ ref('b') }}");
  Write("models/b.sql", "select * from\n{{ ref('c') }}");
  Write("models/c.sql", "select * from {{ ref('a') }}");
  EXPECT_THAT(Message(), HasSubstr("models refer to each other in a circle: a -> b -> c -> a"));
  EXPECT_THAT(Message(), HasSubstr("models/a.sql:1:"));
  Write("models/c.sql", "select 1");
  Write("models/a.sql", "select * from {{ ref('a') }}");
  EXPECT_THAT(Message(), HasSubstr("circle: a -> a"));
}

TEST_F(LoadTest, UnknownKeysAndConfigsNameThePlaceAndTheNearestRightOne) {
  Write("models/one.sql", "select 1 as a");
  Write("dbt_project.yml", "name: shop\nmodel-path: [models]\n");
  EXPECT_EQ(Message(), "dbt_project.yml:2:1: unknown key 'model-path', did you mean 'model-paths'?");
  Write("dbt_project.yml", "name: shop\nmodels:\n  shop:\n    +materialised: table\n");
  EXPECT_EQ(Message(), "dbt_project.yml:4:20: unknown config 'materialised', did you mean 'materialized'?");
  Write("dbt_project.yml", "name: shop\nmodels:\n  shop:\n    stagin:\n      +materialized: table\n");
  EXPECT_THAT(Message(), HasSubstr("dbt_project.yml:4:5: 'stagin' is neither a config"));
  Write("dbt_project.yml", "name: shop\n");
  Write("models/schema.yml", "models:\n  - name: one\n    colums: []\n");
  EXPECT_EQ(Message(), "models/schema.yml:3:5: unknown key 'colums' of a model, did you mean 'columns'?");
  Write("models/schema.yml", "models:\n  - name: onne\n");
  EXPECT_EQ(Message(), "models/schema.yml:2:5: there is no model 'onne', did you mean 'one'?");
  Write("models/schema.yml", "models:\n  - name: one\n    data_tests:\n      - uniqe\n");
  EXPECT_EQ(Message(), "models/schema.yml:4:9: there is no test 'uniqe', did you mean 'unique'?");
  Write("models/schema.yml",
        "models:\n  - name: one\n    columns:\n      - name: a\n        tests:\n          - accepted_values: {value: "
        "[1]}\n");
  EXPECT_EQ(Message(),
            "models/schema.yml:6:13: the test 'accepted_values' has no argument 'value', did you mean 'values'?");
  Write("models/schema.yml", "{}");
  Write("models/one.sql", "{{ config(materialized='tabel') }} select 1 as a");
  EXPECT_THAT(Message(), HasSubstr("models/one.sql:1:"));
  EXPECT_THAT(
      Message(),
      HasSubstr(
          "config 'materialized' is 'tabel'; it may be view, table, incremental, ephemeral, did you mean 'table'?"));
}

TEST_F(LoadTest, WhatWouldChangeABuildAndIsNotThereIsRefused) {
  Write("models/one.sql", "{{ config(materialized='incremental', unique_key='id') }} select 1 as id");
  EXPECT_THAT(Message(), HasSubstr("config 'unique_key' is not supported"));
  Write("models/one.sql", "{{ config(materialized='incremental', incremental_strategy='merge') }} select 1 as id");
  EXPECT_THAT(Message(), HasSubstr("merge is not supported"));
  Write("models/one.sql",
        "{{ config(materialized='incremental', incremental_strategy='insert_overwrite') }} select 1 as id");
  EXPECT_THAT(Message(), HasSubstr("insert_overwrite needs partition_by"));
}

TEST_F(LoadTest, VariablesComeFromTheCommandLineThenTheProjectThenTheDefault) {
  Write("dbt_project.yml", "name: shop\nvars:\n  a: project\n  shop: {b: own}\n");
  Write("models/one.sql", "{{ config(alias=var('a') ~ '_' ~ var('b') ~ '_' ~ var('c', 'default')) }} select 1 as x");
  EXPECT_EQ(Message(), "loaded");
  Write("models/one.sql", "select '{{ var('aa') }}' as x");
  EXPECT_THAT(Message(), HasSubstr("the variable 'aa' is not set"));
  EXPECT_EQ(Message({.vars = {{"aa", "1"}}}), "loaded");
}

TEST_F(LoadTest, EnvironmentVariablesAreAskedFor) {
  Write("models/one.sql", "select '{{ env_var('SHOP') }}' as x");
  EXPECT_THAT(Message(), HasSubstr("the environment variable 'SHOP' is not set"));
  EXPECT_EQ(Message({.environment =
                         [](const std::string& name) {
                           return name == "SHOP" ? std::optional<std::string>("x") : std::nullopt;
                         }}),
            "loaded");
}

TEST_F(LoadTest, TwoModelsOfOneNameOrPlaceAreRefused) {
  Write("models/a/one.sql", "select 1 as x");
  Write("models/b/one.sql", "select 1 as x");
  EXPECT_EQ(Message(), "models/b/one.sql: a model 'one' is there already: models/a/one.sql");
  Write("models/b/one.sql", "");
  folder_.Remove("models/b/one.sql");
  Write("models/b/two.sql", "{{ config(alias='one') }} select 1 as x");
  EXPECT_THAT(Message(), HasSubstr("the model writes shop.one, and so does models/a/one.sql"));
}

TEST_F(LoadTest, DisabledModelsAreLeftOutWithTheirTests) {
  Write("models/one.sql", "{{ config(enabled=false) }} select 1 as a");
  Write("models/schema.yml", "models:\n  - name: one\n    columns: [{name: a, tests: [unique]}]\n");
  EXPECT_TRUE(Names().empty());
  Write("models/two.sql", "select * from {{ ref('one') }}");
  EXPECT_THAT(Message(), HasSubstr("the model 'one' is disabled"));
}

TEST_F(LoadTest, TestsOfAProjectsOwnAndSingularTests) {
  Write("models/one.sql", "select 1 as a");
  Write("tests/generic/positive.sql",
        "{% test positive(model, column_name, least=0) %}select * from {{ model }} where {{ column_name }} <= {{ least "
        "}}{% endtest %}");
  Write("tests/all_fine.sql", "select * from {{ ref('one') }} where a is null");
  Write("models/schema.yml",
        "models:\n  - name: one\n    columns: [{name: a, data_tests: [positive: {least: 0, config: {severity: "
        "warn}}]}]\n");
  EXPECT_THAT(Names(), ElementsAre("one", "all_fine", "positive_one_a__0"));
}

class SelectionTest : public LoadTest {
 protected:
  SelectionTest() {
    Write("models/staging/stg.sql", "{{ config(tags=['early']) }} select * from {{ source('raw', 'events') }}");
    Write("models/marts/daily.sql", "{{ config(tags='gold') }} select * from {{ ref('stg') }}");
    Write("models/marts/weekly.sql", "{{ config(tags='gold') }} select * from {{ ref('daily') }}");
    Write("models/other.sql", "select 1 as a");
    Write("models/schema.yml", "models:\n  - name: daily\n    columns: [{name: a, tests: [unique]}]\n");
  }
};

// Short names of what is selected, sorted; or the error.
std::string SelectedNames(const std::string& folder, const std::string& select, const std::string& exclude = "") {
  const auto data = LoadProjectData(PosixFileSystem(), {.directory = folder});
  const auto selected = Select(**data, select, exclude);
  if (!selected.ok()) return selected.error().message();
  std::set<std::string> names;
  for (const std::string& id : *selected) names.insert(id.substr(id.rfind('.') + 1));
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : " ") + name;
  return text;
}

TEST_F(SelectionTest, NamesFoldersTagsAndTheGraph) {
  const auto select = [this](const std::string& words, const std::string& exclude = "") {
    return SelectedNames(folder_.path(), words, exclude);
  };
  EXPECT_EQ(select(""), "daily other stg unique_daily_a weekly");
  EXPECT_EQ(select("stg"), "stg");
  EXPECT_EQ(select("daily"), "daily unique_daily_a");
  EXPECT_EQ(select("daily", "unique_daily_a"), "daily");
  EXPECT_EQ(select("+daily"), "daily events stg unique_daily_a");
  EXPECT_EQ(select("1+weekly"), "daily unique_daily_a weekly");
  EXPECT_EQ(select("stg+"), "daily stg unique_daily_a weekly");
  EXPECT_EQ(select("stg+1"), "daily stg unique_daily_a");
  EXPECT_EQ(select("other weekly"), "other weekly");
  EXPECT_EQ(select("tag:gold,+daily"), "daily unique_daily_a");
  EXPECT_EQ(select("path:models/marts"), "daily unique_daily_a weekly");
  EXPECT_EQ(select("path:models/staging/stg.sql"), "stg");
  EXPECT_EQ(select("marts"), "daily unique_daily_a weekly");
  EXPECT_EQ(select("source:raw+1"), "events stg");
  EXPECT_EQ(select("tag:*", "daily+"), "stg");
  EXPECT_EQ(select("dialy"), "--select: 'dialy' matches nothing, did you mean 'daily'?");
  EXPECT_EQ(select("tags:gold"), "--select: unknown method 'tags:', did you mean 'tag'?");
}

TEST(Example, TheClickstreamProjectLoads) {
  const char* source = std::getenv("TARN_SOURCE_DIR");
  ASSERT_NE(source, nullptr);
  const auto project = LoadProject(std::string(source) + "/examples/clickstream");
  EXPECT_EQ(project->name(), "clickstream");
  std::map<std::string, std::string> places;
  for (const NodeInfo& node : project->nodes()) {
    if (node.kind == NodeKind::kModel) places[node.name] = node.name_space;
  }
  EXPECT_EQ(places, (std::map<std::string, std::string>{{"stg_clickstream_events", "staging"},
                                                        {"daily_user_activity", "clickstream"},
                                                        {"product_performance", "clickstream"},
                                                        {"daily_aggregates", "clickstream"},
                                                        {"user_session_metrics", "clickstream"},
                                                        {"product_conversion_rates", "clickstream"}}));
}

}  // namespace
}  // namespace tarn::model
