#include "table/delta/protocol_check.h"

#include <algorithm>

namespace tarn::table::delta {
namespace {

Error Unsupported(std::string_view feature) {
  return Error(ErrorCode::kUnsupported, "table feature " + std::string(feature));
}

bool IsOn(const Metadata& metadata, const std::string& property) {
  const auto found = metadata.configuration.find(property);
  return found != metadata.configuration.end() && found->second == "true";
}

bool AnyFieldHas(const std::vector<engine::Field>& fields, std::string_view key) {
  return std::any_of(fields.begin(), fields.end(), [&](const engine::Field& field) {
    const bool here = std::any_of(field.metadata.begin(), field.metadata.end(),
                                  [&](const auto& entry) { return entry.first == key; });
    return here || (field.type.fields && AnyFieldHas(*field.type.fields, key));
  });
}

// Features whose use shows in the metadata; while unused they ask nothing of us.
Status CheckUnused(const Metadata& metadata) {
  for (const auto& [key, value] : metadata.configuration)
    if (key.starts_with("delta.constraints.")) return Unsupported("checkConstraints");
  if (AnyFieldHas(metadata.schema.fields, "delta.invariants")) return Unsupported("invariants");
  if (IsOn(metadata, "delta.enableChangeDataFeed")) return Unsupported("changeDataFeed");
  if (AnyFieldHas(metadata.schema.fields, "delta.generationExpression")) return Unsupported("generatedColumns");
  if (AnyFieldHas(metadata.schema.fields, "delta.identity.start")) return Unsupported("identityColumns");
  return Ok();
}

Status CheckColumnMapping(const Metadata& metadata) {
  const auto mode = metadata.configuration.find("delta.columnMapping.mode");
  if (mode != metadata.configuration.end() && mode->second != "none")
    return Unsupported("columnMapping (mode " + mode->second + ")");
  return Ok();
}

}  // namespace

Status CheckReadable(const Protocol& protocol, const Metadata& metadata) {
  if (protocol.reader < 1 || protocol.reader > 3)
    return Unsupported("minReaderVersion " + std::to_string(protocol.reader));
  if (protocol.reader == 3) {
    if (!protocol.reader_features)
      return Error(ErrorCode::kCorruption, "protocol: reader version 3 without readerFeatures");
    for (const std::string& feature : *protocol.reader_features)
      if (feature != "timestampNtz" && feature != "columnMapping" && feature != "vacuumProtocolCheck")
        return Unsupported(feature);
  }
  return CheckColumnMapping(metadata);
}

Status CheckWritable(const Protocol& protocol, const Metadata& metadata) {
  TARN_TRY(CheckReadable(protocol, metadata));
  if (protocol.writer < 1 || protocol.writer > 7)
    return Unsupported("minWriterVersion " + std::to_string(protocol.writer));
  if (protocol.writer == 7) {
    if (!protocol.writer_features)
      return Error(ErrorCode::kCorruption, "protocol: writer version 7 without writerFeatures");
    static constexpr std::string_view kKnown[] = {"appendOnly",     "invariants",       "checkConstraints",
                                                  "changeDataFeed", "generatedColumns", "identityColumns",
                                                  "columnMapping",  "timestampNtz",     "vacuumProtocolCheck"};
    for (const std::string& feature : *protocol.writer_features)
      if (std::find(std::begin(kKnown), std::end(kKnown), feature) == std::end(kKnown)) return Unsupported(feature);
  }
  return CheckUnused(metadata);
}

}  // namespace tarn::table::delta
