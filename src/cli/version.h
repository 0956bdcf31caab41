#pragma once

namespace tarn::cli {

inline constexpr char kVersion[] = TARN_VERSION;

}  // namespace tarn::cli
