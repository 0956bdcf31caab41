#include "table/data_path.h"

#include <cctype>

namespace tarn::table {
namespace {

constexpr char kHex[] = "0123456789ABCDEF";

void AppendEscape(std::string& out, char c) {
  out += '%';
  out += kHex[static_cast<unsigned char>(c) >> 4];
  out += kHex[static_cast<unsigned char>(c) & 15];
}

// Spark's ExternalCatalogUtils.escapePathName.
std::string HiveEscape(std::string_view text) {
  static constexpr std::string_view kEscaped = "\"#%'*/:=?\\{[]^\x7f";
  std::string out;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || kEscaped.find(c) != kEscaped.npos)
      AppendEscape(out, c);
    else
      out += c;
  }
  return out;
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string PartitionFolder(const std::vector<std::string>& columns, const PartitionValues& values) {
  std::string folder;
  for (const std::string& column : columns) {
    const auto found = values.find(column);
    const bool is_null = found == values.end() || !found->second.has_value() || found->second->empty();
    const std::string part =
        HiveEscape(column) + "=" + (is_null ? "__HIVE_DEFAULT_PARTITION__" : HiveEscape(*found->second));
    if (part.size() > 200 || folder.size() + part.size() > 600) return "";
    if (!folder.empty()) folder += '/';
    folder += part;
  }
  return folder;
}

std::string UriEncodePath(std::string_view path) {
  static constexpr std::string_view kKept = "-._~/=";
  std::string out;
  for (const char c : path) {
    if ((static_cast<unsigned char>(c) < 0x80 && std::isalnum(static_cast<unsigned char>(c))) ||
        kKept.find(c) != kKept.npos)
      out += c;
    else
      AppendEscape(out, c);
  }
  return out;
}

Result<std::string> UriDecodePath(std::string_view path) {
  std::string out;
  out.reserve(path.size());
  for (size_t i = 0; i < path.size(); ++i) {
    if (path[i] != '%') {
      out += path[i];
      continue;
    }
    const int high = i + 2 < path.size() ? HexDigit(path[i + 1]) : -1;
    const int low = i + 2 < path.size() ? HexDigit(path[i + 2]) : -1;
    if (high < 0 || low < 0)
      return Error(ErrorCode::kCorruption, "path has a '%' without two hex digits: " + std::string(path));
    out += char(high * 16 + low);
    i += 2;
  }
  return out;
}

}  // namespace tarn::table
