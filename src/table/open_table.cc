#include "table/open_table.h"

#include "table/delta/delta_table.h"

namespace tarn::table {

Result<std::unique_ptr<Table>> OpenTable(storage::ObjectStore& store, const std::string& location,
                                         TableContext context) {
  TARN_TRY(storage::CheckKey(location));
  auto table = std::make_unique<delta::DeltaTable>(store, location, std::move(context));
  auto latest = table->Latest();
  if (!latest.ok()) return std::move(latest).error().WithContext("opening the table at " + location);
  return std::unique_ptr<Table>(std::move(table));
}

Result<std::unique_ptr<Table>> CreateTable(storage::ObjectStore& store, const std::string& location,
                                           const TableOptions& options, TableContext context,
                                           const std::string& format) {
  TARN_TRY(storage::CheckKey(location));
  if (format != "delta") return Error(ErrorCode::kUnsupported, "table format " + format + "; there is: delta");
  auto table = std::make_unique<delta::DeltaTable>(store, location, std::move(context));
  if (Status created = table->Create(options); !created.ok())
    return std::move(created).error().WithContext("creating the table at " + location);
  return std::unique_ptr<Table>(std::move(table));
}

}  // namespace tarn::table
