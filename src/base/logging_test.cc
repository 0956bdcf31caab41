#include "base/logging.h"

#include <cmath>
#include <filesystem>
#include <set>

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/file_system.h"
#include "base/json_text.h"

namespace tarn {
namespace {

class LoggingTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "tarn_logging_" + std::to_string(::getpid());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    path_ = folder_ + "/tarn.log";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  // The lines written, without their times.
  std::string Lines(bool json) {
    std::string out, text = *ReadFile(PosixFileSystem(), path_);
    const size_t time = json ? std::string("{\"time\":\"2026-11-24T14:05:06.123456Z\",").size()
                             : std::string("2026-11-24T14:05:06.123456Z ").size();
    for (size_t end; (end = text.find('\n')) != text.npos; text.erase(0, end + 1))
      out += text.substr(time, end + 1 - time);
    return out;
  }
  std::string folder_, path_;
};

TEST_F(LoggingTest, TextQuotesWhatIsNoPlainWord) {
  MakeLogger({.path = path_})
      ->Info("broker", "listening",
             {{"port", 9092},
              {"topic", "a b"},
              {"empty", ""},
              {"injected", "x\n2026 INFO fake"},
              {"steering", "\x1b[2J"},
              {"equal", "a=b"},
              {"rate", 0.5},
              {"ready", true},
              {"name", "ü"}});
  EXPECT_EQ(Lines(false),
            "INFO broker listening port=9092 topic=\"a b\" empty=\"\" injected=\"x\\n2026 INFO fake\" "
            "steering=\"\\u001b[2J\" equal=\"a=b\" rate=0.5 ready=true name=ü\n");
}

TEST_F(LoggingTest, JsonLinesAreLegalWhateverTheFieldsHold) {
  MakeLogger({.path = path_, .json = true})
      ->Warn("a\"b", "say \\",
             {{"bytes", "\xff\x80ok"},
              {"control", std::string_view("\0\n", 2)},
              {"nan", std::nan("")},
              {"infinite", -INFINITY},
              {"n", int64_t(-5)},
              {"no", false}});
  EXPECT_EQ(
      Lines(true),
      "\"level\":\"WARN\",\"module\":\"a\\\"b\",\"message\":\"say \\\\\",\"bytes\":\"\xEF\xBF\xBD\xEF\xBF\xBDok\","
      "\"control\":\"\\u0000\\n\",\"nan\":\"nan\",\"infinite\":\"-inf\",\"n\":-5,\"no\":false}\n");
}

TEST_F(LoggingTest, LevelsBelowTheSetOneAreNotWritten) {
  const auto logger = MakeLogger({.path = path_, .level = LogLevel::kWarn});
  logger->Debug("m", "no");
  logger->Info("m", "no");
  logger->Warn("m", "yes");
  logger->Error("m", "yes");
  EXPECT_EQ(Lines(false), "WARN m yes\nERROR m yes\n");
  EXPECT_FALSE(logger->Enabled(LogLevel::kInfo));
}

TEST_F(LoggingTest, AFileIsRotatedAtTenMegabytesAndFiveAreKept) {
  const auto logger = MakeLogger({.path = path_});
  const std::string filling(1 << 20, 'x');
  for (int i = 0; i < 75; ++i) logger->Info("m", "line", {{"number", i}, {"filling", filling}});
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
    names.insert(entry.path().filename());
    EXPECT_LE(entry.file_size(), 10u << 20);
    const std::string content = *ReadFile(PosixFileSystem(), entry.path());
    EXPECT_TRUE(content.ends_with("x\n"));
    EXPECT_EQ(content.find("INFO m line number="), std::string("2026-11-24T14:05:06.123456Z ").size());
  }
  EXPECT_EQ(names,
            (std::set<std::string>{"tarn.log", "tarn.1.log", "tarn.2.log", "tarn.3.log", "tarn.4.log", "tarn.5.log"}));
}

TEST_F(LoggingTest, AFullDiskFailsNobodyAndWithoutAFileLinesGoToStderr) {
  ::testing::internal::CaptureStderr();
  MakeLogger({.path = "/dev/full"})->Error("m", "on a full disk");
  MakeLogger({.path = "/dev/null/none/tarn.log"})->Error("m", "without a file");
  const std::string text = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(text.find("ERROR m without a file"), std::string::npos) << text;
}

TEST(JsonText, OnlyLegalUtf8PassesThrough) {
  const auto quoted = [](std::string_view text) {
    std::string out;
    AppendJsonString(text, &out);
    return out;
  };
  const std::string bad = "\xEF\xBF\xBD";
  EXPECT_EQ(quoted("aü€😀"), "\"aü€😀\"");
  EXPECT_EQ(quoted("\x01\t\r\x1f\x7f"), "\"\\u0001\\t\\r\\u001f\x7f\"");
  EXPECT_EQ(quoted("\xC0\x80"), '"' + bad + bad + '"');            // overlong
  EXPECT_EQ(quoted("\xED\xA0\x80"), '"' + bad + bad + bad + '"');  // a surrogate
  EXPECT_EQ(quoted("\xF4\x90\x80\x80"), '"' + bad + bad + bad + bad + '"');
  EXPECT_EQ(quoted("x\xE2\x82"), "\"x" + bad + bad + '"');  // cut
}

}  // namespace
}  // namespace tarn
