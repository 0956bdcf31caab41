#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "net/http_client.h"
#include "net/http_server.h"

namespace tarn::net {
namespace {

std::unique_ptr<HttpServer> StartServer(HttpHandler handler, HttpServerOptions options = {}) {
  auto server = HttpServer::Start(std::move(options), std::move(handler), NullLogger());
  EXPECT_TRUE(server.ok()) << server.error().ToString();
  return std::move(server).value();
}

HttpReply Call(const HttpServer& server, HttpCall call) {
  call.port = server.port();
  call.timeout = 20'000'000;
  auto reply = CallHttp(call);
  EXPECT_TRUE(reply.ok()) << (reply.ok() ? "" : reply.error().ToString());
  return reply.ok() ? *reply : HttpReply{};
}

TEST(HttpServer, AnswersByRouteMethodAndParameters) {
  HttpRoutes routes;
  routes.Add("GET", "/api/tables/{name}/files", [](const HttpRequest& request, HttpResponder& responder) {
    const std::string* limit = request.Query("limit");
    (void)responder.Send(200, "text/plain", request.path_parameters.at(0) + " " + (limit == nullptr ? "-" : *limit));
  });
  routes.Add("POST", "/api/sql", [](const HttpRequest& request, HttpResponder& responder) {
    (void)responder.Send(201, "text/plain", request.body + *request.Header("x-mark"));
  });
  routes.Add("GET", "/ui/{path...}", [](const HttpRequest& request, HttpResponder& responder) {
    (void)responder.Send(200, "text/plain", request.path_parameters.at(0));
  });
  const auto server = StartServer(routes);
  EXPECT_EQ(Call(*server, {.target = "/api/tables/a%20b/files?x=1&limit=3+4"}).body, "a b 3 4");
  EXPECT_EQ(Call(*server, {.target = "/ui/js/app.js"}).body, "js/app.js");
  const HttpReply posted =
      Call(*server, {.method = "POST", .target = "/api/sql", .headers = {{"X-Mark", "!"}}, .body = "select 1"});
  EXPECT_EQ(posted.status, 201);
  EXPECT_EQ(posted.body, "select 1!");
  EXPECT_EQ(Call(*server, {.target = "/nothing"}).status, 404);
  EXPECT_EQ(Call(*server, {.target = "/api/sql"}).status, 405);
  const HttpReply head = Call(*server, {.method = "HEAD", .target = "/ui/x"});
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.body, "");
}

TEST(HttpServer, StreamsInPiecesToAReaderThatMayLeave) {
  std::atomic<bool> ended_by_reader = false;
  const auto server = StartServer([&](const HttpRequest& request, HttpResponder& responder) {
    ASSERT_TRUE(responder.BeginStream(200, "text/event-stream").ok());
    const int pieces = request.path == "/endless" ? 1'000'000'000 : 3;
    for (int i = 0; i < pieces; ++i) {
      const Status written = responder.Write("data: " + std::to_string(i) + std::string(1000, ' ') + "\n\n");
      if (written.Is(ErrorCode::kCancelled)) {
        ended_by_reader = true;
        return;
      }
    }
  });
  const HttpReply whole = Call(*server, {.target = "/three"});
  EXPECT_EQ(whole.body.substr(0, 7), "data: 0");
  EXPECT_EQ(whole.body.size(), 3u * 1009u);
  size_t seen = 0;
  const auto left = CallHttp({.port = server->port(), .target = "/endless", .on_body = [&](std::string_view piece) {
                                return (seen += piece.size()) < 100'000;
                              }});
  EXPECT_TRUE(left.Is(ErrorCode::kCancelled));
  server->Stop();
  EXPECT_TRUE(ended_by_reader);
}

TEST(HttpServer, RefusesWhatIsTooLarge) {
  const auto server =
      StartServer([](const HttpRequest&, HttpResponder& responder) { (void)responder.Send(200, "text/plain", "fine"); },
                  {.header_bytes_max = 1024, .body_bytes_max = 1000});
  EXPECT_EQ(Call(*server, {.method = "POST", .body = std::string(1000, 'x')}).status, 200);
  EXPECT_EQ(Call(*server, {.method = "POST", .body = std::string(1001, 'x')}).status, 413);
  EXPECT_EQ(Call(*server, {.headers = {{"X-Long", std::string(2000, 'x')}}}).status, 431);
}

TEST(HttpServer, OnLoopbackAnswersUnderAddressesAndLocalhostOnly) {
  const auto server =
      StartServer([](const HttpRequest&, HttpResponder& responder) { (void)responder.Send(200, "text/plain", "fine"); },
                  {.further_hosts = {"tarn.local"}});
  const auto status_for = [&](const std::string& host) { return Call(*server, {.headers = {{"Host", host}}}).status; };
  EXPECT_EQ(status_for("localhost:8080"), 200);
  EXPECT_EQ(status_for("127.0.0.1"), 200);
  EXPECT_EQ(status_for("[::1]:8080"), 200);
  EXPECT_EQ(status_for("tarn.local:8080"), 200);
  EXPECT_EQ(status_for("evil.example:8080"), 421);
}

TEST(HttpServer, AHandlerThatAnswersNothingOrThrowsGives500) {
  const auto server = StartServer([](const HttpRequest& request, HttpResponder&) {
    if (request.path == "/throws") throw std::runtime_error("boom");
  });
  EXPECT_EQ(Call(*server, {.target = "/silent"}).status, 500);
  EXPECT_EQ(Call(*server, {.target = "/throws"}).status, 500);
}

TEST(HttpServer, APortInUseNamesItsHolder) {
  const auto handler = [](const HttpRequest&, HttpResponder& responder) { (void)responder.Send(200, "", ""); };
  const auto first = StartServer(handler);
  const auto second = HttpServer::Start({.port = first->port()}, handler, NullLogger());
  ASSERT_TRUE(second.Is(ErrorCode::kUnavailable));
  EXPECT_NE(second.error().message().find("pid " + std::to_string(getpid())), std::string::npos)
      << second.error().message();
}

TEST(HttpServer, FurtherRequestsThanWorkersAndWaitersGet503) {
  std::atomic<bool> release = false, running = false;
  const auto server = StartServer(
      [&](const HttpRequest&, HttpResponder& responder) {
        running = true;
        while (!release) std::this_thread::yield();
        (void)responder.Send(200, "text/plain", "late");
      },
      {.workers = 1, .waiting_max = 1});
  std::atomic<int> fine = 0, refused = 0;
  std::vector<std::thread> callers;
  for (int i = 0; i < 6; ++i) {
    callers.emplace_back([&] {
      const int status = Call(*server, {}).status;
      (status == 200 ? fine : refused)++;
      if (refused == 4) release = true;
    });
    // The first one is with the worker before others come; then one waits, and four are too many.
    while (!running) std::this_thread::yield();
  }
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(fine, 2);
  EXPECT_EQ(refused, 4);
}

TEST(HttpServer, StopEndsStreams) {
  std::atomic<bool> begun = false;
  const auto server = StartServer([&](const HttpRequest&, HttpResponder& responder) {
    (void)responder.BeginStream(200, "text/event-stream");
    begun = true;
    while (!responder.stopping()) std::this_thread::yield();
  });
  std::thread caller([&] { (void)CallHttp({.port = server->port()}); });
  while (!begun) std::this_thread::yield();
  server->Stop();
  caller.join();
  EXPECT_TRUE(CallHttp({.port = server->port()}).Is(ErrorCode::kUnavailable));
}

TEST(HttpClient, NobodyListeningIsUnavailable) {
  const auto reply = CallHttp({.port = 1, .connect_timeout = 2'000'000});
  EXPECT_TRUE(reply.Is(ErrorCode::kUnavailable));
}

TEST(PercentDecode, UndoesEscapesAndLeavesBrokenOnes) {
  EXPECT_EQ(PercentDecode("a%2Fb+c%", false), "a/b+c%");
  EXPECT_EQ(PercentDecode("a+b%zz", true), "a b%zz");
  EXPECT_EQ(PercentEncode("a/b c~"), "a%2Fb%20c~");
}

}  // namespace
}  // namespace tarn::net
