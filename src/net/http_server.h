#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/logging.h"
#include "base/result.h"

// A small HTTP/1.1 server (RFC 9112) for the program's own pages, probes and SQL: keep-alive, bounded requests, whole
// or streamed answers. TLS, HTTP/2 and authentication are left to others.

namespace tarn::net {

using HttpFields = std::vector<std::pair<std::string, std::string>>;

// One request, read whole. Valid for the handler's call.
struct HttpRequest {
  std::string method;                                      // "GET"
  std::string path;                                        // percent-decoded, without the query: "/api/tables/a b"
  std::vector<std::pair<std::string, std::string>> query;  // percent-decoded, in the order of the request
  HttpFields headers;                                      // names as sent
  std::string body;
  std::vector<std::string> path_parameters;  // what the `{…}` of the route matched, in order

  // The first value of a header (any case) or query parameter; null when absent. Valid as long as the request.
  const std::string* Header(std::string_view name) const;
  const std::string* Query(std::string_view name) const;
};

// How a handler answers: Send once, or BeginStream and then Write as often as it likes. Used by the handler's thread
// only.
class HttpResponder {
 public:
  virtual ~HttpResponder() = default;

  // Adds a header to the coming answer. Requires: nothing sent yet.
  virtual void AddHeader(std::string_view name, std::string_view value) = 0;
  // Answers at once. Blocks until the bytes are handed to the system. kCancelled: the client has gone.
  virtual Status Send(int status, std::string_view content_type, std::string_view body) = 0;
  // Starts an answer of unknown length (chunked; a server-sent event stream when the type is text/event-stream). It
  // ends when the handler returns.
  virtual Status BeginStream(int status, std::string_view content_type) = 0;
  // Sends a piece and blocks until the system has taken it, so that a slow reader slows its sender only. kCancelled:
  // the client has gone or the server stops: return soon.
  virtual Status Write(std::string_view chunk) = 0;
  // Whether the server wants to stop: a handler that waits for something looks here.
  virtual bool stopping() const = 0;
  // Whether the client has closed its side, as far as the system knows by now: for whoever watches a handler that
  // computes for long. Any thread, while the handler runs.
  virtual bool abandoned() const = 0;
};

// Called on one of the server's worker threads; may block. Thread-safe. What returns without answering is answered with
// 500.
using HttpHandler = std::function<void(const HttpRequest& request, HttpResponder& responder)>;

// Picks a handler by method and path. "{…}" as a whole segment matches any one segment, "{…}" as the last segment
// ending in "...}" matches the rest of the path: "/api/tables/{name}/files", "/ui/{path...}". Built before the server
// starts, immutable then. Unknown paths get 404, known paths with another method 405 with Allow; HEAD falls back to
// GET.
class HttpRoutes {
 public:
  void Add(std::string_view method, std::string_view pattern, HttpHandler handler);
  // Routes one request. Usable as the handler of a server.
  void operator()(const HttpRequest& request, HttpResponder& responder) const;

 private:
  struct Route {
    std::string method;
    std::vector<std::string> segments;
    HttpHandler handler;
  };
  std::vector<Route> routes_;
};

struct HttpServerOptions {
  std::string address = "127.0.0.1";
  uint16_t port = 0;                      // 0: any free one
  int workers = 8;                        // handlers that run at a time; further requests wait, up to
  int waiting_max = 64;                   // this many, then they are answered with 503
  int connections_max = 256;              // further ones wait in the system's backlog
  uint32_t header_bytes_max = 16 * 1024;  // 431 above
  uint64_t body_bytes_max = 8 << 20;      // 413 above
  Micros request_time_max = 30'000'000;   // from its first byte to its last; the connection is closed above
  Micros idle_time_max = 60'000'000;      // of a kept-alive connection
  Micros write_time_max = 30'000'000;     // one write to a reader that takes nothing
  // A browser page of another site must not reach a server on loopback through a name that it controls: a request whose
  // Host is neither an address nor "localhost" nor one of these is refused with 421. Only when bound to loopback.
  std::vector<std::string> further_hosts;
};

// Owned by cli/assemble.cc or a test; stopped by Stop or the destructor, which wait for running handlers. Thread-safe.
class HttpServer {
 public:
  // Listens and serves. kUnavailable: the port is taken; the message names the process that holds it where the system
  // tells. `handler` and `logger` outlive the server.
  static Result<std::unique_ptr<HttpServer>> Start(HttpServerOptions options, HttpHandler handler, Logger& logger);
  virtual ~HttpServer() = default;

  virtual uint16_t port() const = 0;
  // "127.0.0.1:8080".
  virtual std::string address() const = 0;
  // Takes no more connections, lets running handlers end (their streams fail with kCancelled), closes. Idempotent.
  virtual void Stop() = 0;
};

// "text/html" and so on: the reason phrase of a status code.
std::string_view HttpReason(int status);
// Undoes percent-encoding; with `plus`, "+" is a space (query strings). Malformed escapes stay as they are.
std::string PercentDecode(std::string_view text, bool plus);

}  // namespace tarn::net
