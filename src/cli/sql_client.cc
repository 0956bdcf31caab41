#include "cli/sql_client.h"

#include <charconv>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/random.h"
#include "cli/data_directory.h"
#include "cli/lakehouse.h"
#include "cli/one_off.h"
#include "net/http_client.h"
#include "serve/sql_service.h"

namespace tarn::cli {
namespace {

// With `tarn up`, over HTTP.
class RemoteClient final : public SqlClient {
 public:
  RemoteClient(const Holder& holder, net::HttpCall call) : holder_(holder), call_(std::move(call)) {}
  ~RemoteClient() override {
    if (session_.empty()) return;
    net::HttpCall call = call_;
    call.method = "DELETE";
    call.target = "/api/v1/sessions/" + session_;
    call.timeout = 2'000'000;
    (void)net::CallHttp(call);
  }

  Status Open() {
    net::HttpCall call = call_;
    call.method = "POST";
    call.target = "/api/v1/sessions";
    TARN_ASSIGN_OR_RETURN(const net::HttpReply reply, net::CallHttp(call));
    if (auto error = ParseErrorJson(reply.body)) return *error;
    const auto json = nlohmann::json::parse(reply.body, nullptr, false);
    if (json.is_object()) session_ = json.value("session", "");
    if (session_.empty()) return Error(ErrorCode::kUnavailable, "no SQL session at " + holder_.http_address);
    return Ok();
  }

  Status Run(const std::string& statement, serve::RowFormat format, const std::atomic<bool>& interrupted,
             ResultPrinter& printer) override {
    net::HttpCall call = call_;
    call.method = "POST";
    call.target =
        "/api/v1/sql?session=" + session_ + "&rows=" + (format == serve::RowFormat::kObjects ? "objects" : "text");
    call.body = statement;
    call.timeout = Micros(24) * 3600 * 1'000'000;
    call.body_bytes_max = UINT64_MAX;
    call.cancelled = [&interrupted] { return interrupted.load(); };
    ResultReader reader(printer);
    Status fed;
    call.on_body = [&](std::string_view piece) {
      fed = reader.Feed(piece);
      return fed.ok();
    };
    const auto reply = net::CallHttp(call);
    TARN_TRY(fed);
    TARN_TRY(reply);
    return reader.Finish();
  }

  std::string Where() const override { return "tarn up, pid " + std::to_string(holder_.pid); }

 private:
  const Holder holder_;
  const net::HttpCall call_;
  std::string session_;
};

// On the files, in this process.
class LocalClient final : public SqlClient {
 public:
  LocalClient(std::unique_ptr<OneOff> one_off, std::string data_dir)
      : one_off_(std::move(one_off)),
        data_dir_(std::move(data_dir)),
        service_({}, one_off_->house().lake(), SystemClock(), Random::FromEntropy()) {}

  Status Open() {
    TARN_ASSIGN_OR_RETURN(session_, service_.OpenSession());
    return Ok();
  }

  Status Run(const std::string& statement, serve::RowFormat format, const std::atomic<bool>& interrupted,
             ResultPrinter& printer) override {
    ResultReader reader(printer);
    TARN_TRY(service_.Run(
        session_, statement, format, [&interrupted] { return interrupted.load(); },
        [&reader](std::string_view lines) { return reader.Feed(lines); }));
    return reader.Finish();
  }

  std::string Where() const override { return "the files in " + data_dir_; }

 private:
  const std::unique_ptr<OneOff> one_off_;
  const std::string data_dir_;
  serve::SqlService service_;
  std::string session_;
};

}  // namespace

Result<std::unique_ptr<SqlClient>> ConnectSql(const Place& place) {
  if (const auto holder = FindHolder(place.data_dir)) {
    TARN_ASSIGN_OR_RETURN(net::HttpCall call, CallOf(*holder));
    auto client = std::make_unique<RemoteClient>(*holder, std::move(call));
    TARN_TRY(client->Open());
    return std::unique_ptr<SqlClient>(std::move(client));
  }
  TARN_ASSIGN_OR_RETURN(auto one_off, OneOff::Open(place));
  auto client = std::make_unique<LocalClient>(std::move(one_off), place.data_dir);
  TARN_TRY(client->Open());
  return std::unique_ptr<SqlClient>(std::move(client));
}

}  // namespace tarn::cli
