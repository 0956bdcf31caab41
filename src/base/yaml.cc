#include "base/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <limits>
#include <map>
#include <set>
#include <sstream>

// yaml-cpp reads the text and tells of it event by event; the tree, the limits, merge keys and the typing are ours.

namespace tarn {
namespace {

constexpr size_t kNodesMax = 1'000'000;
constexpr size_t kLevelsMax = 64;
// What a node's text costs of the budget, so that an alias of a long text is not free.
constexpr size_t kTextBytesPerNode = 64;

// Thrown within yaml-cpp's callbacks, which have no other way to stop; never leaves ParseYaml.
struct Stop {
  int line;
  int column;
  std::string what;
};

// A node with what an alias of it costs.
struct Built {
  YamlNode node;
  size_t nodes = 1;
  size_t levels = 1;
};

struct OpenNode {
  Built built;
  YAML::anchor_t anchor = YAML::NullAnchor;
  std::optional<std::string> key;  // of a mapping: the key whose value comes next
  bool merge = false;              // that key is a plain "<<"
  std::pair<int, int> key_position;
  std::set<std::string> keys;    // of a mapping: those that are there
  std::vector<YamlNode> merged;  // what "<<" named; its entries yield to the mapping's own
};

class TreeBuilder final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Add(Leaf(YamlNode::Kind::kNull, mark), anchor);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Built leaf = Leaf(YamlNode::Kind::kScalar, mark);
    // yaml-cpp tags a plain scalar "?" and a quoted or block scalar "!".
    leaf.node.quoted = tag == "!" || tag == "tag:yaml.org,2002:str";
    CheckTag(mark, tag);
    leaf.node.text = value;
    leaf.nodes += value.size() / kTextBytesPerNode;
    Add(std::move(leaf), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto target = anchors_.find(anchor);
    if (target == anchors_.end()) Fail(mark, "an alias within the node that it names");
    Charge(mark.line + 1, mark.column + 1, target->second);
    Built copy = target->second;
    // Where the alias stands: a message about its value should point to its use.
    copy.node.line = mark.line + 1;
    copy.node.column = mark.column + 1;
    Attach(std::move(copy));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Start(YamlNode::Kind::kSequence, mark, tag, anchor);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Start(YamlNode::Kind::kMapping, mark, tag, anchor);
  }
  void OnSequenceEnd() override { End(); }
  void OnMapEnd() override {
    Merge(open_.back());
    End();
  }

  YamlNode TakeRoot() { return std::move(root_.node); }

 private:
  [[noreturn]] static void Fail(const YAML::Mark& mark, std::string what) {
    throw Stop{mark.line + 1, mark.column + 1, std::move(what)};
  }

  static Built Leaf(YamlNode::Kind kind, const YAML::Mark& mark) {
    Built built;
    built.node.kind = kind;
    built.node.line = mark.line + 1;
    built.node.column = mark.column + 1;
    return built;
  }

  static void CheckTag(const YAML::Mark& mark, const std::string& tag) {
    if (tag.empty() || tag == "?" || tag == "!" || tag.starts_with("tag:yaml.org,2002:")) return;
    Fail(mark, "unknown tag " + tag);
  }

  void Charge(int line, int column, const Built& built) {
    nodes_ += built.nodes;
    if (nodes_ > kNodesMax) throw Stop{line, column, "the document is too large once its aliases are expanded"};
    if (open_.size() + built.levels > kLevelsMax) {
      throw Stop{line, column, "nested deeper than " + std::to_string(kLevelsMax) + " levels"};
    }
  }

  void Start(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    CheckTag(mark, tag);
    if (!open_.empty() && open_.back().built.node.kind == YamlNode::Kind::kMapping && !open_.back().key) {
      Fail(mark, "a key must be a plain or quoted text");
    }
    Built built = Leaf(kind, mark);
    Charge(mark.line + 1, mark.column + 1, built);
    open_.push_back(OpenNode{.built = std::move(built), .anchor = anchor});
  }

  void End() {
    OpenNode done = std::move(open_.back());
    open_.pop_back();
    if (done.anchor != YAML::NullAnchor) Remember(done.anchor, done.built);
    Attach(std::move(done.built));
  }

  void Add(Built leaf, YAML::anchor_t anchor) {
    Charge(leaf.node.line, leaf.node.column, leaf);
    if (anchor != YAML::NullAnchor) Remember(anchor, leaf);
    Attach(std::move(leaf));
  }

  // Keeps a copy of what an anchor names; a copy costs what an alias would.
  void Remember(YAML::anchor_t anchor, const Built& built) {
    Charge(built.node.line, built.node.column, built);
    anchors_[anchor] = built;
  }

  // Gives a finished node to what is open: the next item, the next key, or the value of the key before.
  void Attach(Built child) {
    if (open_.empty()) {
      root_ = std::move(child);
      return;
    }
    OpenNode& parent = open_.back();
    YamlNode& node = parent.built.node;
    if (node.kind == YamlNode::Kind::kMapping && !parent.key) {
      TakeKey(parent, child.node);
      return;
    }
    parent.built.nodes += child.nodes;
    parent.built.levels = std::max(parent.built.levels, child.levels + 1);
    if (node.kind == YamlNode::Kind::kSequence) {
      node.items.push_back(std::move(child.node));
    } else if (parent.merge) {
      parent.merged.push_back(std::move(child.node));
    } else {
      node.entries.emplace_back(std::move(*parent.key), std::move(child.node));
      node.entry_positions.push_back(parent.key_position);
    }
    parent.key.reset();
    parent.merge = false;
  }

