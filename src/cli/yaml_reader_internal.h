#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/yaml.h"

namespace tarn::cli {

// Reads the keys of one mapping and remembers the first thing that is wrong, so that a caller reads all it knows and
// asks once. A key that nobody read is an error that names the nearest one that somebody would have. Thread-compatible;
// the node outlives it.
class MappingReader {
 public:
  // `what` the mapping is, for messages: "stream ClickstreamStreaming".
  MappingReader(const YamlNode& node, const std::string& file, std::string what);

  // Each reads one key into `out`, which keeps its value when the key is absent.
  void Text(const std::string& key, std::string* out);
  void Required(const std::string& key, std::string* out);
  void TextList(const std::string& key, std::vector<std::string>* out);  // one scalar is a list of one
  void Integer(const std::string& key, int64_t low, int64_t high, int64_t* out);
  void Number(const std::string& key, double low, double high, double* out);
  void Duration(const std::string& key, Micros* out);     // 500ms, 1.5s, 10m, 2h, 7d
  void ByteCount(const std::string& key, uint64_t* out);  // 256MB, 64KiB, 1048576
  void Choice(const std::string& key, const std::vector<std::string>& choices, std::string* out);
  // The node under a key, or null; its keys are the caller's business.
  const YamlNode* Take(const std::string& key, YamlNode::Kind kind);
  const YamlNode* Take(const std::string& key);

  void Fail(const YamlNode& at, const std::string& what);
  // The failure of a key that nobody read, or the first other one.
  Status Finish();

 private:
  Error ErrorAtKey(size_t index, const std::string& what) const;

  const YamlNode& node_;
  const std::string& file_;
  const std::string what_;
  std::vector<std::string> known_;
  std::optional<Error> error_;
};

// kInvalidArgument says what is expected.
Result<Micros> ParseDuration(std::string_view text);
Result<uint64_t> ParseByteCount(std::string_view text);
// "2026-11-24", "2026-11-24T10:00:00", with a fraction, Z or +HH:MM; without a zone it is UTC. Also "now".
Result<Micros> ParseTime(std::string_view text, const Clock& clock);

}  // namespace tarn::cli
