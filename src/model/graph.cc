#include <algorithm>
#include <tuple>

#include "model/load_internal.h"

// References become edges; nodes get their order.

namespace tarn::model {
namespace {

class GraphBuilder {
 public:
  GraphBuilder(std::vector<ParsedNode> parsed, ProjectData& project) : parsed_(std::move(parsed)), project_(project) {}

  Status Build() {
    TARN_TRY(NumberNodes());
    for (ParsedNode& parsed : parsed_) TARN_TRY(Connect(parsed));
    TARN_TRY(FindCycle());
    Sort();
    return Ok();
  }

 private:
  // Two tests of one name (the same test declared twice) are an error: their results could not be told apart.
  Status NumberNodes() {
    std::map<std::string, const Node*> places;
    for (size_t i = 0; i < parsed_.size(); ++i) {
      const Node& node = parsed_[i].node;
      const auto [first, added] = ids_.emplace(node.info.unique_id, i);
      if (!added) {
        return Error(ErrorCode::kInvalidArgument, node.position + ": there is a second '" + node.info.name +
                                                      "', the first is at " + parsed_[first->second].node.position +
                                                      "; give it a name: of its own");
      }
      if (!node.IsModel() || !node.config.enabled || node.config.materialization == Materialization::kEphemeral)
        continue;
      const auto [other, unique] = places.emplace(node.table().ToString(), &node);
      if (!unique) {
        return Error(ErrorCode::kInvalidArgument, node.position + ": the model writes " + node.table().ToString() +
                                                      ", and so does " + other->second->position);
      }
    }
    return Ok();
  }

  bool Enabled(const std::string& id) const {
    const auto found = ids_.find(id);
    return found != ids_.end() && parsed_[found->second].node.config.enabled;
  }

  Status Connect(ParsedNode& parsed) {
    Node& node = parsed.node;
    if (!node.config.enabled) return Ok();
    for (const ParsedNode::Reference& reference : parsed.references) {
      if (reference.is_source) {
        node.upstream.insert("source." + project_.config.name + "." + reference.first + "." + reference.second);
        continue;
      }
      const std::string id = "model." + project_.config.name + "." + reference.first;
      if (Enabled(id)) {
        node.upstream.insert(id);
      } else if (!node.IsModel() && ids_.contains(id)) {
        node.config.enabled = false;  // a test of a disabled model
      } else {
        return Missing(reference, ids_.contains(id));
      }
    }
    node.info.depends_on.assign(node.upstream.begin(), node.upstream.end());
    return Ok();
  }

  Error Missing(const ParsedNode::Reference& reference, bool disabled) const {
    if (disabled)
      return Error(ErrorCode::kInvalidArgument,
                   reference.position + ": the model '" + reference.first + "' is disabled");
    std::vector<std::string> names;
    for (const ParsedNode& parsed : parsed_) {
      if (parsed.node.IsModel() && parsed.node.config.enabled) names.push_back(parsed.node.info.name);
    }
    return Error(ErrorCode::kInvalidArgument, reference.position + ": there is no model '" + reference.first + "'" +
                                                  DidYouMean(reference.first, names));
  }

  // Depth first, without recursion: `path` is the way to the node in hand.
  Status FindCycle() const {
    std::set<std::string> done;
    for (const auto& [start, place] : ids_) {
      std::vector<std::string> path;
      std::vector<std::vector<std::string>> todo = {{start}};
      while (!todo.empty()) {
        if (todo.back().empty()) {
          todo.pop_back();
          if (!path.empty()) {
            done.insert(path.back());
            path.pop_back();
          }
          continue;
        }
        const std::string id = todo.back().back();
        todo.back().pop_back();
        const auto found = ids_.find(id);
        if (found == ids_.end() || done.contains(id)) continue;
        if (const auto in_path = std::find(path.begin(), path.end(), id); in_path != path.end())
          return Cycle({in_path, path.end()});
        path.push_back(id);
        const auto& upstream = parsed_[found->second].node.upstream;
        todo.emplace_back(upstream.begin(), upstream.end());
      }
    }
    return Ok();
  }

  Error Cycle(std::vector<std::string> cycle) const {
    // Told from its first name in the alphabet, so that the message is the same whichever model is looked at first.
    std::rotate(cycle.begin(), std::min_element(cycle.begin(), cycle.end()), cycle.end());
    std::string text;
    for (const std::string& id : cycle) text += parsed_[ids_.at(id)].node.info.name + " -> ";
    const ParsedNode& first = parsed_[ids_.at(cycle[0])];
    const std::string& next = parsed_[ids_.at(cycle[1 % cycle.size()])].node.info.name;
    const auto reference =
        std::find_if(first.references.begin(), first.references.end(),
                     [&](const ParsedNode::Reference& r) { return !r.is_source && r.first == next; });
    const std::string& position = reference == first.references.end() ? first.node.position : reference->position;
    return Error(ErrorCode::kInvalidArgument,
                 position + ": models refer to each other in a circle: " + text + first.node.info.name);
  }

  // Kahn's algorithm; among what is ready tests come first, then names in order.
  void Sort() {
    using Key = std::tuple<bool, std::string, size_t>;
    std::set<Key> ready;
    std::vector<size_t> missing(parsed_.size());
    std::map<std::string, std::vector<size_t>> readers;
    const auto key = [this](size_t i) { return Key{parsed_[i].node.IsModel(), parsed_[i].node.info.unique_id, i}; };
    for (size_t i = 0; i < parsed_.size(); ++i) {
      if (!parsed_[i].node.config.enabled) continue;
      for (const std::string& id : parsed_[i].node.upstream) {
        if (!ids_.contains(id)) continue;
        ++missing[i];
        readers[id].push_back(i);
      }
      if (missing[i] == 0) ready.insert(key(i));
    }
    while (!ready.empty()) {
      const size_t next = std::get<2>(*ready.begin());
      ready.erase(ready.begin());
      const std::string id = parsed_[next].node.info.unique_id;
      project_.index[id] = project_.nodes.size();
      project_.infos.push_back(parsed_[next].node.info);
      project_.nodes.push_back(std::move(parsed_[next].node));
      for (const size_t reader : readers[id]) {
        if (--missing[reader] == 0) ready.insert(key(reader));
      }
    }
  }

  std::vector<ParsedNode> parsed_;
  ProjectData& project_;
  std::map<std::string, size_t> ids_;
};

}  // namespace

Status BuildGraph(std::vector<ParsedNode> parsed, ProjectData& project) {
  return GraphBuilder(std::move(parsed), project).Build();
}

}  // namespace tarn::model
