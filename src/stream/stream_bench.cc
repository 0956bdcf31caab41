#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

#include "base/file_system.h"
#include "base/random.h"
#include "engine/database.h"
#include "storage/object_stores.h"
#include "stream/buffer_pool_internal.h"
#include "stream/stream.h"
#include "stream/testing/memory_source.h"
#include "table/open_table.h"

// Backlog to committed table:
//
//   tarn_stream_bench generate FILE COUNT   writes COUNT clickstream events of about 690 bytes, one a line
//   tarn_stream_bench run FILE FOLDER       streams the file into a new table below FOLDER and tells time and memory
//   tarn_stream_bench pace SECONDS RATE FOLDER [MS]   RATE events/s from memory, committed every MS (500), and tells
//                                           freshness and CPU

namespace {

using namespace tarn;
using engine::DataType;
using engine::TypeKind;

void Check(const Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.error().ToString().c_str());
  std::exit(1);
}
template <typename T>
T Take(Result<T> result) {
  Check(result.status());
  return std::move(*result);
}

engine::Schema EventSchema() {
  engine::Schema schema;
  for (const char* name : {"event_id", "user_id", "session_id", "event_type", "product_id", "timestamp", "page_url",
                           "user_agent", "ip_address", "device_type", "browser", "os", "country", "referrer",
                           "screen_resolution", "time_on_page", "scroll_depth"})
    schema.fields.push_back({.name = name, .type = DataType::Of(TypeKind::kString)});
  schema.fields[0].nullable = false;
  schema.fields[5] = {.name = "timestamp", .type = DataType::Of(TypeKind::kTimestamp), .nullable = false};
  schema.fields[15].type = schema.fields[16].type = DataType::Of(TypeKind::kInt32);
  schema.fields.push_back({.name = "click_coordinates",
                           .type = DataType::Map(DataType::Of(TypeKind::kString), DataType::Of(TypeKind::kInt32))});
  return schema;
}

std::string MakeEvent(Random& random, Micros time) {
  static const char* const kTypes[] = {"page_view", "product_view", "add_to_cart", "checkout", "purchase"};
  static const char* const kProducts[] = {"laptop", "smartphone", "headphones", "tablet", "smartwatch"};
  static const char* const kCountries[] = {"US", "BR", "GB", "DE", "IN", "FR"};
  std::string at = FormatTimestamp(time);
  at.pop_back();
  const std::string product = kProducts[random.Below(5)];
  char text[1024];
  std::snprintf(
      text, sizeof text,
      R"({"event_id": "%s", "user_id": "%08llx-1111-4222-8333-444444444444", "session_id": "%s", "event_type": "%s", "product_id": "%s", "timestamp": "%s", "page_url": "https://shop.example.com/product/%s", "user_agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%llu.0.0.0 Safari/537.36", "ip_address": "%llu.%llu.%llu.%llu", "device_type": "desktop", "browser": "Chrome", "os": "Windows", "country": "%s", "referrer": "https://shop.example.com/category/%s", "screen_resolution": "1920x1080", "time_on_page": %llu, "scroll_depth": %llu, "click_coordinates": {"x": %llu, "y": %llu}})",
      MakeUuid(random).c_str(), (unsigned long long)random.Below(5000), MakeUuid(random).c_str(),
      kTypes[random.Below(5)], product.c_str(), at.c_str(), product.c_str(),
      (unsigned long long)(100 + random.Below(30)), (unsigned long long)random.Below(256),
      (unsigned long long)random.Below(256), (unsigned long long)random.Below(256),
      (unsigned long long)random.Below(256), kCountries[random.Below(6)], product.c_str(),
      (unsigned long long)(1 + random.Below(300)), (unsigned long long)random.Below(101),
      (unsigned long long)random.Below(1920), (unsigned long long)random.Below(1080));
  return text;
}

constexpr Micros kStart = 1'764'000'000'000'000;

