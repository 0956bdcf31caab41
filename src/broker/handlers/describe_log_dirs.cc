#include "kafka_messages/describe_log_dirs.h"

#include <algorithm>

#include "broker/handlers/apis_internal.h"

namespace tarn::broker {

namespace {

DescribeLogDirsResponse DescribeLogDirs(BrokerContext& context, const DescribeLogDirsRequest& request, int) {
  DescribeLogDirsResponse response;
  auto& folder = response.results.emplace_back();
  folder.log_dir = context.options.directory;
  for (const auto& topic : context.topics.List()) {
    const std::vector<int32_t>* wanted = nullptr;
    if (request.topics) {
      const auto asked = std::find_if(request.topics->begin(), request.topics->end(),
                                      [&](const auto& t) { return t.topic == topic->name; });
      if (asked == request.topics->end()) continue;
      wanted = &asked->partitions;
    }
    auto& to = folder.topics.emplace_back();
    to.name = topic->name;
    for (size_t i = 0; i < topic->partitions.size(); ++i) {
      if (wanted != nullptr && std::find(wanted->begin(), wanted->end(), int32_t(i)) == wanted->end()) continue;
      to.partitions.push_back(
          {.partition_index = int32_t(i), .partition_size = int64_t(topic->partitions[i]->size_bytes())});
    }
  }
  return response;
}

}  // namespace

const Api kDescribeLogDirsApi =
    AnsweredAtOnce<DescribeLogDirsRequest, DescribeLogDirsResponse>("DescribeLogDirs", {1, 4}, &DescribeLogDirs);

}  // namespace tarn::broker
