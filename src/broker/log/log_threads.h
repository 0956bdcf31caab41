#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace tarn::broker {

// The few threads that write and sync all partitions of a directory. A partition is at work on one of them at a time,
// so the number of threads is how many fsyncs run side by side, and does not grow with the number of partitions.
// Thread-safe. The queue is bounded by its callers: a partition waits in it once.
class LogThreads {
 public:
  explicit LogThreads(int count = 4);
  // Runs what is queued to its end first.
  ~LogThreads();
  LogThreads(const LogThreads&) = delete;
  LogThreads& operator=(const LogThreads&) = delete;

  void Run(std::function<void()> work);

 private:
  void Work();

  std::mutex mutex_;
  std::condition_variable more_;
  std::deque<std::function<void()>> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace tarn::broker