// The lines of a file as one partition; the offset is the line's number.
class FileSource final : public stream::Source {
 public:
  explicit FileSource(const std::string& path)
      : file_(Take(PosixFileSystem().OpenForRead(path))), size_(Take(file_->Size())) {
    lines_ = int64_t(1) << 40;
  }
  Result<std::string> TopicId() override { return std::string("file"); }
  Result<std::map<int32_t, stream::PartitionRange>> Partitions() override {
    return std::map<int32_t, stream::PartitionRange>{{0, {0, at_ >= size_ ? next_ : lines_}}};
  }
  Status Seek(int32_t, int64_t) override { return Ok(); }
  Result<std::optional<stream::SourceRun>> Poll(uint64_t max_bytes, Micros timeout) override {
    if (at_ >= size_) {
      SystemClock().SleepFor(std::min<Micros>(timeout, 5'000));
      return std::optional<stream::SourceRun>();
    }
    const size_t wanted = std::min(max_bytes, size_ - at_);
    auto buffer = buffers_.Take(wanted + stream::kBufferPadding);
    const size_t read = Take(file_->ReadAt(at_, {buffer->data(), wanted}));
    stream::SourceRun run;
    const char *line = buffer->data(), *const end = line + read;
    while (const char* newline = static_cast<const char*>(std::memchr(line, '\n', size_t(end - line)))) {
      run.records.push_back({.offset = next_++,
                             .timestamp_ms = kStart / 1000 + next_,
                             .value = std::string_view(line, size_t(newline - line))});
      line = newline + 1;
    }
    at_ += uint64_t(line - buffer->data());
    run.next_offset = next_;
    run.bytes = uint64_t(line - buffer->data());
    run.buffers.push_back(std::move(buffer));
    return std::optional<stream::SourceRun>(std::move(run));
  }

 private:
  stream::BufferPool buffers_{uint64_t(24) << 20};
  std::unique_ptr<File> file_;
  uint64_t size_, at_ = 0;
  int64_t next_ = 0, lines_ = 0;
};

struct World {
  explicit World(const std::string& folder) {
    store = Take(storage::OpenLocalObjectStore(PosixFileSystem(), folder));
    database = Take(engine::Database::Open({.memory_limit_bytes = uint64_t(192) << 20, .threads = 2}));
    Check(database->MountStore("lake", *store));
    const auto context = [&] {
      return table::TableContext{.clock = SystemClock(),
                                 .logger = NullLogger(),
                                 .random = Random::FromEntropy(),
                                 .database = database.get(),
                                 .scheme = "lake"};
    };
    engine::Schema silver = EventSchema();
    silver.fields.push_back({.name = "processing_timestamp", .type = DataType::Of(TypeKind::kTimestamp)});
    silver.fields.push_back({.name = "date", .type = DataType::Of(TypeKind::kDate)});
    table = Take(table::CreateTable(*store, "silver", {.schema = silver, .partition_columns = {"date"}}, context()));
    letters = Take(table::CreateTable(*store, "errors", {.schema = stream::DeadLetterSchema()}, context()));
  }
  std::unique_ptr<stream::Stream> Open(stream::Source& source, Micros commit_interval = 500'000) {
    return Take(stream::Stream::Make(
        {.name = "bench", .topic = "bench", .input = EventSchema(), .commit_interval = commit_interval},
        {.source = source,
         .database = *database,
         .store_scheme = "lake",
         .table = table,
         .dead_letter_table = letters,
         .dead_letter_topic = topic,
         .clock = SystemClock(),
         .logger = NullLogger(),
         .metrics = *metrics}));
  }
  std::unique_ptr<storage::ObjectStore> store;
  std::unique_ptr<engine::Database> database;
  std::shared_ptr<table::Table> table, letters;
  stream::testing::MemoryDeadLetterTopic topic;
  std::unique_ptr<Metrics> metrics = MakeMetrics();
};

double CpuSeconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) { return double(time.tv_sec) + double(time.tv_usec) / 1e6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}
long PeakMegabytes() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024;
}

int Generate(const char* path, int64_t count) {
  std::FILE* file = std::fopen(path, "wb");
  if (file == nullptr) return 1;
  Random random(42);
  for (int64_t i = 0; i < count; ++i) {
    const std::string event = MakeEvent(random, kStart + i * 1000) + "\n";
    std::fwrite(event.data(), 1, event.size(), file);
  }
  return std::fclose(file);
}

