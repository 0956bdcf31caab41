#include "base/file_system.h"

#include <limits.h>
#include <unistd.h>

#include <filesystem>

#include <gtest/gtest.h>

#include "base/testing/faulty_file_system.h"

namespace tarn {
namespace {

class PosixFileSystemTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "tarn_file_system_" + std::to_string(::getpid());
    std::filesystem::remove_all(folder_);
    ASSERT_TRUE(fs_.CreateDirectories(folder_ + "/a/b").ok());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  FileSystem& fs_ = PosixFileSystem();
  std::string folder_;
};

TEST_F(PosixFileSystemTest, AFileIsAppendedReadAndCut) {
  const std::string path = folder_ + "/f";
  const auto file = std::move(*fs_.OpenForAppend(path));
  // More pieces than the system takes at once, some empty.
  std::vector<std::string> texts;
  std::string whole;
  for (int i = 0; i < 3 * IOV_MAX; ++i) texts.push_back(i % 7 == 0 ? "" : std::to_string(i) + ",");
  std::vector<Bytes> pieces;
  for (const std::string& text : texts) {
    pieces.emplace_back(text);
    whole += text;
  }
  ASSERT_TRUE(file->AppendAll(pieces).ok());
  ASSERT_TRUE(file->Append(std::string_view("end")).ok());
  whole += "end";
  ASSERT_TRUE(file->Sync().ok());
  EXPECT_EQ(*file->Size(), whole.size());
  EXPECT_EQ(*ReadFile(fs_, path), whole);
  char buffer[8] = {};
  EXPECT_EQ(*file->ReadAt(whole.size() - 3, buffer), 3u);
  EXPECT_EQ(std::string(buffer, 3), "end");
  EXPECT_EQ(*file->ReadAt(whole.size() + 100, buffer), 0u);
  ASSERT_TRUE(file->Truncate(2).ok());
  ASSERT_TRUE(file->Append(std::string_view("x")).ok());
  EXPECT_EQ(*ReadFile(fs_, path), whole.substr(0, 2) + "x");
}

TEST_F(PosixFileSystemTest, ErrorsTellWhatToDo) {
  const std::string none = folder_ + "/none";
  EXPECT_TRUE(fs_.OpenForRead(none).Is(ErrorCode::kNotFound));
  EXPECT_TRUE(fs_.OpenForAppend(none + "/f").Is(ErrorCode::kNotFound));
  EXPECT_TRUE(fs_.Stat(none).Is(ErrorCode::kNotFound));
  EXPECT_TRUE(fs_.List(none).Is(ErrorCode::kNotFound));
  EXPECT_TRUE(fs_.Remove(none).Is(ErrorCode::kNotFound));
  EXPECT_TRUE(fs_.Rename(none, folder_ + "/x").Is(ErrorCode::kNotFound));
  EXPECT_TRUE(fs_.Link(none, folder_ + "/x").Is(ErrorCode::kNotFound));
  EXPECT_TRUE(fs_.SyncDirectory(none).Is(ErrorCode::kNotFound));
  EXPECT_TRUE(fs_.RemoveTree(none).ok());
  EXPECT_TRUE(fs_.CreateExclusive(folder_ + "/a").Is(ErrorCode::kAlreadyExists));
  EXPECT_FALSE(fs_.Remove(folder_ + "/a").ok());  // not empty
  EXPECT_TRUE(fs_.Remove(folder_ + "/a/b").ok());
  ASSERT_TRUE(WriteFileDurably(fs_, folder_ + "/file", "x").ok());
  EXPECT_FALSE(fs_.CreateDirectories(folder_ + "/file/below").ok());
  EXPECT_TRUE((*fs_.OpenForAppend("/dev/full"))->Append(std::string_view("x")).Is(ErrorCode::kResourceExhausted));
  // The message says what was done to what.
  EXPECT_EQ(fs_.Stat(none).error().message(), "examining " + none + ": No such file or directory");
}

TEST_F(PosixFileSystemTest, ListTellsKindAndSize) {
  ASSERT_TRUE(WriteFileDurably(fs_, folder_ + "/f", "four").ok());
  const auto entries = *fs_.List(folder_);
  ASSERT_EQ(entries.size(), 2u);
  for (const FileInfo& entry : entries) {
    EXPECT_EQ(entry.is_directory, entry.name == "a");
    if (!entry.is_directory) {
      EXPECT_EQ(entry.size, 4u);
    }
  }
}

TEST(ParentPath, OfAnyPath) {
  EXPECT_EQ(ParentPath("a/b/c"), "a/b");
  EXPECT_EQ(ParentPath("/a"), "/");
  EXPECT_EQ(ParentPath("a"), ".");
}

// Whatever step fails is told, the old content stays or the new is there, and the next write goes through.
TEST(WriteFileDurably, FailsAtEachStepWithoutHarm) {
  uint64_t n = 1;
  for (;; ++n) {
    FaultyFileSystem fs(n);
    ASSERT_TRUE(fs.CreateDirectories("/d").ok());
    ASSERT_TRUE(WriteFileDurably(fs, "/d/a", "old").ok());
    const uint64_t before = fs.changes();
    fs.FailChange(n);
    const Status written = WriteFileDurably(fs, "/d/a", "new");
    const bool reached = fs.changes() - before >= n;
    fs.FailChange(0);
    EXPECT_EQ(written.ok(), !reached) << n;
    const std::string content = fs.Content("/d/a");
    EXPECT_TRUE(content == "new" || (content == "old" && reached)) << n << content;
    ASSERT_TRUE(WriteFileDurably(fs, "/d/a", "newer").ok()) << n;
    EXPECT_EQ(fs.Content("/d/a"), "newer");
    if (!reached) break;
  }
  EXPECT_GE(n, 5u);  // create, write, sync, rename, sync of the folder
}

TEST(WriteFileDurably, AFullDiskKeepsTheOldContent) {
  FaultyFileSystem fs;
  ASSERT_TRUE(fs.CreateDirectories("/d").ok());
  ASSERT_TRUE(WriteFileDurably(fs, "/d/a", "old").ok());
  fs.SetCapacity(5);
  EXPECT_TRUE(WriteFileDurably(fs, "/d/a", "newer").Is(ErrorCode::kResourceExhausted));
  EXPECT_EQ(fs.Content("/d/a"), "old");
}

}  // namespace
}  // namespace tarn
