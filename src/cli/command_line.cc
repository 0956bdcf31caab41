#include "cli/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <functional>

#include "base/yaml.h"
#include "cli/commands/commands.h"
#include "cli/exit_codes.h"
#include "cli/version.h"
#include "cli/yaml_reader_internal.h"
#include "engine/duckdb_access.h"

namespace tarn::cli {
namespace {

constexpr char kFooter[] =
    "\nA first run:\n"
    "  tarn init shop && tarn up shop          a project, and everything in it running\n"
    "  tarn sql --project shop \"FROM events LIMIT 5\"\n";

// One command line being taken apart; the options live as long as the command that they are for.
class CommandLine {
 public:
  CommandLine() : app_("Tarn: a streaming lakehouse in one program", "tarn") {
    app_.set_version_flag("--version",
                          std::string("tarn ") + kVersion + " (DuckDB " + std::string(engine::kDuckdbVersion) + ")");
    app_.require_subcommand(1);
    app_.footer(kFooter);
    app_.get_formatter()->column_width(34);
    AddInit();
    AddUp();
    AddSql();
    AddGenerate();
    AddTable();
    AddTopic();
    AddModels();
    AddStatus();
  }

  int Run(int argc, const char* const* argv) {
    for (int i = 0; i < argc; ++i) up_.command += (i > 0 ? " " : "") + std::string(argv[i]);
    try {
      app_.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      return Explain(error, argc, argv);
    }
    return run_ ? run_() : kExitWrongUsage;
  }

 private:
  // Help and version are answers; everything else is wrong usage, with the nearest right word where there is one.
  int Explain(const CLI::ParseError& error, int argc, const char* const* argv) {
    if (error.get_exit_code() == 0) {
      app_.exit(error);
      return kExitDone;
    }
    const CLI::App* at = &app_;
    while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
    std::string what = error.what();
    for (int i = 1; i < argc; ++i)
      if (const std::string misfit = Misfit(*at, argv[i]); !misfit.empty()) {
        what = misfit;
        break;
      }
    std::fprintf(stderr, "tarn: %s\n  `%s --help` tells what there is\n", what.c_str(), FullName(*at).c_str());
    return kExitWrongUsage;
  }

  static std::string FullName(const CLI::App& app) {
    return app.get_parent() == nullptr ? app.get_name() : FullName(*app.get_parent()) + " " + app.get_name();
  }

  // What is wrong with a word that is no option or command of `app`; empty for all others.
  static std::string Misfit(const CLI::App& app, const std::string& word) {
    const bool is_option = word.starts_with("--");
    if (!is_option && (word.starts_with("-") || app.get_require_subcommand_min() == 0)) return "";
    std::vector<std::string> known;
    if (is_option) {
      for (const CLI::Option* option : app.get_options())
        for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
    } else {
      for (const CLI::App* at = &app; at != nullptr; at = at->get_parent())
        for (const CLI::App* command : at->get_subcommands([](const CLI::App*) { return true; }))
          known.push_back(command->get_name());
    }
    const std::string name = word.substr(0, word.find('='));
    if (std::find(known.begin(), known.end(), name) != known.end()) return "";
    const auto nearest = NearestWord(name, known);
    return "`" + FullName(app) + "` has no " + (is_option ? "option " : "command ") + name +
           (nearest ? "; did you mean " + *nearest + "?" : "");
  }

  CLI::App* Add(CLI::App& parent, const std::string& name, const std::string& what, const std::string& example,
                std::function<int()> run) {
    CLI::App* command = parent.add_subcommand(name, what);
    command->callback([this, run = std::move(run)] { run_ = run; });
    command->footer("\nExample:\n  " + example + "\n");
    command->get_formatter()->column_width(34);
    return command;
  }

  static void AddPlace(CLI::App* command, PlaceOptions* place) {
    command->add_option("--project", place->project, "The project folder (default: the working directory)");
    command->add_option("--data-dir", place->data_dir, "The data directory (default: PROJECT/.tarn)");
  }

