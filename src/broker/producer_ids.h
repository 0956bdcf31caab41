#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "base/file_system.h"
#include "base/result.h"

namespace tarn::broker {

// Ids for idempotent producers, each given out once, also across restarts: a file holds the first id that was not
// reserved, and ids are reserved a thousand at a time. Thread-safe.
class ProducerIds {
 public:
  // `path`: a decimal number, replaced durably. kCorruption.
  static Result<std::unique_ptr<ProducerIds>> Open(FileSystem& file_system, std::string path);

  // Writes to the disk once in a thousand calls. kIoError, kResourceExhausted: no id was given.
  Result<int64_t> Next();

 private:
  ProducerIds(FileSystem& file_system, std::string path, int64_t next)
      : file_system_(file_system), path_(std::move(path)), next_(next), reserved_(next) {}

  FileSystem& file_system_;
  const std::string path_;
  std::mutex mutex_;
  int64_t next_;
  int64_t reserved_;  // ids below it are ours to give
};

}  // namespace tarn::broker
