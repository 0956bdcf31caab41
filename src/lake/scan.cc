#include "lake/scan_internal.h"

#include <duckdb/catalog/catalog_entry/table_function_catalog_entry.hpp>
#include <duckdb/common/multi_file/multi_file_reader.hpp>
#include <duckdb/common/multi_file/multi_file_states.hpp>
#include <duckdb/common/serializer/deserializer.hpp>
#include <duckdb/common/serializer/serializer.hpp>
#include <duckdb/main/database.hpp>
#include <duckdb/main/extension/extension_loader.hpp>
#include <duckdb/parser/expression/constant_expression.hpp>
#include <duckdb/parser/tableref/table_function_ref.hpp>
#include <duckdb/planner/expression/bound_columnref_expression.hpp>
#include <duckdb/planner/table_filter.hpp>
#include <duckdb/storage/statistics/node_statistics.hpp>

#include "lake/column_types_internal.h"
#include "lake/file_pruning_internal.h"
#include "lake/lake_catalog_internal.h"

// A scan is DuckDB's parquet_scan with three parts of ours: the list of files (a view's, pruned by the filters), the
// schema (the table's, matched with each file's by name; a column that a file lacks is NULL, another type is cast), and
// the partition columns, which are constants of each file, taken from the log. DuckDB keeps all filters: what we prune
// is only what they could not keep.

namespace tarn::lake {
namespace {

using FilePointer = std::shared_ptr<const table::DataFile>;

struct ScanInfo final : public duckdb::TableFunctionInfo {
  ScanInfo(LakeContext& context, ScanSource source) : context(context), source(std::move(source)) {}
  LakeContext& context;
  const ScanSource source;
};

// Immutable; thread-safe.
class ScanFileList final : public duckdb::MultiFileList {
 public:
  ScanFileList(duckdb::shared_ptr<const ScanInfo> info, std::vector<FilePointer> files)
      : info_(std::move(info)), files_(std::move(files)) {}

  const ScanInfo& info() const { return *info_; }
  const TableView& view() const { return *info_->source.view; }
  const std::vector<FilePointer>& files() const { return files_; }
  const table::DataFile& file(duckdb::idx_t index) const { return *files_[index]; }

  duckdb::unique_ptr<duckdb::MultiFileList> ComplexFilterPushdown(
      duckdb::ClientContext& context, const duckdb::MultiFileOptions&, duckdb::MultiFilePushdownInfo& info,
      duckdb::vector<duckdb::unique_ptr<duckdb::Expression>>& filters) const override {
    FilePruner pruner(context, view(), info.table_index, {info.column_ids.begin(), info.column_ids.end()});
    std::vector<FilePointer> kept = pruner.Keep(files_, filters);
    if (kept.size() == files_.size()) return nullptr;
    return duckdb::make_uniq<ScanFileList>(info_, std::move(kept));
  }
  // As a scan starts, with what the build sides of joins have told by then: `WHERE date IN (SELECT …)` opens those
  // dates.
  duckdb::unique_ptr<duckdb::MultiFileList> DynamicFilterPushdown(duckdb::ClientContext& context,
                                                                  const duckdb::MultiFileOptions&,
                                                                  const duckdb::vector<std::string>&,
                                                                  const duckdb::vector<duckdb::LogicalType>& types,
                                                                  const duckdb::vector<duckdb::column_t>& column_ids,
                                                                  duckdb::TableFilterSet& filters) const override {
    constexpr duckdb::idx_t kTable = 0;
    duckdb::vector<duckdb::unique_ptr<duckdb::Expression>> expressions;
    for (const auto& [index, filter] : filters.filters) {
      if (column_ids[index] >= types.size()) continue;
      const duckdb::BoundColumnRefExpression column(types[column_ids[index]], duckdb::ColumnBinding(kTable, index));
      expressions.push_back(filter->ToExpression(column));
    }
    FilePruner pruner(context, view(), kTable, {column_ids.begin(), column_ids.end()});
    std::vector<FilePointer> kept = pruner.Keep(files_, expressions);
    if (kept.size() == files_.size()) return nullptr;
    return duckdb::make_uniq<ScanFileList>(info_, std::move(kept));
  }
  duckdb::vector<duckdb::OpenFileInfo> GetAllFiles() const override {
    duckdb::vector<duckdb::OpenFileInfo> all;
    for (size_t i = 0; i < files_.size(); ++i) all.push_back(GetFile(i));
    return all;
  }
  duckdb::FileExpandResult GetExpandResult() const override {
    if (files_.size() > 1) return duckdb::FileExpandResult::MULTIPLE_FILES;
    return files_.empty() ? duckdb::FileExpandResult::NO_FILES : duckdb::FileExpandResult::SINGLE_FILE;
  }
  duckdb::idx_t GetTotalFileCount() const override { return files_.size(); }
  duckdb::unique_ptr<duckdb::NodeStatistics> GetCardinality(duckdb::ClientContext&) const override {
    duckdb::idx_t rows = 0;
    for (const FilePointer& file : files_) {
      if (file->record_count < 0) return duckdb::make_uniq<duckdb::NodeStatistics>(files_.size() * 100'000);
      rows += duckdb::idx_t(file->record_count);
    }
    return duckdb::make_uniq<duckdb::NodeStatistics>(rows, rows);
  }
  duckdb::unique_ptr<duckdb::MultiFileList> Copy() const override {
    return duckdb::make_uniq<ScanFileList>(info_, files_);
  }

 protected:
  duckdb::OpenFileInfo GetFile(duckdb::idx_t index) const override {
    if (index >= files_.size()) return duckdb::OpenFileInfo();
    return duckdb::OpenFileInfo(info_->context.Url(view().location + "/" + files_[index]->path));
  }

 private:
  const duckdb::shared_ptr<const ScanInfo> info_;
  const std::vector<FilePointer> files_;
};

class ScanReader final : public duckdb::MultiFileReader {
 public:
  explicit ScanReader(duckdb::shared_ptr<const ScanInfo> info) : info_(std::move(info)) {}