  void AddInit() {
    CLI::App* command =
        Add(app_, "init", "Write a small working project", "tarn init shop", [this] { return RunInit(init_); });
    command->add_option("DIR", init_.directory, "A new or empty folder")->required();
    AddPlace(command, &unused_);
  }

  void AddUp() {
    CLI::App* command = Add(app_, "up", "Run a project: log, streams, tables, SQL, generators",
                            "tarn up examples/clickstream --for 60s", [this] { return RunUp(up_); });
    command->add_option("DIR", up_.place.project, "The project folder (default: the working directory)");
    AddPlace(command, &up_.place);
    command->add_option_function<std::string>(
        "--for",
        [this](const std::string& text) {
          const auto duration = ParseDuration(text);
          if (!duration.ok() || *duration == 0)
            throw CLI::ValidationError("--for", "'" + text + "' is not a duration like 60s or 5m");
          up_.seconds = double(*duration) / 1e6;
        },
        "Stop by itself after this long (60s, 5m)");
    command->add_flag("!--no-generators", up_.generators, "Leave out the generators of tarn.yml");
  }

  void AddSql() {
    CLI::App* command = Add(app_, "sql", "Run SQL, or open a shell", "tarn sql \"SELECT count(*) FROM events\" --csv",
                            [this] { return RunSql(sql_); });
    command->add_option("STATEMENT", sql_.statement, "SQL; without it a shell, or statements from standard input");
    AddPlace(command, &sql_.place);
    command->add_option("--mode", sql_.mode, "box, csv, json, markdown or vertical");
    for (const char* mode : {"json", "csv", "markdown", "vertical", "box"})
      command->add_flag_callback(
          std::string("--") + mode, [this, mode] { sql_.mode = mode; }, std::string("The same as --mode ") + mode);
  }

  void AddGenerate() {
    CLI::App* parent = app_.add_subcommand("generate", "Send seeded events to a topic");
    parent->require_subcommand(1);
    CLI::App* command =
        Add(*parent, "clickstream", "Web events of returning users, with stated shares of faults",
            "tarn generate clickstream --events 100000 --seed 7 --json", [this] { return RunGenerate(generate_); });
    AddPlace(command, &generate_.place);
    command->add_option("--events", generate_.events, "How many records, faults included")
        ->required()
        ->check(CLI::PositiveNumber);
    command->add_option("--rate", generate_.rate, "Records a second; 0: as fast as possible")
        ->check(CLI::NonNegativeNumber);
    command->add_option("--seed", generate_.seed, "The same seed and start give the same bytes (default 42)");
    command->add_option("--start", generate_.start, "Event time of the first record (default: now)");
    command->add_option("--bootstrap", generate_.bootstrap, "HOST:PORT of a Kafka (default: the running Tarn's)");
    command->add_option("--topic", generate_.topic, "Where to (default clickstream-events)");
    command->add_option("--mode", generate_.mode, "realistic or original")
        ->check(CLI::IsMember({"realistic", "original"}));
    command->add_flag("--json", generate_.json, "End with one JSON object");
  }

  void AddTable() {
    CLI::App* parent = app_.add_subcommand("table", "Look at tables");
    parent->require_subcommand(1);
    const auto add = [&](const std::string& action, const std::string& what, const std::string& example) {
      CLI::App* command = Add(*parent, action, what, example, [this, action] {
        table_.action = action;
        return RunTable(table_);
      });
      AddPlace(command, &table_.place);
      command->add_flag("--json", table_.json, "JSON instead of text");
      if (action != "list") command->add_option("NAME", table_.name, "[NAMESPACE.]TABLE")->required();
      return command;
    };
    add("list", "All tables and views", "tarn table list");
    add("show", "Where a table lies, its columns, its size", "tarn table show clickstream.events --json");
    add("history", "The commits of a table, newest first", "tarn table history events --limit 5")
        ->add_option("--limit", table_.limit, "How many (default 20)");
    add("files", "The data files of a table", "tarn table files events --version 3")
        ->add_option("--version", table_.version, "As of this version (default: the newest)");
  }

