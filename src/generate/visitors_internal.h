#pragma once

#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "generate/clickstream_event_internal.h"

// Who visits the shop and what they do there: population, sessions and funnel of the scenario's section 2.2.

namespace tarn::generate::clickstream {

// A visit that goes on: what was decided about its next event, and what that event needs to know of those before.
struct Session {
  Uuid id;
  Micros due = 0;  // when the next event happens
  uint32_t user = 0;
  uint32_t ip_address = 0;
  uint8_t device = 0, screen = 0;  // of the tables in visitors.cc
  uint8_t previous_page = 0;       // by number; before the first event the outside page it came from
  EventType next = EventType::kPageView;
  int8_t product = -1;  // viewed last
  uint8_t cart = 0;     // one bit a product
};

// Users follow from the seed alone: the same ones return in every run. Thread-compatible.
class Visitors {
 public:
  Visitors(uint64_t seed, Micros start) : seed_(seed), start_(start) {}

  // A session of a drawn user whose first event happens at `now`.
  Session Open(Micros now, Random& random);
  // Makes the session's due event and decides about the next one. False: the session has ended.
  bool Step(Session& session, Random& random, Event& event);
  // Whether a session read back from a state is one that Open and Step can have made.
  static bool Plausible(const Session& session);

 private:
  struct User {
    Uuid id;
    uint8_t country = 0;
    uint8_t devices[2] = {};  // main and second
    uint8_t screens[2] = {};
  };

  // The first `count` users exist from here on.
  void Populate(size_t count);
  User MakeUser(size_t index) const;
  uint32_t DrawUser(Micros now, Random& random);
  void FillPage(Session& session, Random& random, Event& event);

  const uint64_t seed_;
  const Micros start_;
  std::vector<User> users_;       // by activity rank
  std::vector<double> activity_;  // summed Zipf weights up to and with each user
};

}  // namespace tarn::generate::clickstream
