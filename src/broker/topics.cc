#include "broker/topics.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

#include "base/failpoint.h"
#include "broker/log/log_threads.h"
#include "broker/topic_config.h"
#include "broker/topics_file_internal.h"

// topics.json is the truth about which topics there are; a folder without a line there is a creation that a crash cut
// short, and holds nothing that anybody was told of.
//   create: folders and empty logs, then topics.json
//   delete: topics.json (the topic moves to "deleting"), then folders, then topics.json without it

namespace tarn::broker {
namespace {

constexpr int32_t kPartitionsMax = 10'000;
constexpr size_t kOpenersMax = 8;  // logs that are opened or closed side by side: mostly waiting for the disk

// Calls work(0) … work(count - 1) on a few threads; the first error.
Status InParallel(size_t count, const std::function<Status(size_t)>& work) {
  std::atomic<size_t> next{0};
  std::mutex mutex;
  Status first;
  const auto run = [&] {
    for (size_t i = next++; i < count; i = next++) {
      const Status status = work(i);
      std::lock_guard lock(mutex);
      if (!status.ok() && first.ok()) first = status;
    }
  };
  std::vector<std::thread> threads;
  for (size_t i = 1; i < std::min(count, kOpenersMax); ++i) threads.emplace_back(run);
  run();
  for (std::thread& thread : threads) thread.join();
  return first;
}

class DiskTopics final : public Topics {
 public:
  DiskTopics(FileSystem& file_system, Clock& clock, Random random, Logger& logger, const std::string& directory,
             const LogOptions& defaults)
      : fs_(file_system), clock_(clock), logger_(logger), directory_(directory), defaults_(defaults), random_(random) {}

  ~DiskTopics() override {
    // Appends in flight are answered while the threads still run.
    std::lock_guard lock(mutex_);
    topics_.clear();
  }

  Status Open() {
    TARN_TRY(fs_.CreateDirectories(directory_));
    TARN_ASSIGN_OR_RETURN(file_, ReadTopicsFile(fs_, directory_));
    TARN_TRY(FinishDeletions());
    std::vector<std::pair<size_t, int32_t>> all;  // topic, partition
    std::vector<std::shared_ptr<Topic>> topics;
    std::vector<LogOptions> options;
    for (const TopicEntry& entry : file_.topics) {
      auto of_topic = LogOptionsOf(entry.config, defaults_);
      if (!of_topic.ok()) return std::move(of_topic).error().WithContext("topic " + entry.name);
      options.push_back(*of_topic);
      topics.push_back(std::make_shared<Topic>(Topic{entry.name, entry.id, entry.config, {}}));
      topics.back()->partitions.resize(size_t(entry.partitions));
      for (int32_t i = 0; i < entry.partitions; ++i) all.emplace_back(topics.size() - 1, i);
    }
    TARN_TRY(InParallel(all.size(), [&](size_t i) -> Status {
      const auto [topic, partition] = all[i];
      TARN_ASSIGN_OR_RETURN(topics[topic]->partitions[size_t(partition)],
                            OpenLog(topics[topic]->name, partition, options[topic]));
      return Ok();
    }));
    for (const auto& topic : topics) topics_[topic->name] = topic;
    return Ok();
  }

  Result<std::shared_ptr<const Topic>> Create(const NewTopic& wanted) override {
    std::lock_guard changing(changing_);
    TARN_TRY(CheckOpen());
    TARN_TRY(CheckTopicName(wanted.name));
    if (wanted.partitions < 1 || wanted.partitions > kPartitionsMax)
      return Error(ErrorCode::kInvalidArgument, "topic " + wanted.name + ": " + std::to_string(wanted.partitions) +
                                                    " partitions, expected 1 to " + std::to_string(kPartitionsMax));
    TARN_ASSIGN_OR_RETURN(const LogOptions options, LogOptionsOf(wanted.config, defaults_));
    if (Find(wanted.name)) return Error(ErrorCode::kAlreadyExists, "topic " + wanted.name + " exists");
    auto topic = std::make_shared<Topic>(Topic{wanted.name, MakeUuid(random_), wanted.config, {}});
    TARN_TRY(AddLogs(*topic, wanted.partitions, options));
    TopicsFile file = file_;
    file.topics.push_back({topic->name, topic->id, wanted.partitions, wanted.config});
    TARN_TRY(WriteFile(std::move(file)));
    Put(topic);
    logger_.Info("broker", "topic created", {{"topic", topic->name}, {"partitions", wanted.partitions}});
    return std::shared_ptr<const Topic>(topic);
  }

