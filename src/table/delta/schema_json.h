#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/schema.h"

// Delta's schemaString (PROTOCOL.md, "Schema Serialization Format").

namespace tarn::table::delta {

// kCorruption: not a schema, with the place; kUnsupported: names the type.
Result<engine::Schema> ParseSchema(std::string_view json);
// kUnsupported: names the column whose type Delta does not have.
Result<std::string> FormatSchema(const engine::Schema& schema);

}  // namespace tarn::table::delta
