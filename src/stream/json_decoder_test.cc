#include "stream/json_decoder.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include <duckdb.hpp>

#include "base/random.h"
#include "engine/duckdb_types.h"
#include "stream/json_values.h"

namespace tarn::stream {
namespace {

using engine::DataType;
using engine::Field;
using engine::TypeKind;

engine::Schema TestSchema() {
  const auto field = [](const char* name, DataType type, bool nullable = true) {
    return Field{.name = name, .type = std::move(type), .nullable = nullable};
  };
  return {{field("id", DataType::Of(TypeKind::kString), false), field("at", DataType::Of(TypeKind::kTimestamp)),
           field("n", DataType::Of(TypeKind::kInt32)), field("price", DataType::Decimal(10, 2)),
           field("d", DataType::Of(TypeKind::kDouble)), field("ok", DataType::Of(TypeKind::kBoolean)),
           field("m", DataType::Map(DataType::Of(TypeKind::kString), DataType::Of(TypeKind::kInt32))),
           field("s", DataType::Struct(
                          {field("a", DataType::Of(TypeKind::kInt64)), field("b", DataType::Of(TypeKind::kString))})),
           field("l", DataType::List(DataType::Of(TypeKind::kInt32)))}};
}

// One decoder and what it makes of one record after another.
class Decoding {
 public:
  explicit Decoding(bool shapes) : decoder_(TestSchema(), {.shapes = shapes}) {}

  // The row as text, or "reason: detail".
  std::string Decode(const std::string& record) {
    duckdb::DataChunk chunk;
    duckdb::vector<duckdb::LogicalType> types;
    for (const Field& field : TestSchema().fields) types.push_back(engine::ToDuckdb(field.type));
    chunk.Initialize(duckdb::Allocator::DefaultAllocator(), types, 4);
    TextArena texts;
    decoder_.Begin(chunk, texts);
    std::string padded = record + std::string(64, '"');
    const auto problem = decoder_.Decode({padded.data(), record.size()}, 0);
    decoder_.Finish();
    if (problem) return std::string(LetterReasonName(problem->reason)) + ": " + problem->detail;
    chunk.SetCardinality(1);
    std::string row;
    for (size_t i = 0; i < types.size(); ++i) row += (i == 0 ? "" : "|") + chunk.GetValue(i, 0).ToString();
    return row + " unknown=" + std::to_string(decoder_.unknown_fields());
  }
  JsonDecoder& decoder() { return decoder_; }

 private:
  JsonDecoder decoder_;
};

std::string One(const std::string& record) {
  return Decoding(false).Decode(record);
}

TEST(JsonDecoder, ReadsEveryType) {
  EXPECT_EQ(One(R"({"id":"a","at":"2026-11-24T14:05:06.123456+01:00","n":-5,"price":12.5,"d":1e3,"ok":true,)"
                R"("m":{"x":1,"y":null},"s":{"a":9,"b":"q"},"l":[1,2]})"),
            "a|2026-11-24 13:05:06.123456+00|-5|12.50|1000.0|true|{x=1, y=NULL}|{'a': 9, 'b': q}|[1, 2] unknown=0");
  EXPECT_EQ(One(R"({ "id" : "\u00e9\n" , "zzz" : [ {"q":1} ] })"),
            "\xc3\xa9\n|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL unknown=1");
}

TEST(JsonDecoder, TellsWhatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "not_decodable"},
      {"[]", "not_decodable: expected a JSON object"},
      {"{\"id\":\"a\"", "not_decodable"},
      {"{\"id\":\"a\"}}", "not_decodable"},
      {"{\"id\":\"a\"} x", "not_decodable"},
      {"{\"id\":\"a\",\"n\":\"5\",}", "not_decodable"},
      {"{\"id\":\"\xff\"}", "not_decodable"},
      {"{\"id\":\"a\",\"q\":tru}", "not_decodable"},
      {"{\"id\":\"a\",\"q\":01}", "not_decodable"},
      {"{\"id\":\"a\",\"q\":[1,]}", "not_decodable"},
      {"{\"id\":\"a\",\"q\":\"\\x\"}", "not_decodable"},
      {"{}", "missing_field: id is missing"},
      {"{\"id\":null}", "missing_field: id is null"},
      {"{\"n\":\"x\"}", "missing_field"},
      {"{\"id\":5}", "bad_value: id: expected VARCHAR, got 5 (byte 6)"},
      {"{\"id\":\"a\",\"n\":\"5\"}", "bad_value: n: expected INTEGER, got \"5\" (byte 14)"},
      {"{\"id\":\"a\",\"n\":1.0}", "bad_value: n"},
      {"{\"id\":\"a\",\"n\":2147483648}", "bad_value: n"},
      {"{\"id\":\"a\",\"price\":1.005}", "bad_value: price"},
      {"{\"id\":\"a\",\"price\":123456789.00}", "bad_value: price"},
      {"{\"id\":\"a\",\"d\":1e400}", "bad_value: d"},
      {"{\"id\":\"a\",\"at\":\"2026-02-30T00:00:00\"}", "bad_value: at"},
      {"{\"id\":\"a\",\"at\":1764000000}", "bad_value: at"},
      {"{\"id\":\"a\",\"m\":[1]}", "bad_value: m"},
      {"{\"id\":\"a\",\"m\":{\"x\":\"1\"}}", "bad_value: m.value"},
      {"{\"id\":\"a\",\"s\":{\"a\":\"1\"}}", "bad_value: s.a"},
      {"{\"id\":\"a\",\"l\":[1,\"2\"]}", "bad_value: l.element"},
  };
  for (const auto& [record, expected] : cases) {
    const std::string got = One(record);
    EXPECT_TRUE(got.starts_with(expected)) << record << "\n  got " << got << "\n  expected " << expected;
  }
}

