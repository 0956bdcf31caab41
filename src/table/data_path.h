#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

// Paths of data files: what is on disk, and how a log spells it.

namespace tarn::table {

using PartitionValues = std::map<std::string, std::optional<std::string>>;

// "date=2026-11-24/country=DE", escaped as Hive and Spark do; "" without partition columns. A folder name that a file
// system would not take (over 200 bytes) gives "" too: the folder is a convenience, the values are in the log.
std::string PartitionFolder(const std::vector<std::string>& columns, const PartitionValues& values);

// RFC 3986: everything but unreserved characters and '/' becomes %XX.
std::string UriEncodePath(std::string_view path);
// Decodes %XX exactly once. kCorruption: a '%' that starts no escape.
Result<std::string> UriDecodePath(std::string_view path);

}  // namespace tarn::table
