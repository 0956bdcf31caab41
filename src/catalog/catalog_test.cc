#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/failpoint.h"
#include "base/file_system.h"
#include "catalog/catalog_contract.h"
#include "catalog/change_codec_internal.h"
#include "catalog/testing/plain_table.h"
#include "storage/object_stores.h"

namespace tarn::catalog {
namespace {

class SqliteWorld final : public CatalogWorld {
 public:
  SqliteWorld() {
    std::string pattern = (std::filesystem::temp_directory_path() / "tarn-catalog-XXXXXX").string();
    root_ = mkdtemp(pattern.data());
    store_ = *storage::OpenLocalObjectStore(PosixFileSystem(), root_ + "/data");
    catalog_ = OpenAnother();
  }
  ~SqliteWorld() override { std::filesystem::remove_all(root_); }

  Catalog& catalog() override { return *catalog_; }
  std::unique_ptr<Catalog> OpenAnother() override {
    auto opened =
        OpenCatalog({.path = root_ + "/catalog.sqlite"}, *store_, SystemClock(),
                    MakePlainTableFactory(*store_, SystemClock(), [this](const auto& location, const auto& change) {
                      return hook ? hook(location, change) : Ok();
                    }));
    if (!opened.ok()) ADD_FAILURE() << opened.error().ToString();
    return opened.ok() ? std::move(*opened) : nullptr;
  }
  const std::string& root() const { return root_; }
  storage::ObjectStore& store() { return *store_; }

  CommitHook hook;

