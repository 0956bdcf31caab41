#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "catalog/catalog.h"
#include "table/table.h"

namespace tarn::lake {

using PartitionValues = std::map<std::string, std::optional<std::string>>;

// What a statement reads of one table: a snapshot, or a snapshot with the transaction's own writes. Immutable.
struct TableView {
  catalog::TableName name;
  std::string location;  // key prefix in the store
  table::TableVersion version =
      -1;  // of the snapshot below the transaction's own writes; -1: the table is created by them
  bool has_own_writes = false;
  engine::Schema schema;
  std::vector<std::string> partition_columns;
  std::map<std::string, int64_t> progress;
  table::FileList files;

  bool IsPartitionColumn(const std::string& column) const;
};

using TableViewPointer = std::shared_ptr<const TableView>;

}  // namespace tarn::lake