  void TakeKey(OpenNode& parent, const YamlNode& key) {
    if (key.kind == YamlNode::Kind::kSequence || key.kind == YamlNode::Kind::kMapping) {
      throw Stop{key.line, key.column, "a key must be a plain or quoted text"};
    }
    parent.merge = key.text == "<<" && !key.quoted;
    const std::string text = key.IsNull() ? "null" : key.text;
    if (!parent.merge && !parent.keys.insert(text).second) {
      throw Stop{key.line, key.column, "the key '" + text + "' occurs twice"};
    }
    parent.key = text;
    parent.key_position = {key.line, key.column};
  }

  // YAML 1.1's merge key: its mappings' entries, where the mapping and the earlier ones have none of the name.
  static void Merge(OpenNode& open) {
    for (const YamlNode& source : open.merged) {
      if (source.kind == YamlNode::Kind::kSequence) {
        for (const YamlNode& item : source.items) MergeFrom(item, open);
      } else {
        MergeFrom(source, open);
      }
    }
  }

  static void MergeFrom(const YamlNode& source, OpenNode& open) {
    if (source.kind != YamlNode::Kind::kMapping) throw Stop{source.line, source.column, "<< needs a mapping"};
    for (size_t i = 0; i < source.entries.size(); ++i) {
      if (!open.keys.insert(source.entries[i].first).second) continue;
      open.built.node.entries.push_back(source.entries[i]);
      open.built.node.entry_positions.push_back(source.entry_positions[i]);
    }
  }

  std::vector<OpenNode> open_;
  std::map<YAML::anchor_t, Built> anchors_;
  Built root_;
  size_t nodes_ = 0;
};

bool IsOneOf(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

// Not inline: Clang 14 would need the members' types complete within the class.
YamlNode::YamlNode() = default;

const YamlNode* YamlNode::Find(std::string_view key) const {
  for (const auto& [name, value] : entries) {
    if (name == key) return &value;
  }
  return nullptr;
}

std::optional<bool> YamlNode::AsBool() const {
  if (kind != Kind::kScalar || quoted) return std::nullopt;
  if (IsOneOf(text, {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"})) return true;
  if (IsOneOf(text, {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"})) return false;
  return std::nullopt;
}

std::optional<int64_t> YamlNode::AsInt() const {
  if (kind != Kind::kScalar || quoted) return std::nullopt;
  std::string_view digits = text;
  int base = 10;
  if (digits.starts_with("0x")) {
    base = 16;
  } else if (digits.starts_with("0o")) {
    base = 8;
  }
  digits.remove_prefix(base != 10 ? 2 : digits.starts_with('+') ? 1 : 0);
  // from_chars takes a minus sign, which belongs before decimal digits only.
  if (digits.starts_with('-') && (base != 10 || text.starts_with('+'))) return std::nullopt;
  int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

std::optional<double> YamlNode::AsDouble() const {
  if (kind != Kind::kScalar || quoted) return std::nullopt;
  if (IsOneOf(text, {".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"}))
    return std::numeric_limits<double>::infinity();
  if (IsOneOf(text, {"-.inf", "-.Inf", "-.INF"})) return -std::numeric_limits<double>::infinity();
  if (IsOneOf(text, {".nan", ".NaN", ".NAN"})) return std::numeric_limits<double>::quiet_NaN();
  std::string_view digits = text;
  if (digits.starts_with('+')) digits.remove_prefix(1);
  // from_chars knows "inf" and "nan", which are texts in YAML.
  const std::string_view allowed = "0123456789.eE+-";
  if (digits.find_first_not_of(allowed) != std::string_view::npos) return std::nullopt;
  if (text.starts_with('+') && digits.starts_with('-')) return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

Error YamlError(const std::string& file, int line, int column, std::string_view what) {
  return Error(ErrorCode::kInvalidArgument,
               file + ":" + std::to_string(line) + ":" + std::to_string(column) + ": " + std::string(what));
}

Result<YamlNode> ParseYaml(std::string_view text, const std::string& file) {
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    TreeBuilder first, second;
    if (!parser.HandleNextDocument(first)) return YamlNode();
    YamlNode root = first.TakeRoot();
    if (parser.HandleNextDocument(second)) {
      const YamlNode extra = second.TakeRoot();
      return YamlError(file, extra.line, extra.column, "a second document; one is expected");
    }
    return root;
  } catch (const Stop& stop) {
    return YamlError(file, stop.line, stop.column, stop.what);
  } catch (const YAML::Exception& e) {
    return YamlError(file, e.mark.line + 1, e.mark.column + 1, e.msg);
  } catch (const std::exception& e) {
    return YamlError(file, 1, 1, e.what());
  }
}

namespace {

// Edits between two words: insert, delete, replace, swap of neighbours ("optimal string alignment").
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> before_last(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    std::swap(before_last, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

std::string LowerCase(std::string_view word) {
  std::string lower(word);
  for (char& c : lower) c = char(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

}  // namespace

std::optional<std::string> NearestWord(std::string_view word, const std::vector<std::string>& candidates) {
  constexpr size_t kLengthMax = 200;  // nobody mistypes more
  if (word.empty() || word.size() > kLengthMax) return std::nullopt;
  const std::string lower = LowerCase(word);
  std::optional<std::string> nearest;
  size_t nearest_distance = (word.size() + 2) / 3 + 1;  // a third of the letters may be wrong
  for (const std::string& candidate : candidates) {
    if (candidate.size() > kLengthMax) continue;
    const size_t distance = EditDistance(lower, LowerCase(candidate));
    if (distance >= nearest_distance || distance >= candidate.size()) continue;
    nearest = candidate;
    nearest_distance = distance;
  }
  return nearest;
}

}  // namespace tarn
