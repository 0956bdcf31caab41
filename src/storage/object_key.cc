#include <algorithm>

#include "storage/object_stores.h"

namespace tarn::storage {

Status CheckKey(const std::string& key) {
  const auto bad = [&](std::string_view why) {
    return Error(ErrorCode::kInvalidArgument, "object key '" + key + "' " + std::string(why));
  };
  if (key.empty()) return bad("is empty");
  if (key.size() > 1024) return bad("is longer than 1024 bytes");
  if (key.find('\0') != key.npos) return bad("holds a NUL byte");
  size_t begin = 0;
  while (true) {
    const size_t end = std::min(key.find('/', begin), key.size());
    const std::string_view segment(key.data() + begin, end - begin);
    if (segment.empty()) return bad("has an empty segment");
    if (segment == "." || segment == "..") return bad("has a segment '" + std::string(segment) + "'");
    if (segment.starts_with(".tmp-")) return bad("has the name of a temporary file");
    if (end == key.size()) return Ok();
    begin = end + 1;
  }
}

Status CheckPrefix(const std::string& prefix) {
  if (prefix.empty()) return Ok();
  if (prefix.back() != '/')
    return Error(ErrorCode::kInvalidArgument, "list prefix '" + prefix + "' does not end with '/'");
  return CheckKey(prefix.substr(0, prefix.size() - 1));
}

}  // namespace tarn::storage
