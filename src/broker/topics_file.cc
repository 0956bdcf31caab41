#include <nlohmann/json.hpp>

#include "broker/topics_file_internal.h"

namespace tarn::broker {
namespace {

using nlohmann::json;

std::string PathIn(const std::string& directory) {
  return directory + "/topics.json";
}

TopicsFile FromJson(const json& root) {
  TopicsFile file;
  for (const json& topic : root.at("topics"))
    file.topics.push_back({topic.at("name").get<std::string>(), topic.at("id").get<std::string>(),
                           topic.at("partitions").get<int32_t>(), topic.at("config").get<TopicConfig>()});
  for (const json& topic : root.at("deleting"))
    file.deleting.push_back({topic.at("name").get<std::string>(), topic.at("partitions").get<int32_t>()});
  return file;
}

// Names become folders.
Status Check(const TopicsFile& file) {
  for (const TopicEntry& topic : file.topics) {
    TARN_TRY(CheckTopicName(topic.name));
    if (topic.partitions < 1) return Error(ErrorCode::kInvalidArgument, "topic " + topic.name + " has no partitions");
  }
  for (const DeletingEntry& topic : file.deleting) TARN_TRY(CheckTopicName(topic.name));
  return Ok();
}

}  // namespace

Result<TopicsFile> ReadTopicsFile(FileSystem& file_system, const std::string& directory) {
  const std::string path = PathIn(directory);
  const auto text = ReadFile(file_system, path);
  if (text.Is(ErrorCode::kNotFound)) return TopicsFile{};
  if (!text.ok()) return text.error();
  try {
    const json root = json::parse(*text);
    if (root.at("version").get<int>() != 1)
      return Error(ErrorCode::kUnsupported, path + ": expected version 1; a newer Tarn wrote it");
    TopicsFile file = FromJson(root);
    if (const Status checked = Check(file); !checked.ok())
      return Error(ErrorCode::kCorruption, path + ": " + checked.error().ToString());
    return file;
  } catch (const json::exception& error) {
    return Error(ErrorCode::kCorruption, path + ": " + error.what());
  }
}

Status WriteTopicsFile(FileSystem& file_system, const std::string& directory, const TopicsFile& file) {
  json root = {{"version", 1}, {"topics", json::array()}, {"deleting", json::array()}};
  for (const TopicEntry& topic : file.topics)
    root["topics"].push_back(
        {{"name", topic.name}, {"id", topic.id}, {"partitions", topic.partitions}, {"config", topic.config}});
  for (const DeletingEntry& topic : file.deleting)
    root["deleting"].push_back({{"name", topic.name}, {"partitions", topic.partitions}});
  return WriteFileDurably(file_system, PathIn(directory), root.dump(2) + "\n");
}

}  // namespace tarn::broker
