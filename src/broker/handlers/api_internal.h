#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/broker_internal.h"
#include "broker/kafka_errors.h"
#include "broker/protocol/codec.h"
#include "broker/protocol/errors.h"
#include "net/frame_server.h"

// The frame of every request handler. A handler is one file that ends in one line:
//
//   const Api kListOffsetsApi = AnsweredAtOnce<ListOffsetsRequest, ListOffsetsResponse>("ListOffsets", {1, 7},
//   &ListOffsets);

namespace tarn::broker {

struct ApiVersionRange {
  int min = 0;
  int max = 0;
};

// What stands before the body of every request.
struct RequestHeader {
  int16_t api_key = 0;
  int16_t api_version = 0;
  int32_t correlation_id = 0;
  std::string_view client_id;  // valid as long as the frame
};

struct Api {
  int16_t key = 0;
  std::string_view name;
  ApiVersionRange versions;
  int flexible_from = 0;
  // Reads `body`, the rest of the call's frame, and sees to an answer. kCorruption: not such a request, and nothing was
  // done.
  std::function<Status(BrokerContext& context, const RequestHeader& header, std::string_view body,
                       std::shared_ptr<net::FrameCall> call)>
      serve;

  bool flexible(int version) const { return version >= flexible_from; }
};

// The bytes of an answer: correlation id, tagged fields of the header where it has them, body.
template <typename Response>
std::vector<std::string> EncodeResponse(const RequestHeader& header, int version, Response& response) {
  constexpr int16_t kApiVersionsKey = 18;  // its header stays at version 0, so that any client can read it
  const bool flexible = version >= Response::kFlexibleFrom;
  Writer writer(version, flexible);
  int32_t correlation_id = header.correlation_id;
  writer.Value(correlation_id);
  if (flexible && Response::kApiKey != kApiVersionsKey) NoTags(writer);
  response.Visit(writer);
  return writer.Finish();
}

// One request on its way to an answer. Thread-safe but for `request`, which is read only.
template <typename Request, typename Response>
class Exchange {
 public:
  Exchange(RequestHeader header, std::shared_ptr<net::FrameCall> call) : header_(header), call_(std::move(call)) {}

  Request request;  // its views are valid as long as this exchange
  int version() const { return header_.api_version; }
  std::string_view client_id() const { return header_.client_id; }
  const std::string& client_host() const { return call_->peer_address(); }

  // One of these, once.
  void Reply(Response response) { call_->Reply(EncodeResponse(header_, header_.api_version, response)); }
  void ReplyNothing() { call_->ReplyNothing(); }
  void Close() { call_->Close(); }

 private:
  const RequestHeader header_;
  const std::shared_ptr<net::FrameCall> call_;
};

// A handler that answers later, from any thread.
template <typename Request, typename Response>
Api AnsweredLater(std::string_view name, ApiVersionRange versions,
                  void (*handle)(BrokerContext&, std::shared_ptr<Exchange<Request, Response>>)) {
  Api api{.key = Request::kApiKey,
          .name = name,
          .versions = versions,
          .flexible_from = Request::kFlexibleFrom,
          .serve = nullptr};
  api.serve = [handle](BrokerContext& context, const RequestHeader& header, std::string_view body,
                       std::shared_ptr<net::FrameCall> call) -> Status {
    auto exchange = std::make_shared<Exchange<Request, Response>>(header, std::move(call));
    Reader reader(body, header.api_version, header.api_version >= Request::kFlexibleFrom);
    exchange->request.Visit(reader);
    TARN_TRY(reader.status());
    handle(context, std::move(exchange));
    return Ok();
  };
  return api;
}

// A handler that answers when it returns.
template <typename Request, typename Response>
Api AnsweredAtOnce(std::string_view name, ApiVersionRange versions,
                   Response (*handle)(BrokerContext&, const Request&, int version)) {
  Api api{.key = Request::kApiKey,
          .name = name,
          .versions = versions,
          .flexible_from = Request::kFlexibleFrom,
          .serve = nullptr};
  api.serve = [handle](BrokerContext& context, const RequestHeader& header, std::string_view body,
                       std::shared_ptr<net::FrameCall> call) -> Status {
    Request request;
    Reader reader(body, header.api_version, header.api_version >= Request::kFlexibleFrom);
    request.Visit(reader);
    TARN_TRY(reader.status());
    Response response = handle(context, request, header.api_version);
    call->Reply(EncodeResponse(header, header.api_version, response));
    return Ok();
  };
  return api;
}

// All APIs, by key. ApiVersions tells clients exactly this.
const std::vector<const Api*>& AllApis();
// Null for a key that we do not serve.
const Api* FindApi(int16_t key);

// What stands before the body, and the body. kCorruption.
struct ParsedRequest {
  RequestHeader header;
  std::string_view body;
};
Result<ParsedRequest> ParseRequestHeader(std::string_view frame);

// Finds the API and lets it answer; closes the connection where no answer is possible (unknown API or version,
// malformed body) and returns why. An ApiVersions request of an unknown version is answered with all that a client
// needs to ask again.
Status ServeFrame(BrokerContext& context, std::shared_ptr<net::FrameCall> call);
void AnswerUnknownApiVersions(const RequestHeader& header, net::FrameCall& call);

inline std::optional<std::string> ToOptionalString(const std::optional<std::string_view>& text) {
  return text ? std::optional<std::string>(*text) : std::nullopt;
}

// Counts down the parts of an answer that are known at different times; the last one sends it. Thread-safe.
class Countdown {
 public:
  Countdown(size_t parts, std::function<void()> last) : left_(parts), last_(std::move(last)) {}
  void Done() {
    if (left_.fetch_sub(1) == 1) last_();
  }

 private:
  std::atomic<size_t> left_;
  const std::function<void()> last_;
};

}  // namespace tarn::broker
