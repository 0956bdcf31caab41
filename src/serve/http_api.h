#pragma once

#include <functional>

#include "base/metrics.h"
#include "net/http_server.h"
#include "serve/platform_status.h"
#include "serve/sql_service.h"

// The program's HTTP interface:
//
//   GET    /healthz                200, or 503 and why not
//   GET    /metrics                Prometheus text format
//   GET    /api/v1/status          everything that `tarn status` shows
//   POST   /api/v1/sql             the body is the SQL; ?rows=objects|arrays|text, ?session=ID; answers as sql_stream.h
//   says POST   /api/v1/sessions        {"session":ID}: a connection that keeps its transaction DELETE
//   /api/v1/sessions/{id}

namespace tarn::serve {

struct HttpApiDependencies {
  std::function<PlatformStatus()> status;  // thread-safe
  SqlService& sql;
  Metrics& metrics;
};

// The dependencies outlive the server that the routes are given to. A request that changes something is refused with
// 403 when a page of another site sent it.
net::HttpRoutes MakeHttpApi(const HttpApiDependencies& dependencies);

}  // namespace tarn::serve
