#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tarn::table {

// An immutable map from T::path to T, sorted by path and cut into chunks. An edited copy shares every chunk that the
// edit does not touch, so that a commit of one file into a table of 100,000 copies some hundred pointers. Immutable,
// cheap to copy.
template <typename T>
class PathMap {
 public:
  using Pointer = std::shared_ptr<const T>;
  using Edits = std::map<std::string, Pointer, std::less<>>;  // null: remove
  static constexpr size_t kChunkSizeMax = 512;

  PathMap() = default;
  // Of several items with one path the last counts.
  PathMap(std::vector<Pointer> items) {  // NOLINT: a list is a map.
    std::stable_sort(items.begin(), items.end(), [](const Pointer& a, const Pointer& b) { return a->path < b->path; });
    std::vector<Pointer> unique;
    unique.reserve(items.size());
    for (Pointer& item : items) {
      if (!unique.empty() && unique.back()->path == item->path)
        unique.back() = std::move(item);
      else
        unique.push_back(std::move(item));
    }
    AddChunks(std::move(unique));
  }

  size_t size() const { return starts_.empty() ? 0 : starts_.back() + chunks_.back()->size(); }
  bool empty() const { return chunks_.empty(); }
  // Requires: index < size(). O(log n).
  const Pointer& operator[](size_t index) const {
    const size_t chunk = size_t(std::upper_bound(starts_.begin(), starts_.end(), index) - starts_.begin()) - 1;
    return (*chunks_[chunk])[index - starts_[chunk]];
  }
  // Null when absent.
  Pointer Find(std::string_view path) const {
    if (chunks_.empty()) return nullptr;
    const Chunk& chunk = *chunks_[ChunkOf(path)];
    const auto found = std::lower_bound(chunk.begin(), chunk.end(), path,
                                        [](const Pointer& a, std::string_view b) { return a->path < b; });
    return found != chunk.end() && (*found)->path == path ? *found : nullptr;
  }

  PathMap Edited(const Edits& edits) const {
    if (edits.empty()) return *this;
    PathMap result;
    result.chunks_.reserve(chunks_.size() + 2);
    result.starts_.reserve(chunks_.size() + 2);
    auto edit = edits.begin();
    size_t next = 0;
    while (edit != edits.end()) {
      const size_t target = chunks_.empty() ? 0 : ChunkOf(edit->first);
      for (; next < target; ++next) result.AddChunk(chunks_[next]);
      std::vector<Pointer> merged;
      if (next < chunks_.size()) {
        for (const Pointer& item : *chunks_[next]) {
          for (; edit != edits.end() && edit->first < item->path; ++edit)
            if (edit->second) merged.push_back(edit->second);
          if (edit != edits.end() && edit->first == item->path) {
            if (edit->second) merged.push_back(edit->second);
            ++edit;
          } else {
            merged.push_back(item);
          }
        }
        ++next;
      }
      for (; edit != edits.end() && (next >= chunks_.size() || edit->first < chunks_[next]->front()->path); ++edit)
        if (edit->second) merged.push_back(edit->second);
      result.AddChunks(std::move(merged));
    }
    for (; next < chunks_.size(); ++next) result.AddChunk(chunks_[next]);
    return result;
  }

  class Iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = Pointer;
    using difference_type = std::ptrdiff_t;
    using pointer = const Pointer*;
    using reference = const Pointer&;
    Iterator() = default;
    reference operator*() const { return (*map_->chunks_[chunk_])[index_]; }
    pointer operator->() const { return &**this; }
    Iterator& operator++() {
      if (++index_ == map_->chunks_[chunk_]->size()) {
        ++chunk_;
        index_ = 0;
      }
      return *this;
    }
    Iterator operator++(int) {
      Iterator before = *this;
      ++*this;
      return before;
    }
    bool operator==(const Iterator& other) const { return chunk_ == other.chunk_ && index_ == other.index_; }

   private:
    friend class PathMap;
    Iterator(const PathMap* map, size_t chunk) : map_(map), chunk_(chunk) {}
    const PathMap* map_ = nullptr;
    size_t chunk_ = 0;
    size_t index_ = 0;
  };
  using const_iterator = Iterator;
  Iterator begin() const { return Iterator(this, 0); }
  Iterator end() const { return Iterator(this, chunks_.size()); }

 private:
  using Chunk = std::vector<Pointer>;

  // The last chunk whose first path is not after `path`, or the first. Requires: !chunks_.empty().
  size_t ChunkOf(std::string_view path) const {
    const auto after = std::upper_bound(
        chunks_.begin(), chunks_.end(), path,
        [](std::string_view a, const std::shared_ptr<const Chunk>& b) { return a < b->front()->path; });
    return after == chunks_.begin() ? 0 : size_t(after - chunks_.begin()) - 1;
  }
  void AddChunk(std::shared_ptr<const Chunk> chunk) {
    starts_.push_back(size());
    chunks_.push_back(std::move(chunk));
  }
  // Cuts sorted items into chunks of even size.
  void AddChunks(std::vector<Pointer> items) {
    const size_t count = (items.size() + kChunkSizeMax - 1) / kChunkSizeMax;
    for (size_t i = 0; i < count; ++i) {
      const auto begin = items.begin() + std::ptrdiff_t(items.size() * i / count);
      const auto end = items.begin() + std::ptrdiff_t(items.size() * (i + 1) / count);
      AddChunk(std::make_shared<const Chunk>(std::make_move_iterator(begin), std::make_move_iterator(end)));
    }
  }

  std::vector<std::shared_ptr<const Chunk>> chunks_;  // none is empty
  std::vector<size_t> starts_;                        // index of each chunk's first item
};

}  // namespace tarn::table
