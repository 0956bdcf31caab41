#pragma once

#include <string>

#include "catalog/catalog.h"

// A planned change as one JSON text, durable in the catalog before the first log gets its commit. Frozen: version 1; a
// reader refuses another version.

namespace tarn::catalog {

std::string EncodeChange(const PublishedChange& change);
// Everything but the table's name. kCorruption.
Result<PublishedChange> DecodeChange(const std::string& text);

}  // namespace tarn::catalog