int RunBacklog(const char* path, const char* folder) {
  World world(folder);
  FileSource source(path);
  auto stream = world.Open(source);
  const double cpu = CpuSeconds();
  const Micros begin = SystemClock().Steady();
  Check(stream->Start());
  Micros decode = 0, deduplicate = 0, write = 0, commit = 0;
  uint64_t batches = 0;
  while (true) {
    const stream::StreamStatus status = stream->CurrentStatus();
    if (status.batches != batches) {
      batches = status.batches;
      decode += status.last_batch.decode, deduplicate += status.last_batch.deduplicate;
      write += status.last_batch.write, commit += status.last_batch.commit;
    }
    if (status.state == stream::StreamState::kFailed) Check(Error(ErrorCode::kInternal, status.reason));
    if (Take(PosixFileSystem().Stat(path)).size > 0 && status.partitions.contains(0) &&
        status.partitions.at(0).end < (int64_t(1) << 39) && status.lag == 0 && status.stored > 0)
      break;
    Status caught_up = stream->AwaitCaughtUp(20'000);
    (void)caught_up;
  }
  const double wall = double(SystemClock().Steady() - begin) / 1e6;
  const stream::StreamStatus status = stream->CurrentStatus();
  std::printf("%lld rows, %lld duplicates, %lld dead letters in %.2f s wall, %.2f s CPU, %ld MB peak, %llu batches\n",
              (long long)status.stored, (long long)status.duplicates, (long long)status.dead_letters, wall,
              CpuSeconds() - cpu, PeakMegabytes(), (unsigned long long)status.batches);
  std::printf("decode %.2f s, deduplicate %.2f s, write %.2f s, commit %.2f s (of the batches that were seen)\n",
              double(decode) / 1e6, double(deduplicate) / 1e6, double(write) / 1e6, double(commit) / 1e6);
  stream->Stop(false);
  return 0;
}

int RunPaced(int seconds, int rate, const char* folder, Micros commit_interval) {
  World world(folder);
  stream::testing::MemoryTopic topic(3);
  stream::testing::MemorySource source(topic);
  auto stream = world.Open(source, commit_interval);
  Check(stream->Start());
  Random random(1);
  const double cpu = CpuSeconds();
  const Micros begin = SystemClock().Steady();
  const int per_tick = std::max(1, rate / 100);
  for (int tick = 0; tick < seconds * 100; ++tick) {
    const Micros now = SystemClock().Now();
    for (int i = 0; i < per_tick; ++i) topic.Append(int(random.Below(3)), MakeEvent(random, now), now / 1000);
    SystemClock().SleepFor(std::max<Micros>(0, begin + (tick + 1) * 10'000 - SystemClock().Steady()));
  }
  const double used = CpuSeconds() - cpu;
  Check(stream->AwaitCaughtUp(10'000'000));
  const stream::StreamStatus status = stream->CurrentStatus();
  std::printf("%d/s for %d s: freshness p50 %.3f s, p99 %.3f s, %.1f %% of a core, %llu batches, %ld MB peak\n", rate,
              seconds, status.freshness_p50, status.freshness_p99, 100 * used / seconds,
              (unsigned long long)status.batches, PeakMegabytes());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 4 && std::strcmp(argv[1], "generate") == 0) return Generate(argv[2], std::atoll(argv[3]));
  if (argc == 4 && std::strcmp(argv[1], "run") == 0) return RunBacklog(argv[2], argv[3]);
  if ((argc == 5 || argc == 6) && std::strcmp(argv[1], "pace") == 0)
    return RunPaced(std::atoi(argv[2]), std::atoi(argv[3]), argv[4], argc == 6 ? std::atoll(argv[5]) * 1000 : 500'000);
  std::fprintf(stderr,
               "usage: tarn_stream_bench generate FILE COUNT | run FILE FOLDER | pace SECONDS RATE FOLDER [MS]\n");
  return 2;
}
