#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

// YAML with positions: what tarn.yml and dbt's files are read from. Scalars keep their text; typing follows YAML 1.2's
// core schema with 1.1's yes/no/on/off, as PyYAML and dbt read it.

namespace tarn {

class YamlNode {
 public:
  enum class Kind { kNull, kScalar, kSequence, kMapping };

  YamlNode();

  Kind kind = Kind::kNull;
  std::string text;                                       // of a scalar
  bool quoted = false;                                    // a quoted or block scalar is always a string
  std::vector<YamlNode> items;                            // of a sequence
  std::vector<std::pair<std::string, YamlNode>> entries;  // of a mapping, in the order of the file
  std::vector<std::pair<int, int>> entry_positions;       // line and column of each key, from 1
  int line = 0;                                           // from 1
  int column = 0;                                         // from 1

  // The value under a key of a mapping, or null. Valid as long as this node.
  const YamlNode* Find(std::string_view key) const;
  bool IsNull() const { return kind == Kind::kNull; }
  std::optional<bool> AsBool() const;
  std::optional<int64_t> AsInt() const;
  std::optional<double> AsDouble() const;
};

// Parses one document. `file` is for messages only. kInvalidArgument: "tarn.yml:3:7: <what>". Aliases are expanded
// within a budget of 1,000,000 nodes and 64 levels; duplicate keys are errors.
Result<YamlNode> ParseYaml(std::string_view text, const std::string& file);

// "file:line:column: what", for whoever checks a parsed file.
Error YamlError(const std::string& file, int line, int column, std::string_view what);

// The candidate nearest to `word` by edit distance, if any is near enough to be meant: for "did you mean".
std::optional<std::string> NearestWord(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace tarn
