#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

// A blocking HTTP/1.1 client for talking to a running Tarn on this machine: one request, one connection, no TLS, no
// redirects.

namespace tarn::net {

struct HttpCall {
  std::string method = "GET";
  std::string address = "127.0.0.1";  // a numeric address
  uint16_t port = 0;
  std::string target = "/";  // path and query, already percent-encoded
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  Micros connect_timeout = 2'000'000;
  Micros timeout = 600'000'000;       // of the whole call
  uint64_t body_bytes_max = 1 << 30;  // kResourceExhausted above
  // When set, pieces of the answer's body are passed here as they come and HttpReply::body stays empty. Returning false
  // ends the call with kCancelled.
  std::function<bool(std::string_view piece)> on_body;
  // Asked a few times a second while the call waits; true ends it with kCancelled. What was sent may still take effect.
  std::function<bool()> cancelled;
};

struct HttpReply {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

// Blocks the caller. kUnavailable: nobody listens there (nothing was sent). kOutcomeUnknown: the connection broke or
// time ran out after the request had begun to leave. Thread-safe.
Result<HttpReply> CallHttp(const HttpCall& call);

// Percent-encodes everything but unreserved characters (RFC 3986): for one query value or path segment.
std::string PercentEncode(std::string_view text);

}  // namespace tarn::net
