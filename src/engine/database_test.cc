#include "engine/database.h"

#include <gtest/gtest.h>

#include "base/clock.h"
#include "storage/object_stores.h"

namespace tarn::engine {
namespace {

class DatabaseTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto database = Database::Open({.threads = 2});
    ASSERT_TRUE(database.ok()) << database.error().ToString();
    database_ = std::move(*database);
    connection_ = std::move(*database_->Connect());
  }
  std::vector<std::vector<std::optional<std::string>>> Query(const std::string& sql) {
    auto rows = connection_->QueryText(sql);
    EXPECT_TRUE(rows.ok()) << rows.error().ToString();
    return rows.ok() ? *rows : std::vector<std::vector<std::optional<std::string>>>();
  }
  std::unique_ptr<Database> database_;
  std::unique_ptr<Connection> connection_;
};

// "Etc/UTC" is the same zone under a name that is left to ICU.
TEST_F(DatabaseTest, DatesOfTimesInUtcAreThoseOfIcu) {
  const std::string dates =
      "SELECT CAST(make_timestamptz(us) AS DATE), TRY_CAST(make_timestamptz(us + 86399999999) AS DATE) FROM "
      "(SELECT (-62135596800 + i * 3155378) * 1000000 + d AS us FROM range(100000) r(i), (VALUES (-1), (0), (1)) "
      "v(d)) ";
  const auto ours = Query(dates);
  ASSERT_TRUE(connection_->Execute("SET TimeZone = 'Etc/UTC'").ok());
  EXPECT_EQ(ours, Query(dates));
  ASSERT_TRUE(connection_->Execute("SET TimeZone = 'America/New_York'").ok());
  const std::string late = "SELECT CAST(ts AS DATE) FROM (VALUES (TIMESTAMPTZ '2025-01-02 03:00:00+00')) v(ts)";
  EXPECT_EQ(Query(late)[0][0], "2025-01-01");
  ASSERT_TRUE(connection_->Execute("SET TimeZone = 'UTC'").ok());
  EXPECT_EQ(Query(late)[0][0], "2025-01-02");
  const auto ends = Query(
      "SELECT CAST(ts AS DATE) FROM (VALUES ('infinity'::TIMESTAMPTZ), ('-infinity'::TIMESTAMPTZ), (NULL)) v(ts)");
  EXPECT_EQ(ends[0][0], "infinity");
  EXPECT_EQ(ends[1][0], "-infinity");
  EXPECT_EQ(ends[2][0], std::nullopt);
}

struct FailingWriter final : storage::ObjectWriter {
  Status Append(std::string_view) override { return Ok(); }
  Status Finish() override { return Error(ErrorCode::kUnavailable, "the store is away"); }
  uint64_t written() const override { return 0; }
};
struct FailingStore final : storage::ObjectStore {
  Result<std::string> Get(const std::string& key) override { return Error(ErrorCode::kNotFound, key); }
  Result<storage::ObjectInfo> Head(const std::string& key) override { return Error(ErrorCode::kNotFound, key); }
  Result<std::unique_ptr<storage::ObjectReader>> OpenReader(const std::string& key) override {
    return Error(ErrorCode::kNotFound, key);
  }
  Result<std::unique_ptr<storage::ObjectWriter>> OpenWriter(const std::string&) override {
    return std::unique_ptr<storage::ObjectWriter>(std::make_unique<FailingWriter>());
  }
  Status PutIfAbsent(const std::string&, std::string_view) override { return Ok(); }
  Status Put(const std::string&, std::string_view) override { return Ok(); }
  Status Delete(const std::string&) override { return Ok(); }
  Result<std::vector<storage::ObjectInfo>> List(const std::string&, const std::string&, bool) override {
    return std::vector<storage::ObjectInfo>();
  }
  std::string Location(const std::string& key) const override { return key; }
};

// A caller tries again what an outage failed; the same as an invalid statement it would give up.
TEST_F(DatabaseTest, AStoreThatFailsAtTheEndOfACopyIsAnIoError) {
  FailingStore store;
  ASSERT_TRUE(database_->MountStore("away", store).ok());
  const Status copied =
      connection_->Execute("COPY (SELECT * FROM range(100000)) TO 'away://x.parquet' (FORMAT parquet)");
  EXPECT_TRUE(copied.Is(ErrorCode::kIoError)) << copied.error().ToString();
  EXPECT_NE(copied.error().ToString().find("the store is away"), std::string::npos);
  EXPECT_EQ(Query("SELECT 1")[0][0], "1");
}

}  // namespace
}  // namespace tarn::engine
