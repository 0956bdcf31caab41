#include <algorithm>
#include <map>
#include <sstream>

#include "model/project_internal.h"

// dbt's node selection: "daily+ tag:gold,path:models/marts" is a union of intersections of words; a word is
// [n]+method:value+[n].

namespace tarn::model {
namespace {

using Ids = std::set<std::string>;

struct Word {
  std::string method;  // "", "path", "tag", "source", "config.materialized", "test_name"
  std::string value;
  int ancestors = 0;  // levels; kAllLevels
  int descendants = 0;
};

constexpr int kAllLevels = 1'000'000;

// "2+x", "+x+1": the levels and what is between them.
Word ParseWord(std::string text) {
  Word word;
  const size_t digits = text.find_first_not_of("0123456789");
  if (digits != std::string::npos && digits <= 6 && text[digits] == '+') {
    word.ancestors = digits == 0 ? kAllLevels : std::stoi(text.substr(0, digits));
    text.erase(0, digits + 1);
  }
  const size_t plus = text.rfind('+');
  if (plus != std::string::npos && text.find_first_not_of("0123456789", plus + 1) == std::string::npos &&
      text.size() - plus <= 7) {
    word.descendants = plus + 1 == text.size() ? kAllLevels : std::stoi(text.substr(plus + 1));
    text.erase(plus);
  }
  const size_t colon = text.find(':');
  word.method = colon == std::string::npos ? "" : text.substr(0, colon);
  word.value = colon == std::string::npos ? text : text.substr(colon + 1);
  return word;
}

// Whether `pattern` with * and ? covers the whole text.
bool Matches(std::string_view pattern, std::string_view text) {
  size_t p = 0, t = 0, star = std::string_view::npos, star_text = 0;
  while (t < text.size()) {
    if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p, ++t;
    } else if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_text = t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

class Selector {
 public:
  explicit Selector(const ProjectData& project) : project_(project) {
    for (const Node& node : project.nodes) {
      for (const std::string& id : node.upstream) downstream_[id].insert(node.info.unique_id);
    }
  }

  Result<Ids> Union(const std::string& option, const std::string& text) const {
    Ids all;
    std::istringstream words(text);
    for (std::string word; words >> word;) {
      TARN_ASSIGN_OR_RETURN(Ids found, Intersection(option, word));
      all.merge(found);
    }
    return all;
  }

  // A test is in when something that it looks at is (dbt's "eager").
  void AddTests(Ids& selected) const {
    const Ids chosen = selected;
    for (const Node& node : project_.nodes) {
      if (node.IsModel()) continue;
      for (const std::string& id : node.upstream) {
        if (chosen.contains(id)) selected.insert(node.info.unique_id);
      }
    }
  }

 private:
  Result<Ids> Intersection(const std::string& option, const std::string& text) const {
    std::optional<Ids> common;
    std::istringstream parts(text);
    for (std::string part; std::getline(parts, part, ',');) {
      TARN_ASSIGN_OR_RETURN(const Ids found, One(option, part));
      Ids kept;
      for (const std::string& id : found) {
        if (!common || common->contains(id)) kept.insert(id);
      }
      common = std::move(kept);
    }
    return common.value_or(Ids());
  }

  Result<Ids> One(const std::string& option, const std::string& text) const {
    const Word word = ParseWord(text);
    static const std::vector<std::string> methods = {"path",      "tag", "source", "config.materialized",
                                                     "test_name", "fqn"};
    if (!word.method.empty() && std::find(methods.begin(), methods.end(), word.method) == methods.end()) {
      return Error(ErrorCode::kInvalidArgument,
                   option + ": unknown method '" + word.method + ":'" + DidYouMean(word.method, methods));
    }
    Ids found;
    for (const Node& node : project_.nodes) {
      if (NodeMatches(word, node)) found.insert(node.info.unique_id);
    }
    for (const auto& [id, source] : project_.sources) {
      if (SourceMatches(word, source)) found.insert(id);
    }
    if (found.empty()) {
      return Error(ErrorCode::kInvalidArgument,
                   option + ": '" + text + "' matches nothing" + DidYouMean(word.value, Candidates(word)));
    }
    Ids all = found;
    Walk(found, word.ancestors, all, [this](const std::string& id) {
      const Node* node = project_.FindNode(id);
      return node == nullptr ? Ids() : node->upstream;
    });
    Walk(found, word.descendants, all, [this](const std::string& id) {
      const auto readers = downstream_.find(id);
      return readers == downstream_.end() ? Ids() : readers->second;
    });
    return all;
  }

  template <typename Neighbours>
  static void Walk(const Ids& from, int levels, Ids& all, Neighbours neighbours) {
    Ids seen = from, edge = from;
    for (int level = 0; level < levels && !edge.empty(); ++level) {
      Ids next;
      for (const std::string& id : edge) {
        for (const std::string& neighbour : neighbours(id)) {
          if (seen.insert(neighbour).second) next.insert(neighbour);
        }
      }
      all.insert(next.begin(), next.end());
      edge = std::move(next);
    }
  }

  bool NodeMatches(const Word& word, const Node& node) const {
    if (word.method == "path")
      return Matches(word.value, node.info.file) || node.info.file.starts_with(Folder(word.value));
    if (word.method == "tag") {
      return std::any_of(node.config.tags.begin(), node.config.tags.end(),
                         [&](const auto& tag) { return Matches(word.value, tag); });
    }
    if (word.method == "config.materialized")
      return node.IsModel() && MaterializationName(node.config.materialization) == word.value;
    if (word.method == "test_name") return node.generic && node.generic->macro == word.value;
    if (word.method == "source") return false;
    if (Matches(word.value, node.info.name) || Matches(word.value, node.info.unique_id)) return true;
    return node.IsModel() && FolderMatches(word.value, node);
  }

  // "marts", "marts.x" or "project.marts": a leading part of the model's dotted path, with or without the project.
  bool FolderMatches(const std::string& value, const Node& node) const {
    std::string dotted = node.package_path.substr(0, node.package_path.size() - 4);
    std::replace(dotted.begin(), dotted.end(), '/', '.');
    for (const std::string& full : {dotted, project_.config.name + "." + dotted}) {
      if (full == value || full.starts_with(value + ".") || Matches(value, full)) return true;
    }
    return value == project_.config.name;
  }

  static bool SourceMatches(const Word& word, const Source& source) {
    if (word.method == "tag") return source.tags.contains(word.value);
    if (word.method == "path") return source.file == word.value || source.file.starts_with(Folder(word.value));
    if (word.method != "source") return false;
    return Matches(word.value, source.source_name) || Matches(word.value, source.source_name + "." + source.table_name);
  }

  static std::string Folder(std::string path) {
    while (path.ends_with('/')) path.pop_back();
    return path + "/";
  }

  static std::string_view MaterializationName(Materialization materialization) {
    constexpr std::string_view names[] = {"view", "table", "incremental", "ephemeral"};
    return names[int(materialization)];
  }

  std::vector<std::string> Candidates(const Word& word) const {
    std::vector<std::string> names;
    if (word.method == "tag") {
      for (const Node& node : project_.nodes)
        names.insert(names.end(), node.config.tags.begin(), node.config.tags.end());
    } else if (word.method == "source") {
      for (const auto& [id, source] : project_.sources) names.push_back(source.source_name + "." + source.table_name);
    } else if (word.method == "path") {
      for (const Node& node : project_.nodes) names.push_back(node.info.file);
    } else {
      for (const Node& node : project_.nodes) names.push_back(node.info.name);
    }
    return names;
  }

  const ProjectData& project_;
  std::map<std::string, Ids> downstream_;
};

}  // namespace

Result<std::set<std::string>> Select(const ProjectData& project, const std::string& select,
                                     const std::string& exclude) {
  const Selector selector(project);
  Ids selected;
  if (select.find_first_not_of(" \t\n") == std::string::npos) {
    for (const Node& node : project.nodes) selected.insert(node.info.unique_id);
  } else {
    TARN_ASSIGN_OR_RETURN(selected, selector.Union("--select", select));
    selector.AddTests(selected);
  }
  TARN_ASSIGN_OR_RETURN(Ids excluded, selector.Union("--exclude", exclude));
  selector.AddTests(excluded);
  for (const std::string& id : excluded) selected.erase(id);
  return selected;
}

}  // namespace tarn::model
