#include "stream/progress.h"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace tarn::stream {
namespace {

constexpr std::string_view kCounterNames[kStreamCounters] = {"stored", "duplicates", "dead_letters", "late"};

std::string Name(const std::string& stream, std::string_view what) {
  return stream + "/" + std::string(what);
}

std::string Name(const std::string& stream, std::string_view what, const std::string& topic_id, int32_t partition) {
  return Name(stream, what) + "/" + topic_id + "/" + std::to_string(partition);
}

// The entries <stream>/<what>/<topic id>/<partition>, by topic id. A topic id may hold slashes.
std::map<std::string, std::map<int32_t, int64_t>> ByPartition(const table::Snapshot& snapshot,
                                                              const std::string& stream, std::string_view what) {
  std::map<std::string, std::map<int32_t, int64_t>> found;
  const std::string prefix = Name(stream, what) + "/";
  for (auto it = snapshot.progress.lower_bound(prefix); it != snapshot.progress.end() && it->first.starts_with(prefix);
       ++it) {
    const std::string_view rest = std::string_view(it->first).substr(prefix.size());
    const size_t slash = rest.rfind('/');
    int32_t partition = 0;
    if (slash == rest.npos ||
        std::from_chars(rest.data() + slash + 1, rest.data() + rest.size(), partition).ec != std::errc())
      continue;
    found[std::string(rest.substr(0, slash))][partition] = it->second;
  }
  return found;
}

std::optional<int64_t> Entry(const table::Snapshot& snapshot, const std::string& name) {
  const auto found = snapshot.progress.find(name);
  return found == snapshot.progress.end() ? std::nullopt : std::optional<int64_t>(found->second);
}

void AddStep(std::vector<table::ProgressStep>& steps, std::string name, std::optional<int64_t> before,
             std::optional<int64_t> after) {
  if (after && before != after)
    steps.push_back({.application_id = std::move(name), .expected = before, .next = *after});
}

void AddSteps(std::vector<table::ProgressStep>& steps, const std::map<int32_t, int64_t>& before,
              const std::map<int32_t, int64_t>& after, const std::string& stream, std::string_view what,
              const std::string& topic_id) {
  for (const auto& [partition, value] : after) {
    const auto found = before.find(partition);
    AddStep(steps, Name(stream, what, topic_id, partition),
            found == before.end() ? std::nullopt : std::optional<int64_t>(found->second), value);
  }
}

}  // namespace

StreamProgress ReadProgress(const table::Snapshot& snapshot, const std::string& stream, const std::string& topic_id) {
  StreamProgress progress;
  progress.other_topics = ByPartition(snapshot, stream, "offset");
  if (auto own = progress.other_topics.extract(topic_id)) progress.offsets = std::move(own.mapped());
  for (auto& [id, times] : ByPartition(snapshot, stream, "event_time")) {
    for (const auto& [partition, time] : times)
      progress.max_event_time = std::max(progress.max_event_time.value_or(time), time);
    if (id == topic_id) progress.max_event_times = times;
  }
  for (size_t i = 0; i < kStreamCounters; ++i)
    progress.counters[i] = Entry(snapshot, Name(stream, "count/" + std::string(kCounterNames[i])));
  return progress;
}

std::vector<table::ProgressStep> ProgressSteps(const StreamProgress& before, const StreamProgress& after,
                                               const std::string& stream, const std::string& topic_id) {
  std::vector<table::ProgressStep> steps;
  AddSteps(steps, before.offsets, after.offsets, stream, "offset", topic_id);
  AddSteps(steps, before.max_event_times, after.max_event_times, stream, "event_time", topic_id);
  for (size_t i = 0; i < kStreamCounters; ++i)
    AddStep(steps, Name(stream, "count/" + std::string(kCounterNames[i])), before.counters[i], after.counters[i]);
  return steps;
}

LetterProgress ReadLetterProgress(const table::Snapshot& snapshot, const std::string& stream,
                                  const std::string& topic_id) {
  LetterProgress progress;
  progress.from = ByPartition(snapshot, stream, "letters_from")[topic_id];
  progress.to = ByPartition(snapshot, stream, "letters_to")[topic_id];
  progress.topic_end = Entry(snapshot, Name(stream, "letters_topic_end"));
  progress.since = Entry(snapshot, Name(stream, "letters_since", topic_id, 0));
  return progress;
}

std::vector<table::ProgressStep> LetterProgressSteps(const LetterProgress& before, const LetterProgress& after,
                                                     const std::string& stream, const std::string& topic_id) {
  std::vector<table::ProgressStep> steps;
  AddSteps(steps, before.from, after.from, stream, "letters_from", topic_id);
  AddSteps(steps, before.to, after.to, stream, "letters_to", topic_id);
  AddStep(steps, Name(stream, "letters_topic_end"), before.topic_end, after.topic_end);
  AddStep(steps, Name(stream, "letters_since", topic_id, 0), before.since, after.since);
  return steps;
}

}  // namespace tarn::stream
