#include "net/http_server.h"

#include <sys/socket.h>

#include <atomic>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <set>
#include <thread>

#include "net/listen_internal.h"

#if defined(__GNUC__) && !defined(__clang__)
// Asio recycles coroutine frames through its own operator new and delete, of which GCC 12 inlines one side only.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
#endif

// One thread serves all sockets (coroutines on one io_context); handlers run on worker threads and hand each piece of
// their answer to the socket's thread, waiting until it is written. So a handler may block, and a slow reader holds one
// worker and nothing else.

namespace tarn::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;
using boost::system::error_code;

bool HasLineBreak(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
}

// Host without its port; "[::1]:80" gives "::1".
std::string HostName(std::string_view host) {
  if (host.starts_with('['))
    return std::string(host.substr(1, host.find(']') == std::string_view::npos ? 0 : host.find(']') - 1));
  return std::string(host.substr(0, host.rfind(':')));
}

HttpRequest ToRequest(http::request<http::string_body>& message) {
  HttpRequest request;
  request.method = std::string(message.method_string());
  const std::string target(message.target());
  const size_t mark = target.find('?');
  request.path = PercentDecode(std::string_view(target).substr(0, mark), false);
  if (mark != std::string::npos) {
    std::string_view rest = std::string_view(target).substr(mark + 1);
    while (!rest.empty()) {
      const std::string_view pair = rest.substr(0, rest.find('&'));
      const size_t equals = pair.find('=');
      if (!pair.empty()) {
        request.query.emplace_back(
            PercentDecode(pair.substr(0, equals), true),
            equals == std::string_view::npos ? "" : PercentDecode(pair.substr(equals + 1), true));
      }
      rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    }
  }
  for (const auto& field : message)
    request.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
  request.body = std::move(message.body());
  return request;
}

class ServerImpl;

// One request's answer: used by one worker while the connection's coroutine waits for it to end.
class Responder final : public HttpResponder {
 public:
  Responder(ServerImpl& server, beast::tcp_stream& stream, bool head, bool keep_alive, unsigned http_version)
      : server_(server), stream_(stream), head_(head), keep_alive_(keep_alive), chunked_(http_version >= 11) {
    if (!chunked_) keep_alive_ = false;
  }

  void AddHeader(std::string_view name, std::string_view value) override {
    if (HasLineBreak(name) || HasLineBreak(value)) return;  // would split the answer
    headers_.append(name).append(": ").append(value).append("\r\n");
  }

  Status Send(int status, std::string_view content_type, std::string_view body) override {
    if (begun_) return Error(ErrorCode::kFailedPrecondition, "an answer has begun already");
    begun_ = true;
    std::string message = Head(status, content_type);
    if (status != 204 && status != 304) message += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    message += "\r\n";
    if (!head_ && status != 204 && status != 304) message += body;
    return Put(std::move(message));
  }

  Status BeginStream(int status, std::string_view content_type) override {
    if (begun_) return Error(ErrorCode::kFailedPrecondition, "an answer has begun already");
    begun_ = streaming_ = true;
    std::string message = Head(status, content_type);
    if (chunked_) message += "Transfer-Encoding: chunked\r\n";
    message += "Cache-Control: no-cache\r\n\r\n";
    return Put(std::move(message));
  }

  Status Write(std::string_view chunk) override;
  bool stopping() const override;
  bool abandoned() const override {
    char peeked;
    return ::recv(stream_.socket().native_handle(), &peeked, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
  }

  // The worker's last step.
  void Finish() {
    if (!begun_) (void)Send(500, "text/plain; charset=utf-8", "the handler gave no answer\n");
    if (streaming_ && chunked_ && !head_ && !broken_) (void)Put("0\r\n\r\n");
  }
  bool keep_alive() const { return keep_alive_ && !broken_; }
  bool begun() const { return begun_; }

 private:
  std::string Head(int status, std::string_view content_type) {
    std::string head = "HTTP/1.1 " + std::to_string(status) + " " + std::string(HttpReason(status)) + "\r\n";
    if (!content_type.empty() && !HasLineBreak(content_type))
      head += "Content-Type: " + std::string(content_type) + "\r\n";
    head += "X-Content-Type-Options: nosniff\r\n";
    head += keep_alive_ ? "Connection: keep-alive\r\n" : "Connection: close\r\n";
    return head + headers_;
  }
  // Writes on the socket's thread and waits for it.
  Status Put(std::string bytes);

  ServerImpl& server_;
  beast::tcp_stream& stream_;
  const bool head_;
  bool keep_alive_;
  const bool chunked_;
  bool begun_ = false;
  bool streaming_ = false;
  bool broken_ = false;
  std::string headers_;
};

class ServerImpl final : public HttpServer {
 public:
  ServerImpl(HttpServerOptions options, HttpHandler handler, Logger& logger)
      : options_(std::move(options)),
        handler_(std::move(handler)),
        logger_(logger),
        io_(1),
        acceptor_(io_),
        slot_free_(io_) {}
  ~ServerImpl() override { Stop(); }

