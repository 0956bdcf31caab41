#include <dirent.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "net/listen_internal.h"

namespace tarn::net {
namespace asio = boost::asio;
using tcp = asio::ip::tcp;

namespace {

// Inodes of the sockets that listen on `port`, from /proc/net/tcp{,6} (proc(5)): "sl local_address rem_address st …
// inode", state 0A = LISTEN.
std::set<std::string> ListeningInodes(uint16_t port) {
  std::set<std::string> inodes;
  for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::ifstream file(table);
    std::string line;
    std::getline(file, line);
    while (std::getline(file, line)) {
      std::istringstream fields(line);
      std::string slot, local, remote, state, queues, timer, retransmits, uid, timeout, inode;
      fields >> slot >> local >> remote >> state >> queues >> timer >> retransmits >> uid >> timeout >> inode;
      const size_t colon = local.find(':');
      if (state != "0A" || colon == std::string::npos) continue;
      if (std::strtoul(local.c_str() + colon + 1, nullptr, 16) == port) inodes.insert("socket:[" + inode + "]");
    }
  }
  return inodes;
}

std::string CommandOf(const std::string& pid) {
  std::ifstream file("/proc/" + pid + "/cmdline", std::ios::binary);
  std::string command((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  while (!command.empty() && command.back() == '\0') command.pop_back();
  for (char& c : command) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  if (command.size() > 120) command = command.substr(0, 117) + "...";
  return command;
}

bool HoldsOneOf(const std::string& pid, const std::set<std::string>& inodes) {
  const std::string folder = "/proc/" + pid + "/fd";
  DIR* entries = opendir(folder.c_str());
  if (entries == nullptr) return false;
  bool found = false;
  while (const dirent* entry = readdir(entries)) {
    char target[64];
    const ssize_t size = readlink((folder + "/" + entry->d_name).c_str(), target, sizeof target);
    if (size > 0 && inodes.contains(std::string(target, size_t(size)))) {
      found = true;
      break;
    }
  }
  closedir(entries);
  return found;
}

}  // namespace

std::string DescribePortHolder(uint16_t port) {
  const std::set<std::string> inodes = ListeningInodes(port);
  if (inodes.empty()) return "";
  DIR* processes = opendir("/proc");
  if (processes == nullptr) return "";
  std::string holder;
  while (const dirent* entry = readdir(processes)) {
    const std::string pid = entry->d_name;
    if (pid.find_first_not_of("0123456789") != std::string::npos || !HoldsOneOf(pid, inodes)) continue;
    holder = "pid " + pid + " (" + CommandOf(pid) + ")";
    break;
  }
  closedir(processes);
  return holder;
}

Status Listen(tcp::acceptor& acceptor, const std::string& address, uint16_t port) {
  boost::system::error_code error;
  const auto parsed = asio::ip::make_address(address, error);
  if (error) return Error(ErrorCode::kInvalidArgument, "not a numeric address to listen on: " + address);
  const tcp::endpoint endpoint(parsed, port);
  const std::string where = (parsed.is_v6() ? "[" + address + "]" : address) + ":" + std::to_string(port);
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (!error) return Ok();
  boost::system::error_code ignored;
  acceptor.close(ignored);
  if (error == asio::error::address_in_use) {
    const std::string holder = DescribePortHolder(port);
    return Error(ErrorCode::kUnavailable, "cannot listen on " + where + ": the port is in use by " +
                                              (holder.empty() ? "another process" : holder));
  }
  const ErrorCode code = error == asio::error::access_denied ? ErrorCode::kPermissionDenied : ErrorCode::kIoError;
  return Error(code, "cannot listen on " + where + ": " + error.message());
}

}  // namespace tarn::net
