#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <string>

#include "base/result.h"

namespace tarn::net {

// Opens a listening socket on a numeric address. kUnavailable when the port is taken, naming its holder where the
// system tells; kPermissionDenied for a port that needs privileges; kInvalidArgument for a bad address.
Status Listen(boost::asio::ip::tcp::acceptor& acceptor, const std::string& address, uint16_t port);

// "pid 4711 (java -Xmx1G kafka.Kafka)" of the process that listens on the TCP port, or "" where /proc does not tell.
std::string DescribePortHolder(uint16_t port);

}  // namespace tarn::net