  Status Open() {
    TARN_TRY(Listen(acceptor_, options_.address, options_.port));
    const auto endpoint = acceptor_.local_endpoint();
    port_ = endpoint.port();
    on_loopback_ = endpoint.address().is_loopback();
    asio::co_spawn(io_, Accept(), asio::detached);
    io_thread_ = std::thread([this] { io_.run(); });
    for (int i = 0; i < options_.workers; ++i) workers_.emplace_back([this] { Work(); });
    return Ok();
  }

  uint16_t port() const override { return port_; }
  std::string address() const override {
    const bool v6 = options_.address.find(':') != std::string::npos;
    return (v6 ? "[" + options_.address + "]" : options_.address) + ":" + std::to_string(port_);
  }

  void Stop() override {
    if (stopping_.exchange(true)) return;
    {
      std::lock_guard lock(mutex_);
      wake_.notify_all();
    }
    for (auto& worker : workers_) worker.join();  // their writes still need the socket thread
    if (!io_thread_.joinable()) return;
    asio::post(io_, [this] {
      error_code ignored;
      acceptor_.close(ignored);
      slot_free_.cancel();
      for (beast::tcp_stream* stream : streams_) stream->close();
    });
    // Connections end by their closed sockets; the context runs dry after them.
    io_thread_.join();
  }

  bool stopping() const { return stopping_.load(); }
  asio::io_context& io() { return io_; }
  const HttpServerOptions& options() const { return options_; }

 private:
  struct Job {
    const HttpRequest* request;
    Responder* responder;
    std::function<void()> done;
  };