  Status Delete(const std::string& name) override {
    std::lock_guard changing(changing_);
    TARN_TRY(CheckOpen());
    const auto topic = Find(name);
    if (!topic) return NotFound(name);
    TopicsFile file = file_;
    std::erase_if(file.topics, [&](const TopicEntry& entry) { return entry.name == name; });
    file.deleting.push_back({name, int32_t(topic->partitions.size())});
    TARN_TRY(WriteFile(std::move(file)));
    {
      std::lock_guard lock(mutex_);
      topics_.erase(name);
    }
    for (const auto& log : topic->partitions) (void)log->Close().ok();  // its files go next
    logger_.Info("broker", "topic deleted", {{"topic", name}});
    return FinishDeletions();
  }

  Status AddPartitions(const std::string& name, int32_t count) override {
    std::lock_guard changing(changing_);
    TARN_TRY(CheckOpen());
    const auto before = Find(name);
    if (!before) return NotFound(name);
    if (count <= int32_t(before->partitions.size()) || count > kPartitionsMax)
      return Error(ErrorCode::kInvalidArgument, "topic " + name + " has " + std::to_string(before->partitions.size()) +
                                                    " partitions; it can have more, up to " +
                                                    std::to_string(kPartitionsMax) + ", not " + std::to_string(count));
    TARN_ASSIGN_OR_RETURN(const LogOptions options, LogOptionsOf(before->config, defaults_));
    auto topic = std::make_shared<Topic>(*before);
    TARN_TRY(AddLogs(*topic, count, options));
    TopicsFile file = file_;
    EntryOf(file, name).partitions = count;
    TARN_TRY(WriteFile(std::move(file)));
    Put(topic);
    return Ok();
  }

  Status SetConfig(const std::string& name, const std::map<std::string, std::string>& config) override {
    std::lock_guard changing(changing_);
    TARN_TRY(CheckOpen());
    const auto before = Find(name);
    if (!before) return NotFound(name);
    TARN_ASSIGN_OR_RETURN(const LogOptions options, LogOptionsOf(config, defaults_));
    TopicsFile file = file_;
    EntryOf(file, name).config = config;
    TARN_TRY(WriteFile(std::move(file)));
    auto topic = std::make_shared<Topic>(*before);
    topic->config = config;
    for (const auto& log : topic->partitions) log->SetOptions(options);
    Put(topic);
    return Ok();
  }

  std::shared_ptr<const Topic> Find(const std::string& name) const override {
    std::lock_guard lock(mutex_);
    const auto found = topics_.find(name);
    return found == topics_.end() ? nullptr : found->second;
  }

  std::vector<std::shared_ptr<const Topic>> List() const override {
    std::lock_guard lock(mutex_);
    std::vector<std::shared_ptr<const Topic>> topics;
    for (const auto& [name, topic] : topics_) topics.push_back(topic);
    return topics;
  }

  void ApplyRetention() override {
    for (const auto& topic : List()) {
      for (size_t i = 0; i < topic->partitions.size(); ++i) {
        const Status applied = topic->partitions[i]->ApplyRetention();
        if (!applied.ok() && !applied.Is(ErrorCode::kUnavailable))  // deleted meanwhile
          logger_.Warn("broker", "retention failed",
                       {{"topic", topic->name}, {"partition", i}, {"error", applied.error().ToString()}});
      }
    }
  }

  Status Close() override {
    std::lock_guard changing(changing_);
    closed_ = true;
    std::vector<std::shared_ptr<PartitionLog>> logs;
    for (const auto& topic : List()) logs.insert(logs.end(), topic->partitions.begin(), topic->partitions.end());
    return InParallel(logs.size(), [&](size_t i) { return logs[i]->Close(); });
  }

