#include "table/delta/checkpoint.h"

#include <algorithm>
#include <charconv>

#include "base/failpoint.h"

namespace tarn::table::delta {
namespace {

using engine::QuoteIdentifier;
using engine::QuoteLiteral;

constexpr int64_t kDayMs = 86'400'000;

// "interval 1 week", "interval 168 hours"; a week when absent or not understood.
int64_t TombstoneRetentionMs(const StringMap& properties) {
  const auto found = properties.find("delta.deletedFileRetentionDuration");
  if (found == properties.end()) return 7 * kDayMs;
  std::string_view text = found->second;
  if (text.starts_with("interval ")) text.remove_prefix(9);
  int64_t count = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), count);
  if (parsed.ec != std::errc() || count < 0 || count > 1'000'000) return 7 * kDayMs;
  const std::string_view unit(parsed.ptr, size_t(text.data() + text.size() - parsed.ptr));
  static constexpr std::pair<std::string_view, int64_t> kUnits[] = {{" week", 7 * kDayMs}, {" day", kDayMs},
                                                                    {" hour", 3'600'000},  {" minute", 60'000},
                                                                    {" second", 1000},     {" millisecond", 1}};
  for (const auto& [name, ms] : kUnits)
    if (unit == name || unit == std::string(name) + "s") return count * ms;
  return 7 * kDayMs;
}

std::string PathList(const TableContext& context, const std::vector<std::string>& keys) {
  std::string list = "[";
  for (const std::string& key : keys)
    list += (list.size() > 1 ? ", " : "") + QuoteLiteral(context.scheme + "://" + key);
  return list + "]";
}

// The names of the columns of `select`.
Result<std::vector<std::string>> ColumnsOf(engine::Connection& connection, const std::string& select) {
  TARN_ASSIGN_OR_RETURN(const auto rows, connection.QueryText("DESCRIBE " + select));
  std::vector<std::string> names;
  for (const auto& row : rows) names.push_back(row.at(0).value_or(""));
  return names;
}

bool Contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// SQL for {"<action>": {…}} of a row, without the columns that repeat text in parsed form.
std::string ActionJson(const std::string& action, const std::vector<std::string>& members) {
  std::string sql = "to_json({" + QuoteLiteral(action) + ": {";
  bool first = true;
  const auto add = [&](const std::string& name, const std::string& value) {
    sql += (first ? "" : ", ") + QuoteLiteral(name) + ": " + value;
    first = false;
  };
  const std::string column = QuoteIdentifier(action) + ".";
  for (const std::string& name : members)
    if (!name.ends_with("_parsed")) add(name, column + QuoteIdentifier(name));
  if (action == "add" && !Contains(members, "stats") && Contains(members, "stats_parsed"))
    add("stats", "CAST(to_json(" + column + "\"stats_parsed\") AS VARCHAR)");
  return sql + "}})";
}

constexpr std::string_view kMap = "MAP(VARCHAR, VARCHAR)";

// The actions of a checkpoint's rows as the lines of a log entry.
Result<std::string> CheckpointText(const TableContext& context, const std::vector<std::string>& keys) {
  TARN_ASSIGN_OR_RETURN(const auto connection, context.database->Connect());
  const std::string from = " FROM read_parquet(" + PathList(context, keys) + ")";
  TARN_ASSIGN_OR_RETURN(const auto columns, ColumnsOf(*connection, "SELECT *" + from));
  std::string text;
  for (const char* name : {"protocol", "metaData", "txn", "remove", "add", "checkpointMetadata", "sidecar"}) {
    if (!Contains(columns, name)) continue;
    TARN_ASSIGN_OR_RETURN(const auto members, ColumnsOf(*connection, "SELECT " + QuoteIdentifier(name) + ".*" + from));
    TARN_ASSIGN_OR_RETURN(const auto rows,
                          connection->QueryText("SELECT CAST(" + ActionJson(name, members) + " AS VARCHAR)" + from +
                                                " WHERE " + QuoteIdentifier(name) + " IS NOT NULL"));
    for (const auto& row : rows) {
      if (!row.at(0)) continue;
      text += *row[0];
      text += '\n';
    }
  }
  return text;
}

}  // namespace

