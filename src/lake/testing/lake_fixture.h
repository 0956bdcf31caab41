#pragma once

#include <filesystem>

#include <gtest/gtest.h>

#include "base/failpoint.h"
#include "lake/testing/lake_world.h"

namespace tarn::lake {

// A lake with one schema `s` and one connection, in a temporary folder of its own.
class LakeTest : public testing::Test {
 protected:
  LakeTest() : connection_(Must(world_.lake->Connect())) { Run("CREATE SCHEMA s"); }
  ~LakeTest() override {
    EXPECT_TRUE(SetFailpoints("").ok());
    connection_.reset();
    std::filesystem::remove_all(world_.root);
  }

  void Run(const std::string& sql) { Run(*connection_, sql); }
  static void Run(engine::Connection& connection, const std::string& sql) {
    const Status done = connection.Execute(sql);
    ASSERT_TRUE(done.ok()) << sql << "\n" << done.error().ToString();
  }
  Error Fails(const std::string& sql) {
    const Status done = connection_->Execute(sql);
    EXPECT_FALSE(done.ok()) << sql;
    return done.ok() ? Error(ErrorCode::kInternal, "it succeeded") : done.error();
  }
  std::string Rows(const std::string& sql) { return RowsOf(*connection_, sql); }
  static std::string Rows(engine::Connection& connection, const std::string& sql) { return RowsOf(connection, sql); }
  size_t FilesOpenedBy(const std::string& sql) {
    world_.store->TakeOpened();
    const std::string rows = Rows(sql);
    EXPECT_FALSE(rows.starts_with("error")) << rows;
    return world_.store->TakeOpened().size();
  }
  std::set<std::string> DataFiles(const std::string& folder) {
    std::set<std::string> keys;
    for (const auto& object : Must(world_.store->List("lake/" + folder + "/", "", true)))
      if (object.key.ends_with(".parquet") && object.key.find("_delta_log") == object.key.npos) keys.insert(object.key);
    return keys;
  }
  uint64_t Write(const LakeWrite& write) {
    const auto rows = world_.lake->WriteTable(*connection_, write);
    EXPECT_TRUE(rows.ok()) << rows.status().error().ToString();
    return rows.ok() ? *rows : 0;
  }

  FakeClock clock_{1'800'000'000'000'000};
  LakeWorld world_{NewFolder(), clock_, {.memory_limit_bytes = uint64_t(512) << 20, .threads = 2}};
  std::unique_ptr<engine::Connection> connection_;

 private:
  static std::string NewFolder() {
    std::string pattern = std::filesystem::temp_directory_path() / "tarn-lake-XXXXXX";
    return mkdtemp(pattern.data());
  }
};

}  // namespace tarn::lake
