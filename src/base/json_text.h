#pragma once

#include <string>
#include <string_view>

namespace tarn {

// "text" as a JSON string (RFC 8259). Bytes that are not UTF-8 become U+FFFD.
void AppendJsonString(std::string_view text, std::string* out);

}  // namespace tarn
