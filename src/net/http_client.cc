#include "net/http_client.h"

#include <boost/asio/io_context.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <memory>

namespace tarn::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

// Runs the one operation that was started on `io` to its end, or closes the stream under it when the call is cancelled.
void Drive(const HttpCall& call, asio::io_context& io, beast::tcp_stream& stream) {
  io.restart();
  while (!io.stopped()) {
    if (!call.cancelled) {
      io.run();
      continue;
    }
    io.run_for(std::chrono::milliseconds(50));
    if (!io.stopped() && call.cancelled()) stream.close();
  }
}

std::string Where(const HttpCall& call) {
  return call.address + ":" + std::to_string(call.port);
}

Error Broken(const HttpCall& call, const error_code& error) {
  if (call.cancelled && call.cancelled()) return Error(ErrorCode::kCancelled, "interrupted");
  const std::string what = error == beast::error::timeout ? "no answer in time" : error.message();
  return Error(ErrorCode::kOutcomeUnknown, call.method + " " + call.target + " at " + Where(call) + ": " + what);
}

}  // namespace

Result<HttpReply> CallHttp(const HttpCall& call) {
  asio::io_context io(1);
  beast::tcp_stream stream(io);
  error_code error;
  const auto address = asio::ip::make_address(call.address, error);
  if (error) return Error(ErrorCode::kInvalidArgument, "not a numeric address: " + call.address);

  stream.expires_after(std::chrono::microseconds(call.connect_timeout));
  stream.async_connect(asio::ip::tcp::endpoint(address, call.port), [&](const error_code& e) { error = e; });
  Drive(call, io, stream);
  if (error) return Error(ErrorCode::kUnavailable, "nobody answers at " + Where(call) + ": " + error.message());

  http::request<http::string_body> request;
  request.method_string(call.method);
  request.target(call.target);
  request.version(11);
  request.set(http::field::host, Where(call));
  for (const auto& [name, value] : call.headers) request.set(name, value);  // may replace Host
  request.keep_alive(false);
  request.body() = call.body;
  request.prepare_payload();
  stream.expires_after(std::chrono::microseconds(call.timeout));
  http::async_write(stream, request, [&](const error_code& e, size_t) { error = e; });
  Drive(call, io, stream);
  // A server that refuses early (413) may have answered although the rest could not be sent: read on.

  beast::flat_buffer buffer;
  http::response_parser<http::buffer_body> parser;
  parser.body_limit(call.body_bytes_max);
  parser.skip(call.method == "HEAD");
  http::async_read_header(stream, buffer, parser, [&](const error_code& e, size_t) { error = e; });
  Drive(call, io, stream);
  if (error) return Broken(call, error);

  HttpReply reply;
  reply.status = int(parser.get().result_int());
  for (const auto& field : parser.get())
    reply.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
  const auto piece = std::make_unique_for_overwrite<char[]>(64 * 1024);
  while (!parser.is_done()) {
    parser.get().body().data = piece.get();
    parser.get().body().size = 64 * 1024;
    http::async_read_some(stream, buffer, parser, [&](const error_code& e, size_t) { error = e; });
    Drive(call, io, stream);
    if (error == http::error::need_buffer) error = {};
    if (error == http::error::body_limit) {
      return Error(ErrorCode::kResourceExhausted, "the answer of " + Where(call) + " is larger than " +
                                                      std::to_string(call.body_bytes_max) + " bytes");
    }
    if (error) return Broken(call, error);
    const std::string_view got(piece.get(), 64 * 1024 - parser.get().body().size);
    if (!call.on_body) {
      reply.body.append(got);
    } else if (!got.empty() && !call.on_body(got)) {
      return Error(ErrorCode::kCancelled, "the answer was not wanted any more");
    }
  }
  return reply;
}

std::string PercentEncode(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                            c == '.' || c == '_' || c == '~';
    if (unreserved) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out;
}

}  // namespace tarn::net