Result<LogEntry> ReadCheckpoint(const TableContext& context, const std::vector<std::string>& keys,
                                const std::string& base_location) {
  if (context.database == nullptr)
    return Error(
        ErrorCode::kUnsupported,
        keys.front() + ": reading a Parquet checkpoint needs the SQL engine, which this table was opened without");
  const auto text = CheckpointText(context, keys);
  // The statement is ours: what the engine finds wrong with it is the file.
  if (text.Is(ErrorCode::kInvalidArgument))
    return Error(ErrorCode::kCorruption, keys.front() + ": " + text.error().message());
  if (!text.ok()) return Error(text.error().code(), keys.front() + ": " + text.error().message());
  return ParseLogEntry(*text, keys.front(), base_location);
}

LogEntry CheckpointActions(const DeltaState& state, int64_t now_ms) {
  LogEntry entry;
  entry.protocol = state.protocol;
  entry.metadata = state.metadata;
  for (const auto& [id, transaction] : state.transactions) entry.transactions.push_back(transaction);
  const int64_t oldest = now_ms - TombstoneRetentionMs(state.snapshot.properties);
  for (const auto& tombstone : state.tombstones)
    if (tombstone->deletion_timestamp.value_or(0) > oldest) entry.removes.push_back(tombstone);
  for (const auto& file : state.snapshot.files) entry.adds.push_back(std::static_pointer_cast<const AddFile>(file));
  return entry;
}

Status WriteCheckpoint(storage::ObjectStore& store, const TableContext& context, const LogEntry& entry,
                       const std::string& key, const std::string& staging_key) {
  TARN_CHECK(context.database != nullptr);
  const std::string text = FormatLogEntry(entry);
  // DuckDB's reader takes buffers of twice the longest line that it is told to expect.
  size_t longest = size_t(1) << 18;
  for (size_t begin = 0, end = 0; begin < text.size(); begin = end + 1) {
    end = std::min(text.find('\n', begin), text.size());
    longest = std::max(longest, end - begin + 1);
  }
  TARN_TRY(store.Put(staging_key, text));
  const std::string map(kMap);
  const std::string columns =
      "{txn: 'STRUCT(appId VARCHAR, version BIGINT, lastUpdated BIGINT)', "
      "\"add\": 'STRUCT(path VARCHAR, partitionValues " +
      map + ", size BIGINT, modificationTime BIGINT, dataChange BOOLEAN, stats VARCHAR, tags " + map +
      ")', "
      "remove: 'STRUCT(path VARCHAR, deletionTimestamp BIGINT, dataChange BOOLEAN, extendedFileMetadata BOOLEAN, "
      "partitionValues " +
      map +
      ", size BIGINT)', "
      "\"metaData\": 'STRUCT(id VARCHAR, name VARCHAR, description VARCHAR, format STRUCT(provider VARCHAR, options " +
      map +
      "), "
      "schemaString VARCHAR, partitionColumns VARCHAR[], configuration " +
      map +
      ", createdTime BIGINT)', "
      "protocol: 'STRUCT(minReaderVersion INTEGER, minWriterVersion INTEGER" +
      std::string(entry.protocol && entry.protocol->reader_features ? ", readerFeatures VARCHAR[]" : "") +
      std::string(entry.protocol && entry.protocol->writer_features ? ", writerFeatures VARCHAR[]" : "") + ")'}";
  auto written = [&]() -> Status {
    TARN_ASSIGN_OR_RETURN(const auto connection, context.database->Connect());
    TARN_FAILPOINT("delta.checkpoint.before_write");
    return connection->Execute("COPY (SELECT * FROM read_json(" + QuoteLiteral(context.scheme + "://" + staging_key) +
                               ", format = 'newline_delimited', maximum_object_size = " + std::to_string(longest) +
                               ", columns = " + columns + ")) TO " + QuoteLiteral(context.scheme + "://" + key) +
                               " (FORMAT parquet, COMPRESSION snappy)");
  }();
  const Status cleaned = store.Delete(staging_key);
  TARN_TRY(written);
  return cleaned;
}

}  // namespace tarn::table::delta