// DuckDB compares short strings byte for byte, with what is behind them.
TEST(JsonDecoder, ShortStringsAreAsDuckdbMakesThem) {
  JsonDecoder decoder({{{.name = "id", .type = DataType::Of(TypeKind::kString)}}}, {});
  duckdb::DataChunk chunk;
  chunk.Initialize(duckdb::Allocator::DefaultAllocator(), {duckdb::LogicalType::VARCHAR}, 64);
  TextArena texts;
  decoder.Begin(chunk, texts);
  for (uint32_t size = 0; size <= 40; ++size) {
    const std::string text(size, char('a' + size % 26));
    const std::string record = "{\"id\":\"" + text + "\"}", padded = record + std::string(64, '"');
    ASSERT_FALSE(decoder.Decode({padded.data(), record.size()}, size));
    const auto& got = duckdb::FlatVector::GetData<duckdb::string_t>(chunk.data[0])[size];
    const duckdb::string_t expected(text.data(), size);
    EXPECT_EQ(std::string(got.GetData(), got.GetSize()), text);
    if (expected.IsInlined()) {
      EXPECT_EQ(std::memcmp(&got, &expected, sizeof expected), 0) << size;
    }
  }
  EXPECT_GT(decoder.shape_hits(), 30u);
}

TEST(JsonDecoder, LastOfARepeatedKeyCounts) {
  EXPECT_TRUE(One(R"({"id":"a","id":"b","m":{"x":1,"x":2}})").starts_with("b|NULL|NULL|NULL|NULL|NULL|{x=2}"));
  EXPECT_TRUE(One(R"({"id":null,"id":"b"})").starts_with("b|"));
}

// The corpus of JSONTestSuite: y_ must be read and n_ refused, as a record or as the value of an unknown field.
TEST(JsonDecoder, AgreesWithTheJsonCorpus) {
  const char* corpora = std::getenv("TARN_CORPORA");
  const char* source = std::getenv("TARN_SOURCE_DIR");
  const std::string folder =
      corpora ? std::string(corpora) + "/json" : std::string(source ? source : ".") + "/../shared/corpora/json";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no corpora beside the repository, and TARN_CORPORA names none";
  size_t seen = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    const std::string name = entry.path().filename();
    if (!name.ends_with(".json") || (name[0] != 'y' && name[0] != 'n')) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    const std::string got = One("{\"id\":\"a\",\"q\":" + text.str() + "}");
    const bool refused = got.starts_with("not_decodable");
    // Two that end the outer object early and close a new one.
    if (name.starts_with("n_structure_object_followed") || name.starts_with("n_object_trailing_comment")) continue;
    EXPECT_EQ(refused, name[0] == 'n') << name << ": " << got;
    ++seen;
  }
  EXPECT_GT(seen, 200u);
}

