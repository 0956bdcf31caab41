#include "net/event_loop.h"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <mutex>
#include <utility>

#include "net/event_loop_internal.h"

namespace tarn::net {
namespace asio = boost::asio;

namespace {

// The timer's life is shared with its pending wait, which holds the mutex only to look whether it is still wanted.
struct TimerState : std::enable_shared_from_this<TimerState> {
  TimerState(asio::io_context& io, std::function<void()> w, Micros p) : timer(io), work(std::move(w)), period(p) {}

  void Arm(Micros delay) {
    std::lock_guard lock(mutex);
    if (cancelled) return;
    timer.expires_after(std::chrono::microseconds(delay));
    timer.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
      if (error) return;
      {
        std::lock_guard inner(self->mutex);
        if (self->cancelled) return;
      }
      self->work();
      if (self->period > 0) self->Arm(self->period);
    });
  }
  void Cancel() {
    std::lock_guard lock(mutex);
    cancelled = true;
    timer.cancel();
  }

  std::mutex mutex;
  bool cancelled = false;
  asio::steady_timer timer;
  const std::function<void()> work;
  const Micros period;
};

class TimerHandle final : public EventLoop::Timer {
 public:
  explicit TimerHandle(std::shared_ptr<TimerState> state) : state_(std::move(state)) {}
  ~TimerHandle() override { state_->Cancel(); }

 private:
  std::shared_ptr<TimerState> state_;
};

}  // namespace

EventLoop::EventLoop(int threads) : impl_(std::make_unique<Impl>(threads)) {
  for (int i = 0; i < threads; ++i) impl_->threads.emplace_back([this] { impl_->io.run(); });
}

EventLoop::~EventLoop() {
  impl_->work.reset();
  impl_->io.stop();
  for (auto& thread : impl_->threads) thread.join();
}

void EventLoop::Post(std::function<void()> work) {
  asio::post(impl_->io, std::move(work));
}

std::unique_ptr<EventLoop::Timer> EventLoop::RunAfter(Micros delay, std::function<void()> work) {
  auto state = std::make_shared<TimerState>(impl_->io, std::move(work), 0);
  state->Arm(delay);
  return std::make_unique<TimerHandle>(std::move(state));
}

std::unique_ptr<EventLoop::Timer> EventLoop::RunEvery(Micros period, std::function<void()> work) {
  auto state = std::make_shared<TimerState>(impl_->io, std::move(work), period);
  state->Arm(period);
  return std::make_unique<TimerHandle>(std::move(state));
}

}  // namespace tarn::net
