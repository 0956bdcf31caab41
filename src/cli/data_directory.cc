#include "cli/data_directory.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/file_system.h"

namespace tarn::cli {
namespace {

std::string LockPath(const std::string& directory) {
  return directory + "/tarn.lock";
}

// Open file description locks (fcntl): the kernel drops them with the process, and one may be asked for without taking
// it.
struct flock WholeFile(short type) {
  return {.l_type = type, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0, .l_pid = 0};
}

// What the holder wrote; without it (it just starts) an unnamed holder.
Holder ReadHolder(int descriptor) {
  char text[4096];
  const ssize_t size = ::pread(descriptor, text, sizeof text, 0);
  const auto json = nlohmann::json::parse(text, text + std::max<ssize_t>(size, 0), nullptr, false);
  Holder holder;
  if (!json.is_object()) return holder;
  holder.pid = json.value("pid", int64_t(0));
  holder.command = json.value("command", "");
  holder.http_address = json.value("http", "");
  holder.kafka_address = json.value("kafka", "");
  return holder;
}

}  // namespace

Result<std::unique_ptr<DataDirectoryLock>> DataDirectoryLock::Take(const std::string& directory,
                                                                   const std::string& command) {
  TARN_TRY(PosixFileSystem().CreateDirectories(directory));
  const int descriptor = ::open(LockPath(directory).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor < 0)
    return Error(ErrorCode::kPermissionDenied,
                 "cannot write in the data directory " + directory + ": " + std::strerror(errno));
  struct flock whole = WholeFile(F_WRLCK);
  if (::fcntl(descriptor, F_OFD_SETLK, &whole) != 0) {
    const Holder holder = ReadHolder(descriptor);
    ::close(descriptor);
    std::string who =
        holder.pid > 0 ? "pid " + std::to_string(holder.pid) + " (" + holder.command + ")" : "another process";
    return Error(ErrorCode::kFailedPrecondition, "the data directory " + directory + " is in use by " + who +
                                                     ": stop it, or choose another one with --data-dir");
  }
  std::unique_ptr<DataDirectoryLock> lock(new DataDirectoryLock(descriptor, {.pid = ::getpid(), .command = command}));
  TARN_TRY(lock->Write());
  return lock;
}

DataDirectoryLock::~DataDirectoryLock() {
  (void)!::ftruncate(descriptor_, 0);
  ::close(descriptor_);
}

Status DataDirectoryLock::Announce(const std::string& http_address, const std::string& kafka_address) {
  holder_.http_address = http_address;
  holder_.kafka_address = kafka_address;
  return Write();
}

Status DataDirectoryLock::Write() {
  const nlohmann::ordered_json json = {{"pid", holder_.pid},
                                       {"command", holder_.command},
                                       {"http", holder_.http_address},
                                       {"kafka", holder_.kafka_address}};
  const std::string text = json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  if (::ftruncate(descriptor_, 0) != 0 || ::pwrite(descriptor_, text.data(), text.size(), 0) != ssize_t(text.size()))
    return Error(ErrorCode::kIoError, std::string("cannot write tarn.lock: ") + std::strerror(errno));
  return Ok();
}

std::optional<Holder> FindHolder(const std::string& directory) {
  const int descriptor = ::open(LockPath(directory).c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return std::nullopt;
  std::optional<Holder> holder;
  struct flock whole = WholeFile(F_RDLCK);
  if (::fcntl(descriptor, F_OFD_GETLK, &whole) == 0 && whole.l_type != F_UNLCK) holder = ReadHolder(descriptor);
  ::close(descriptor);
  return holder;
}

Result<net::HttpCall> CallOf(const Holder& holder) {
  const size_t colon = holder.http_address.rfind(':');
  net::HttpCall call;
  if (colon == std::string::npos)
    return Error(ErrorCode::kUnavailable,
                 "`tarn up` (pid " + std::to_string(holder.pid) + ") is starting or ending: try again");
  call.address = holder.http_address.substr(0, colon);
  call.port = uint16_t(std::stoi(holder.http_address.substr(colon + 1)));
  return call;
}

}  // namespace tarn::cli