// Records in layouts that repeat, then broken in every way: both paths must say the same.
TEST(JsonDecoder, ShapesGiveWhatSimdjsonGives) {
  const std::string seeds[] = {
      R"({"id": "abc", "at": "2026-11-24T14:05:06.123456", "n": 17, "m": {"x": 1, "y": 2}, "s": {"a": 1, "b": "long enough text"}})",
      R"({"id":"abc","n":null,"price":1.25,"d":-1.5e3,"ok":false,"other":{"deep":[1,"two",null]}})",
      R"({"ok":true,"id":"xyz","l":[1,2,3],"m":{}})",
      "{ \"id\" : \"tab\" ,\n \"d\" : 0 }",
  };
  Random random(3);
  Decoding with(true), without(false);
  const std::string alphabet = "\"\\{}[]:, 019.-+eEtfnul\x01\x80\xc3";
  for (int round = 0; round < 30'000; ++round) {
    std::string record = seeds[random.Below(4)];
    for (uint64_t edits = random.Below(3); edits > 0; --edits) {
      const size_t at = random.Below(record.size());
      switch (random.Below(4)) {
        case 0:
          record[at] = alphabet[random.Below(alphabet.size())];
          break;
        case 1:
          record.erase(at, 1 + random.Below(3));
          break;
        case 2:
          record.insert(at, 1, alphabet[random.Below(alphabet.size())]);
          break;
        default:
          if (record[at] >= '0' && record[at] <= '9') record[at] = char('0' + random.Below(10));
      }
      if (record.empty()) break;
    }
    ASSERT_EQ(with.Decode(record), without.Decode(record)) << record;
  }
  EXPECT_GT(with.decoder().shape_hits(), 5'000u);
}

TEST(JsonValues, DecimalsAreExact) {
  const auto parse = [](const char* text, int precision, int scale) -> std::string {
    Wide wide;
    if (!ParseDecimal(text, precision, scale, wide)) return "no";
    return duckdb::Hugeint::ToString(duckdb::hugeint_t(wide.high, wide.low));
  };
  EXPECT_EQ(parse("0.1", 10, 2), "10");
  EXPECT_EQ(parse("-1.23", 10, 2), "-123");
  EXPECT_EQ(parse("1.230", 10, 2), "123");
  EXPECT_EQ(parse("1.234", 10, 2), "no");
  EXPECT_EQ(parse("12e-1", 10, 2), "120");
  EXPECT_EQ(parse("1.5e2", 5, 2), "15000");
  EXPECT_EQ(parse("1.5e3", 5, 2), "no");
  EXPECT_EQ(parse("0e999999999999", 5, 2), "0");
  EXPECT_EQ(parse("1e-999999999999", 5, 2), "no");
  EXPECT_EQ(parse("99999999999999999999999999999999999999", 38, 0), "99999999999999999999999999999999999999");
  EXPECT_EQ(parse("01", 5, 0), "no");
}

TEST(JsonValues, Timestamps) {
  const auto parse = [](const char* text) -> std::string {
    Micros micros = 0;
    return ParseTimestamp(text, micros) ? FormatTimestamp(micros) : "no";
  };
  EXPECT_EQ(parse("2026-11-24T14:05:06"), "2026-11-24T14:05:06.000000Z");
  EXPECT_EQ(parse("2026-11-24 14:05"), "2026-11-24T14:05:00.000000Z");
  EXPECT_EQ(parse("2026-11-24T14:05:06.1Z"), "2026-11-24T14:05:06.100000Z");
  EXPECT_EQ(parse("2026-11-24T00:05:06.123456789+0130"), "2026-11-23T22:35:06.123456Z");
  for (const char* bad : {"", "2026-11-24", "2026-11-24T24:00:00", "2026-11-24T14:05:60", "2026-13-24T14:05:06",
                          "2026-11-24T14:05:06.", "2026-11-24T14:05:06+25:00", "2026-11-24T14:05:06Zx", "yesterday"})
    EXPECT_EQ(parse(bad), "no") << bad;
}

}  // namespace
}  // namespace tarn::stream
