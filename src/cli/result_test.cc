#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/result_printers.h"
#include "cli/result_reader.h"

namespace tarn::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Optional;

constexpr char kResult[] =
    "{\"columns\":[{\"name\":\"n\",\"type\":\"BIGINT\"},{\"name\":\"word\",\"type\":\"VARCHAR\"}],\"kind\":\"result\"}"
    "\n"
    "[\"1\",\"a,\\\"b\\\"\"]\n"
    "[\"20\",null]\n"
    "[\"300\",\"\"]\n"
    "{\"rows\":3,\"seconds\":0.25}\n";

// What a mode prints for a result that comes in pieces of `piece` bytes.
std::string Printed(OutputOptions options, std::string_view result, size_t piece = 7) {
  std::FILE* file = std::tmpfile();
  const auto printer = MakePrinter(options, file);
  ResultReader reader(*printer);
  for (size_t at = 0; at < result.size(); at += piece) EXPECT_TRUE(reader.Feed(result.substr(at, piece)).ok());
  const Status finished = reader.Finish();
  std::string text(size_t(std::ftell(file)), '\0');
  std::rewind(file);
  EXPECT_EQ(std::fread(text.data(), 1, text.size(), file), text.size());
  std::fclose(file);
  return finished.ok() ? text : text + "error: " + finished.error().ToString();
}

TEST(Results, Box) {
  EXPECT_EQ(Printed({}, kResult),
            "┌────────┬─────────┐\n"
            "│ n      │ word    │\n"
            "│ bigint │ varchar │\n"
            "├────────┼─────────┤\n"
            "│      1 │ a,\"b\"   │\n"
            "│     20 │ NULL    │\n"
            "│    300 │         │\n"
            "└────────┴─────────┘\n"
            "3 rows in 0.250 s\n");
}

TEST(Results, BoxLeavesOutTheMiddle) {
  const std::string text = Printed({.rows_max = 2}, kResult);
  EXPECT_THAT(text, HasSubstr("│      1 │"));
  EXPECT_THAT(text, HasSubstr("│      · │"));
  EXPECT_THAT(text, HasSubstr("│    300 │"));
  EXPECT_THAT(text, testing::Not(HasSubstr("20 │")));
  EXPECT_THAT(text, HasSubstr("3 rows in 0.250 s (2 shown)"));
}

TEST(Results, BoxFitsTheTerminal) {
  std::vector<ResultColumn> head;
  TextRow row;
  for (int i = 0; i < 30; ++i) {
    head.push_back({"column" + std::to_string(i), "VARCHAR"});
    row.emplace_back("a rather long value of column " + std::to_string(i));
  }
  const std::string text = FormatBox(head, {row}, {.width = 60});
  EXPECT_LE(DisplayWidth(text.substr(0, text.find('\n'))), 60u);
  EXPECT_THAT(text, HasSubstr("│ … │"));
}

TEST(Results, CsvTellsNullFromEmpty) {
  EXPECT_EQ(Printed({.mode = OutputMode::kCsv}, kResult), "n,word\n1,\"a,\"\"b\"\"\"\n20,\n300,\"\"\n");
}

TEST(Results, Markdown) {
  EXPECT_EQ(Printed({.mode = OutputMode::kMarkdown}, kResult),
            "| n | word |\n| --- | --- |\n| 1 | a,\"b\" |\n| 20 | NULL |\n| 300 |  |\n");
}

TEST(Results, Vertical) {
  EXPECT_THAT(Printed({.mode = OutputMode::kVertical}, kResult), HasSubstr("─── row 2 ───\n   n  20\nword  NULL\n"));
}

TEST(Results, ARowThatLooksLikeAnEndIsARow) {
  EXPECT_EQ(Printed({.mode = OutputMode::kJson},
                    "{\"columns\":[{\"name\":\"rows\",\"type\":\"BIGINT\"}],\"kind\":\"result\"}\n{\"rows\":7}\n{"
                    "\"rows\":1,\"seconds\":0}\n"),
            "{\"rows\":7}\n");
}

TEST(Results, ACutOffTextIsAnError) {
  const std::string_view whole = kResult;
  for (size_t length = 0; length < whole.size(); ++length)
    EXPECT_THAT(Printed({.mode = OutputMode::kCsv}, whole.substr(0, length)),
                HasSubstr("error: the result was cut off"))
        << length;
}

TEST(Results, AnErrorAfterRowsIsTheStatements) {
  EXPECT_THAT(Printed({.mode = OutputMode::kCsv},
                      "{\"columns\":[],\"kind\":\"result\"}\n{\"error\":{\"code\":\"resource_exhausted\",\"message\":"
                      "\"out of memory\"}}\n"),
              HasSubstr("error: out of memory"));
}

TEST(Results, TextRows) {
  const auto row = ParseTextRow("[\"a\\n\\u0001\\\\\",null,\"\"]");
  ASSERT_TRUE(row.ok());
  EXPECT_THAT(*row, ElementsAre(Optional(std::string("a\n\x01\\")), std::nullopt, Optional(std::string())));
  for (const char* bad : {"", "[", "[\"a\"", "[\"a\",]", "[1]", "[\"a", "[\"\\u00", "{}"})
    EXPECT_FALSE(ParseTextRow(bad).ok()) << bad;
}

TEST(Results, GroupsDigits) {
  EXPECT_EQ(GroupDigits(0), "0");
  EXPECT_EQ(GroupDigits(999), "999");
  EXPECT_EQ(GroupDigits(1'000), "1,000");
  EXPECT_EQ(GroupDigits(12'345'678), "12,345,678");
}

}  // namespace
}  // namespace tarn::cli