  static duckdb::unique_ptr<duckdb::MultiFileReader> Make(const duckdb::TableFunction& function) {
    if (!function.function_info) throw duckdb::BinderException("tarn_scan is internal: name the table instead");
    return duckdb::make_uniq<ScanReader>(
        duckdb::shared_ptr_cast<duckdb::TableFunctionInfo, ScanInfo>(function.function_info));
  }

  duckdb::shared_ptr<duckdb::MultiFileList> CreateFileList(duckdb::ClientContext&, const duckdb::vector<std::string>&,
                                                           const duckdb::FileGlobInput&) override {
    const auto& files = info_->source.view->files;
    return duckdb::make_shared_ptr<ScanFileList>(info_, std::vector<FilePointer>(files.begin(), files.end()));
  }

  bool Bind(duckdb::MultiFileOptions&, duckdb::MultiFileList&, duckdb::vector<duckdb::LogicalType>& types,
            duckdb::vector<std::string>& names, duckdb::MultiFileReaderBindData& bind_data) override {
    for (const engine::Field& field : info_->source.view->schema.fields) {
      names.push_back(field.name);
      types.push_back(SqlType(field));
    }
    bind_data.schema = duckdb::MultiFileColumnDefinition::ColumnsFromNamesAndTypes(names, types);
    for (auto& column : bind_data.schema) DefaultToNull(column);
    bind_data.mapping = duckdb::MultiFileColumnMappingMode::BY_NAME;
    return true;
  }
  void BindOptions(duckdb::MultiFileOptions& options, duckdb::MultiFileList&, duckdb::vector<duckdb::LogicalType>&,
                   duckdb::vector<std::string>&, duckdb::MultiFileReaderBindData&) override {
    options.auto_detect_hive_partitioning = false;
    options.hive_partitioning = false;
    options.union_by_name = false;
  }

