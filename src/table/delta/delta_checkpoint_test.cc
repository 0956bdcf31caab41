#include <algorithm>
#include <filesystem>

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/failpoint.h"
#include "base/file_system.h"
#include "storage/object_stores.h"
#include "table/delta/checkpoint.h"
#include "table/delta/delta_table.h"

// Checkpoints: what they hold, what a crash or damage around them costs, and what clocks that step do to versions'
// times.

namespace tarn::table {
namespace {

using engine::DataType;
using engine::TypeKind;

constexpr Micros kHour = 3'600'000'000, kDay = 24 * kHour;
const std::string kLocation = "lake/t";

// A table `t (p VARCHAR, id BIGINT)` partitioned by p, in any store, with whatever clock.
class World {
 public:
  World(storage::ObjectStore& store, Clock& clock, uint64_t seed) : store(store), clock(clock), random(seed) {
    auto opened = engine::Database::Open({.threads = 1});
    EXPECT_TRUE(opened.ok()) << opened.error().ToString();
    database = std::move(*opened);
    EXPECT_TRUE(database->MountStore("lake", store).ok());
  }

  TableContext Context(bool with_database = true) {
    return {.clock = clock,
            .logger = NullLogger(),
            .random = random.Fork(),
            .database = with_database ? database.get() : nullptr,
            .scheme = "lake"};
  }
  std::unique_ptr<Table> Create(const std::string& checkpoint_interval) {
    const TableOptions options{.schema = Columns(),
                               .partition_columns = {"p"},
                               .properties = {{"delta.checkpointInterval", checkpoint_interval}}};
    auto table = CreateTable(store, kLocation, options, Context());
    EXPECT_TRUE(table.ok()) << table.error().ToString();
    return std::move(*table);
  }
  std::unique_ptr<Table> Open() {
    auto table = OpenTable(store, kLocation, Context());
    EXPECT_TRUE(table.ok()) << table.error().ToString();
    return std::move(*table);
  }
  static engine::Schema Columns() {
    return {{{.name = "p", .type = DataType::Of(TypeKind::kString)},
             {.name = "id", .type = DataType::Of(TypeKind::kInt64)}}};
  }
  DataFile File(Table& table, const std::optional<std::string>& p) {
    const PartitionValues values{{"p", p}};
    DataFile file{.path = table.NewDataFilePath(values), .partition_values = values, .size = 100, .record_count = 1};
    const std::string id = std::to_string(random.Below(1000));
    file.statistics["id"] = {.min = id, .max = id, .null_count = 0};
    return file;
  }
  TableChange Append(Table& table, const std::optional<std::string>& p = "x") {
    return {.commit_id = MakeUuid(random), .operation = "WRITE", .added_files = {File(table, p)}};
  }
  // The state as text, without tombstones that are out of date.
  std::string TextOf(const delta::DeltaState& state) {
    return delta::FormatLogEntry(delta::CheckpointActions(state, clock.NowMillis()));
  }

  storage::ObjectStore& store;
  Clock& clock;
  Random random;
  std::unique_ptr<engine::Database> database;
};

// Any of what a table's history is made of.
class RandomHistory {
 public:
  explicit RandomHistory(World& world) : world_(world), table_(world.Create("4")) {}

  Table& table() { return *table_; }

  void Step() {
    static const std::optional<std::string> kPartitions[] = {"x", "a/b=c %20", "ü'\"\\", std::nullopt};
    const auto any = [&] { return kPartitions[world_.random.Below(std::size(kPartitions))]; };
    TableChange change = world_.Append(*table_, any());
    switch (world_.random.Below(8)) {
      case 0:
        change.mode = WriteMode::kOverwrite;
        break;
      case 1:
      case 2: {
        change.mode = WriteMode::kOverwritePartitions;
        change.overwritten_partitions = {change.added_files[0].partition_values, {{"p", any()}}};
        break;
      }
      case 3: {
        change.mode = WriteMode::kOverwrite;
        change.new_properties = {{"delta.checkpointInterval", std::to_string(2 + world_.random.Below(5))},
                                 {"a \"property\"", "é\n"}};
        break;
      }
      case 4: {
        change.new_schema = (*table_->Latest())->schema;
        change.new_schema->fields.push_back(
            {.name = "c" + std::to_string(step_), .type = DataType::Of(TypeKind::kDouble)});
        break;
      }
      case 5:
        return Foreign();
      default:
        break;
    }
    const std::string topic = "topic " + std::to_string(world_.random.Below(3));
    const auto progress = (*table_->Latest())->progress;
    const auto stored = progress.find(topic);
    const std::optional<int64_t> expected =
        stored == progress.end() ? std::nullopt : std::optional<int64_t>(stored->second);
    change.progress = {{topic, expected, expected.value_or(0) + int64_t(world_.random.Below(100))}};
    const auto version = table_->CommitTable(change);
    ASSERT_TRUE(version.ok()) << version.error().ToString();
    ++step_;
  }

