#include "generate/pacer.h"

#include <algorithm>

namespace tarn::generate {

Micros Pacer::UntilDue(Micros planned) {
  const Micros now = clock_.Steady();
  if (!started_) {
    started_ = true;
    shift_ = now - planned;
  }
  shift_ = std::max(shift_, now - behind_max_ - planned);
  return std::max<Micros>(0, planned + shift_ - now);
}

}  // namespace tarn::generate
