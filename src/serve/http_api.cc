#include "serve/http_api.h"

#include <string>

#include "engine/cells.h"
#include "serve/http_errors.h"

namespace tarn::serve {
namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kJsonLines = "application/x-ndjson";

void Fail(net::HttpResponder& responder, const Error& error) {
  (void)responder.Send(HttpStatusOf(error.code()), kJson, ErrorJson(error));
}

// A browser names the page that sends a request in `Origin` (RFC 6454); other clients send none. Without this check any
// page that the user looks at could post SQL to the loopback address.
bool SentByAnotherSite(const net::HttpRequest& request) {
  const std::string* origin = request.Header("Origin");
  if (origin == nullptr) return false;
  const std::string* host = request.Header("Host");
  return host == nullptr || *origin != "http://" + *host;
}

net::HttpHandler SameSiteOnly(net::HttpHandler handler) {
  return [handler = std::move(handler)](const net::HttpRequest& request, net::HttpResponder& responder) {
    if (SentByAnotherSite(request))
      return Fail(responder, Error(ErrorCode::kPermissionDenied, "requests of pages of other sites are refused"));
    handler(request, responder);
  };
}

void RunSql(SqlService& sql, const net::HttpRequest& request, net::HttpResponder& responder) {
  const std::string* rows = request.Query("rows");
  const std::string* session = request.Query("session");
  const auto format = ParseRowFormat(rows == nullptr ? "objects" : *rows);
  if (!format.ok()) return Fail(responder, format.error());
  bool begun = false;
  const Status status = sql.Run(
      session == nullptr ? "" : *session, request.body, *format,
      [&responder] { return responder.stopping() || responder.abandoned(); },
      [&](std::string_view lines) -> Status {
        if (!begun) TARN_TRY(responder.BeginStream(200, kJsonLines));
        begun = true;
        return responder.Write(lines);
      });
  if (!status.ok() && !begun) Fail(responder, status.error());
}

}  // namespace

net::HttpRoutes MakeHttpApi(const HttpApiDependencies& dependencies) {
  const auto status = dependencies.status;
  SqlService& sql = dependencies.sql;
  Metrics& metrics = dependencies.metrics;
  net::HttpRoutes routes;
  routes.Add("GET", "/healthz", [status](const net::HttpRequest&, net::HttpResponder& responder) {
    const PlatformStatus now = status();
    (void)responder.Send(now.problems.empty() ? 200 : 503, kJson, HealthJson(now));
  });
  routes.Add("GET", "/metrics", [&metrics](const net::HttpRequest&, net::HttpResponder& responder) {
    (void)responder.Send(200, "text/plain; version=0.0.4; charset=utf-8", metrics.ExportText());
  });
  routes.Add("GET", "/api/v1/status", [status](const net::HttpRequest&, net::HttpResponder& responder) {
    (void)responder.Send(200, kJson, StatusJson(status()));
  });
  routes.Add("POST", "/api/v1/sql",
             SameSiteOnly([&sql](const net::HttpRequest& request, net::HttpResponder& responder) {
               RunSql(sql, request, responder);
             }));
  routes.Add("POST", "/api/v1/sessions", SameSiteOnly([&sql](const net::HttpRequest&, net::HttpResponder& responder) {
               const auto id = sql.OpenSession();
               if (!id.ok()) return Fail(responder, id.error());
               std::string json = "{\"session\":";
               engine::AppendJsonString(*id, &json);
               (void)responder.Send(201, kJson, json + "}\n");
             }));
  routes.Add("DELETE", "/api/v1/sessions/{id}",
             SameSiteOnly([&sql](const net::HttpRequest& request, net::HttpResponder& responder) {
               const Status closed = sql.CloseSession(request.path_parameters[0]);
               if (!closed.ok()) return Fail(responder, closed.error());
               (void)responder.Send(204, "", "");
             }));
  return routes;
}

}  // namespace tarn::serve
