#pragma once

#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "generate/clickstream_event_internal.h"

namespace tarn::generate::clickstream {

// Mode original: every field independent and uniform, as the first generator of the scenario drew them. The event's
// texts live until the next call.
class IndependentEvents {
 public:
  void Make(Micros now, Random& random, Event& event);

 private:
  std::string page_url_, referrer_, user_agent_, browser_;
};

}  // namespace tarn::generate::clickstream
