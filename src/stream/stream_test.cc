#include "stream/stream.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <set>
#include <thread>

#include "base/failpoint.h"
#include "base/file_system.h"
#include "engine/database.h"
#include "storage/object_stores.h"
#include "storage/testing/faulty_object_store.h"
#include "stream/testing/memory_source.h"
#include "table/open_table.h"

namespace tarn::stream {
namespace {

using engine::DataType;
using engine::TypeKind;
using testing::MemoryDeadLetterTopic;
using testing::MemorySource;
using testing::MemoryTopic;

constexpr Micros kBase = 1'764'000'000'000'000;  // 2025-11-24T16:00:00Z
constexpr Micros kPatience = 60'000'000;

engine::Field FieldOf(const char* name, TypeKind kind, bool nullable = true) {
  return {.name = name, .type = DataType::Of(kind), .nullable = nullable};
}

engine::Schema InputSchema() {
  return {{FieldOf("event_id", TypeKind::kString, false),
           FieldOf("timestamp", TypeKind::kTimestamp, false),
           FieldOf("amount", TypeKind::kInt32),
           {.name = "at", .type = DataType::Map(DataType::Of(TypeKind::kString), DataType::Of(TypeKind::kInt32))}}};
}

engine::Schema TableSchema() {
  engine::Schema schema = InputSchema();
  schema.fields.push_back(FieldOf("processing_timestamp", TypeKind::kTimestamp));
  schema.fields.push_back(FieldOf("date", TypeKind::kDate));
  return schema;
}

std::string IdOf(int number) {
  char text[40];
  std::snprintf(text, sizeof text, "%08x-0000-4000-8000-%012x", unsigned(number), unsigned(number) * 7919u);
  return text;
}

std::string Event(int number, Micros time, const std::string& amount = "1") {
  std::string at = FormatTimestamp(time);
  at.pop_back();
  return "{\"event_id\": \"" + IdOf(number) + "\", \"timestamp\": \"" + at + "\", \"amount\": " + amount +
         ", \"at\": {\"x\": " + std::to_string(number) + ", \"y\": 2}}";
}

// A store, two tables and a topic that outlive the streams run on them.
class StreamTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = ::testing::TempDir() + "tarn_stream_" + std::to_string(::getpid()) + "_" +
            ::testing::UnitTest::GetInstance()->current_test_info()->name();
    Reset();
  }
  void TearDown() override {
    ASSERT_TRUE(SetFailpoints("").ok());
    stream_.reset();
    database_.reset();
    std::filesystem::remove_all(root_);
  }

  void Reset() {
    stream_.reset();
    table_.reset();
    letters_.reset();
    database_.reset();
    std::filesystem::remove_all(root_);
    auto store = storage::OpenLocalObjectStore(PosixFileSystem(), root_);
    ASSERT_TRUE(store.ok()) << store.error().ToString();
    local_store_ = std::move(*store);
    store_ = std::make_unique<storage::testing::FaultyObjectStore>(*local_store_, seed_);
    OpenDatabase();
    ASSERT_TRUE(
        table::CreateTable(*store_, "t/silver", {.schema = TableSchema(), .partition_columns = {"date"}}, Context())
            .ok());
    ASSERT_TRUE(table::CreateTable(*store_, "t/errors", {.schema = DeadLetterSchema()}, Context()).ok());
    OpenTables();
    topic_ = std::make_unique<MemoryTopic>(3);
    letter_topic_ = std::make_unique<MemoryDeadLetterTopic>();
  }
  void OpenDatabase() {
    auto database = engine::Database::Open({.threads = 2});
    ASSERT_TRUE(database.ok()) << database.error().ToString();
    database_ = std::move(*database);
    ASSERT_TRUE(database_->MountStore("lake", *store_).ok());
  }
  void OpenTables() {
    auto silver = table::OpenTable(*store_, "t/silver", Context());
    ASSERT_TRUE(silver.ok()) << silver.error().ToString();
    table_ = std::move(*silver);
    auto errors = table::OpenTable(*store_, "t/errors", Context());
    ASSERT_TRUE(errors.ok()) << errors.error().ToString();
    letters_ = std::move(*errors);
  }
  table::TableContext Context() {
    return {.clock = SystemClock(),
            .logger = NullLogger(),
            .random = random_.Fork(),
            .database = database_.get(),
            .scheme = "lake"};
  }