 private:
  std::string FolderOf(const std::string& name, int32_t partition) const {
    return directory_ + "/" + name + "-" + std::to_string(partition);
  }
  static Error NotFound(const std::string& name) { return Error(ErrorCode::kNotFound, "there is no topic " + name); }
  Status CheckOpen() const { return closed_ ? Status(Error(ErrorCode::kUnavailable, "the broker is stopping")) : Ok(); }

  static TopicEntry& EntryOf(TopicsFile& file, const std::string& name) {
    return *std::find_if(file.topics.begin(), file.topics.end(),
                         [&](const TopicEntry& entry) { return entry.name == name; });
  }

  Result<std::shared_ptr<PartitionLog>> OpenLog(const std::string& name, int32_t partition, const LogOptions& options) {
    TARN_ASSIGN_OR_RETURN(auto log, OpenPartitionLog(fs_, clock_, FolderOf(name, partition), options, &threads_));
    return std::shared_ptr<PartitionLog>(std::move(log));
  }

  // Empty logs up to `count`.
  Status AddLogs(Topic& topic, int32_t count, const LogOptions& options) {
    const size_t first = topic.partitions.size();
    topic.partitions.resize(size_t(count));
    TARN_FAILPOINT("broker.topics.before_folders");
    return InParallel(size_t(count) - first, [&](size_t i) -> Status {
      const auto partition = int32_t(first + i);
      TARN_TRY(fs_.RemoveTree(FolderOf(topic.name, partition)));
      TARN_ASSIGN_OR_RETURN(topic.partitions[size_t(partition)], OpenLog(topic.name, partition, options));
      return Ok();
    });
  }

  // On disk first, then in memory. A failed write may have taken effect, so the former file is written over it.
  Status WriteFile(TopicsFile file) {
    const auto write = [&]() -> Status {
      TARN_FAILPOINT("broker.topics.before_write");
      TARN_TRY(WriteTopicsFile(fs_, directory_, file));
      TARN_FAILPOINT("broker.topics.after_write");
      return Ok();
    };
    if (const Status written = write(); !written.ok()) {
      const Status restored = WriteTopicsFile(fs_, directory_, file_);
      if (!restored.ok())
        logger_.Error("broker", "topics.json could not be restored", {{"error", restored.error().ToString()}});
      return written;
    }
    file_ = std::move(file);
    return Ok();
  }

  Status FinishDeletions() {
    if (file_.deleting.empty()) return Ok();
    TARN_FAILPOINT("broker.topics.before_remove");
    for (const DeletingEntry& entry : file_.deleting)
      for (int32_t i = 0; i < entry.partitions; ++i) TARN_TRY(fs_.RemoveTree(FolderOf(entry.name, i)));
    TARN_TRY(fs_.SyncDirectory(directory_));
    TopicsFile file = file_;
    file.deleting.clear();
    return WriteFile(std::move(file));
  }

  void Put(std::shared_ptr<const Topic> topic) {
    std::lock_guard lock(mutex_);
    topics_[topic->name] = std::move(topic);
  }

  FileSystem& fs_;
  Clock& clock_;
  Logger& logger_;
  const std::string directory_;
  const LogOptions defaults_;
  LogThreads threads_;  // outlives the logs below

  std::mutex changing_;  // one change at a time, its I/O included; taken before mutex_
  Random random_;
  TopicsFile file_;
  bool closed_ = false;

  mutable std::mutex mutex_;  // held for moments
  std::map<std::string, std::shared_ptr<const Topic>> topics_;
};

}  // namespace

Result<std::unique_ptr<Topics>> OpenTopics(FileSystem& file_system, Clock& clock, Random random, Logger& logger,
                                           const std::string& directory, const LogOptions& defaults) {
  auto topics = std::make_unique<DiskTopics>(file_system, clock, random, logger, directory, defaults);
  TARN_TRY(topics->Open());
  return std::unique_ptr<Topics>(std::move(topics));
}

}  // namespace tarn::broker
