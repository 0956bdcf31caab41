#include <atomic>
#include <filesystem>
#include <string>

#include <unistd.h>

#include <benchmark/benchmark.h>

#include "broker/partition_log.h"
#include "record/record_batch.h"

// Append and read throughput of one partition on the machine's disk, in records of 690 bytes, lz4, as the scenario has
// them.

namespace tarn::broker {
namespace {

constexpr int kRecords = 1000;  // a batch

std::string EventBatch() {
  std::vector<std::string> values;
  for (int i = 0; i < kRecords; ++i) {
    std::string value = "{\"event_id\":\"" + std::to_string(i * 2654435761u) + "\",\"page\":\"/product/" +
                        std::to_string(i % 977) + "\",\"agent\":\"";
    while (value.size() < 688) value += "Mozilla/5.0 " + std::to_string(value.size() * size_t(i) % 9973) + ' ';
    values.push_back(value.substr(0, 688) + "\"}");
  }
  std::vector<record::NewRecord> records;
  for (const std::string& value : values) records.push_back({.timestamp_ms = 1'700'000'000'000, .value = value});
  auto batch = record::EncodeBatch(records, {.compression = record::Compression::kLz4});
  TARN_CHECK(batch.ok());
  return std::move(*batch);
}

struct Fixture {
  Fixture() {
    char name[] = "tarn-bench-XXXXXX";
    TARN_CHECK(::mkdtemp(name) != nullptr);
    folder = name;
    auto opened = OpenPartitionLog(PosixFileSystem(), SystemClock(), folder + "/t-0", {});
    TARN_CHECK(opened.ok());
    log = std::move(*opened);
  }
  ~Fixture() {
    log.reset();
    std::filesystem::remove_all(folder);
  }
  // As many as `in_flight` are never answered at once.
  void Append(const std::string& batch, int in_flight) {
    while (waiting.load() >= in_flight) waiting.wait(in_flight);
    ++waiting;
    log->Append(batch, [this](Result<AppendOutcome> outcome) {
      TARN_CHECK(outcome.ok());
      --waiting;
      waiting.notify_all();
    });
  }
  void Drain() {
    for (int now = waiting.load(); now != 0; now = waiting.load()) waiting.wait(now);
  }

  std::string folder;
  std::unique_ptr<PartitionLog> log;
  std::atomic<int> waiting = 0;
};

void BM_Append(benchmark::State& state) {
  const std::string batch = EventBatch();
  Fixture fixture;
  for (auto _ : state) fixture.Append(batch, int(state.range(0)));
  fixture.Drain();
  state.SetItemsProcessed(state.iterations() * kRecords);
  state.SetBytesProcessed(state.iterations() * int64_t(batch.size()));
}
BENCHMARK(BM_Append)->Arg(1)->Arg(5)->Arg(25)->UseRealTime();

void BM_Read(benchmark::State& state) {
  const std::string batch = EventBatch();
  Fixture fixture;
  for (int i = 0; i < 500; ++i) fixture.Append(batch, 25);
  fixture.Drain();
  Offset offset = 0;
  int64_t bytes = 0, records = 0;
  for (auto _ : state) {
    const auto read = fixture.log->Read(offset, 1 << 20);
    TARN_CHECK(read.ok());
    bytes += int64_t(read->bytes.size());
    records += read->next_offset - offset;
    offset = read->next_offset == fixture.log->high_watermark() ? 0 : read->next_offset;
  }
  state.SetItemsProcessed(records);
  state.SetBytesProcessed(bytes);
}
BENCHMARK(BM_Read)->UseRealTime();

}  // namespace
}  // namespace tarn::broker

BENCHMARK_MAIN();
