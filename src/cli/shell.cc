#include "cli/shell.h"

#include <editline/readline.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>

#include "cli/sql_text.h"
#include "cli/version.h"
#include "engine/database.h"

namespace tarn::cli {
namespace {

constexpr char kHelp[] =
    "End a statement with ;   Tab completes, the arrows bring back.\n"
    "  .tables, \\dt            tables and views\n"
    "  .schema TABLE, \\d TABLE columns of a table\n"
    "  .mode MODE              box, csv, json, markdown, vertical; \\x switches box and vertical\n"
    "  .timer on|off           the line with rows and time\n"
    "  .maxrows N              rows of a box; 0: all\n"
    "  .output [FILE]          results into a file, or back here\n"
    "  .read FILE              run the statements of a file\n"
    "  .exit, \\q, Ctrl-D       leave\n";

const char* const kKeywords[] = {
    "ALL",     "AND",       "AS",      "ASC",     "AT",       "BETWEEN",  "BY",        "CASE",     "CAST", "COUNT",
    "CREATE",  "DATE",      "DELETE",  "DESC",    "DESCRIBE", "DISTINCT", "DROP",      "ELSE",     "END",  "EXISTS",
    "EXPLAIN", "FROM",      "GROUP",   "HAVING",  "IN",       "INNER",    "INSERT",    "INTERVAL", "INTO", "IS",
    "JOIN",    "LEFT",      "LIKE",    "LIMIT",   "NOT",      "NULL",     "OFFSET",    "ON",       "OR",   "ORDER",
    "OVER",    "PARTITION", "QUALIFY", "SELECT",  "SHOW",     "SUM",      "SUMMARIZE", "TABLE",    "THEN", "TIMESTAMP",
    "UNION",   "USING",     "VALUES",  "VERSION", "VIEW",     "WHEN",     "WHERE",     "WITH"};

// What libedit's callbacks, which carry no context, work with: the words of the session that runs. One shell a process.
std::vector<std::string> g_words;
std::vector<std::string> g_matches;

char* NextMatch(const char* text, int state) {
  static size_t next = 0;
  if (state == 0) {
    next = 0;
    g_matches.clear();
    const size_t length = std::strlen(text);
    for (const std::string& word : g_words)
      if (::strncasecmp(word.c_str(), text, length) == 0) g_matches.push_back(word);
  }
  return next < g_matches.size() ? ::strdup(g_matches[next++].c_str()) : nullptr;
}

char** Complete(const char* text, int, int) {
  rl_attempted_completion_over = 1;  // no file names
  return rl_completion_matches(text, NextMatch);
}

// Collects rows instead of showing them.
class Collector final : public ResultPrinter {
 public:
  void Begin(const ResultHead&) override {}
  void Row(std::string_view line) override {
    if (auto row = ParseTextRow(line); row.ok()) rows.push_back(std::move(*row));
  }
  void End(const ResultEnd&) override {}
  std::vector<TextRow> rows;
};

class Shell {
 public:
  Shell(SqlClient& client, OutputOptions output, std::atomic<bool>& interrupted)
      : client_(client), output_(output), interrupted_(interrupted) {}
  ~Shell() {
    if (file_ != nullptr) std::fclose(file_);
  }

  Status Run() {
    std::printf("tarn %s, SQL on %s. .help for help.\n", kVersion, client_.Where().c_str());
    rl_initialize();
    rl_attempted_completion_function = Complete;
    rl_basic_word_break_characters = const_cast<char*>(" \t\n\"'`@$><=;|&{(,*+-/");
    const char* home = std::getenv("HOME");
    const std::string history = home != nullptr ? std::string(home) + "/.tarn_history" : "";
    if (!history.empty()) read_history(history.c_str());
    ReadWords();
    std::string begun;
    while (!done_) {
      interrupted_ = false;
      char* line = ::readline(begun.empty() ? "tarn> " : "  ... ");
      if (line == nullptr) {
        if (!interrupted_) break;
        begun.clear();
        std::printf("\n");
        continue;
      }
      begun = TakeLine(begun, line);
      std::free(line);
      if (!history.empty()) write_history(history.c_str());
    }
    std::printf("\n");
    return Ok();
  }

 private:
  // What is begun and not ended after one more line.
  std::string TakeLine(std::string begun, const std::string& line) {
    if (line.find_first_not_of(" \t") == std::string::npos && begun.empty()) return "";
    if (begun.empty() && (line[0] == '.' || line[0] == '\\')) {
      add_history(line.c_str());
      Command(line);
      return "";
    }
    begun += begun.empty() ? line : "\n" + line;
    const SplitSql split = SplitStatements(begun);
    for (const std::string& statement : split.statements) Statement(statement);
    if (!split.statements.empty()) {
      std::string entry = begun.substr(0, begun.size() - split.rest.size());
      std::replace(entry.begin(), entry.end(), '\n', ' ');
      add_history(entry.c_str());
    }
    return split.rest;
  }