  void Work() {
    for (;;) {
      Job job;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [this] { return !jobs_.empty() || stopping_; });
        if (jobs_.empty()) return;
        job = std::move(jobs_.front());
        jobs_.pop_front();
      }
      try {
        handler_(*job.request, *job.responder);
      } catch (const std::exception& e) {  // a handler of ours does not throw; one that does must not end the program
        logger_.Error("net", "an HTTP handler threw", {{"path", job.request->path}, {"what", e.what()}});
      }
      job.responder->Finish();
      job.done();
    }
  }

  asio::awaitable<void> Accept() {
    error_code error;
    while (!stopping_) {
      if (int(streams_.size()) >= options_.connections_max) {
        slot_free_.expires_after(std::chrono::milliseconds(100));
        co_await slot_free_.async_wait(asio::redirect_error(asio::use_awaitable, error));
        continue;
      }
      tcp::socket socket = co_await acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, error));
      if (error == asio::error::operation_aborted) co_return;
      if (error) {  // out of descriptors, most likely: wait instead of spinning
        slot_free_.expires_after(std::chrono::milliseconds(100));
        co_await slot_free_.async_wait(asio::redirect_error(asio::use_awaitable, error));
        continue;
      }
      error_code ignored;
      socket.set_option(tcp::no_delay(true), ignored);
      asio::co_spawn(io_, Serve(std::move(socket)), asio::detached);
    }
  }

  asio::awaitable<void> Serve(tcp::socket socket) {
    beast::tcp_stream stream(std::move(socket));
    streams_.insert(&stream);
    beast::flat_buffer buffer;
    while (!stopping_) {
      if (!co_await ServeOne(stream, buffer)) break;
    }
    error_code ignored;
    stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
    streams_.erase(&stream);
  }

  // Reads one request and has it answered; false when the connection is to be closed.
  asio::awaitable<bool> ServeOne(beast::tcp_stream& stream, beast::flat_buffer& buffer) {
    error_code error;
    http::request_parser<http::string_body> parser;
    parser.header_limit(options_.header_bytes_max);
    parser.body_limit(options_.body_bytes_max);
    if (buffer.size() == 0) {
      stream.expires_after(std::chrono::microseconds(options_.idle_time_max));
      const size_t size =
          co_await stream.async_read_some(buffer.prepare(4096), asio::redirect_error(asio::use_awaitable, error));
      if (error) co_return false;
      buffer.commit(size);
    }
    stream.expires_after(std::chrono::microseconds(options_.request_time_max));
    co_await http::async_read_header(stream, buffer, parser, asio::redirect_error(asio::use_awaitable, error));
    if (!error && beast::iequals(parser.get()[http::field::expect], "100-continue")) {
      static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
      co_await asio::async_write(stream, asio::buffer(kContinue), asio::redirect_error(asio::use_awaitable, error));
    }
    if (!error) co_await http::async_read(stream, buffer, parser, asio::redirect_error(asio::use_awaitable, error));
    if (error) {
      co_await Refuse(stream, error);
      co_return false;
    }
    stream.expires_never();
    auto message = parser.release();
    Responder responder(*this, stream, message.method() == http::verb::head, message.keep_alive(), message.version());
    const HttpRequest request = ToRequest(message);
    co_await RunHandler(stream, request, responder);
    co_return responder.keep_alive();
  }

  // Hands the request to a worker and waits for its end, or answers by itself when that cannot be.
  asio::awaitable<void> RunHandler(beast::tcp_stream& stream, const HttpRequest& request, Responder& responder) {
    if (!HostAllowed(request)) {
      co_await Answer(stream, 421, "this server answers under an address or localhost only\n");
      co_return;
    }
    asio::steady_timer done(io_, asio::steady_timer::time_point::max());
    bool queued = false;
    {
      std::lock_guard lock(mutex_);
      if (!stopping_ && int(jobs_.size()) < options_.waiting_max) {
        jobs_.push_back({&request, &responder, [this, &done] { asio::post(io_, [&done] { done.cancel(); }); }});
        wake_.notify_one();
        queued = true;
      }
    }
    if (!queued) {
      co_await Answer(stream, 503, "too many requests wait already\n");
      co_return;
    }
    error_code ignored;
    co_await done.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }

  bool HostAllowed(const HttpRequest& request) const {
    if (!on_loopback_) return true;
    const std::string* host = request.Header("Host");
    if (host == nullptr) return true;
    const std::string name = HostName(*host);
    error_code error;
    (void)asio::ip::make_address(name, error);
    if (!error || name == "localhost") return true;
    return std::find(options_.further_hosts.begin(), options_.further_hosts.end(), name) !=
           options_.further_hosts.end();
  }

  asio::awaitable<void> Refuse(beast::tcp_stream& stream, error_code error) {
    if (error == http::error::header_limit) co_return co_await Answer(stream, 431, "the header is too large\n");
    if (error == http::error::body_limit) co_return co_await Answer(stream, 413, "the body is too large\n");
    if (error == beast::error::timeout) co_return;
    if (error.category() == make_error_code(http::error::bad_method).category() &&
        error != http::error::end_of_stream && error != http::error::partial_message) {
      co_await Answer(stream, 400, "not an HTTP request: " + error.message() + "\n");
    }
  }

  // An answer by the server itself, after which the connection is closed.
  asio::awaitable<void> Answer(beast::tcp_stream& stream, int status, std::string text) {
    const std::string message = "HTTP/1.1 " + std::to_string(status) + " " + std::string(HttpReason(status)) +
                                "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\nContent-Length: " +
                                std::to_string(text.size()) + "\r\n\r\n" + text;
    error_code ignored;
    stream.expires_after(std::chrono::seconds(2));
    co_await asio::async_write(stream, asio::buffer(message), asio::redirect_error(asio::use_awaitable, ignored));
    // A reset would take the answer with it while the client still sends: say goodbye and read on for a moment.
    stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
    char sink[4096];
    for (int i = 0; i < 256 && !ignored; ++i) {
      co_await stream.async_read_some(asio::buffer(sink), asio::redirect_error(asio::use_awaitable, ignored));
    }
    stream.close();
  }

  const HttpServerOptions options_;
  const HttpHandler handler_;
  Logger& logger_;
  asio::io_context io_;
  tcp::acceptor acceptor_;
  asio::steady_timer slot_free_;
  std::set<beast::tcp_stream*> streams_;  // touched by the socket thread only
  uint16_t port_ = 0;
  bool on_loopback_ = true;
  std::atomic<bool> stopping_ = false;
  std::thread io_thread_;
  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> jobs_;  // bound: waiting_max
};

Status Responder::Put(std::string bytes) {
  if (broken_) return Error(ErrorCode::kCancelled, "the client has gone");
  std::promise<error_code> written;
  asio::post(server_.io(), [&] {
    stream_.expires_after(std::chrono::microseconds(server_.options().write_time_max));
    asio::async_write(stream_, asio::buffer(bytes), [&](const error_code& error, size_t) {
      stream_.expires_never();
      written.set_value(error);
    });
  });
  if (written.get_future().get()) {
    broken_ = true;
    return Error(ErrorCode::kCancelled, "the client has gone");
  }
  return Ok();
}

Status Responder::Write(std::string_view chunk) {
  if (!streaming_) return Error(ErrorCode::kFailedPrecondition, "no stream has begun");
  if (server_.stopping()) return Error(ErrorCode::kCancelled, "the server stops");
  if (chunk.empty() || head_) return Ok();
  if (!chunked_) return Put(std::string(chunk));
  char size[20];
  const int digits = std::snprintf(size, sizeof size, "%zx\r\n", chunk.size());
  std::string framed(size, size_t(digits));
  framed.append(chunk).append("\r\n");
  return Put(std::move(framed));
}

bool Responder::stopping() const {
  return server_.stopping();
}

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::Start(HttpServerOptions options, HttpHandler handler, Logger& logger) {
  auto server = std::make_unique<ServerImpl>(std::move(options), std::move(handler), logger);
  TARN_TRY(server->Open());
  return std::unique_ptr<HttpServer>(std::move(server));
}

}  // namespace tarn::net