  StreamOptions Options() {
    return {.name = "clicks", .topic = "clicks", .input = InputSchema(), .commit_interval = 5'000, .decode_threads = 1};
  }
  Result<std::unique_ptr<Stream>> Make(StreamOptions options) {
    source_ = std::make_unique<MemorySource>(*topic_);
    return Stream::Make(std::move(options), {.source = *source_,
                                             .database = *database_,
                                             .store_scheme = "lake",
                                             .table = table_,
                                             .dead_letter_table = letters_,
                                             .dead_letter_topic = *letter_topic_,
                                             .clock = SystemClock(),
                                             .logger = NullLogger(),
                                             .metrics = *process_metrics_});
  }
  void Run(StreamOptions options) {
    stream_.reset();
    auto made = Make(std::move(options));
    ASSERT_TRUE(made.ok()) << made.error().ToString();
    stream_ = std::move(*made);
    ASSERT_TRUE(stream_->Start().ok());
  }
  void Run() { Run(Options()); }
  void CatchUp() {
    const Status done = stream_->AwaitCaughtUp(kPatience);
    ASSERT_TRUE(done.ok()) << done.error().ToString();
  }
  // A process that ends here and another that begins: nothing but the store and the topics lives on.
  void Restart(StreamOptions options) {
    stream_.reset();
    OpenTables();
    Run(std::move(options));
  }
  StreamStatus AwaitState(StreamState state) {
    for (int i = 0; i < 6000; ++i) {
      const StreamStatus status = stream_->CurrentStatus();
      if (status.state == state) return status;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return stream_->CurrentStatus();
  }

  std::vector<std::vector<std::optional<std::string>>> Query(table::Table& table, const std::string& select) {
    const auto snapshot = table.Latest();
    std::string files;
    for (const auto& file : (*snapshot)->files)
      files += (files.empty() ? "'lake://" : ", 'lake://") + table.location() + "/" + file->path + "'";
    if (files.empty()) return {};
    auto connection = database_->Connect();
    auto rows =
        (*connection)->QueryText("SELECT " + select + " FROM read_parquet([" + files + "], hive_partitioning = true)");
    EXPECT_TRUE(rows.ok()) << rows.error().ToString();
    return rows.ok() ? *rows : std::vector<std::vector<std::optional<std::string>>>();
  }
  // event_id: how often it is stored.
  std::map<std::string, int> Stored() {
    std::map<std::string, int> found;
    for (const auto& row : Query(*table_, "event_id")) ++found[row[0].value_or("NULL")];
    return found;
  }
  std::map<std::pair<int, int64_t>, std::vector<std::string>> Letters() {
    std::map<std::pair<int, int64_t>, std::vector<std::string>> found;
    for (const auto& row : Query(*letters_, "partition, \"offset\", reason"))
      found[{std::stoi(*row[0]), std::stoll(*row[1])}].push_back(*row[2]);
    return found;
  }
  // Data files under a table's location that no commit names.
  std::vector<std::string> Orphans(table::Table& table) {
    std::set<std::string> named;
    const auto snapshot = *table.Latest();
    for (const auto& file : snapshot->files) named.insert(table.location() + "/" + file->path);
    std::vector<std::string> orphans;
    const auto objects = *store_->List(table.location() + "/");
    for (const auto& object : objects)
      if (object.key.ends_with(".parquet") && object.key.find("_delta_log") == object.key.npos &&
          !named.contains(object.key))
        orphans.push_back(object.key);
    return orphans;
  }

  std::string root_;
  Random random_{11};
  std::unique_ptr<Metrics> process_metrics_ = MakeMetrics();
  uint64_t seed_ = 1;
  std::unique_ptr<storage::ObjectStore> local_store_;
  std::unique_ptr<storage::testing::FaultyObjectStore> store_;  // without faults unless a test sets some
  std::unique_ptr<engine::Database> database_;
  std::shared_ptr<table::Table> table_, letters_;
  std::unique_ptr<MemoryTopic> topic_;
  std::unique_ptr<MemoryDeadLetterTopic> letter_topic_;
  std::unique_ptr<MemorySource> source_;
  std::unique_ptr<Stream> stream_;
};

TEST_F(StreamTest, StoresTypedRowsUnderTheirDate) {
  topic_->Append(0, Event(1, kBase, "42"), kBase / 1000);
  topic_->Append(1, Event(2, kBase + 86'400'000'000), (kBase + 86'400'000'000) / 1000);
  Run();
  CatchUp();
  const auto rows = Query(*table_,
                          "event_id, CAST(epoch_us(timestamp) AS VARCHAR), amount, CAST(\"at\" AS VARCHAR), CAST(date "
                          "AS VARCHAR), filename LIKE '%date=2025-11-24/%'");
  ASSERT_EQ(rows.size(), 2u);
  std::map<std::string, std::vector<std::optional<std::string>>> by_id;
  for (const auto& row : rows) by_id[*row[0]] = row;
  const auto& first = by_id[IdOf(1)];
  EXPECT_EQ(first[1], std::to_string(kBase));
  EXPECT_EQ(first[2], "42");
  EXPECT_EQ(first[3], "{x=1, y=2}");
  EXPECT_EQ(first[4], "2025-11-24");
  const auto snapshot = *table_->Latest();
  for (const auto& file : snapshot->files) {
    EXPECT_EQ(file->record_count, 1);
    EXPECT_TRUE(file->statistics.at("timestamp").min.has_value());
  }
  const StreamStatus status = stream_->CurrentStatus();
  EXPECT_TRUE(status.healthy) << status.reason;
  EXPECT_EQ(status.stored, 2);
  EXPECT_EQ(status.lag, 0);
}

// What goes in, and what must have become of it.
struct Ledger {
  std::set<std::string> stored;
  std::map<std::pair<int, int64_t>, std::string> letters;
  int64_t duplicates = 0;
};

// Appends a part of a seeded workload: valid events, duplicates within and across partitions, and every kind of letter.
void AppendPart(MemoryTopic& topic, Ledger& ledger, int part) {
  Random random(uint64_t(part) + 5);
  for (int i = 0; i < 60; ++i) {
    const int number = part * 1000 + i;
    const int partition = int(random.Below(3));
    const Micros time = kBase + Micros(part) * 60'000'000 + Micros(i) * 1'000'000;
    topic.Append(partition, Event(number, time), time / 1000);
    ledger.stored.insert(IdOf(number));
    if (i % 7 == 0) {
      topic.Append(int(random.Below(3)), Event(number, time), time / 1000);
      ++ledger.duplicates;
    }
    const auto letter = [&](const std::string& value, const char* reason) {
      ledger.letters[{partition, topic.Append(partition, value, time / 1000)}] = reason;
    };
    if (i == 10) letter("{\"event_id\": \"x", "not_decodable");
    if (i == 11) letter("\xff\xfe", "not_decodable");
    if (i == 12) letter("{\"event_id\": \"only\"}", "missing_field");
    if (i == 13) letter("{\"event_id\": null, \"timestamp\": \"2025-11-24T16:00:00\"}", "missing_field");
    if (i == 14) letter(Event(900'000 + number, time, "\"text\""), "bad_value");
    if (i == 15) letter("{\"event_id\": \"u\", \"timestamp\": \"yesterday\"}", "bad_value");
    if (i == 16 && part > 0) letter(Event(800'000 + number, time - 20 * 86'400'000'000LL), "too_late");
    if (i == 17) letter(Event(700'000 + number, time + 400'000'000), "in_future");
  }
}

#define CHECK_LEDGER(ledger)                                                                                   \
  do {                                                                                                         \
    const auto rows = Stored();                                                                                \
    EXPECT_EQ(rows.size(), (ledger).stored.size());                                                            \
    for (const std::string& id : (ledger).stored) EXPECT_EQ(rows.count(id) ? rows.at(id) : 0, 1) << id;        \
    const auto letters = Letters();                                                                            \
    EXPECT_EQ(letters.size(), (ledger).letters.size());                                                        \
    for (const auto& [origin, reason] : (ledger).letters) {                                                    \
      ASSERT_TRUE(letters.count(origin)) << reason << " " << origin.first << "/" << origin.second;             \
      EXPECT_EQ(letters.at(origin), std::vector<std::string>{reason});                                         \
    }                                                                                                          \
    std::map<std::pair<int, int64_t>, int> published;                                                          \
    for (const DeadLetter& letter : letter_topic_->letters()) ++published[{letter.partition, letter.offset}];  \
    EXPECT_EQ(published.size(), (ledger).letters.size());                                                      \
    for (const auto& [origin, count] : published) EXPECT_EQ(count, 1) << origin.first << "/" << origin.second; \
    const StreamStatus status = stream_->CurrentStatus();                                                      \
    EXPECT_EQ(status.stored, int64_t((ledger).stored.size()));                                                 \
    EXPECT_EQ(status.duplicates, (ledger).duplicates);                                                         \
    EXPECT_EQ(status.dead_letters, int64_t((ledger).letters.size()));                                          \
    EXPECT_EQ(status.lag, 0);                                                                                  \
  } while (false)

TEST_F(StreamTest, EveryRecordIsARowADuplicateOrALetter) {
  Ledger ledger;
  Run();
  for (int part = 0; part < 3; ++part) {
    AppendPart(*topic_, ledger, part);
    CatchUp();
  }
  CHECK_LEDGER(ledger);
}

const char* const kFailpoints[] = {"stream.fetch",
                                   "stream.decode",
                                   "stream.before_parquet",
                                   "stream.after_parquet",
                                   "stream.dead_letters.before_commit",
                                   "stream.dead_letters.after_commit",
                                   "stream.before_commit",
                                   "stream.after_commit",
                                   "stream.dead_letter_topic.before",
                                   "testing.dead_letter_topic.publish",
                                   "stream.dead_letter_topic.after",
                                   "delta.commit.before_put",
                                   "delta.commit.after_put",
                                   "storage.write.before_rename",
                                   "storage.put_if_absent.before_link"};

// Each point fails at its 1st, 2nd, 3rd hit; the stream goes on by itself.
TEST_F(StreamTest, ExactlyOnceWhenAnyStepFailsAndIsTriedAgain) {
  for (const char* point : kFailpoints) {
    for (int hit = 1; hit <= 3; ++hit) {
      SCOPED_TRACE(std::string(point) + " hit " + std::to_string(hit));
      Reset();
      const char* action = std::string(point) == "delta.commit.after_put" ? "=lost@" : "=error@";
      ASSERT_TRUE(SetFailpoints(point + std::string(action) + std::to_string(hit)).ok());
      Ledger ledger;
      Run();
      for (int part = 0; part < 2; ++part) {
        AppendPart(*topic_, ledger, part);
        CatchUp();
      }
      ASSERT_TRUE(SetFailpoints("").ok());
      CHECK_LEDGER(ledger);
      if (HasFailure()) return;
    }
  }
}

// Each point fails for good from a hit on; the process ends there and another begins.
TEST_F(StreamTest, ExactlyOnceAcrossAProcessThatEndsAtAnyStep) {
  for (const char* point : kFailpoints) {
    for (int hit = 1; hit <= 3; ++hit) {
      SCOPED_TRACE(std::string(point) + " from hit " + std::to_string(hit));
      Reset();
      Ledger ledger;
      AppendPart(*topic_, ledger, 0);
      ASSERT_TRUE(SetFailpoints(point + std::string("=error@") + std::to_string(hit) + "+").ok());
      Run();
      // Either it gets through, or it is stuck at the point.
      for (int i = 0; i < 2000; ++i) {
        const StreamStatus status = stream_->CurrentStatus();
        if (status.state == StreamState::kRetrying || (status.batches > 0 && status.lag == 0)) break;
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
      }
      stream_->Stop(false);
      ASSERT_TRUE(SetFailpoints("").ok());
      AppendPart(*topic_, ledger, 1);
      Restart(Options());
      CatchUp();
      CHECK_LEDGER(ledger);
      if (HasFailure()) return;
    }
  }
}

// A store whose replies get lost, whose writes land late or twice, that goes away, comes back and fills up, while
// records arrive; then it is well again, and everything is there once.
TEST_F(StreamTest, ExactlyOnceOverABadStore) {
  const storage::testing::ObjectStoreFaults phases[] = {
      {.lost_reply = 0.2}, {.late = 0.15},
      {.duplicated = 0.3}, {.unavailable = 0.1},
      {.disk_full = true}, {.unavailable = 0.03, .lost_reply = 0.05, .late = 0.05, .duplicated = 0.1}};
  for (seed_ = 1; seed_ <= 5; ++seed_) {
    SCOPED_TRACE("seed " + std::to_string(seed_));
    Reset();
    Ledger ledger;
    Run();
    int part = 0;
    for (const auto& faults : phases) {
      const uint64_t injected = store_->injected();
      store_->SetFaults(faults);
      // Until the phase has done something.
      for (int tries = 0; store_->injected() == injected && tries < 50; ++tries) {
        AppendPart(*topic_, ledger, part++);
        (void)stream_->AwaitCaughtUp(300'000);
      }
      EXPECT_GT(store_->injected(), injected);
      store_->SetFaults({});
      CatchUp();
      store_->Settle();
    }
    AppendPart(*topic_, ledger, part);
    CatchUp();
    CHECK_LEDGER(ledger);
    if (HasFailure()) return;
  }
}

// The same, with a process that ends in the middle of each phase.
TEST_F(StreamTest, ExactlyOnceOverABadStoreAcrossProcesses) {
  for (seed_ = 11; seed_ <= 15; ++seed_) {
    SCOPED_TRACE("seed " + std::to_string(seed_));
    Reset();
    Ledger ledger;
    Run();
    for (int part = 0; part < 4; ++part) {
      store_->SetFaults({.unavailable = 0.03, .lost_reply = 0.15, .duplicated = 0.2});
      AppendPart(*topic_, ledger, part);
      (void)stream_->AwaitCaughtUp(50'000);
      stream_->Stop(false);
      store_->SetFaults({});
      Restart(Options());
      CatchUp();
    }
    store_->Settle();
    CHECK_LEDGER(ledger);
    if (HasFailure()) return;
  }
}

TEST_F(StreamTest, FilesOfABatchThatWasGivenUpAreDeleted) {
  topic_->Append(0, Event(1, kBase), kBase / 1000);
  ASSERT_TRUE(SetFailpoints("stream.before_commit=error").ok());
  Run();
  EXPECT_EQ(AwaitState(StreamState::kRetrying).state, StreamState::kRetrying);
  stream_->Stop(false);
  EXPECT_TRUE(Orphans(*table_).empty());
}

TEST_F(StreamTest, AnotherWriterFencesThisOne) {
  topic_->Append(0, Event(1, kBase), kBase / 1000);
  Run();
  CatchUp();
  const auto first_source = std::move(source_);
  const auto first = std::move(stream_);
  topic_->Append(0, Event(2, kBase), kBase / 1000);
  ASSERT_TRUE(first->AwaitCaughtUp(kPatience).ok());
  // The second takes over; the first finds out at its next commit.
  ASSERT_TRUE(SetFailpoints("stream.before_parquet=delay:200").ok());
  OpenTables();
  Run();
  topic_->Append(0, Event(3, kBase), kBase / 1000);
  for (int i = 0; i < 6000 && first->CurrentStatus().state == StreamState::kRunning &&
                  stream_->CurrentStatus().state == StreamState::kRunning;
       ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  const bool first_failed = first->CurrentStatus().state == StreamState::kFailed;
  const bool second_failed = stream_->CurrentStatus().state == StreamState::kFailed;
  EXPECT_TRUE(first_failed != second_failed);
  const auto rows = Stored();
  EXPECT_EQ(rows.at(IdOf(3)), 1);
  first->Stop(false);
}

TEST_F(StreamTest, ReCreatedTopicStopsAndNamesTheWaysOn) {
  topic_->Append(0, Event(1, kBase), kBase / 1000);
  Run();
  CatchUp();
  stream_.reset();
  topic_->Recreate("22222222-2222-4333-8444-555555555555");
  topic_->Append(0, Event(2, kBase), kBase / 1000);
  Restart(Options());
  const StreamStatus status = AwaitState(StreamState::kFailed);
  ASSERT_EQ(status.state, StreamState::kFailed);
  EXPECT_FALSE(status.healthy);
  for (const char* word : {"topic clicks partition 0", "offset 1", "0 to 1", "earliest", "latest"})
    EXPECT_NE(status.reason.find(word), std::string::npos) << status.reason;
  StreamOptions options = Options();
  options.on_lost_offsets = OnLostOffsets::kEarliest;
  Restart(options);
  CatchUp();
  EXPECT_EQ(Stored().size(), 2u);
}

TEST_F(StreamTest, RemovedRecordsStopOrAreSkipped) {
  topic_->Append(0, Event(1, kBase), kBase / 1000);
  Run();
  CatchUp();
  stream_.reset();
  for (int i = 2; i < 6; ++i) topic_->Append(0, Event(i, kBase), kBase / 1000);
  topic_->TruncateTo(0, 3);
  Restart(Options());
  EXPECT_EQ(AwaitState(StreamState::kFailed).state, StreamState::kFailed);
  StreamOptions options = Options();
  options.on_lost_offsets = OnLostOffsets::kEarliest;
  Restart(options);
  CatchUp();
  EXPECT_EQ(Stored().size(), 3u);  // 1, 4, 5
}

TEST_F(StreamTest, LatestHoldsFromTheFirstStartOnly) {
  topic_->Append(0, Event(1, kBase), kBase / 1000);
  StreamOptions options = Options();
  options.start = StartOffset::kLatest;
  Run(options);
  CatchUp();
  stream_.reset();
  topic_->Append(0, Event(2, kBase), kBase / 1000);
  topic_->Append(1, Event(3, kBase), kBase / 1000);
  Restart(options);
  CatchUp();
  const auto rows = Stored();
  EXPECT_EQ(rows.size(), 2u);
  EXPECT_FALSE(rows.contains(IdOf(1)));
}

TEST_F(StreamTest, SourceThatGoesAwayAndComesBack) {
  StreamOptions options = Options();
  options.health_timeout = 20'000;
  Run(options);
  CatchUp();
  topic_->SetUnavailable(true);
  EXPECT_EQ(AwaitState(StreamState::kRetrying).state, StreamState::kRetrying);
  for (int i = 0; i < 1000 && stream_->CurrentStatus().healthy; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_FALSE(stream_->CurrentStatus().healthy);
  EXPECT_NE(stream_->CurrentStatus().reason.find("unavailable"), std::string::npos);
  topic_->SetUnavailable(false);
  topic_->Append(0, Event(1, kBase), kBase / 1000);
  CatchUp();
  EXPECT_TRUE(stream_->CurrentStatus().healthy);
  EXPECT_EQ(Stored().size(), 1u);
}

TEST_F(StreamTest, LatenessIsJudgedAlikeAfterARestart) {
  topic_->Append(0, Event(1, kBase), kBase / 1000);
  topic_->Append(0, Event(2, kBase + 600'000'000), kBase / 1000);  // in future: moves nothing
  Run();
  CatchUp();
  Restart(Options());
  const Micros lateness = Options().allowed_lateness;
  topic_->Append(1, Event(3, kBase - lateness), kBase / 1000);
  topic_->Append(1, Event(4, kBase - lateness - 1), kBase / 1000);
  topic_->Append(2, Event(5, kBase - 600'000'001), kBase / 1000);
  CatchUp();
  const auto rows = Stored();
  EXPECT_TRUE(rows.contains(IdOf(3)));
  EXPECT_FALSE(rows.contains(IdOf(4)));
  EXPECT_EQ(stream_->CurrentStatus().late, 2);
  EXPECT_EQ(Letters().at({1, 1}), std::vector<std::string>{"too_late"});
}

TEST_F(StreamTest, DuplicatesAreFoundAfterARestartAndWithoutMemory) {
  for (const uint64_t memory : {uint64_t(64) << 20, uint64_t(1)}) {
    SCOPED_TRACE(memory);
    Reset();
    StreamOptions options = Options();
    options.deduplication_bytes_max = memory;
    for (int i = 0; i < 50; ++i) topic_->Append(i % 3, Event(i, kBase), kBase / 1000);
    Run(options);
    CatchUp();
    Restart(options);
    for (int i = 0; i < 60; ++i) topic_->Append(0, Event(i, kBase), kBase / 1000);
    for (int i = 55; i < 60; ++i) topic_->Append(1, Event(i, kBase), kBase / 1000);
    CatchUp();
    EXPECT_EQ(Stored().size(), 60u);
    EXPECT_EQ(stream_->CurrentStatus().duplicates, 55);
  }
}

TEST_F(StreamTest, DrainCommitsWhatWasPolled) {
  StreamOptions options = Options();
  options.commit_interval = 60'000'000;
  Run(options);
  topic_->Append(0, Event(1, kBase), kBase / 1000);
  while (stream_->CurrentStatus().memory_bytes == 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  stream_->Stop(true);
  EXPECT_EQ(Stored().size(), 1u);
  EXPECT_EQ(stream_->CurrentStatus().state, StreamState::kStopped);
}

TEST_F(StreamTest, ModelThatDoesNotFitTheTableIsRefused) {
  const auto refused = [&](StreamOptions options, const std::string& word) {
    const auto made = Make(std::move(options));
    ASSERT_TRUE(made.Is(ErrorCode::kInvalidArgument));
    EXPECT_NE(made.error().ToString().find(word), std::string::npos) << made.error().ToString();
  };
  StreamOptions options = Options();
  options.sql = "SELECT * FROM batch";
  refused(options, "'date'");
  options.sql = "SELECT * REPLACE (CAST(amount AS BIGINT) AS amount), CAST(timestamp AS DATE) AS date FROM batch";
  refused(options, "'amount'");
  options.sql = "SELEC 1";
  refused(options, "clicks");
  options = Options();
  options.name = "a/b";
  refused(options, "a/b");
}

}  // namespace
}  // namespace tarn::stream
