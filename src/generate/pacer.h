#pragma once

#include "base/clock.h"

// Keeps a sender in step with a series of planned times.

namespace tarn::generate {

// Maps planned times to the steady clock from the first call on. Who falls behind (a slow broker, a suspended laptop)
// catches up, but never by more than `behind_max`: what is farther behind is given up, and the plan is shifted.
// Thread-compatible; the clock outlives it.
class Pacer {
 public:
  explicit Pacer(Clock& clock, Micros behind_max = 1'000'000) : clock_(clock), behind_max_(behind_max) {}

  // How long to wait until the record planned for `planned` is due; 0: send it now. Planned times never fall.
  Micros UntilDue(Micros planned);

 private:
  Clock& clock_;
  const Micros behind_max_;
  bool started_ = false;
  Micros shift_ = 0;  // steady time = planned time + shift
};

}  // namespace tarn::generate
