#include <filesystem>
#include <fstream>

#include <unistd.h>

#include "base/failpoint.h"
#include "storage/object_store_contract.h"
#include "storage/object_stores.h"

namespace tarn::storage {
namespace {

struct MemoryFixture final : ObjectStoreFixture {
  ObjectStore& store() override { return *store_; }
  FakeClock clock_;
  std::unique_ptr<ObjectStore> store_ = MakeMemoryObjectStore(clock_);
};

struct LocalFixture final : ObjectStoreFixture {
  LocalFixture() {
    static int count = 0;
    root = ::testing::TempDir() + "tarn_storage_" + std::to_string(::getpid()) + "_" + std::to_string(count++);
    std::filesystem::remove_all(root);
    store_ = std::move(*OpenLocalObjectStore(PosixFileSystem(), root));
  }
  ~LocalFixture() override { std::filesystem::remove_all(root); }
  ObjectStore& store() override { return *store_; }
  std::string root;
  std::unique_ptr<ObjectStore> store_;
};

INSTANTIATE_TEST_SUITE_P(Memory, ObjectStoreContract, ::testing::Values([]() -> std::unique_ptr<ObjectStoreFixture> {
                           return std::make_unique<MemoryFixture>();
                         }));
INSTANTIATE_TEST_SUITE_P(Local, ObjectStoreContract, ::testing::Values([]() -> std::unique_ptr<ObjectStoreFixture> {
                           return std::make_unique<LocalFixture>();
                         }));

class LocalObjectStoreTest : public ::testing::Test {
 protected:
  void TearDown() override { ASSERT_TRUE(SetFailpoints("").ok()); }
  int FilesIn(const std::string& folder) {
    int count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(local_.root + "/" + folder)) count++;
    return count;
  }
  LocalFixture local_;
};

// Process ids come again, in containers within seconds. What a crashed namesake left must not stand in the way.
TEST_F(LocalObjectStoreTest, TemporaryFilesOfACrashedNamesakeDoNotStandInTheWay) {
  std::filesystem::create_directories(local_.root + "/t");
  for (int i = 0; i < 50; i++) {
    std::ofstream(local_.root + "/t/.tmp-" + std::to_string(::getpid()) + "-" + std::to_string(i)) << "left over";
  }
  const auto written = local_.store().Put("t/a", "new");
  ASSERT_TRUE(written.ok()) << written.error().ToString();
  EXPECT_EQ(*local_.store().Get("t/a"), "new");
  EXPECT_TRUE(local_.store().PutIfAbsent("t/b", "new").ok());
}

TEST_F(LocalObjectStoreTest, TemporaryFilesOfDeadProcessesAreRemovedAndNeverListed) {
  std::filesystem::create_directories(local_.root + "/t");
  std::ofstream(local_.root + "/t/.tmp-999999999-0") << "left over";
  EXPECT_TRUE(local_.store().List("t/")->empty());
  ASSERT_TRUE(local_.store().Put("t/a", "x").ok());
  EXPECT_EQ(FilesIn("t"), 1);
}

TEST_F(LocalObjectStoreTest, AGivenUpWriterLeavesNoFile) {
  { const auto writer = local_.store().OpenWriter("t/a"); }
  EXPECT_EQ(FilesIn("t"), 0);
}

TEST_F(LocalObjectStoreTest, AFailureBeforeTheNameLeavesTheObjectAsItWas) {
  ASSERT_TRUE(local_.store().Put("t/a", "old").ok());
  ASSERT_TRUE(SetFailpoints("storage.write.before_rename=error").ok());
  EXPECT_FALSE(local_.store().Put("t/a", "new").ok());
  ASSERT_TRUE(SetFailpoints("").ok());
  EXPECT_EQ(*local_.store().Get("t/a"), "old");
  EXPECT_EQ(FilesIn("t"), 1);
}

}  // namespace
}  // namespace tarn::storage
