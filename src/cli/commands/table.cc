#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/exit_codes.h"
#include "cli/live_view.h"
#include "cli/one_off.h"

namespace tarn::cli {
namespace {

using Json = nlohmann::ordered_json;

void PrintJson(const Json& json) {
  std::printf("%s\n", json.dump(-1, ' ', false, Json::error_handler_t::replace).c_str());
}

// "ns.table", or "table" of the project's namespace.
Result<catalog::TableName> ParseName(const std::string& text, const Place& place) {
  const size_t dot = text.find('.');
  if (dot != std::string::npos) return catalog::TableName{text.substr(0, dot), text.substr(dot + 1)};
  if (!place.project.name_space.empty()) return catalog::TableName{place.project.name_space, text};
  return Error(ErrorCode::kInvalidArgument, "which namespace is '" + text + "' in? Write NAMESPACE." + text +
                                                ", or name the project with --project");
}

struct Totals {
  uint64_t rows = 0, bytes = 0;
};
Totals Sum(const table::Snapshot& snapshot) {
  Totals totals;
  for (const auto& file : snapshot.files) {
    totals.rows += uint64_t(std::max<int64_t>(0, file->record_count));
    totals.bytes += file->size;
  }
  return totals;
}

Status List(catalog::Catalog& catalog, bool json) {
  const std::vector<ResultColumn> head = {{"namespace", ""},  {"name", ""},        {"kind", ""}, {"version", "BIGINT"},
                                          {"rows", "BIGINT"}, {"files", "BIGINT"}, {"size", ""}};
  std::vector<TextRow> rows;
  TARN_ASSIGN_OR_RETURN(const auto namespaces, catalog.ListNamespaces());
  for (const std::string& name_space : namespaces) {
    TARN_ASSIGN_OR_RETURN(const auto tables, catalog.ListTables(name_space));
    for (const catalog::TableEntry& entry : tables) {
      TARN_ASSIGN_OR_RETURN(const auto table, catalog.LoadTable(entry.name));
      TARN_ASSIGN_OR_RETURN(const auto snapshot, table->Latest());
      const Totals totals = Sum(*snapshot);
      if (json)
        PrintJson({{"namespace", name_space},
                   {"name", entry.name.name},
                   {"kind", "table"},
                   {"format", entry.format},
                   {"version", snapshot->version},
                   {"rows", totals.rows},
                   {"files", snapshot->files.size()},
                   {"bytes", totals.bytes}});
      else
        rows.push_back({name_space, entry.name.name, entry.format, std::to_string(snapshot->version),
                        GroupDigits(totals.rows), std::to_string(snapshot->files.size()), FormatBytes(totals.bytes)});
    }
    TARN_ASSIGN_OR_RETURN(const auto views, catalog.ListViews(name_space));
    for (const catalog::ViewEntry& view : views) {
      if (json)
        PrintJson({{"namespace", name_space}, {"name", view.name.name}, {"kind", "view"}});
      else
        rows.push_back({name_space, view.name.name, "view", "", "", "", ""});
    }
  }
  OutputOptions output = OutputOptionsFor(stdout);
  output.rows_max = 0;
  if (!json) std::fputs(FormatBox(head, rows, output).c_str(), stdout);
  return Ok();
}

Status ShowView(const catalog::ViewEntry& view, bool json) {
  if (json)
    PrintJson({{"namespace", view.name.name_space}, {"name", view.name.name}, {"kind", "view"}, {"sql", view.sql}});
  else
    std::printf("view %s, since %s\n\n%s\n", view.name.ToString().c_str(), FormatTimestamp(view.created_at).c_str(),
                view.sql.c_str());
  return Ok();
}

Status Show(const catalog::TableEntry& entry, table::Table& table, bool json) {
  TARN_ASSIGN_OR_RETURN(const auto snapshot, table.Latest());
  const Totals totals = Sum(*snapshot);
  const std::string location = table.store().Location(table.location());
  if (json) {
    Json columns = Json::array();
    for (const auto& field : snapshot->schema.fields)
      columns.push_back({{"name", field.name}, {"type", field.type.ToString()}, {"nullable", field.nullable}});
    PrintJson({{"namespace", entry.name.name_space},
               {"name", entry.name.name},
               {"kind", "table"},
               {"format", table.format()},
               {"location", location},
               {"version", snapshot->version},
               {"committed_at", FormatTimestamp(snapshot->committed_at)},
               {"rows", totals.rows},
               {"files", snapshot->files.size()},
               {"bytes", totals.bytes},
               {"partition_by", snapshot->partition_columns},
               {"columns", columns},
               {"properties", snapshot->properties},
               {"progress", snapshot->progress}});
    return Ok();
  }
  std::printf("table %s (%s), version %lld of %s\n", entry.name.ToString().c_str(), std::string(table.format()).c_str(),
              static_cast<long long>(snapshot->version), FormatTimestamp(snapshot->committed_at).c_str());
  std::printf("  %s rows in %zu files, %s\n  %s\n", GroupDigits(totals.rows).c_str(), snapshot->files.size(),
              FormatBytes(totals.bytes).c_str(), location.c_str());
  std::string partitions;
  for (const std::string& column : snapshot->partition_columns) partitions += (partitions.empty() ? "" : ", ") + column;
  if (!partitions.empty()) std::printf("  partitioned by %s\n", partitions.c_str());
  std::vector<TextRow> rows;
  for (const auto& field : snapshot->schema.fields)
    rows.push_back({field.name, field.type.ToString(), field.nullable ? "" : "not null"});
  OutputOptions output = OutputOptionsFor(stdout);
  output.rows_max = 0;
  std::fputs(FormatBox({{"column", ""}, {"type", ""}, {"", ""}}, rows, output).c_str(), stdout);
  return Ok();
}

Status History(table::Table& table, uint64_t limit, bool json) {
  TARN_ASSIGN_OR_RETURN(const auto history, table.History(limit));
  std::vector<TextRow> rows;
  for (const table::HistoryEntry& entry : history) {
    if (json) {
      PrintJson({{"version", entry.version},
                 {"committed_at", FormatTimestamp(entry.committed_at)},
                 {"operation", entry.operation},
                 {"commit_id", entry.commit_id},
                 {"engine", entry.engine},
                 {"metrics", entry.metrics}});
      continue;
    }
    std::string metrics;
    for (const auto& [name, value] : entry.metrics) metrics += (metrics.empty() ? "" : " ") + name + "=" + value;
    rows.push_back({std::to_string(entry.version), FormatTimestamp(entry.committed_at), entry.operation, metrics});
  }
  OutputOptions output = OutputOptionsFor(stdout);
  output.rows_max = 0;
  if (!json)
    std::fputs(
        FormatBox({{"version", "BIGINT"}, {"committed at", ""}, {"operation", ""}, {"what", ""}}, rows, output).c_str(),
        stdout);
  return Ok();
}

Status Files(table::Table& table, int64_t version, bool json) {
  TARN_ASSIGN_OR_RETURN(const auto snapshot, version < 0 ? table.Latest() : table.AtVersion(version));
  std::vector<TextRow> rows;
  for (const auto& file : snapshot->files) {
    if (json) {
      Json partition = Json::object();
      for (const auto& [name, value] : file->partition_values) partition[name] = value ? Json(*value) : Json(nullptr);
      PrintJson({{"path", file->path},
                 {"rows", file->record_count},
                 {"bytes", file->size},
                 {"partition", partition},
                 {"modified", FormatTimestamp(file->modified)}});
    } else {
      rows.push_back(
          {file->path, GroupDigits(uint64_t(std::max<int64_t>(0, file->record_count))), FormatBytes(file->size)});
    }
  }
  OutputOptions output = OutputOptionsFor(stdout);
  output.rows_max = 0;
  if (!json) std::fputs(FormatBox({{"path", ""}, {"rows", "BIGINT"}, {"size", ""}}, rows, output).c_str(), stdout);
  return Ok();
}

Status Run(const TableOptions& options) {
  TARN_ASSIGN_OR_RETURN(const Place place, FindData(options.place));
  TARN_ASSIGN_OR_RETURN(const auto one_off, OneOff::Open(place));
  catalog::Catalog& catalog = one_off->house().catalog();
  if (options.action == "list") return List(catalog, options.json);
  TARN_ASSIGN_OR_RETURN(const catalog::TableName name, ParseName(options.name, place));
  if (options.action == "show")
    if (const auto view = catalog.GetView(name); view.ok()) return ShowView(*view, options.json);
  TARN_ASSIGN_OR_RETURN(const auto table, catalog.LoadTable(name));
  TARN_ASSIGN_OR_RETURN(const catalog::TableEntry entry, catalog.GetTable(name));
  if (options.action == "show") return Show(entry, *table, options.json);
  if (options.action == "history") return History(*table, options.limit, options.json);
  return Files(*table, options.version, options.json);
}

}  // namespace

int RunTable(const TableOptions& options) {
  return Finish(Run(options));
}

}  // namespace tarn::cli
