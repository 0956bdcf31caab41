#pragma once

#include <memory>
#include <vector>

#include <duckdb/planner/expression.hpp>

#include "lake/table_view_internal.h"

namespace duckdb {
class ClientContext;
}

namespace tarn::lake {

// Decides for one scan which files cannot hold a row that a filter keeps. Errs to the side of reading: an absent bound,
// a type that is not compared as the column's, an expression that is not understood all mean "may match".
// Thread-compatible.
class FilePruner {
 public:
  // `columns`: the table's column index for each column index in the filters' bindings of `table_index`.
  FilePruner(duckdb::ClientContext& context, const TableView& view, duckdb::idx_t table_index,
             std::vector<duckdb::column_t> columns)
      : context_(context), view_(view), table_index_(table_index), columns_(std::move(columns)) {}

  // The files of `files` for which every filter may match, in the same order.
  std::vector<std::shared_ptr<const table::DataFile>> Keep(
      const std::vector<std::shared_ptr<const table::DataFile>>& files,
      const duckdb::vector<duckdb::unique_ptr<duckdb::Expression>>& filters);

 private:
  bool MayMatch(const duckdb::Expression& expression, const table::DataFile& file);
  bool ComparisonMayMatch(const duckdb::Expression& left, const duckdb::Expression& right,
                          duckdb::ExpressionType comparison, const table::DataFile& file);
  bool NullTestMayMatch(const duckdb::Expression& operand, bool is_null, const table::DataFile& file);
  bool InMayMatch(const duckdb::Expression& expression, const table::DataFile& file);
  // Filters on nothing but partition columns are computed.
  bool IsOnPartitionColumns(const duckdb::Expression& expression) const;
  bool PartitionMayMatch(const duckdb::Expression& expression, const table::DataFile& file);
  void BindPartition(duckdb::unique_ptr<duckdb::Expression>& expression, const table::DataFile& file) const;
  // Null: not a plain column of this table.
  const engine::Field* ColumnOf(const duckdb::Expression& expression) const;

  duckdb::ClientContext& context_;
  const TableView& view_;
  const duckdb::idx_t table_index_;
  const std::vector<duckdb::column_t> columns_;
};

// The value of a partition column of a file, of the column's SQL type.
duckdb::Value PartitionValue(const engine::Field& field, const table::DataFile& file);

}  // namespace tarn::lake
