#pragma once

#include <cstdint>
#include <string_view>

namespace tarn::record {

// What Crc32c falls back to on a processor without SSE4.2.
uint32_t Crc32cByTable(std::string_view bytes, uint32_t crc = 0);

}  // namespace tarn::record
