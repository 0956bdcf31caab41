#pragma once

#include <memory>

#include "broker/topics.h"

namespace tarn::broker {

// Topics that live in memory, for tests of what stands above the log: appends are acknowledged at once on the caller's
// thread, sequences and CRCs are not checked, nothing is deleted by retention.
std::unique_ptr<Topics> MakeMemoryTopics(Random random);

}  // namespace tarn::broker