 private:
  // What other writers put into an entry and we never do.
  void Foreign() {
    const auto snapshot = *table_->Latest();
    const std::string number = std::to_string(snapshot->version + 1);
    std::string text = R"({"add":{"path":"by%20others%25/)" + number +
                       R"(","partitionValues":{"p":""},"size":7,"modificationTime":1700000000000,"dataChange":false,)"
                       R"("tags":{"k":null,"ZCUBE":"1"},"stats":"{\"numRecords\":3}"}})"
                       "\n";
    if (!snapshot->files.empty())
      text += R"({"remove":{"path":)"
              "\"" +
              std::static_pointer_cast<const delta::AddFile>(snapshot->files[0])->log_path +
              R"(","deletionTimestamp":)" + std::to_string(world_.clock.NowMillis()) + "}}\n";
    const delta::DeltaLog log(world_.store, kLocation, context_);
    ASSERT_TRUE(world_.store.PutIfAbsent(log.CommitKey(snapshot->version + 1), text).ok());
  }

  World& world_;
  const TableContext context_ = world_.Context();
  const std::unique_ptr<Table> table_;
  int step_ = 0;
};

TEST(DeltaCheckpoint, HoldsWhatReplayGivesInRandomHistories) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    FakeClock clock;
    const auto store = storage::MakeMemoryObjectStore(clock);
    World world(*store, clock, seed);
    RandomHistory history(world);
    for (int i = 0; i < 30; ++i) {
      clock.Advance(Micros(world.random.Below(1000)) * 1000);
      history.Step();
      if (HasFatalFailure()) return;
    }
    const TableContext with = world.Context(), without = world.Context(false);
    const delta::DeltaLog log(*store, kLocation, with), replaying(*store, kLocation, without);
    const auto listing = *log.List();
    ASSERT_GE(listing.checkpoints.size(), 4u);
    for (const auto& [version, keys] : listing.checkpoints) {
      const auto entry = delta::ReadCheckpoint(with, keys, log.base_location());
      ASSERT_TRUE(entry.ok()) << entry.error().ToString();
      const auto held = delta::FromCheckpoint(*entry, version, listing.commits.at(version));
      ASSERT_TRUE(held.ok()) << held.error().ToString();
      const auto replayed = replaying.Load(version);
      ASSERT_TRUE(replayed.ok()) << replayed.error().ToString();
      EXPECT_EQ(world.TextOf(**held), world.TextOf(**replayed)) << "version " << version;
    }
    const auto newest = log.Load(std::nullopt), replayed = replaying.Load(std::nullopt);
    EXPECT_EQ(world.TextOf(**newest), world.TextOf(**replayed));
  }
}

class DeltaCheckpointFaults : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = ::testing::TempDir() + "tarn_delta_checkpoint_" + std::to_string(::getpid()) + "_" +
            ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(root_);
    store_ = std::move(*storage::OpenLocalObjectStore(PosixFileSystem(), root_));
    world_ = std::make_unique<World>(*store_, SystemClock(), 7);
  }
  void TearDown() override {
    ASSERT_TRUE(SetFailpoints("").ok());
    world_.reset();
    std::filesystem::remove_all(root_);
  }
  void Commit(Table& table, int count) {
    for (int i = 0; i < count; ++i) {
      const auto version = table.CommitTable(world_->Append(table));
      ASSERT_TRUE(version.ok()) << version.error().ToString();
    }
  }
  static std::string Key(int version, const std::string& suffix) {
    const std::string digits = std::to_string(version);
    return kLocation + "/_delta_log/" + std::string(20 - digits.size(), '0') + digits + suffix;
  }
  bool Exists(const std::string& key) { return store_->Head(key).ok(); }

  std::string root_;
  std::unique_ptr<storage::ObjectStore> store_;
  std::unique_ptr<World> world_;
};

