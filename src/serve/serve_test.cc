#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "net/http_client.h"
#include "serve/http_api.h"
#include "serve/http_errors.h"

namespace tarn::serve {
namespace {

using testing::HasSubstr;

// Sessions on a plain database: serve asks no more of a lake.
class PlainLake final : public lake::Lake {
 public:
  PlainLake() : database_(std::move(*engine::Database::Open({.memory_limit_bytes = 256 << 20, .threads = 2}))) {}
  Result<std::unique_ptr<engine::Connection>> Connect() override { return database_->Connect(); }
  Result<uint64_t> WriteTable(engine::Connection&, const lake::LakeWrite&) override {
    return Error(ErrorCode::kUnsupported, "not in this test");
  }
  std::map<std::string, table::TableVersion> LastCommit(engine::Connection&) override { return {}; }

 private:
  std::unique_ptr<engine::Database> database_;
};

constexpr char kEndless[] = "SELECT sum(hash(i)) FROM range(1000000000000000) t(i)";

class Serve : public testing::Test {
 protected:
  explicit Serve(SqlServiceOptions options = {}) : sql_(options, lake_, SystemClock(), Random(1)) {}

  // The whole text of a result, or "error: …".
  std::string Run(const std::string& sql, RowFormat format = RowFormat::kObjects, const std::string& session = "") {
    std::string text;
    const Status status = sql_.Run(
        session, sql, format, [] { return false; },
        [&](std::string_view lines) {
          text += lines;
          return Ok();
        });
    return status.ok() ? text : "error: " + status.error().ToString();
  }

  PlainLake lake_;
  SqlService sql_;
};

TEST_F(Serve, ThreeFormatsOfRows) {
  const std::string sql =
      "SELECT 1 AS n, 'x' AS s, NULL AS e, 1.50::DECIMAL(9,2) AS d, [1, 2] AS l, MAP {'a': 1} AS m, 'nan'::DOUBLE AS f";
  EXPECT_THAT(
      Run(sql),
      HasSubstr(
          "\n{\"n\":1,\"s\":\"x\",\"e\":null,\"d\":1.50,\"l\":[1,2],\"m\":{\"a\":1},\"f\":\"nan\"}\n{\"rows\":1,"));
  EXPECT_THAT(Run(sql, RowFormat::kArrays), HasSubstr("\n[1,\"x\",null,1.50,[1,2],{\"a\":1},\"nan\"]\n"));
  EXPECT_THAT(Run(sql, RowFormat::kText), HasSubstr("\n[\"1\",\"x\",null,\"1.50\",\"[1, 2]\",\"{a=1}\",\"nan\"]\n"));
  EXPECT_THAT(Run("SELECT 1 AS n"),
              testing::StartsWith("{\"columns\":[{\"name\":\"n\",\"type\":\"INTEGER\"}],\"kind\":\"result\"}\n"));
}

TEST_F(Serve, TextThatIsNoUtf8IsMadeSo) {
  EXPECT_THAT(Run("SELECT 'a\"\\' || chr(10) || chr(1) AS s"), HasSubstr("{\"s\":\"a\\\"\\\\\\n\\u0001\"}"));
}

TEST_F(Serve, ManyRowsComeWhole) {
  const std::string text = Run("SELECT i FROM range(100000) t(i)", RowFormat::kText);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 100'002);
  EXPECT_THAT(text, HasSubstr("{\"rows\":100000,"));
}

TEST_F(Serve, AnErrorBeforeTheFirstRowIsAnError) {
  EXPECT_THAT(Run("SELEC 1"), HasSubstr("error: "));
}

TEST_F(Serve, AnErrorAfterTheFirstRowIsTheLastLine) {
  const std::string text =
      Run("SELECT CASE WHEN i < 400000 THEN i ELSE error('too many') END AS n FROM range(500000) t(i)");
  EXPECT_THAT(text, HasSubstr("too many"));
}

TEST_F(Serve, ASessionKeepsItsTransaction) {
  const std::string id = *sql_.OpenSession();
  EXPECT_THAT(Run("CREATE TEMP TABLE t AS SELECT 7 AS n", RowFormat::kObjects, id), HasSubstr("\"rows\":"));
  EXPECT_THAT(Run("SELECT n FROM t", RowFormat::kObjects, id), HasSubstr("{\"n\":7}"));
  EXPECT_THAT(Run("SELECT n FROM t"), HasSubstr("error: "));
  EXPECT_TRUE(sql_.CloseSession(id).ok());
  EXPECT_THAT(Run("SELECT 1", RowFormat::kObjects, id), HasSubstr("no SQL session"));
  EXPECT_TRUE(sql_.CloseSession(id).Is(ErrorCode::kNotFound));
}

TEST_F(Serve, AStatementEndsWithItsClient) {
  std::atomic<bool> gone = false;
  Status status;
  std::thread client([&] {
    status = sql_.Run(
        "", kEndless, RowFormat::kText, [&] { return gone.load(); }, [](std::string_view) { return Ok(); });
  });
  gone = true;
  client.join();
  EXPECT_TRUE(status.ok() || status.Is(ErrorCode::kCancelled))
      << ErrorCodeName(status.error().code()) << ": " << status.error().ToString();
}

class ServeOneAtATime : public Serve {
 protected:
  ServeOneAtATime() : Serve({.running_max = 1, .waiting_max = 0}) {}
};

TEST_F(ServeOneAtATime, FurtherStatementsAreRefused) {
  std::atomic<bool> gone = false, running = false;
  std::thread first([&] {
    (void)sql_.Run(
        "", kEndless, RowFormat::kText, [&] { return running = true, gone.load(); },
        [](std::string_view) { return Ok(); });
  });
  while (!running) std::this_thread::yield();
  EXPECT_THAT(Run("SELECT 1"), HasSubstr("error: 1 statements run"));
  gone = true;
  first.join();
  EXPECT_THAT(Run("SELECT 1 AS n"), HasSubstr("{\"n\":1}"));
}

class ServeHttp : public Serve {
 protected:
  ServeHttp() : handler_(MakeHttpApi({.status = [this] { return status_; }, .sql = sql_, .metrics = *metrics_})) {
    server_ = std::move(*net::HttpServer::Start({}, handler_, NullLogger()));
  }
  net::HttpReply Call(const std::string& method, const std::string& target, const std::string& body = "",
                      std::vector<std::pair<std::string, std::string>> headers = {}) {
    const auto reply = net::CallHttp(
        {.method = method, .port = server_->port(), .target = target, .headers = std::move(headers), .body = body});
    EXPECT_TRUE(reply.ok());
    return reply.ok() ? *reply : net::HttpReply{};
  }