  void FinalizeBind(duckdb::MultiFileReaderData& reader_data, const duckdb::MultiFileOptions& file_options,
                    const duckdb::MultiFileReaderBindData& options,
                    const duckdb::vector<duckdb::MultiFileColumnDefinition>& global_columns,
                    const duckdb::vector<duckdb::ColumnIndex>& global_column_ids, duckdb::ClientContext& context,
                    duckdb::optional_ptr<duckdb::MultiFileReaderGlobalState> global_state) override {
    MultiFileReader::FinalizeBind(reader_data, file_options, options, global_columns, global_column_ids, context,
                                  global_state);
    const auto& list = global_state->file_list->Cast<ScanFileList>();
    const table::DataFile& file = list.file(reader_data.reader->file_list_idx.GetIndex());
    const auto& fields = list.view().schema.fields;
    for (duckdb::idx_t i = 0; i < global_column_ids.size(); ++i) {
      const duckdb::column_t column = global_column_ids[i].GetPrimaryIndex();
      if (column >= fields.size() || !list.view().IsPartitionColumn(fields[column].name)) continue;
      reader_data.constant_map.Add(duckdb::MultiFileGlobalIndex(i), PartitionValue(fields[column], file));
    }
  }

  duckdb::unique_ptr<duckdb::MultiFileReaderGlobalState> InitializeGlobalState(
      duckdb::ClientContext&, const duckdb::MultiFileOptions&, const duckdb::MultiFileReaderBindData&,
      const duckdb::MultiFileList& file_list, const duckdb::vector<duckdb::MultiFileColumnDefinition>&,
      const duckdb::vector<duckdb::ColumnIndex>&) override {
    return duckdb::make_uniq<duckdb::MultiFileReaderGlobalState>(duckdb::vector<duckdb::LogicalType>(), &file_list);
  }

  duckdb::unique_ptr<duckdb::MultiFileReader> Copy() const override { return duckdb::make_uniq<ScanReader>(info_); }

 private:
  static void DefaultToNull(duckdb::MultiFileColumnDefinition& column) {
    column.default_expression = duckdb::make_uniq<duckdb::ConstantExpression>(duckdb::Value(column.type));
    for (auto& child : column.children) DefaultToNull(child);
  }

