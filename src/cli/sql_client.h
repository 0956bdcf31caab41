#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "base/result.h"
#include "cli/environment.h"
#include "cli/result_reader.h"
#include "serve/sql_stream.h"

// One SQL session on a data directory: with the `tarn up` that runs it, or on the files where there is none.

namespace tarn::cli {

// Thread-compatible. Its transaction, settings and temporary tables last as long as it.
class SqlClient {
 public:
  virtual ~SqlClient() = default;
  // Runs one statement and prints its result. kCancelled: `interrupted` became true.
  virtual Status Run(const std::string& statement, serve::RowFormat format, const std::atomic<bool>& interrupted,
                     ResultPrinter& printer) = 0;
  // "tarn up, pid 4711" or "the files in /data".
  virtual std::string Where() const = 0;
};

Result<std::unique_ptr<SqlClient>> ConnectSql(const Place& place);

}  // namespace tarn::cli