 private:
  std::string root_;
  std::unique_ptr<storage::ObjectStore> store_;
  std::unique_ptr<Catalog> catalog_;
};

std::unique_ptr<CatalogWorld> MakeWorld() {
  return std::make_unique<SqliteWorld>();
}
INSTANTIATE_TEST_SUITE_P(Sqlite, CatalogContract, testing::Values(&MakeWorld));

table::TableOptions Options() {
  return {.schema = {{{.name = "id", .type = engine::DataType::Of(engine::TypeKind::kInt64)}}}};
}

PublishedChange Replace(const std::string& table, int round) {
  return {.table = {"gold", table},
          .change = {.commit_id = table + std::to_string(round),
                     .operation = "WRITE",
                     .mode = table::WriteMode::kOverwrite,
                     .added_files = {{.path = std::to_string(round), .record_count = 1}}}};
}

std::string Content(Catalog& catalog, const std::string& table, CatalogMoment moment) {
  const auto snapshot = catalog.Resolve({"gold", table}, moment);
  if (!snapshot.ok()) return snapshot.error().ToString();
  return (*snapshot)->files.empty() ? "empty" : (*snapshot)->files[0]->path;
}

// Runs `work` in a child with failpoints set; its exit must be the failpoint's.
template <typename Work>
bool DiesAt(const std::string& failpoints, Work work) {
  const pid_t child = fork();
  if (child == 0) {
    (void)SetFailpoints(failpoints);
    work();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return !(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

// A process dies at each step of a publication; after recovery readers see all of it or nothing, and a reader beside it
// never sees two sides at once.
TEST(CatalogCrash, APublicationIsAllOrNothingWhereverItsProcessDies) {
  struct Case {
    const char* failpoint;
    bool forward;
  };
  const Case cases[] = {
      {"catalog.publish.before_pin=exit", false},          {"catalog.publish.after_pin=exit", false},
      {"catalog.publish.before_log_commit=exit@1", false}, {"catalog.publish.after_log_commit=exit@1", true},
      {"catalog.publish.before_log_commit=exit@2", true},  {"catalog.publish.after_log_commit=exit@2", true},
      {"catalog.publish.before_unpin=exit", true},         {"catalog.publish.after_unpin=exit", true},
  };
  for (const bool create : {false, true}) {
    for (const auto& [failpoint, forward] : cases) {
      SCOPED_TRACE(std::string(failpoint) + (create ? " with a new table" : ""));
      SqliteWorld world;
      ASSERT_TRUE(world.catalog().CreateNamespace("gold").ok());
      ASSERT_TRUE(world.catalog().CreateTable({"gold", "a"}, Options()).ok());
      if (!create) {
        ASSERT_TRUE(world.catalog().CreateTable({"gold", "b"}, Options()).ok());
      }
      auto second = Replace("b", 1);
      if (create) second.create = Options();
      ASSERT_TRUE(DiesAt(failpoint, [&] {
        const auto another = world.OpenAnother();
        (void)another->Publish({Replace("a", 1), second});
      }));
      // Before anybody recovers, a reader that was open all the time.
      const auto moment = *world.catalog().Now();
      const std::string absent = "empty";
      const std::string a = Content(world.catalog(), "a", moment);
      const std::string b = Content(world.catalog(), "b", moment);
      EXPECT_EQ(a == "1", b == "1") << a << " beside " << b;
      const auto reopened = world.OpenAnother();
      EXPECT_EQ(Content(*reopened, "a", *reopened->Now()), forward ? "1" : "empty");
      if (forward)
        EXPECT_EQ(Content(*reopened, "b", *reopened->Now()), "1");
      else if (create)
        EXPECT_TRUE(reopened->GetTable({"gold", "b"}).Is(ErrorCode::kNotFound));
      else
        EXPECT_EQ(Content(*reopened, "b", *reopened->Now()), "empty");
      // One commit each, no more: recovery did not do it twice.
      const auto a_table = *reopened->LoadTable({"gold", "a"});
      EXPECT_EQ((*a_table->Latest())->version, forward ? 1 : 0);
      // And life goes on.
      auto again = Replace("b", 2);
      if (create && !forward) again.create = Options();
      EXPECT_TRUE(reopened->Publish({Replace("a", 2), again}).ok());
      EXPECT_EQ(Content(*reopened, "b", *reopened->Now()), "2");
    }
  }
}

TEST(CatalogReaders, NeverSeeTwoSidesOfAPublicationWhileManyArePublished) {
  SqliteWorld world;
  ASSERT_TRUE(world.catalog().CreateNamespace("gold").ok());
  ASSERT_TRUE(world.catalog().CreateTable({"gold", "a"}, Options()).ok());
  ASSERT_TRUE(world.catalog().CreateTable({"gold", "b"}, Options()).ok());
  std::atomic<bool> done = false;
  std::atomic<int> reads = 0;
  std::string mixed;
  const auto another = world.OpenAnother();
  std::thread reader([&] {
    while (!done || reads == 0) {
      const auto moment = *another->Now();
      const std::string a = Content(*another, "a", moment);
      std::this_thread::yield();
      const std::string b = Content(*another, "b", moment);
      if (a != b) mixed = a + " beside " + b;
      ++reads;
    }
  });
  for (int round = 1; round <= 30; ++round)
    EXPECT_TRUE(world.catalog().Publish({Replace("a", round), Replace("b", round)}).ok());
  done = true;
  reader.join();
  EXPECT_EQ(mixed, "");
  EXPECT_GT(reads, 1);
}

TEST(CatalogFaults, ALostRaceAtTheSecondLogIsWonByTheOverwrite) {
  SqliteWorld world;
  ASSERT_TRUE(world.catalog().CreateNamespace("gold").ok());
  ASSERT_TRUE(world.catalog().CreateTable({"gold", "a"}, Options()).ok());
  const auto b = *world.catalog().CreateTable({"gold", "b"}, Options());
  // A foreign engine commits to b after a has its commit.
  bool raced = false;
  world.hook = [&](const std::string& location, const table::TableChange& change) {
    if (location != "lake/gold/b" || raced || change.commit_id == "foreign") return Ok();
    raced = true;
    auto foreign = Replace("b", 7).change;
    foreign.commit_id = "foreign";
    return b->CommitTable(foreign).status();
  };
  auto change_a = Replace("a", 1);
  auto change_b = Replace("b", 1);
  change_a.change.read_version = 0;
  change_b.change.read_version = 0;
  const auto versions = world.catalog().Publish({change_a, change_b});
  ASSERT_TRUE(versions.ok()) << versions.error().ToString();
  EXPECT_EQ(*versions, (std::vector<table::TableVersion>{1, 2}));
  EXPECT_EQ(Content(world.catalog(), "b", *world.catalog().Now()), "1");
}

TEST(CatalogFaults, AStoreThatFailsAfterTheFirstLogIsFinishedByRecovery) {
  SqliteWorld world;
  ASSERT_TRUE(world.catalog().CreateNamespace("gold").ok());
  ASSERT_TRUE(world.catalog().CreateTable({"gold", "a"}, Options()).ok());
  ASSERT_TRUE(world.catalog().CreateTable({"gold", "b"}, Options()).ok());
  bool broken = true;
  world.hook = [&](const std::string& location, const table::TableChange&) {
    return broken && location == "lake/gold/b" ? Status(Error(ErrorCode::kUnavailable, "no answer")) : Ok();
  };
  EXPECT_TRUE(world.catalog().Publish({Replace("a", 1), Replace("b", 1)}).Is(ErrorCode::kOutcomeUnknown));
  const auto moment = *world.catalog().Now();
  EXPECT_EQ(Content(world.catalog(), "a", moment), "empty");
  EXPECT_EQ(Content(world.catalog(), "b", moment), "empty");
  EXPECT_FALSE(world.catalog().RecoverPublications().ok());
  broken = false;
  ASSERT_TRUE(world.catalog().RecoverPublications().ok());
  EXPECT_EQ(Content(world.catalog(), "a", *world.catalog().Now()), "1");
  EXPECT_EQ(Content(world.catalog(), "b", *world.catalog().Now()), "1");
}

TEST(CatalogFaults, AFailureAtTheFirstLogLeavesNothing) {
  SqliteWorld world;
  ASSERT_TRUE(world.catalog().CreateNamespace("gold").ok());
  ASSERT_TRUE(world.catalog().CreateTable({"gold", "a"}, Options()).ok());
  world.hook = [&](const std::string&, const table::TableChange&) {
    return Status(Error(ErrorCode::kUnavailable, "no answer"));
  };
  auto created = Replace("b", 1);
  created.create = Options();
  EXPECT_TRUE(world.catalog().Publish({created, Replace("a", 1)}).Is(ErrorCode::kUnavailable));
  world.hook = nullptr;
  EXPECT_TRUE(world.catalog().GetTable({"gold", "b"}).Is(ErrorCode::kNotFound));
  EXPECT_TRUE(world.catalog().CreateTable({"gold", "b"}, Options()).ok());
}

TEST(CatalogCrash, ATableIsCreatedAndPurgedWhollyOrNotAtAll) {
  for (const char* failpoint : {"catalog.create_table.after_row=exit", "catalog.create_table.after_folder=exit"}) {
    SCOPED_TRACE(failpoint);
    SqliteWorld world;
    ASSERT_TRUE(world.catalog().CreateNamespace("gold").ok());
    ASSERT_TRUE(DiesAt(failpoint, [&] { (void)world.OpenAnother()->CreateTable({"gold", "t"}, Options()); }));
    const auto reopened = world.OpenAnother();
    EXPECT_TRUE(reopened->GetTable({"gold", "t"}).Is(ErrorCode::kNotFound));
    ASSERT_TRUE(reopened->CreateTable({"gold", "t"}, Options()).ok());
    EXPECT_EQ(reopened->GetTable({"gold", "t"})->location, "lake/gold/t");
  }
  for (const char* failpoint : {"catalog.drop_table.after_row=exit", "catalog.drop_table.after_files=exit"}) {
    SCOPED_TRACE(failpoint);
    SqliteWorld world;
    ASSERT_TRUE(world.catalog().CreateNamespace("gold").ok());
    ASSERT_TRUE(world.catalog().CreateTable({"gold", "t"}, Options()).ok());
    ASSERT_TRUE(DiesAt(failpoint, [&] { (void)world.OpenAnother()->DropTable({"gold", "t"}, true); }));
    EXPECT_TRUE(world.catalog().GetTable({"gold", "t"}).Is(ErrorCode::kNotFound));
    const auto reopened = world.OpenAnother();
    EXPECT_TRUE(world.store().List("lake/gold/t/")->empty());
    EXPECT_TRUE(reopened->DropNamespace("gold").ok());
  }
}

TEST(CatalogFile, ANewerLayoutIsRefusedAndLeftAlone) {
  SqliteWorld world;
  const std::string path = world.root() + "/newer.sqlite";
  ASSERT_EQ(
      std::system(("python3 -c \"import sqlite3; sqlite3.connect('" + path + "').execute('PRAGMA user_version = 99')\"")
                      .c_str()),
      0);
  const auto before = *ReadFile(PosixFileSystem(), path);
  const auto opened =
      OpenCatalog({.path = path}, world.store(), SystemClock(), MakePlainTableFactory(world.store(), SystemClock()));
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code(), ErrorCode::kFailedPrecondition);
  EXPECT_EQ(*ReadFile(PosixFileSystem(), path), before);
}

TEST(ChangeCodec, GivesBackEveryField) {
  using engine::DataType;
  using engine::TypeKind;
  PublishedChange change{
      .table = {"gold", "t"},
      .change = {.commit_id = "id",
                 .operation = "WRITE",
                 .mode = table::WriteMode::kOverwritePartitions,
                 .added_files = {{.path = "a=1/x y.parquet",
                                  .partition_values = {{"a", "1"}, {"b", std::nullopt}},
                                  .size = 5,
                                  .modified = 6,
                                  .record_count = 7,
                                  .statistics = {{"c", {.min = "1", .max = std::nullopt, .null_count = 3}}}}},
                 .overwritten_partitions = {{{"a", "1"}, {"b", std::nullopt}}},
                 .progress = {{.application_id = "x", .expected = std::nullopt, .next = 4},
                              {.application_id = "y", .expected = 4, .next = 5}},
                 .read_version = 8,
                 .new_schema = engine::Schema{{{.name = "c",
                                                .type = DataType::Map(DataType::Of(TypeKind::kString),
                                                                      DataType::List(DataType::Decimal(10, 2))),
                                                .nullable = false,
                                                .metadata = {{"k", "1"}}}}},
                 .new_properties = {{{"p", "q"}}},
                 .metrics = {{"rows", "7"}},
                 .data_change = false,
                 .removed_paths = {"old"}},
      .create = table::TableOptions{.schema = {{{.name = "d", .type = DataType::Of(TypeKind::kDate)}}},
                                    .partition_columns = {"d"},
                                    .properties = {{"r", "s"}}}};
  const std::string text = EncodeChange(change);
  const auto decoded = DecodeChange(text);
  ASSERT_TRUE(decoded.ok()) << decoded.error().ToString();
  EXPECT_EQ(EncodeChange(*decoded), text);
  EXPECT_EQ(decoded->change.new_schema, change.change.new_schema);
  EXPECT_EQ(decoded->change.added_files[0].partition_values, change.change.added_files[0].partition_values);
  EXPECT_EQ(decoded->change.progress[0].expected, std::nullopt);
  EXPECT_TRUE(DecodeChange("{}").Is(ErrorCode::kCorruption));
  EXPECT_TRUE(DecodeChange(text.substr(0, text.size() / 2)).Is(ErrorCode::kCorruption));
}

}  // namespace
}  // namespace tarn::catalog
