#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "record/record_batch.h"

// The codecs of record batches, by Kafka's framing of each: gzip (RFC 1952), snappy (raw, and the blocks of xerial's
// snappy-java), LZ4 frame format, zstd (RFC 8878). Input is foreign: output is bounded by a budget, and memory grows
// with the bytes that really came out, never with a length that the input claims.

namespace tarn::record {

// Inflates `body` to the front of `scratch`, which only ever grows (a caller keeps it from batch to batch, so that
// nothing is allocated or cleared in between); returns how many bytes it inflated to. At least `padding` zero bytes
// follow them. kCorruption; kResourceExhausted above `inflated_max`. Thread-safe.
Result<size_t> Decompress(Compression codec, std::string_view body, uint64_t inflated_max, size_t padding,
                          std::string& scratch);

// kInternal: the library failed. Snappy is written raw. Requires: a codec other than kNone.
Result<std::string> Compress(Compression codec, std::string_view body);

}  // namespace tarn::record
