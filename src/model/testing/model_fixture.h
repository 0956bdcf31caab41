#pragma once

#include <map>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "base/clock.h"
#include "catalog/open_catalog.h"
#include "engine/database.h"
#include "lake/lake.h"
#include "model/project.h"
#include "storage/object_stores.h"

// Projects in a folder of the test's own, and a lake to build them in.

namespace tarn::model::testing {

// A temporary folder, removed with it.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  const std::string& path() const { return path_; }
  // Creates folders as needed.
  void Write(const std::string& file, const std::string& content) const;
  void Remove(const std::string& file) const;

 private:
  std::string path_;
};

// A lake on a local store: opened anew by Open, as a restarted process would.
class TestLake {
 public:
  explicit TestLake(const std::string& directory);
  ~TestLake();

  BuildContext context() { return {*lake_, *catalog_, clock_, NullLogger()}; }
  lake::Lake& lake() { return *lake_; }
  catalog::Catalog& catalog() { return *catalog_; }
  // One statement, auto-committed; its rows as "a,b;c,d", NULL as "NULL". A failure fails the test.
  std::string Sql(const std::string& statement);

 private:
  FakeClock clock_;
  std::unique_ptr<storage::ObjectStore> store_;
  std::unique_ptr<engine::Database> database_;
  std::unique_ptr<catalog::Catalog> catalog_;
  std::unique_ptr<lake::Lake> lake_;
};

// Loads the project in `folder`; a failure fails the test.
std::unique_ptr<Project> LoadProject(const std::string& folder, std::map<std::string, std::string> vars = {});
// Loads and builds. `report` of a build that could not run fails the test.
BuildReport BuildProject(const std::string& folder, TestLake& lake, const BuildOptions& options = {},
                         std::map<std::string, std::string> vars = {});
// Everything that went wrong in it, for messages.
std::string Describe(const BuildReport& report);
const NodeResult& FindNode(const BuildReport& report, const std::string& name);

}  // namespace tarn::model::testing