TEST_F(DeltaCheckpointFaults, AFailureWhileWritingOneCostsNoCommit) {
  const auto table = world_->Create("3");
  int version = 0;
  for (const std::string point : {"delta.checkpoint.before_write", "storage.write.before_rename",
                                  "delta.checkpoint.before_hint", "storage.delete.before_remove"}) {
    ASSERT_TRUE(SetFailpoints(point + "=error").ok());
    Commit(*table, 3);
    version += 3;
    ASSERT_TRUE(SetFailpoints("").ok());
    EXPECT_EQ((*world_->Open()->Latest())->files.size(), size_t(version)) << point;
    Commit(*table, 3);
    version += 3;
    EXPECT_TRUE(Exists(Key(version, ".checkpoint.parquet"))) << point;
    EXPECT_EQ((*world_->Open()->Latest())->files.size(), size_t(version)) << point;
  }
}

TEST_F(DeltaCheckpointFaults, AProcessThatEndsWhileWritingOneLeavesItsCommit) {
  int version = 0;
  (void)world_->Create("3");
  for (const std::string point : {"delta.commit.after_put=exit", "delta.checkpoint.before_write=exit",
                                  "storage.write.before_rename=exit@2", "delta.checkpoint.before_hint=exit"}) {
    // A child with a database of its own: DuckDB's threads do not come along.
    const auto commit_three = [&] {
      World child(*store_, SystemClock(), 100 + uint64_t(version));
      const auto table = child.Open();
      for (int i = 0; i < 3; ++i) {
        if (i == 2) (void)SetFailpoints(point);
        (void)table->CommitTable(child.Append(*table));
      }
      std::_Exit(1);
    };
    EXPECT_EXIT(commit_three(), ::testing::ExitedWithCode(137), "") << point;
    version += 3;
    const auto snapshot = *world_->Open()->Latest();
    EXPECT_EQ(snapshot->version, version) << point;
    EXPECT_EQ(snapshot->files.size(), size_t(version)) << point;
  }
}

TEST_F(DeltaCheckpointFaults, ADamagedOneIsPassedOverWhileOlderFilesSuffice) {
  const auto table = world_->Create("10");
  Commit(*table, 25);
  const std::string newest = Key(20, ".checkpoint.parquet"), older = Key(10, ".checkpoint.parquet");
  const std::string whole = *store_->Get(newest);
  std::string flipped = whole;
  flipped[flipped.size() - 20] = char(~flipped[flipped.size() - 20]);
  for (const std::string& damaged : {std::string(), std::string("no parquet"), whole.substr(0, whole.size() / 2),
                                     whole.substr(whole.size() / 2), flipped}) {
    ASSERT_TRUE(store_->Put(newest, damaged).ok());
    EXPECT_EQ((*world_->Open()->Latest())->files.size(), 25u) << damaged.size();
    EXPECT_EQ((*world_->Open()->AtVersion(20))->files.size(), 20u) << damaged.size();
  }
  ASSERT_TRUE(store_->Put(newest, "no parquet").ok());
  ASSERT_TRUE(store_->Put(older, "no parquet").ok());
  EXPECT_EQ((*world_->Open()->Latest())->files.size(), 25u);
  // Without the entries before it the damage is the reason, and named.
  for (int version = 0; version < 5; ++version) ASSERT_TRUE(store_->Delete(Key(version, ".json")).ok());
  const auto refused = OpenTable(*store_, kLocation, world_->Context());
  ASSERT_TRUE(refused.Is(ErrorCode::kCorruption)) << refused.error().ToString();
  EXPECT_NE(refused.error().ToString().find("00000000000000000020.checkpoint.parquet"), std::string::npos)
      << refused.error().ToString();
}

// Two processes reach the same version: the second replaces what the first wrote, and a failure of it costs nothing.
TEST_F(DeltaCheckpointFaults, OneIsReplacedByItsEqualAtOnce) {
  const auto table = world_->Create("10");
  Commit(*table, 10);
  const std::string key = Key(10, ".checkpoint.parquet");
  ASSERT_TRUE(Exists(key));
  const TableContext context = world_->Context();
  const delta::DeltaLog log(*store_, kLocation, context);
  const auto state = *log.Load(10);
  const Status again = log.WriteStateCheckpoint(*state, SystemClock().NowMillis());
  EXPECT_TRUE(again.ok()) << again.error().ToString();
  EXPECT_TRUE(delta::ReadCheckpoint(context, {key}, log.base_location()).ok());
  ASSERT_TRUE(SetFailpoints("storage.write.before_rename=error@2").ok());
  EXPECT_FALSE(log.WriteStateCheckpoint(*state, SystemClock().NowMillis()).ok());
  EXPECT_TRUE(delta::ReadCheckpoint(context, {key}, log.base_location()).ok());
}

