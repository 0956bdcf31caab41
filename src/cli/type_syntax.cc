#include "cli/type_syntax.h"

#include <cctype>
#include <charconv>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/yaml.h"

namespace tarn::cli {
namespace {

using engine::DataType;
using engine::Field;
using engine::TypeKind;

constexpr int kLevelsMax = 16;

const std::map<std::string, TypeKind, std::less<>>& SimpleTypes() {
  static const std::map<std::string, TypeKind, std::less<>> types = {{"boolean", TypeKind::kBoolean},
                                                                     {"bool", TypeKind::kBoolean},
                                                                     {"tinyint", TypeKind::kInt8},
                                                                     {"smallint", TypeKind::kInt16},
                                                                     {"int", TypeKind::kInt32},
                                                                     {"integer", TypeKind::kInt32},
                                                                     {"bigint", TypeKind::kInt64},
                                                                     {"long", TypeKind::kInt64},
                                                                     {"float", TypeKind::kFloat},
                                                                     {"real", TypeKind::kFloat},
                                                                     {"double", TypeKind::kDouble},
                                                                     {"string", TypeKind::kString},
                                                                     {"varchar", TypeKind::kString},
                                                                     {"text", TypeKind::kString},
                                                                     {"binary", TypeKind::kBinary},
                                                                     {"blob", TypeKind::kBinary},
                                                                     {"date", TypeKind::kDate},
                                                                     {"timestamp", TypeKind::kTimestamp},
                                                                     {"timestamptz", TypeKind::kTimestamp},
                                                                     {"timestamp_ntz", TypeKind::kTimestampNtz},
                                                                     {"time", TypeKind::kTime},
                                                                     {"uuid", TypeKind::kUuid}};
  return types;
}

// Recursive descent over one line of text.
class TypeParser {
 public:
  explicit TypeParser(std::string_view text) : text_(text) {}

  Result<ColumnType> Parse() {
    ColumnType column;
    TARN_ASSIGN_OR_RETURN(column.type, Type(0));
    if (Word() == "not") {
      Take();
      if (Word() != "null") return Wrong("expected 'null' after 'not'");
      Take();
      column.nullable = false;
    }
    SkipSpace();
    if (at_ < text_.size()) return Wrong("unexpected '" + std::string(text_.substr(at_)) + "'");
    return column;
  }

 private:
  Result<DataType> Type(int level) {
    if (level > kLevelsMax) return Wrong("types are nested more than " + std::to_string(kLevelsMax) + " deep");
    const size_t begin = SkipSpace();
    const std::string name = Word();
    if (name.empty()) return Wrong("expected a type");
    Take();
    std::optional<DataType> type;
    if (const auto simple = SimpleTypes().find(name); simple != SimpleTypes().end()) {
      type = DataType::Of(simple->second);
    } else if (name == "decimal" || name == "numeric") {
      TARN_ASSIGN_OR_RETURN(type, Decimal());
    } else if (name == "map") {
      TARN_ASSIGN_OR_RETURN(type, Map(level));
    } else if (name == "struct") {
      TARN_ASSIGN_OR_RETURN(type, Struct(level));
    } else if (name == "list" || name == "array") {
      TARN_ASSIGN_OR_RETURN(const char close, Open());
      TARN_ASSIGN_OR_RETURN(DataType element, Type(level + 1));
      TARN_TRY(Expect(close));
      type = DataType::List(std::move(element));
    } else {
      at_ = begin;
      std::vector<std::string> known = {"decimal", "map", "struct", "list"};
      for (const auto& [word, kind] : SimpleTypes()) known.push_back(word);
      const auto nearest = NearestWord(name, known);
      return Wrong("unknown type '" + name + "'" + (nearest ? "; did you mean '" + *nearest + "'?" : ""));
    }
    while (Accept('[')) {
      TARN_TRY(Expect(']'));
      type = DataType::List(std::move(*type));
    }
    return *std::move(type);
  }

  Result<DataType> Decimal() {
    if (!Accept('(')) return DataType::Decimal(18, 3);
    TARN_ASSIGN_OR_RETURN(const int precision, Number(1, 38));
    int scale = 0;
    if (Accept(',')) {
      TARN_ASSIGN_OR_RETURN(scale, Number(0, precision));
    }
    TARN_TRY(Expect(')'));
    return DataType::Decimal(uint8_t(precision), uint8_t(scale));
  }

  Result<DataType> Map(int level) {
    TARN_ASSIGN_OR_RETURN(const char close, Open());
    TARN_ASSIGN_OR_RETURN(DataType key, Type(level + 1));
    TARN_TRY(Expect(','));
    TARN_ASSIGN_OR_RETURN(DataType value, Type(level + 1));
    TARN_TRY(Expect(close));
    return DataType::Map(std::move(key), std::move(value));
  }

  Result<DataType> Struct(int level) {
    TARN_ASSIGN_OR_RETURN(const char close, Open());
    std::vector<Field> fields;
    do {
      SkipSpace();
      const std::string name = Name();
      if (name.empty()) return Wrong("expected a field's name");
      Accept(':');
      TARN_ASSIGN_OR_RETURN(DataType type, Type(level + 1));
      fields.push_back({.name = name, .type = std::move(type)});
    } while (Accept(','));
    TARN_TRY(Expect(close));
    return DataType::Struct(std::move(fields));
  }

  // The bracket that ends what was opened here.
  Result<char> Open() {
    if (Accept('<')) return '>';
    if (Accept('(')) return ')';
    return Wrong("expected '<' or '('");
  }

  Result<int> Number(int low, int high) {
    SkipSpace();
    int value = 0;
    const auto parsed = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (parsed.ec != std::errc() || value < low || value > high)
      return Wrong("expected a number from " + std::to_string(low) + " to " + std::to_string(high));
    at_ = size_t(parsed.ptr - text_.data());
    return value;
  }

  size_t SkipSpace() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
    return at_;
  }
  size_t WordEnd() {
    size_t end = SkipSpace();
    while (end < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[end])) || text_[end] == '_')) ++end;
    return end;
  }
  // The word ahead in lower case; Take passes it.
  std::string Word() {
    const size_t begin = SkipSpace();
    std::string word(text_.substr(begin, WordEnd() - begin));
    for (char& c : word) c = char(std::tolower(static_cast<unsigned char>(c)));
    return word;
  }
  void Take() { at_ = WordEnd(); }
  std::string Name() {
    const size_t begin = SkipSpace();
    Take();
    return std::string(text_.substr(begin, at_ - begin));
  }
  bool Accept(char c) {
    if (SkipSpace() >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  Status Expect(char c) {
    if (Accept(c)) return Ok();
    return Wrong(std::string("expected '") + c + "'");
  }
  Error Wrong(const std::string& what) const {
    return Error(ErrorCode::kInvalidArgument,
                 what + " at character " + std::to_string(at_ + 1) + " of '" + std::string(text_) + "'");
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

Result<ColumnType> ParseColumnType(std::string_view text) {
  return TypeParser(text).Parse();
}

}  // namespace tarn::cli
