#pragma once

#include <string_view>

#include "broker/protocol/codec.h"

namespace tarn::broker {

// A topic's id, a UUID in text (base/random.h), as it goes over the wire. Zeros for text that is no UUID.
Uuid TopicIdBytes(std::string_view text);

}  // namespace tarn::broker
