#include "cli/type_syntax.h"

#include <gtest/gtest.h>

namespace tarn::cli {
namespace {

std::string Spelled(std::string_view text) {
  const auto parsed = ParseColumnType(text);
  return parsed.ok() ? parsed->type.ToString() + (parsed->nullable ? "" : " NOT NULL")
                     : "error: " + parsed.error().ToString();
}

TEST(TypeSyntax, ReadsSimpleAndNestedTypes) {
  EXPECT_EQ(Spelled("string"), "VARCHAR");
  EXPECT_EQ(Spelled(" Int NOT  null "), "INTEGER NOT NULL");
  EXPECT_EQ(Spelled("decimal(10, 2)"), "DECIMAL(10,2)");
  EXPECT_EQ(Spelled("map<string, int>"), "MAP(VARCHAR, INTEGER)");
  EXPECT_EQ(Spelled("MAP(VARCHAR, INTEGER)"), "MAP(VARCHAR, INTEGER)");
  EXPECT_EQ(Spelled("list<double>"), Spelled("double[]"));
  EXPECT_EQ(Spelled("struct<x: int, y: map<string, bigint>>"), Spelled("STRUCT(x INTEGER, y MAP(VARCHAR, BIGINT))"));
}

TEST(TypeSyntax, SaysWhatIsWrongAndWhere) {
  EXPECT_EQ(Spelled("strin"), "error: unknown type 'strin'; did you mean 'string'? at character 1 of 'strin'");
  EXPECT_EQ(Spelled("map<string>"), "error: expected ',' at character 11 of 'map<string>'");
  EXPECT_EQ(Spelled("int not"), "error: expected 'null' after 'not' at character 8 of 'int not'");
  EXPECT_EQ(Spelled("decimal(39)"), "error: expected a number from 1 to 38 at character 9 of 'decimal(39)'");
  EXPECT_EQ(Spelled(""), "error: expected a type at character 1 of ''");
}

TEST(TypeSyntax, NestingIsBounded) {
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "list<";
  EXPECT_NE(Spelled(deep).find("nested more than 16 deep"), std::string::npos);
}

}  // namespace
}  // namespace tarn::cli