  PlatformStatus status_;
  std::unique_ptr<Metrics> metrics_ = MakeMetrics();
  net::HttpHandler handler_;
  std::unique_ptr<net::HttpServer> server_;
};

TEST_F(ServeHttp, HealthSaysWhyNot) {
  EXPECT_EQ(Call("GET", "/healthz").status, 200);
  status_.problems = {"stream s: its source is gone"};
  const net::HttpReply reply = Call("GET", "/healthz");
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.body, "{\"status\":\"unhealthy\",\"problems\":[\"stream s: its source is gone\"]}\n");
}

TEST_F(ServeHttp, StatusNamesTheStreams) {
  status_.streams.push_back({.name = "s", .topic = "t", .table = "n.x", .dead_letter_table = "n.y"});
  status_.streams[0].status.stored = 12;
  EXPECT_THAT(Call("GET", "/api/v1/status").body, HasSubstr("\"stored\":12"));
}

TEST_F(ServeHttp, Sql) {
  EXPECT_THAT(Call("POST", "/api/v1/sql", "SELECT 1 AS n").body, HasSubstr("{\"n\":1}"));
  EXPECT_EQ(Call("POST", "/api/v1/sql", "SELEC").status, 400);
  EXPECT_EQ(Call("POST", "/api/v1/sql?rows=squares", "SELECT 1").status, 400);
  EXPECT_EQ(Call("POST", "/api/v1/sql?session=none", "SELECT 1").status, 404);
  EXPECT_EQ(Call("GET", "/api/v1/sql").status, 405);
}

TEST_F(ServeHttp, AnotherSitesPageIsRefused) {
  const std::string own = "http://127.0.0.1:" + std::to_string(server_->port());
  EXPECT_EQ(Call("POST", "/api/v1/sql", "SELECT 1", {{"Origin", own}}).status, 200);
  EXPECT_EQ(Call("POST", "/api/v1/sql", "SELECT 1", {{"Origin", "http://evil.example"}}).status, 403);
  EXPECT_EQ(Call("POST", "/api/v1/sessions", "", {{"Origin", "null"}}).status, 403);
}

TEST(HttpErrors, AnErrorAsJson) {
  EXPECT_EQ(ErrorJson(Error(ErrorCode::kNotFound, "no \"t\"")),
            "{\"error\":{\"code\":\"not_found\",\"message\":\"no \\\"t\\\"\"}}\n");
}

}  // namespace
}  // namespace tarn::serve