  const duckdb::shared_ptr<const ScanInfo> info_;
};

const ScanFileList& FilesOf(duckdb::optional_ptr<const duckdb::FunctionData> bind_data) {
  return bind_data->Cast<duckdb::MultiFileBindData>().file_list->Cast<ScanFileList>();
}

duckdb::InsertionOrderPreservingMap<std::string> Explain(duckdb::TableFunctionToStringInput& input) {
  duckdb::InsertionOrderPreservingMap<std::string> lines;
  const ScanFileList& list = FilesOf(input.bind_data);
  lines["Table"] = list.view().name.ToString();
  lines["Version"] = std::to_string(list.view().version) + (list.view().has_own_writes ? " and own writes" : "");
  lines["Files"] = std::to_string(list.files().size()) + " of " + std::to_string(list.view().files.size());
  return lines;
}

// What UPDATE and DELETE ask, to learn which table they are refused for.
duckdb::BindInfo TableOf(const duckdb::optional_ptr<duckdb::FunctionData> bind_data) {
  duckdb::TableCatalogEntry* entry = FilesOf(bind_data.get()).info().source.entry;
  return entry != nullptr ? duckdb::BindInfo(*entry) : duckdb::BindInfo(duckdb::ScanType::EXTERNAL);
}

// count(*) without a filter, from the log. Nothing is claimed where a file's count is unknown.
duckdb::vector<duckdb::PartitionStatistics> RowCounts(duckdb::ClientContext&, duckdb::GetPartitionStatsInput& input) {
  duckdb::vector<duckdb::PartitionStatistics> counts;
  for (const FilePointer& file : FilesOf(input.bind_data).files()) {
    if (file->record_count < 0) return {};
    duckdb::PartitionStatistics count;
    count.count = duckdb::idx_t(file->record_count);
    count.count_type = duckdb::CountType::COUNT_EXACT;
    counts.push_back(std::move(count));
  }
  return counts;
}

duckdb::virtual_column_map_t VirtualColumns(duckdb::ClientContext&,
                                            duckdb::optional_ptr<duckdb::FunctionData> bind_data) {
  auto columns = ScanVirtualColumns();
  bind_data->Cast<duckdb::MultiFileBindData>().virtual_columns = columns;
  return columns;
}

void SerializeScan(duckdb::Serializer& serializer, const duckdb::optional_ptr<duckdb::FunctionData> bind_data,
                   const duckdb::TableFunction&) {
  const ScanFileList& list = FilesOf(bind_data.get());
  const ScanSource& source = list.info().source;
  serializer.WriteProperty(100, "catalog", list.info().context.options.name);
  serializer.WriteProperty(101, "schema", source.view->name.name_space);
  serializer.WriteProperty(102, "table", source.view->name.name);
  serializer.WriteProperty(103, "at_unit", source.at_unit);
  serializer.WriteProperty(104, "at_value", source.at_value);
}

// All files again: a filter that pruned some is in the copy too, and is pushed down again or applied.
duckdb::unique_ptr<duckdb::FunctionData> DeserializeScan(duckdb::Deserializer& deserializer,
                                                         duckdb::TableFunction& function) {
  auto& client = deserializer.Get<duckdb::ClientContext&>();
  const auto catalog_name = deserializer.ReadProperty<std::string>(100, "catalog");
  catalog::TableName name;
  name.name_space = deserializer.ReadProperty<std::string>(101, "schema");
  name.name = deserializer.ReadProperty<std::string>(102, "table");
  ScanSource source;
  source.at_unit = deserializer.ReadProperty<std::string>(103, "at_unit");
  source.at_value = deserializer.ReadProperty<duckdb::Value>(104, "at_value");
  auto& lake = duckdb::Catalog::GetCatalog(client, catalog_name).Cast<LakeCatalog>();
  source.view = lake.ResolveTable(client, name, source.at_unit, source.at_value);
  duckdb::unique_ptr<duckdb::FunctionData> bind_data;
  function = BindScan(client, lake.context(), std::move(source), bind_data);
  return bind_data;
}

}  // namespace

duckdb::virtual_column_map_t ScanVirtualColumns() {
  duckdb::virtual_column_map_t columns;
  columns.insert({duckdb::MultiFileReader::COLUMN_IDENTIFIER_FILENAME,
                  duckdb::TableColumn("filename", duckdb::LogicalType::VARCHAR)});
  columns.insert({duckdb::MultiFileReader::COLUMN_IDENTIFIER_FILE_ROW_NUMBER,
                  duckdb::TableColumn("file_row_number", duckdb::LogicalType::BIGINT)});
  columns.insert({duckdb::COLUMN_IDENTIFIER_EMPTY, duckdb::TableColumn("", duckdb::LogicalType::BOOLEAN)});
  return columns;
}

duckdb::TableFunction MakeScanFunction(LakeContext& context) {
  duckdb::ExtensionLoader loader(*context.database.native().instance, "tarn");
  duckdb::TableFunction scan = loader.GetTableFunction("parquet_scan").functions.GetFunctionByOffset(0);
  scan.name = "tarn_scan";
  scan.get_multi_file_reader = ScanReader::Make;
  scan.serialize = SerializeScan;
  scan.deserialize = DeserializeScan;
  scan.to_string = Explain;
  scan.get_bind_info = TableOf;
  scan.get_partition_stats = RowCounts;
  scan.get_virtual_columns = VirtualColumns;
  // What would read a file's footer in place of the table's schema, or take the scan for one of plain files.
  scan.statistics = nullptr;
  scan.statistics_extended = nullptr;
  scan.type_pushdown = nullptr;
  scan.set_scan_order = nullptr;
  scan.late_materialization = false;
  return scan;
}

duckdb::TableFunction BindScan(duckdb::ClientContext& client, LakeContext& context, ScanSource source,
                               duckdb::unique_ptr<duckdb::FunctionData>& bind_data) {
  duckdb::ExtensionLoader loader(*client.db, "tarn");
  duckdb::TableFunction scan = loader.GetTableFunction("tarn_scan").functions.GetFunctionByOffset(0);
  scan.function_info = duckdb::make_shared_ptr<ScanInfo>(context, std::move(source));
  duckdb::vector<duckdb::Value> inputs = {duckdb::Value("")};
  duckdb::named_parameter_map_t parameters;
  duckdb::vector<duckdb::LogicalType> input_types, types;
  duckdb::vector<std::string> input_names, names;
  const duckdb::TableFunctionRef reference;
  duckdb::TableFunctionBindInput input(inputs, parameters, input_types, input_names, nullptr, nullptr, scan, reference);
  bind_data = scan.bind(client, input, types, names);
  return scan;
}

}  // namespace tarn::lake
