#include "cli/project_template.h"

// A small project that runs as it is: events, one silver table, one gold table with tests.

namespace tarn::cli {
namespace {

constexpr char kTarnYml[] =
    R"(# What runs: topics, streams, generators. The models beside it are an ordinary dbt project.
name: @NAME@

# The event log: Tarn's own. Any other Kafka instead: kafka://host:port
broker: embedded

topics:
  events:
    partitions: 3
  events-errors:
    partitions: 1

# Sends seeded web events while `tarn up` runs; leave it out with --no-generators.
generators:
  web:
    kind: clickstream
    topic: events
    rate: 50

# Reads a topic into a table, each record exactly once.
streams:
  events:
    topic: events
    table: events
    columns:
      event_id: string not null
      timestamp: timestamp not null
      user_id: string
      session_id: string
      event_type: string
      product_id: string
      country: string
      time_on_page: int
    sql: SELECT *, CAST(timestamp AS DATE) AS date FROM batch
    partition_by: date
    not_null: date
    deduplicate_by: event_id
    event_time: timestamp
    commit_interval: 500ms
    dead_letters:
      topic: events-errors
      table: events_errors
)";

constexpr char kDbtProject[] = R"(name: @NAME@
version: '1.0'
config-version: 2
profile: tarn
model-paths: [models]
test-paths: [tests]

models:
  @NAME@:
    +materialized: table
)";

constexpr char kSources[] = R"(version: 2

sources:
  - name: @NAME@
    tables:
      - name: events

models:
  - name: events_by_day
    description: How many events of each type a day had, and of how many users.
    columns:
      - name: date
        tests: [not_null]
      - name: event_type
        tests:
          - accepted_values:
              values: [page_view, product_view, add_to_cart, checkout, purchase]
)";

constexpr char kModel[] = R"(SELECT date, event_type, count(*) AS events, count(DISTINCT user_id) AS users
FROM {{ source('@NAME@', 'events') }}
GROUP BY date, event_type
)";

constexpr char kReadme[] = R"(# @NAME@

    tarn up                                   everything runs; Ctrl-C stops it
    tarn sql "FROM events LIMIT 5"            in another terminal
    tarn build                                gold: models/events_by_day.sql, with its tests
    tarn sql "FROM events_by_day"
    kcat -b 127.0.0.1:9092 -t events -C -c 3  any Kafka client reads and writes the topics

The data lies in `.tarn/`: delete the folder to begin anew.
)";

std::string WithName(std::string text, const std::string& name) {
  for (size_t at = text.find("@NAME@"); at != std::string::npos; at = text.find("@NAME@", at))
    text.replace(at, 6, name);
  return text;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> ProjectTemplate(const std::string& name) {
  return {{"tarn.yml", WithName(kTarnYml, name)},          {"dbt_project.yml", WithName(kDbtProject, name)},
          {"models/schema.yml", WithName(kSources, name)}, {"models/events_by_day.sql", WithName(kModel, name)},
          {"README.md", WithName(kReadme, name)},          {".gitignore", ".tarn/\ntarget/\n"}};
}

}  // namespace tarn::cli