  void AddTopic() {
    CLI::App* parent = app_.add_subcommand("topic", "Look at topics, make and delete them");
    parent->require_subcommand(1);
    const auto add = [&](const std::string& action, const std::string& what, const std::string& example) {
      CLI::App* command = Add(*parent, action, what, example, [this, action] {
        topic_.action = action;
        return RunTopic(topic_);
      });
      AddPlace(command, &topic_.place);
      command->add_option("--bootstrap", topic_.bootstrap, "HOST:PORT of a Kafka (default: the running Tarn's)");
      command->add_flag("--json", topic_.json, "JSON instead of text");
      if (action != "list") command->add_option("NAME", topic_.name, "The topic")->required();
      return command;
    };
    add("list", "All topics", "tarn topic list");
    add("show", "Partitions, offsets and settings of a topic", "tarn topic show clickstream-events");
    CLI::App* create =
        add("create", "Make a topic", "tarn topic create orders --partitions 3 --config retention.ms=86400000");
    create->add_option("--partitions", topic_.partitions, "How many (default 1)")->check(CLI::Range(1, 10'000));
    create->add_option("--config", topic_.config, "KEY=VALUE under Kafka's names; repeatable");
    CLI::App* tail = add("tail", "The newest records of a topic", "tarn topic tail clickstream-events -n 3 -f");
    tail->add_option("-n,--count", topic_.count, "How many (default 10)");
    tail->add_flag("-f,--follow", topic_.follow, "Go on with what comes");
    add("delete", "Delete a topic and its records", "tarn topic delete orders --yes")
        ->add_flag("--yes", topic_.yes, "Do not ask");
  }

  void AddModels() {
    const auto add = [&](const std::string& name, const std::string& what, const std::string& example,
                         std::function<int()> run) {
      CLI::App* command = Add(app_, name, what, example, std::move(run));
      AddPlace(command, &models_.place);
      command->add_option("-s,--select", models_.select,
                          "Models and tests, in dbt's selection syntax: daily+, +gold, tag:x");
      command->add_option("--exclude", models_.exclude, "Left out of the selection");
      command->add_option("--vars", models_.vars, "NAME=VALUE for var(); repeatable");
      return command;
    };
    CLI::App* build = add("build", "Build models and run their tests, in graph order; publish all or nothing",
                          "tarn build --select daily_user_activity+", [this] { return RunBuild(models_); });
    build->add_flag("--full-refresh", models_.full_refresh, "Rebuild incremental models from nothing");
    build->add_flag("--fail-fast", models_.fail_fast, "Stop at the first failure");
    add("test", "Run the tests of the models", "tarn test", [this] {
      models_.tests_only = true;
      return RunBuild(models_);
    })->add_flag("--fail-fast", models_.fail_fast, "Stop at the first failure");
    add("compile", "Show the SQL that a build would run", "tarn compile --select product_performance",
        [this] { return RunCompile(models_); });
  }

  void AddStatus() {
    CLI::App* status =
        Add(app_, "status", "What a running Tarn does", "tarn status --json", [this] { return RunStatus(status_); });
    AddPlace(status, &status_.place);
    status->add_flag("--json", status_.json, "JSON instead of text");
    CLI::App* doctor = Add(app_, "doctor", "Check ports, disk, limits and versions", "tarn doctor",
                           [this] { return RunDoctor(status_); });
    AddPlace(doctor, &status_.place);
    doctor->add_flag("--json", status_.json, "JSON instead of text");
  }

  CLI::App app_;
  std::function<int()> run_;
  PlaceOptions unused_;  // every command takes them
  InitOptions init_;
  UpOptions up_;
  SqlOptions sql_;
  GenerateOptions generate_;
  TableOptions table_;
  TopicOptions topic_;
  ModelOptions models_;
  StatusOptions status_;
};

}  // namespace

int RunCommandLine(int argc, const char* const* argv) {
  CommandLine line;
  return line.Run(argc, argv);
}

}  // namespace tarn::cli
