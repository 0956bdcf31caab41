#include <filesystem>
#include <fstream>

#include <unistd.h>

#include "base/failpoint.h"
#include "base/testing/faulty_file_system.h"
#include "storage/object_store_contract.h"
#include "storage/object_stores.h"
#include "storage/testing/faulty_object_store.h"

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

struct FaultyFixture final : ObjectStoreFixture {
  ObjectStore& store() override { return faulty; }
  std::unique_ptr<ObjectStore> base = MakeMemoryObjectStore(SystemClock());
  storage::testing::FaultyObjectStore faulty{*base, 7};
};
INSTANTIATE_TEST_SUITE_P(FaultyWithoutFaults, ObjectStoreContract,
                         ::testing::Values([] { return std::make_unique<FaultyFixture>(); }));

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

TEST_F(LocalObjectStoreTest, AFailureBeforeTheLinkLeavesNothingAndOneAfterItIsUnknown) {
  ASSERT_TRUE(SetFailpoints("storage.put_if_absent.before_link=error").ok());
  EXPECT_TRUE(local_.store().PutIfAbsent("t/a", "x").Is(ErrorCode::kIoError));
  EXPECT_EQ(FilesIn("t"), 0);
  for (const std::string action : {"error", "lost"}) {
    ASSERT_TRUE(SetFailpoints("storage.put_if_absent.after_link=" + action).ok());
    EXPECT_TRUE(local_.store().PutIfAbsent("t/" + action, "x").Is(ErrorCode::kOutcomeUnknown)) << action;
    EXPECT_EQ(*local_.store().Get("t/" + action), "x");
  }
  EXPECT_EQ(FilesIn("t"), 2);
}

// A disk that fills up while an object is written: the error says so, no part shows, and there is no litter.
TEST(LocalObjectStoreDisk, AFullOneTakesNoObjectAndKeepsTheOld) {
  FaultyFileSystem fs;
  const auto store = std::move(*OpenLocalObjectStore(fs, "/store"));
  ASSERT_TRUE(store->Put("t/a", "old").ok());
  fs.SetCapacity(5);
  EXPECT_TRUE(store->Put("t/a", "newer").Is(ErrorCode::kResourceExhausted));
  EXPECT_TRUE(store->PutIfAbsent("t/b", "newer").Is(ErrorCode::kResourceExhausted));
  {
    const auto writer = std::move(*store->OpenWriter("t/c"));
    EXPECT_TRUE(writer->Append("newer").Is(ErrorCode::kResourceExhausted));
  }
  EXPECT_EQ(*store->Get("t/a"), "old");
  EXPECT_EQ(store->List("t/")->size(), 1u);
  EXPECT_EQ(fs.List("/store/t")->size(), 1u);
  fs.SetCapacity(UINT64_MAX);
  EXPECT_TRUE(store->PutIfAbsent("t/b", "newer").ok());
}

// Whatever operation fails, and whatever a power cut takes: an object is whole, and one that was acknowledged stays.
TEST(LocalObjectStoreDisk, ObjectsAreWholeOrAbsentWhateverOperationFails) {
  for (uint64_t n = 1; n <= 30; ++n) {
    SCOPED_TRACE("operation " + std::to_string(n));
    FaultyFileSystem fs(n);
    Status put, replaced;
    {
      const auto store = std::move(*OpenLocalObjectStore(fs, "/store"));
      ASSERT_TRUE(store->Put("t/a", "old").ok());
      fs.FailChange(n);
      put = store->PutIfAbsent("u/v/b", "first");
      replaced = store->Put("t/a", "new");
      fs.FailChange(0);
    }
    fs.Crash();
    const auto store = std::move(*OpenLocalObjectStore(fs, "/store"));
    const auto first = store->Get("u/v/b");
    EXPECT_TRUE(first.ok() ? *first == "first" : first.Is(ErrorCode::kNotFound));
    EXPECT_TRUE(put.Is(ErrorCode::kOutcomeUnknown) || first.ok() == put.ok());
    const std::string content = *store->Get("t/a");
    EXPECT_TRUE(content == "new" || (content == "old" && !replaced.ok()));
  }
}

}  // namespace
}  // namespace tarn::storage
