#pragma once

#include "base/result.h"
#include "table/delta/actions.h"

// Which tables we may read, and which we may also write (PROTOCOL.md, "Table Features").

namespace tarn::table::delta {

// kUnsupported: names the feature.
Status CheckReadable(const Protocol& protocol, const Metadata& metadata);
// The same for commits. Features that a legacy writer version only implies count when the table uses them.
Status CheckWritable(const Protocol& protocol, const Metadata& metadata);

}  // namespace tarn::table::delta
