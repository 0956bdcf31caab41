#include "lake/written_file_internal.h"

#include <algorithm>

#include <duckdb/common/types/timestamp.hpp>

#include "lake/column_types_internal.h"

namespace tarn::lake {
namespace {

using duckdb::Value;
using engine::Field;
using engine::TypeKind;

// The columns of RETURN_STATS.
enum Column { kFilename, kCount, kSize, kFooterSize, kStatistics, kPartitionKeys };

// `"a"."b"` to a, b; quotes in a name are doubled. Empty when it is not that.
std::vector<std::string> ParsePath(const std::string& text) {
  std::vector<std::string> parts;
  for (size_t i = 0; i < text.size();) {
    std::string part;
    if (text[i] != '"') {
      const size_t end = std::min(text.find('.', i), text.size());
      part = text.substr(i, end - i);
      i = end;
    } else {
      for (++i; i < text.size(); ++i) {
        if (text[i] != '"') {
          part += text[i];
        } else if (i + 1 < text.size() && text[i + 1] == '"') {
          part += text[++i];
        } else {
          break;
        }
      }
      if (i++ >= text.size()) return {};
    }
    parts.push_back(std::move(part));
    if (i < text.size() && text[i++] != '.') return {};
  }
  return parts;
}

// The leaf that a path leads to through structs only; null for what lies in lists and maps.
const Field* LeafOf(const std::vector<Field>& fields, const std::vector<std::string>& path) {
  const std::vector<Field>* level = &fields;
  const Field* found = nullptr;
  for (const std::string& part : path) {
    if (level == nullptr) return nullptr;
    const auto field = std::find_if(level->begin(), level->end(), [&](const Field& f) { return f.name == part; });
    if (field == level->end()) return nullptr;
    found = &*field;
    level = field->type.kind == TypeKind::kStruct ? field->type.fields.get() : nullptr;
  }
  return found == nullptr || found->type.fields ? nullptr : found;
}

// From DuckDB's spelling of a bound to the log's.
std::optional<std::string> BoundText(const Field& field, const std::string& text) {
  switch (field.type.kind) {
    case TypeKind::kBoolean:
      if (text == "0" || text == "false") return "false";
      if (text == "1" || text == "true") return "true";
      return std::nullopt;
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampNtz: {
      Value time;
      if (!Value(text).DefaultTryCastAs(FileType(field), time, nullptr) || time.IsNull()) return std::nullopt;
      const int64_t micros = field.type.kind == TypeKind::kTimestamp ? time.GetValue<duckdb::timestamp_tz_t>().value
                                                                     : time.GetValue<duckdb::timestamp_t>().value;
      if (!duckdb::Timestamp::IsFinite(duckdb::timestamp_t(micros))) return std::nullopt;
      constexpr int64_t kYear1 = -62'135'596'800'000'000, kYear10000 = 253'402'300'800'000'000;
      if (micros < kYear1 || micros >= kYear10000) return std::nullopt;
      std::string formatted = FormatTimestamp(micros);
      if (field.type.kind == TypeKind::kTimestampNtz) formatted.pop_back();
      return formatted;
    }
    case TypeKind::kBinary:
    case TypeKind::kTime:
    case TypeKind::kUuid:
      return std::nullopt;
    default:
      return text;
  }
}

void ReadColumn(const Field& field, const Value& values, table::ColumnStatistics& statistics) {
  for (const Value& entry : duckdb::MapValue::GetChildren(values)) {
    const auto& pair = duckdb::StructValue::GetChildren(entry);
    if (pair[1].IsNull()) continue;
    const std::string key = pair[0].ToString(), text = pair[1].ToString();
    if (key == "min") statistics.min = BoundText(field, text);
    if (key == "max") statistics.max = BoundText(field, text);
    if (key == "null_count") statistics.null_count = std::stoll(text);
    if (key == "has_nan") statistics.has_nan = text == "true" || text == "1";
  }
  const bool floating = field.type.kind == TypeKind::kFloat || field.type.kind == TypeKind::kDouble;
  // A zero of either sign is reported as -0.0 in both bounds.
  if (floating && statistics.max && (*statistics.max == "-0.0" || *statistics.max == "-0")) statistics.max = "0.0";
}

// Partition values as the log spells them: times in UTC without an offset.
std::string PartitionText(const Field& field, std::string text) {
  if (field.type.kind == TypeKind::kTimestamp && text.ends_with("+00")) text.resize(text.size() - 3);
  return text;
}

}  // namespace

Result<table::DataFile> ToDataFile(const LakeContext& context, const WriteTarget& target,
                                   const duckdb::vector<Value>& row) {
  table::DataFile file;
  const std::string url = row[kFilename].ToString(), folder = context.Url(target.location) + "/";
  if (!url.starts_with(folder))
    return Error(ErrorCode::kInternal, "a file was written outside of the table's folder: " + url);
  file.path = url.substr(folder.size());
  file.record_count = row[kCount].GetValue<int64_t>();
  file.size = row[kSize].GetValue<uint64_t>();
  file.modified = context.clock.Now();
  if (!row[kStatistics].IsNull()) {
    for (const Value& entry : duckdb::MapValue::GetChildren(row[kStatistics])) {
      const auto& pair = duckdb::StructValue::GetChildren(entry);
      const std::vector<std::string> path = ParsePath(pair[0].ToString());
      const Field* field = LeafOf(target.schema.fields, path);
      if (field == nullptr || pair[1].IsNull()) continue;
      std::string name;
      for (const std::string& part : path) name += (name.empty() ? "" : ".") + part;
      ReadColumn(*field, pair[1], file.statistics[name]);
    }
  }
  if (!row[kPartitionKeys].IsNull()) {
    for (const Value& entry : duckdb::MapValue::GetChildren(row[kPartitionKeys])) {
      const auto& pair = duckdb::StructValue::GetChildren(entry);
      const int index = target.schema.IndexOf(pair[0].ToString());
      if (index < 0) return Error(ErrorCode::kInternal, "a partition of no column: " + pair[0].ToString());
      const Field& field = target.schema.fields[size_t(index)];
      file.partition_values[field.name] =
          pair[1].IsNull() ? std::nullopt : std::optional(PartitionText(field, pair[1].ToString()));
    }
  }
  return file;
}

}  // namespace tarn::lake
