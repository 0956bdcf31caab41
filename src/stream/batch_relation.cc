#include "stream/batch_relation.h"

#include <atomic>
#include <mutex>

#include <duckdb.hpp>
#include <duckdb/catalog/catalog.hpp>
#include <duckdb/catalog/catalog_transaction.hpp>
#include <duckdb/function/table_function.hpp>
#include <duckdb/parser/parsed_data/create_table_function_info.hpp>

#include "engine/duckdb_access.h"

namespace tarn::stream {

struct BatchRelation::Shared : duckdb::TableFunctionInfo {
  duckdb::vector<duckdb::LogicalType> types;
  duckdb::vector<duckdb::string> names;
  std::mutex mutex;
  std::shared_ptr<const RelationRows> rows = std::make_shared<RelationRows>();

  std::shared_ptr<const RelationRows> Rows() {
    std::lock_guard lock(mutex);
    return rows;
  }

  struct BindData : duckdb::TableFunctionData {
    duckdb::shared_ptr<Shared> shared;
  };
  struct ScanState : duckdb::GlobalTableFunctionState {
    std::shared_ptr<const RelationRows> rows;
    duckdb::vector<duckdb::column_t> columns;
    std::atomic<size_t> next{0};
    duckdb::idx_t MaxThreads() const override { return std::max<size_t>(rows->chunks.size(), 1); }
  };

  static duckdb::unique_ptr<duckdb::FunctionData> Bind(duckdb::ClientContext&, duckdb::TableFunctionBindInput& input,
                                                       duckdb::vector<duckdb::LogicalType>& types,
                                                       duckdb::vector<duckdb::string>& names) {
    auto bound = duckdb::make_uniq<BindData>();
    bound->shared = duckdb::shared_ptr_cast<duckdb::TableFunctionInfo, Shared>(input.table_function.function_info);
    types = bound->shared->types;
    names = bound->shared->names;
    return bound;
  }

  static duckdb::unique_ptr<duckdb::GlobalTableFunctionState> Init(duckdb::ClientContext&,
                                                                   duckdb::TableFunctionInitInput& input) {
    auto state = duckdb::make_uniq<ScanState>();
    state->rows = input.bind_data->Cast<BindData>().shared->Rows();
    state->columns = input.column_ids;
    return state;
  }

  static duckdb::unique_ptr<duckdb::NodeStatistics> Cardinality(duckdb::ClientContext&,
                                                                const duckdb::FunctionData* bound) {
    return duckdb::make_uniq<duckdb::NodeStatistics>(bound->Cast<BindData>().shared->Rows()->count);
  }

  static void Scan(duckdb::ClientContext&, duckdb::TableFunctionInput& input, duckdb::DataChunk& output) {
    auto& state = input.global_state->Cast<ScanState>();
    const RelationRows& rows = *state.rows;
    while (true) {
      const size_t index = state.next++;
      if (index >= rows.chunks.size()) return;
      const ChunkView& view = rows.chunks[index];
      if (view.count == 0) continue;
      for (size_t i = 0; i < state.columns.size(); ++i) {
        const duckdb::column_t column = state.columns[i];
        if (column < view.chunk->ColumnCount()) {
          if (view.selection == nullptr)
            output.data[i].Reference(view.chunk->data[column]);
          else
            output.data[i].Slice(view.chunk->data[column], duckdb::SelectionVector(view.selection), view.count);
        } else if (column == view.chunk->ColumnCount() && rows.timestamp) {
          output.data[i].Reference(duckdb::Value::TIMESTAMP(duckdb::timestamp_t(*rows.timestamp)));
        } else {
          output.data[i].Reference(duckdb::Value(output.data[i].GetType()));  // no column: rows are only counted
        }
      }
      output.SetCardinality(view.count);
      return;
    }
  }
};

Result<std::unique_ptr<BatchRelation>> BatchRelation::Register(engine::Database& database, const std::string& name,
                                                               duckdb::vector<duckdb::LogicalType> types,
                                                               duckdb::vector<duckdb::string> names) {
  try {
    auto shared = duckdb::make_shared_ptr<Shared>();
    shared->types = std::move(types);
    shared->names = std::move(names);
    duckdb::TableFunction function(name, {}, Shared::Scan, Shared::Bind, Shared::Init);
    function.projection_pushdown = true;
    function.cardinality = Shared::Cardinality;
    function.order_preservation_type = duckdb::OrderPreservationType::NO_ORDER;
    function.function_info = shared;
    duckdb::CreateTableFunctionInfo info(function);
    info.on_conflict = duckdb::OnCreateConflict::REPLACE_ON_CONFLICT;
    auto& instance = *database.native().instance;
    auto transaction = duckdb::CatalogTransaction::GetSystemTransaction(instance);
    duckdb::Catalog::GetSystemCatalog(instance).CreateTableFunction(transaction, info);
    std::unique_ptr<BatchRelation> relation(new BatchRelation(name));
    relation->shared_ = std::shared_ptr<Shared>(shared.get(), [shared](Shared*) {});
    return relation;
  } catch (const std::exception& exception) {
    return engine::ToError(exception);
  }
}

BatchRelation::~BatchRelation() {
  Clear();
}

void BatchRelation::Set(RelationRows rows) {
  rows.count = 0;
  for (const ChunkView& view : rows.chunks) rows.count += view.count;
  std::lock_guard lock(shared_->mutex);
  shared_->rows = std::make_shared<const RelationRows>(std::move(rows));
}

void BatchRelation::Clear() {
  Set({});
}

}  // namespace tarn::stream