TEST_F(DeltaCheckpointFaults, AHintThatLiesIsNotBelieved) {
  const auto table = world_->Create("10");
  Commit(*table, 25);
  const std::string hint = kLocation + "/_delta_log/_last_checkpoint";
  for (const std::string lie :
       {"", "{", "[]", R"({"version":10})", R"({"version":19})", R"({"version":9999})", R"({"version":-1})",
        R"({"version":"20"})", R"({"version":20,"parts":3})", R"({"version":1e300})"}) {
    ASSERT_TRUE(store_->Put(hint, lie).ok());
    const auto snapshot = *world_->Open()->Latest();
    EXPECT_EQ(snapshot->version, 25) << lie;
    EXPECT_EQ(snapshot->files.size(), 25u) << lie;
  }
}

// Versions are dated in rising order whatever the clock does, and the same whether the reader was there or came later.
TEST(DeltaClock, TimeTravelIsMonotoneWhileTheClockSteps) {
  FakeClock clock;
  const auto store = storage::MakeMemoryObjectStore(clock);
  World world(*store, clock, 11);
  const auto table = world.Create("10");
  std::vector<Micros> times = {(*table->Latest())->committed_at};
  for (int i = 1; i <= 35; ++i) {
    clock.Step((int64_t(world.random.Below(200)) - 100) * kHour);
    const auto version = table->CommitTable(world.Append(*table));
    ASSERT_TRUE(version.ok()) << version.error().ToString();
    ASSERT_EQ(*version, i);
    times.push_back((*table->Latest())->committed_at);
    ASSERT_GT(times[size_t(i)], times[size_t(i) - 1]);
  }
  const auto later = world.Open();
  EXPECT_EQ((*later->Latest())->committed_at, times.back());
  const auto history = *later->History(100);
  ASSERT_EQ(history.size(), 36u);
  for (const HistoryEntry& entry : history) EXPECT_EQ(entry.committed_at, times[size_t(entry.version)]);
  for (TableVersion version = 1; version <= 35; ++version) {
    EXPECT_EQ((*later->AtTime(times[size_t(version)]))->version, version);
    EXPECT_EQ((*later->AtTime(times[size_t(version)] - 1))->version, version - 1);
    EXPECT_EQ((*later->AtVersion(version))->committed_at, times[size_t(version)]);
  }
  EXPECT_TRUE(later->AtTime(times[0] - 1).Is(ErrorCode::kNotFound));
}

TEST(DeltaClock, TombstonesOutliveAStepBackAndEndAfterTheirRetention) {
  FakeClock clock;
  const auto store = storage::MakeMemoryObjectStore(clock);
  World world(*store, clock, 12);
  const auto table = world.Create("1");
  ASSERT_TRUE(table->CommitTable(world.Append(*table)).ok());
  TableChange overwrite = world.Append(*table);
  overwrite.mode = WriteMode::kOverwrite;
  ASSERT_TRUE(table->CommitTable(overwrite).ok());
  const TableContext context = world.Context();
  const auto tombstones_after = [&](Micros step) {
    clock.Step(step);
    const auto version = table->CommitTable(world.Append(*table));
    EXPECT_TRUE(version.ok());
    const delta::DeltaLog log(*store, kLocation, context);
    return delta::ReadCheckpoint(context, {log.CheckpointKey(*version)}, log.base_location())->removes.size();
  };
  EXPECT_EQ(tombstones_after(-30 * kDay), 1u);
  EXPECT_EQ(tombstones_after(30 * kDay), 1u);
  EXPECT_EQ(tombstones_after(6 * kDay), 1u);
  EXPECT_EQ(tombstones_after(2 * kDay), 0u);
  EXPECT_EQ((*world.Open()->Latest())->files.size(), 5u);
}

}  // namespace
}  // namespace tarn::table
