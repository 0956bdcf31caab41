#include "lake/lake.h"

#include <duckdb/main/attached_database.hpp>
#include <duckdb/main/client_context.hpp>
#include <duckdb/main/connection.hpp>
#include <duckdb/main/database.hpp>
#include <duckdb/main/extension/extension_loader.hpp>
#include <duckdb/storage/storage_extension.hpp>

#include "engine/duckdb_access.h"
#include "lake/lake_catalog_internal.h"
#include "lake/lake_functions_internal.h"

namespace tarn::lake {
namespace {

// Rows that a partitioned write buffers for one partition before they go to its file: hundreds of open partitions in
// about 130 MB.
constexpr int64_t kPartitionBufferRows = 30'720;

struct StorageInfo final : public duckdb::StorageExtensionInfo {
  explicit StorageInfo(std::shared_ptr<LakeContext> context) : context(std::move(context)) {}
  const std::shared_ptr<LakeContext> context;
};

duckdb::unique_ptr<duckdb::Catalog> AttachLake(duckdb::optional_ptr<duckdb::StorageExtensionInfo> info,
                                               duckdb::ClientContext&, duckdb::AttachedDatabase& database,
                                               const std::string&, duckdb::AttachInfo&, duckdb::AttachOptions&) {
  return duckdb::make_uniq<LakeCatalog>(database, *static_cast<StorageInfo&>(*info).context);
}

duckdb::unique_ptr<duckdb::TransactionManager> MakeTransactionManager(
    duckdb::optional_ptr<duckdb::StorageExtensionInfo> info, duckdb::AttachedDatabase& database, duckdb::Catalog&) {
  return duckdb::make_uniq<LakeTransactionManager>(database, *static_cast<StorageInfo&>(*info).context);
}

class LakeStorageExtension final : public duckdb::StorageExtension {
 public:
  explicit LakeStorageExtension(std::shared_ptr<LakeContext> context) {
    attach = AttachLake;
    create_transaction_manager = MakeTransactionManager;
    storage_info = duckdb::make_shared_ptr<StorageInfo>(std::move(context));
  }
};

std::string TableSql(const LakeOptions& options, const catalog::TableName& name) {
  return engine::QuoteIdentifier(options.name) + "." + engine::QuoteIdentifier(name.name_space) + "." +
         engine::QuoteIdentifier(name.name);
}

// The statement that does what `write` says; the rest travels as the transaction's intent.
std::string StatementFor(const LakeOptions& options, const LakeWrite& write) {
  const std::string table = TableSql(options, write.table);
  // The line end closes a comment that the SELECT may end with.
  if (write.mode != LakeWriteMode::kCreateOrReplace)
    return "INSERT INTO " + table + " BY NAME (" + write.select_sql + "\n)";
  std::string partitions;
  for (const std::string& column : write.partition_columns)
    partitions += (partitions.empty() ? "" : ", ") + engine::QuoteIdentifier(column);
  if (!partitions.empty()) partitions = " PARTITIONED BY (" + partitions + ")";
  return "CREATE OR REPLACE TABLE " + table + partitions + " AS (" + write.select_sql + "\n)";
}

class AttachedLake final : public Lake {
 public:
  AttachedLake(LakeOptions options, LakeDependencies dependencies)
      : shared_context_(new LakeContext{.options = std::move(options),
                                        .database = dependencies.database,
                                        .catalog = dependencies.catalog,
                                        .clock = dependencies.clock,
                                        .logger = dependencies.logger,
                                        .store = dependencies.store,
                                        .random_mutex = {},
                                        .random = dependencies.random}),
        context_(*shared_context_) {}

  ~AttachedLake() override {
    if (!attached_) return;
    if (const auto connection = context_.database.Connect(); connection.ok()) {
      const Status detached = (*connection)->Execute("DETACH " + engine::QuoteIdentifier(context_.options.name));
      if (!detached.ok())
        context_.logger.Warn("lake", "the lake stays attached", {{"error", detached.error().ToString()}});
    }
  }

  Status Register() {
    try {
      auto& instance = *context_.database.native().instance;
      duckdb::ExtensionLoader(instance, "tarn").RegisterFunction(MakeScanFunction(context_));
      RegisterFunctions(shared_context_);
      duckdb::StorageExtension::Register(duckdb::DBConfig::GetConfig(instance), "tarn",
                                         duckdb::make_shared_ptr<LakeStorageExtension>(shared_context_));
    } catch (const std::exception& exception) {
      return engine::ToError(exception);
    }
    TARN_ASSIGN_OR_RETURN(const auto connection, context_.database.Connect());
    TARN_TRY(connection->Execute("ATTACH '' AS " + engine::QuoteIdentifier(context_.options.name) + " (TYPE tarn)"));
    attached_ = true;
    return Ok();
  }

  Result<std::unique_ptr<engine::Connection>> Connect() override {
    TARN_ASSIGN_OR_RETURN(auto connection, context_.database.Connect());
    TARN_TRY(connection->Execute("USE " + engine::QuoteIdentifier(context_.options.name)));
    TARN_TRY(connection->Execute("SET partitioned_write_flush_threshold = " + std::to_string(kPartitionBufferRows)));
    return connection;
  }

  Result<uint64_t> WriteTable(engine::Connection& connection, const LakeWrite& write) override {
    auto& client = *connection.native().context;
    if (connection.native().IsAutoCommit())
      return Error(ErrorCode::kFailedPrecondition,
                   "writing " + write.table.ToString() + " needs an open transaction: BEGIN");
    try {
      LakeTransaction* transaction = nullptr;
      client.RunFunctionInTransaction(
          [&] {
            transaction = &LakeTransaction::Get(client, duckdb::Catalog::GetCatalog(client, context_.options.name));
          },
          false);
      transaction->intent = &write;
      auto rows = connection.QueryText(StatementFor(context_.options, write));
      // A statement that fails can take its transaction along only at ROLLBACK: it is still there.
      transaction->intent = nullptr;
      if (!rows.ok()) return std::move(rows.status()).error().WithContext("writing " + write.table.ToString());
      return std::stoull(rows->at(0).at(0).value_or("0"));
    } catch (const std::exception& exception) {
      return engine::ToError(exception);
    }
  }

  std::map<std::string, table::TableVersion> LastCommit(engine::Connection& connection) override {
    return LakeSession::Of(*connection.native().context)->last_commit;
  }

 private:
  const std::shared_ptr<LakeContext> shared_context_;  // also of what stays registered in the database
  LakeContext& context_;
  bool attached_ = false;
};

}  // namespace

Result<std::unique_ptr<Lake>> Lake::Attach(LakeOptions options, LakeDependencies dependencies) {
  auto lake = std::make_unique<AttachedLake>(std::move(options), std::move(dependencies));
  TARN_TRY(lake->Register());
  return std::unique_ptr<Lake>(std::move(lake));
}

}  // namespace tarn::lake
