#include "base/yaml.h"

#include <gtest/gtest.h>

#include <cmath>

namespace tarn {
namespace {

std::string MessageOf(std::string_view text) {
  const auto parsed = ParseYaml(text, "f.yml");
  return parsed.ok() ? "parsed" : parsed.error().message();
}

TEST(Yaml, KeepsPositionsAndOrder) {
  const auto root = ParseYaml("name: shop\nports:\n  http: 8080\n  kafka: [9092, 9093]\n", "f.yml");
  ASSERT_TRUE(root.ok()) << root.error().message();
  ASSERT_EQ(root->kind, YamlNode::Kind::kMapping);
  ASSERT_EQ(root->entries.size(), 2u);
  EXPECT_EQ(root->entries[1].first, "ports");
  EXPECT_EQ(root->entry_positions[1], std::make_pair(2, 1));
  const YamlNode* ports = root->Find("ports");
  EXPECT_EQ(ports->entry_positions[1], std::make_pair(4, 3));
  const YamlNode& second = ports->Find("kafka")->items[1];
  EXPECT_EQ(second.line, 4);
  EXPECT_EQ(second.column, 17);
  EXPECT_EQ(second.AsInt(), 9093);
  EXPECT_EQ(root->Find("none"), nullptr);
}

YamlNode Scalar(const std::string& text) {
  auto root = ParseYaml("v: " + text, "f.yml");
  EXPECT_TRUE(root.ok()) << text;
  return root.ok() ? *root->Find("v") : YamlNode();
}

TEST(Yaml, TypesPlainScalars) {
  EXPECT_EQ(Scalar("yes").AsBool(), true);
  EXPECT_EQ(Scalar("Off").AsBool(), false);
  EXPECT_EQ(Scalar("\"yes\"").AsBool(), std::nullopt);
  EXPECT_EQ(Scalar("y").AsBool(), std::nullopt);
  EXPECT_EQ(Scalar("-12").AsInt(), -12);
  EXPECT_EQ(Scalar("+7").AsInt(), 7);
  EXPECT_EQ(Scalar("0x1F").AsInt(), 31);
  EXPECT_EQ(Scalar("0o17").AsInt(), 15);
  EXPECT_EQ(Scalar("0x-1").AsInt(), std::nullopt);
  EXPECT_EQ(Scalar("9223372036854775808").AsInt(), std::nullopt);
  EXPECT_EQ(Scalar("60s").AsInt(), std::nullopt);
  EXPECT_EQ(Scalar("'5'").AsInt(), std::nullopt);
  EXPECT_EQ(Scalar("0.5").AsDouble(), 0.5);
  EXPECT_EQ(Scalar("1e3").AsDouble(), 1000);
  EXPECT_EQ(Scalar("inf").AsDouble(), std::nullopt);
  EXPECT_TRUE(std::isinf(*Scalar("-.inf").AsDouble()));
  EXPECT_TRUE(Scalar("~").IsNull());
  EXPECT_TRUE(Scalar("null").IsNull());
  EXPECT_TRUE(Scalar("").IsNull());
  EXPECT_FALSE(Scalar("'null'").IsNull());
  EXPECT_EQ(Scalar("|\n  a\n  b\n").text, "a\nb\n");
  EXPECT_TRUE(Scalar("|\n  1\n").quoted);
}

TEST(Yaml, AnEmptyTextIsNull) {
  EXPECT_TRUE(ParseYaml("", "f.yml")->IsNull());
  EXPECT_TRUE(ParseYaml("# only a comment\n", "f.yml")->IsNull());
}

TEST(Yaml, ErrorsNameFileLineAndColumn) {
  EXPECT_EQ(MessageOf("a: 1\nb: 2\na: 3\n"), "f.yml:3:1: the key 'a' occurs twice");
  EXPECT_EQ(MessageOf("a:\n  - [1, 2\n").rfind("f.yml:", 0), 0u);
  EXPECT_EQ(MessageOf("? [a, b]\n: 1\n"), "f.yml:1:3: a key must be a plain or quoted text");
  EXPECT_EQ(MessageOf("a: 1\n---\nb: 2\n"), "f.yml:3:1: a second document; one is expected");
  EXPECT_EQ(MessageOf("a: !python/object:os.system x\n"), "f.yml:1:4: unknown tag !python/object:os.system");
  EXPECT_EQ(MessageOf("a: *none\n").rfind("f.yml:1:", 0), 0u);
}

TEST(Yaml, AliasesAndMergeKeysAreExpanded) {
  const auto root = ParseYaml("base: &b {x: 1, y: 2}\nuse: *b\nmerged:\n  <<: *b\n  y: 3\n", "f.yml");
  ASSERT_TRUE(root.ok()) << root.error().message();
  EXPECT_EQ(root->Find("use")->Find("y")->AsInt(), 2);
  EXPECT_EQ(root->Find("merged")->Find("x")->AsInt(), 1);
  EXPECT_EQ(root->Find("merged")->Find("y")->AsInt(), 3);
}

TEST(Yaml, AliasBombsAndDeepNestingAreRefused) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    const std::string name = "a" + std::to_string(i), below = "*a" + std::to_string(i - 1);
    bomb += name + ": &" + name + " [" + below;
    for (int j = 1; j < 10; ++j) bomb += ", " + below;
    bomb += "]\n";
  }
  EXPECT_NE(MessageOf(bomb).find("too large once its aliases are expanded"), std::string::npos);
  EXPECT_NE(MessageOf(std::string(100, '[') + std::string(100, ']')).find("nested deeper than 64"), std::string::npos);
  EXPECT_EQ(MessageOf(std::string(100'000, '[')).rfind("f.yml:", 0), 0u);
  const std::string long_text = "a: &a " + std::string(1 << 20, 'x') + "\nb: [";
  std::string many = long_text;
  for (int i = 0; i < 200; ++i) many += "*a, ";
  EXPECT_NE(MessageOf(many + "1]\n").find("too large"), std::string::npos);
}

TEST(NearestWord, FindsTypingMistakes) {
  EXPECT_EQ(NearestWord("tpoics", {"topics", "streams"}), "topics");
  EXPECT_EQ(NearestWord("materialised", {"materialized", "severity"}), "materialized");
  EXPECT_EQ(NearestWord("Name", {"name"}), "name");
  EXPECT_EQ(NearestWord("zebra", {"topics", "streams"}), std::nullopt);
  EXPECT_EQ(NearestWord("x", {"y"}), std::nullopt);
  EXPECT_EQ(NearestWord("", {"a"}), std::nullopt);
}

}  // namespace
}  // namespace tarn
