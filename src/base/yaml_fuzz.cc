#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "base/yaml.h"

// Any bytes: parsed within the limits or refused with a position; typing never fails.

namespace {

void Visit(const tarn::YamlNode& node) {
  (void)node.AsBool();
  (void)node.AsInt();
  (void)node.AsDouble();
  if (node.entries.size() != node.entry_positions.size()) std::abort();
  for (const auto& item : node.items) Visit(item);
  for (const auto& [key, value] : node.entries) {
    (void)tarn::NearestWord(key, {"topics", "streams", "models"});
    Visit(value);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto parsed = tarn::ParseYaml({reinterpret_cast<const char*>(data), size}, "fuzz.yml");
  if (parsed.ok()) {
    Visit(*parsed);
  } else if (parsed.error().message().rfind("fuzz.yml:", 0) != 0) {
    std::abort();
  }
  return 0;
}
