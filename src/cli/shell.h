#pragma once

#include <atomic>

#include "base/result.h"
#include "cli/environment.h"
#include "cli/result_printers.h"
#include "cli/sql_client.h"

namespace tarn::cli {

// Makes the project's namespace the session's, so that its tables need no prefix.
Status UseNamespace(SqlClient& client, const Place& place);

// The SQL shell on a terminal: history, completion, DuckDB's dot commands and psql's backslash ones. Returns at .exit
// or the end of input. `interrupted` is set by Ctrl-C and cleared here.
Status RunShell(SqlClient& client, OutputOptions output, std::atomic<bool>& interrupted);

}  // namespace tarn::cli
