#include <algorithm>
#include <optional>

#include "net/http_server.h"

namespace tarn::net {
namespace {

bool SameIgnoringCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; };
    return lower(x) == lower(y);
  });
}

std::vector<std::string> SplitPath(std::string_view path) {
  std::vector<std::string> segments;
  if (path.starts_with('/')) path.remove_prefix(1);
  for (;;) {
    const size_t slash = path.find('/');
    segments.emplace_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return segments;
    path.remove_prefix(slash + 1);
  }
}

// What the pattern's parameters match in `path`, or nothing when it does not match.
std::optional<std::vector<std::string>> Match(const std::vector<std::string>& pattern,
                                              const std::vector<std::string>& path) {
  std::vector<std::string> parameters;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i].starts_with('{') && pattern[i].ends_with("...}")) {
      if (i >= path.size()) return std::nullopt;
      std::string rest = path[i];
      for (size_t k = i + 1; k < path.size(); ++k) rest += "/" + path[k];
      parameters.push_back(std::move(rest));
      return parameters;
    }
    if (i >= path.size()) return std::nullopt;
    if (pattern[i].starts_with('{') && pattern[i].ends_with('}')) {
      if (path[i].empty()) return std::nullopt;
      parameters.push_back(path[i]);
    } else if (pattern[i] != path[i]) {
      return std::nullopt;
    }
  }
  return pattern.size() == path.size() ? std::optional(std::move(parameters)) : std::nullopt;
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

const std::string* HttpRequest::Header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (SameIgnoringCase(key, name)) return &value;
  }
  return nullptr;
}

const std::string* HttpRequest::Query(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return &value;
  }
  return nullptr;
}

void HttpRoutes::Add(std::string_view method, std::string_view pattern, HttpHandler handler) {
  routes_.push_back({std::string(method), SplitPath(pattern), std::move(handler)});
}

void HttpRoutes::operator()(const HttpRequest& request, HttpResponder& responder) const {
  const std::vector<std::string> path = SplitPath(request.path);
  std::string allowed;
  for (const bool head_as_get : {false, true}) {
    const std::string_view method = head_as_get && request.method == "HEAD" ? "GET" : std::string_view(request.method);
    for (const Route& route : routes_) {
      auto parameters = Match(route.segments, path);
      if (!parameters) continue;
      if (route.method == method) {
        HttpRequest routed = request;
        routed.path_parameters = *std::move(parameters);
        return route.handler(routed, responder);
      }
      if (!head_as_get) allowed += (allowed.empty() ? "" : ", ") + route.method;
    }
  }
  if (allowed.empty()) {
    (void)responder.Send(404, "text/plain; charset=utf-8", "no such page: " + request.path + "\n");
    return;
  }
  responder.AddHeader("Allow", allowed);
  (void)responder.Send(405, "text/plain; charset=utf-8", "only " + allowed + " is served at " + request.path + "\n");
}

std::string_view HttpReason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Payload Too Large";
    case 416:
      return "Range Not Satisfiable";
    case 421:
      return "Misdirected Request";
    case 422:
      return "Unprocessable Entity";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return "Unknown";
  }
}

std::string PercentDecode(std::string_view text, bool plus) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (plus && text[i] == '+') {
      out += ' ';
    } else if (text[i] == '%' && i + 2 < text.size() && HexDigit(text[i + 1]) >= 0 && HexDigit(text[i + 2]) >= 0) {
      out += char(HexDigit(text[i + 1]) * 16 + HexDigit(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace tarn::net
