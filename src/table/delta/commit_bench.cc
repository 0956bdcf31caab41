#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "storage/object_stores.h"
#include "table/open_table.h"

// tarn_delta_commit_bench [COMMITS]: what an append costs as the table's history grows. Appends one file a commit, as a
// stream does, in a local store; compares the windows around the 10th and the last commit by CPU and wall time, and by
// what went to the store. Checkpoints fall into some commits; "all" holds them, the medians do not.

namespace tarn::table {
namespace {

// Counts what passes through.
class CountingStore final : public storage::ObjectStore {
 public:
  explicit CountingStore(std::unique_ptr<storage::ObjectStore> store) : store_(std::move(store)) {}

  struct Counts {
    double operations = 0, bytes_read = 0, bytes_written = 0;
  };
  Counts counts;

  Result<std::string> Get(const std::string& key) override {
    auto content = store_->Get(key);
    ++counts.operations;
    if (content.ok()) counts.bytes_read += double(content->size());
    return content;
  }
  Result<storage::ObjectInfo> Head(const std::string& key) override {
    ++counts.operations;
    return store_->Head(key);
  }
  Result<std::unique_ptr<storage::ObjectReader>> OpenReader(const std::string& key) override {
    ++counts.operations;
    auto reader = store_->OpenReader(key);
    if (reader.ok()) counts.bytes_read += double((*reader)->size());
    return reader;
  }
  Result<std::unique_ptr<storage::ObjectWriter>> OpenWriter(const std::string& key) override {
    ++counts.operations;
    TARN_ASSIGN_OR_RETURN(auto writer, store_->OpenWriter(key));
    return std::unique_ptr<storage::ObjectWriter>(std::make_unique<Writer>(counts, std::move(writer)));
  }
  Status PutIfAbsent(const std::string& key, std::string_view content) override {
    ++counts.operations;
    counts.bytes_written += double(content.size());
    return store_->PutIfAbsent(key, content);
  }
  Status Put(const std::string& key, std::string_view content) override {
    ++counts.operations;
    counts.bytes_written += double(content.size());
    return store_->Put(key, content);
  }
  Status Delete(const std::string& key) override {
    ++counts.operations;
    return store_->Delete(key);
  }
  Result<std::vector<storage::ObjectInfo>> List(const std::string& prefix, const std::string& after,
                                                bool recursive) override {
    auto objects = store_->List(prefix, after, recursive);
    counts.operations += 1 + (objects.ok() ? double(objects->size()) / 1000 : 0);  // A page holds a thousand.
    return objects;
  }
  std::string Location(const std::string& key) const override { return store_->Location(key); }

 private:
  class Writer final : public storage::ObjectWriter {
   public:
    Writer(Counts& counts, std::unique_ptr<storage::ObjectWriter> writer)
        : counts_(counts), writer_(std::move(writer)) {}
    Status Append(std::string_view data) override {
      counts_.bytes_written += double(data.size());
      return writer_->Append(data);
    }
    Status Finish() override { return writer_->Finish(); }
    uint64_t written() const override { return writer_->written(); }

   private:
    Counts& counts_;
    const std::unique_ptr<storage::ObjectWriter> writer_;
  };

  const std::unique_ptr<storage::ObjectStore> store_;
};

struct Cost {
  double cpu_us = 0, wall_us = 0;
  CountingStore::Counts counts;
};

double CpuMicros() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto micros = [](const timeval& time) { return double(time.tv_sec) * 1e6 + double(time.tv_usec); };
  return micros(usage.ru_utime) + micros(usage.ru_stime);
}

template <typename T>
T Must(Result<T> result) {
  if (!result.ok()) {
    std::fprintf(stderr, "%s\n", result.error().ToString().c_str());
    std::exit(1);
  }
  return std::move(result).value();
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

double Print(const char* name, const std::vector<Cost>& window, double (*value)(const Cost&)) {
  std::vector<double> values;
  double sum = 0;
  for (const Cost& cost : window) {
    values.push_back(value(cost));
    sum += values.back();
  }
  const double median = Median(values);
  std::printf("  %-16s median %10.1f   mean %10.1f\n", name, median, sum / double(values.size()));
  return median;
}

struct Medians {
  double cpu, wall;
};

Medians Report(int first, int last, const std::vector<Cost>& costs) {
  const std::vector<Cost> window(costs.begin() + first - 1, costs.begin() + last);
  std::printf("commits %d to %d\n", first, last);
  const double cpu = Print("CPU us", window, [](const Cost& c) { return c.cpu_us; });
  const double wall = Print("wall us", window, [](const Cost& c) { return c.wall_us; });
  Print("store operations", window, [](const Cost& c) { return c.counts.operations; });
  Print("bytes written", window, [](const Cost& c) { return c.counts.bytes_written; });
  Print("bytes read", window, [](const Cost& c) { return c.counts.bytes_read; });
  return {cpu, wall};
}

void Run(int commits) {
  const std::string root =
      (std::filesystem::temp_directory_path() / ("tarn_commit_bench_" + std::to_string(::getpid()))).string();
  std::filesystem::remove_all(root);
  CountingStore store(Must(storage::OpenLocalObjectStore(PosixFileSystem(), root)));
  const auto database = Must(engine::Database::Open({.threads = 1}));
  if (!database->MountStore("lake", store).ok()) std::exit(1);
  Clock& clock = SystemClock();
  Random random(1);
  const auto table = Must(CreateTable(
      store, "t",
      {.schema = {{{.name = "date", .type = engine::DataType::Of(engine::TypeKind::kDate)},
                   {.name = "id", .type = engine::DataType::Of(engine::TypeKind::kInt64)}}},
       .partition_columns = {"date"}},
      {.clock = clock, .logger = NullLogger(), .random = random.Fork(), .database = database.get(), .scheme = "lake"}));
  std::vector<Cost> costs;
  for (int i = 0; i < commits; ++i) {
    const std::map<std::string, std::optional<std::string>> partition{{"date", "2026-11-2" + std::to_string(i % 10)}};
    TableChange change{.commit_id = MakeUuid(random), .operation = "STREAMING UPDATE"};
    DataFile file{.path = table->NewDataFilePath(partition),
                  .partition_values = partition,
                  .size = 1 << 20,
                  .record_count = 1000};
    file.statistics["id"] = {.min = std::to_string(i), .max = std::to_string(i + 1000), .null_count = 0};
    change.added_files.push_back(std::move(file));
    change.progress = {{"topic/0", i == 0 ? std::nullopt : std::optional<int64_t>(i - 1), i}};
    store.counts = {};
    const double cpu = CpuMicros();
    const Micros begin = clock.Steady();
    (void)Must(table->CommitTable(change));
    costs.push_back({CpuMicros() - cpu, double(clock.Steady() - begin), store.counts});
  }
  const Medians early = Report(5, 15, costs);
  const Medians late = Report(commits - 10, commits, costs);
  std::printf("last to 10th: CPU %.2f x, wall %.2f x\n", late.cpu / early.cpu, late.wall / early.wall);
  const int tenth = std::max(commits / 10, 1);
  (void)Report(commits - tenth + 1, commits, costs);
  std::filesystem::remove_all(root);
}

}  // namespace
}  // namespace tarn::table

int main(int argc, char** argv) {
  const int commits = argc > 1 ? std::atoi(argv[1]) : 10'010;
  if (commits < 30) {
    std::fprintf(stderr, "usage: %s [COMMITS], at least 30\n", argv[0]);
    return 2;
  }
  tarn::table::Run(commits);
  return 0;
}