  void Statement(const std::string& sql) {
    const auto printer = MakePrinter(output_, file_ != nullptr ? file_ : stdout);
    interrupted_ = false;
    const Status status = client_.Run(sql, RowFormatOf(output_.mode), interrupted_, *printer);
    std::fflush(stdout);
    if (!status.ok()) std::fprintf(stderr, "%s\n", status.error().ToString().c_str());
    // What may have changed names is read again.
    for (const char* word : {"create", "drop", "alter", "use", "attach"})
      if (status.ok() && ::strncasecmp(sql.c_str() + std::min(sql.size(), sql.find_first_not_of(" \n\t")), word,
                                       std::strlen(word)) == 0)
        ReadWords();
  }

  void Command(const std::string& line) {
    std::istringstream words(line);
    std::string name, argument;
    words >> name;
    std::getline(words >> std::ws, argument);
    while (!argument.empty() && (argument.back() == ';' || argument.back() == ' ')) argument.pop_back();
    if (name == ".exit" || name == ".quit" || name == "\\q")
      done_ = true;
    else if (name == ".help" || name == "\\?")
      std::fputs(kHelp, stdout);
    else if (name == ".tables" || name == "\\dt" || name == "\\l" || (name == "\\d" && argument.empty()))
      Statement(
          "SELECT table_schema AS namespace, table_name AS name, if(table_type = 'VIEW', 'view', 'table') AS type FROM "
          "information_schema.tables "
          "WHERE table_catalog = current_database() ORDER BY ALL");
    else if ((name == ".schema" || name == "\\d") && !argument.empty())
      Statement("DESCRIBE " + argument);
    else if (name == ".mode")
      SetMode(argument);
    else if (name == "\\x")
      output_.mode = output_.mode == OutputMode::kVertical ? OutputMode::kBox : OutputMode::kVertical;
    else if (name == ".timer" || name == "\\timing")
      output_.timing = argument.empty() ? !output_.timing : argument == "on";
    else if (name == ".maxrows")
      output_.rows_max = size_t(std::strtoull(argument.c_str(), nullptr, 10));
    else if (name == ".output" || name == "\\o")
      SetOutput(argument);
    else if (name == ".read" || name == "\\i")
      ReadStatements(argument);
    else
      std::fprintf(stderr, "no command %s; .help lists them\n", name.c_str());
  }

  void SetMode(const std::string& name) {
    const auto mode = ParseOutputMode(name == "line" ? "vertical" : name);
    if (mode.ok())
      output_.mode = *mode;
    else
      std::fprintf(stderr, "%s\n", mode.error().ToString().c_str());
  }

  void SetOutput(const std::string& path) {
    if (file_ != nullptr) std::fclose(file_);
    file_ = nullptr;
    if (path.empty()) return;
    file_ = std::fopen(path.c_str(), "we");
    if (file_ == nullptr) std::fprintf(stderr, "cannot write %s: %s\n", path.c_str(), std::strerror(errno));
  }

  void ReadStatements(const std::string& path) {
    std::ifstream in(path);
    if (!in) return (void)std::fprintf(stderr, "cannot read %s: %s\n", path.c_str(), std::strerror(errno));
    SplitSql split =
        SplitStatements(std::string((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>()));
    if (!split.rest.empty()) split.statements.push_back(split.rest);
    for (const std::string& statement : split.statements) {
      if (interrupted_) return;
      Statement(statement);
    }
  }

  void ReadWords() {
    g_words.assign(std::begin(kKeywords), std::end(kKeywords));
    Collector names;
    const std::atomic<bool> never = false;
    (void)client_.Run(
        "SELECT DISTINCT unnest([table_schema, table_name, table_schema || '.' || table_name, column_name]) "
        "FROM information_schema.columns WHERE table_catalog = current_database()",
        serve::RowFormat::kText, never, names);
    for (const TextRow& row : names.rows)
      if (!row.empty() && row[0]) g_words.push_back(*row[0]);
    std::sort(g_words.begin(), g_words.end());
  }

  SqlClient& client_;
  OutputOptions output_;
  std::atomic<bool>& interrupted_;
  std::FILE* file_ = nullptr;  // of .output
  bool done_ = false;
};

}  // namespace

Status UseNamespace(SqlClient& client, const Place& place) {
  if (place.project.name_space.empty()) return Ok();
  Collector nothing;
  const std::atomic<bool> never = false;
  const Status used =
      client.Run("USE " + engine::QuoteIdentifier(place.project.name_space), serve::RowFormat::kText, never, nothing);
  return used.Is(ErrorCode::kNotFound) ? Ok() : used;  // nothing was written there yet
}

Status RunShell(SqlClient& client, OutputOptions output, std::atomic<bool>& interrupted) {
  return Shell(client, output, interrupted).Run();
}

}  // namespace tarn::cli
