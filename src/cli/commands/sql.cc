#include <unistd.h>

#include <atomic>
#include <csignal>
#include <iostream>
#include <iterator>

#include "cli/commands/commands.h"
#include "cli/exit_codes.h"
#include "cli/shell.h"
#include "cli/sql_client.h"
#include "cli/sql_text.h"

namespace tarn::cli {
namespace {

std::atomic<bool> g_interrupted = false;

// Runs every statement of a text, up to the first that fails.
Status RunText(SqlClient& client, const std::string& text, const OutputOptions& output) {
  SplitSql split = SplitStatements(text);
  if (!split.rest.empty()) split.statements.push_back(std::move(split.rest));
  for (const std::string& statement : split.statements) {
    const auto printer = MakePrinter(output, stdout);
    TARN_TRY(client.Run(statement, RowFormatOf(output.mode), g_interrupted, *printer));
  }
  return Ok();
}

Status Run(const SqlOptions& options) {
  OutputOptions output = OutputOptionsFor(stdout);
  TARN_ASSIGN_OR_RETURN(output.mode, ParseOutputMode(options.mode));
  TARN_ASSIGN_OR_RETURN(const Place place, FindData(options.place));
  TARN_ASSIGN_OR_RETURN(const auto client, ConnectSql(place));
  TARN_TRY(UseNamespace(*client, place));
  std::signal(SIGINT, [](int) { g_interrupted = true; });
  if (!options.statement.empty()) return RunText(*client, options.statement, output);
  if (::isatty(STDIN_FILENO) != 0) return RunShell(*client, output, g_interrupted);
  const std::string text((std::istreambuf_iterator<char>(std::cin)), std::istreambuf_iterator<char>());
  return RunText(*client, text, output);
}

}  // namespace

int RunSql(const SqlOptions& options) {
  if (const auto mode = ParseOutputMode(options.mode); !mode.ok()) {
    Finish(mode.error());
    return kExitWrongUsage;
  }
  return Finish(Run(options));
}

}  // namespace tarn::cli
