#include "base/testing/faulty_file_system.h"

#include <gtest/gtest.h>

namespace tarn {
namespace {

TEST(FaultyFileSystem, ACrashLosesWhatWasNotSynced) {
  FaultyFileSystem fs;
  ASSERT_TRUE(fs.CreateDirectories("/d").ok());
  ASSERT_TRUE(fs.SyncDirectory("/").ok());
  const auto file = fs.CreateExclusive("/d/a");
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE((*file)->Append(std::string_view("synced")).ok());
  ASSERT_TRUE((*file)->Sync().ok());
  ASSERT_TRUE(fs.SyncDirectory("/d").ok());
  ASSERT_TRUE((*file)->Append(std::string_view(" not synced")).ok());
  EXPECT_EQ(fs.Content("/d/a"), "synced not synced");
  fs.Crash(/*tails=*/false);
  EXPECT_EQ(fs.Content("/d/a"), "synced");
  EXPECT_TRUE((*file)->Append(std::string_view("x")).Is(ErrorCode::kIoError));
}

TEST(FaultyFileSystem, AFileWhoseFolderWasNotSyncedMayBeGone) {
  int gone = 0;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    FaultyFileSystem fs(seed);
    ASSERT_TRUE(fs.CreateDirectories("/d").ok());
    ASSERT_TRUE(fs.SyncDirectory("/").ok());
    const auto file = fs.CreateExclusive("/d/a");
    ASSERT_TRUE((*file)->Append(std::string_view("synced")).ok());
    ASSERT_TRUE((*file)->Sync().ok());
    fs.Crash();
    gone += fs.Stat("/d/a").Is(ErrorCode::kNotFound) ? 1 : 0;
  }
  EXPECT_GT(gone, 5);
  EXPECT_LT(gone, 45);
}

TEST(FaultyFileSystem, WriteFileDurablyIsOldOrNewAtEveryCrash) {
  for (uint64_t n = 1; n < 20; ++n) {
    FaultyFileSystem fs(n);
    ASSERT_TRUE(fs.CreateDirectories("/d").ok());
    ASSERT_TRUE(WriteFileDurably(fs, "/d/a", "old").ok());
    ASSERT_TRUE(fs.SyncDirectory("/").ok());
    fs.FailChange(n);
    const bool written = WriteFileDurably(fs, "/d/a", "new").ok();
    fs.Crash();
    const std::string content = fs.Content("/d/a");
    EXPECT_TRUE(content == "new" || (!written && content == "old")) << n << content;
  }
}

TEST(FaultyFileSystem, AFullDiskTakesAPart) {
  FaultyFileSystem fs;
  ASSERT_TRUE(fs.CreateDirectories("/d").ok());
  const auto file = fs.CreateExclusive("/d/a");
  fs.SetCapacity(4);
  EXPECT_TRUE((*file)->Append(std::string_view("123456")).Is(ErrorCode::kResourceExhausted));
  EXPECT_EQ(fs.Content("/d/a"), "1234");
}

}  // namespace
}  // namespace tarn
