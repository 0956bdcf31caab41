#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/clock.h"

// Threads that wait for sockets and timers and run what these bring.

namespace tarn::net {

// A few threads with one queue of work. Sockets of one connection are served by one thread at a time, so that a handler
// may do short disk reads; while one blocks, the others go on. Owned by cli/assemble.cc or a test; outlives the servers
// and timers on it. Thread-safe.
class EventLoop {
 public:
  // `threads`: at least 1.
  explicit EventLoop(int threads);
  // Stops: what is queued and every timer is dropped. Requires: no server on it runs.
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Runs `work` soon, on a loop thread. The queue has no bound of its own: what posts is bounded.
  void Post(std::function<void()> work);
  // Runs `work` once after `delay` of real time, on a loop thread, unless the returned timer is destroyed before;
  // destroying it does not wait for work that has begun.
  class Timer {
   public:
    virtual ~Timer() = default;
  };
  std::unique_ptr<Timer> RunAfter(Micros delay, std::function<void()> work);
  // Runs `work` every `period`, never beside itself, until the timer is destroyed.
  std::unique_ptr<Timer> RunEvery(Micros period, std::function<void()> work);

  // The io_context within: for sources of this module.
  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace tarn::net
