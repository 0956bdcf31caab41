#pragma once

#include <string>
#include <string_view>

namespace tarn::table::delta {

// `text` as a JSON string, quotes included. Bytes that are no UTF-8 pass unchanged.
void AppendJsonString(std::string& out, std::string_view text);

}  // namespace tarn::table::delta
