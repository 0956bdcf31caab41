#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "net/http_client.h"

// The folder that holds everything Tarn keeps: topics, tables, catalog. Of the processes that work on it, one runs it
// (`tarn up`): that one holds the lock and writes into it who it is.
//
//   tarn.lock  catalog.sqlite  lake/<namespace>/<table>  broker/  generators/  tarn.log  tmp/

namespace tarn::cli {

// The process that runs a data directory.
struct Holder {
  int64_t pid = 0;
  std::string command;       // as it was started
  std::string http_address;  // empty while it starts
  std::string kafka_address;
};

// Held for as long as it lives; the kernel lets go of it when the process ends, however it ends.
class DataDirectoryLock {
 public:
  // Creates the folder when absent. kFailedPrecondition: another process runs it; the message names pid and command.
  static Result<std::unique_ptr<DataDirectoryLock>> Take(const std::string& directory, const std::string& command);
  ~DataDirectoryLock();
  DataDirectoryLock(const DataDirectoryLock&) = delete;
  DataDirectoryLock& operator=(const DataDirectoryLock&) = delete;

  // Tells other processes where to find this one.
  Status Announce(const std::string& http_address, const std::string& kafka_address);

 private:
  DataDirectoryLock(int descriptor, Holder holder) : descriptor_(descriptor), holder_(std::move(holder)) {}
  Status Write();

  const int descriptor_;
  Holder holder_;
};

// Who runs the directory now, if anybody does.
std::optional<Holder> FindHolder(const std::string& directory);

// A call to its HTTP interface, without a target. kUnavailable: it does not listen yet.
Result<net::HttpCall> CallOf(const Holder& holder);

}  // namespace tarn::cli
