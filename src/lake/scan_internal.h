#pragma once

#include <memory>

#include <duckdb/function/table_function.hpp>

#include "lake/transaction_work_internal.h"

namespace tarn::lake {

// How the plan of a scan names what it reads, for a copy of the plan.
struct ScanSource {
  TableViewPointer view;
  std::string at_unit = {};  // "VERSION", "TIMESTAMP"; empty: what the transaction sees
  duckdb::Value at_value = duckdb::Value();
  duckdb::TableCatalogEntry* entry = nullptr;  // of the same transaction; null in a copied plan
};

// DuckDB's Parquet scan, driven by a view's list of files. Registered as tarn_scan, so that plans can be copied; not to
// be called by name.
duckdb::TableFunction MakeScanFunction(LakeContext& context);

// The scan of one view, bound. Throws DuckDB's exceptions.
duckdb::TableFunction BindScan(duckdb::ClientContext& client, LakeContext& context, ScanSource source,
                               duckdb::unique_ptr<duckdb::FunctionData>& bind_data);

// filename, file_row_number and the empty column: what a scan offers beside the table's columns.
duckdb::virtual_column_map_t ScanVirtualColumns();

}  // namespace tarn::lake
