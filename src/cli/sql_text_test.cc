#include "cli/sql_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tarn::cli {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(SqlText, SplitsAtSemicolons) {
  const SplitSql split = SplitStatements("SELECT 1; SELECT 2;\n -- done\n");
  EXPECT_THAT(split.statements, ElementsAre("SELECT 1", " SELECT 2"));
  EXPECT_EQ(split.rest, "");
}

TEST(SqlText, LeavesSemicolonsInStringsNamesAndComments) {
  EXPECT_THAT(SplitStatements("SELECT ';', \"a;b\", 'it''s;', E'\\';', $$;$$, $t$ ; $t$ /* ; */ -- ;\n;").statements,
              ElementsAre("SELECT ';', \"a;b\", 'it''s;', E'\\';', $$;$$, $t$ ; $t$ /* ; */ -- ;\n"));
}

TEST(SqlText, KeepsWhatIsNotEnded) {
  const SplitSql split = SplitStatements("SELECT 1; SELECT 'a;");
  EXPECT_THAT(split.statements, ElementsAre("SELECT 1"));
  EXPECT_EQ(split.rest, " SELECT 'a;");
  EXPECT_EQ(SplitStatements("SELECT $1").rest, "SELECT $1");
}

TEST(SqlText, EmptyStatementsAreNone) {
  EXPECT_THAT(SplitStatements(" ;;\n; -- x\n;").statements, IsEmpty());
}

}  // namespace
}  // namespace tarn::cli
