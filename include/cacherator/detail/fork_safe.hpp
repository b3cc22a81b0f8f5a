// Locks that are free in a child which was forked while other threads worked.
#pragma once

#include <mutex>

namespace cacherator::detail {

/// A mutex that no other thread holds at the moment of a fork, so that the child finds it free and what it guards whole: a fork
/// waits for those that are inside, for a second at most (one of them might itself wait for the thread that forks).
/// For sections that are short, or as long as one record takes to be written. About 10 ns more than std::mutex.
class ForkSafeMutex {
 public:
  void lock() {
    enter();
    mutex_.lock();
  }
  void unlock() {
    mutex_.unlock();
    leave();
  }

 private:
  static void enter() noexcept;
  static void leave() noexcept;
  std::mutex mutex_;
};

}  // namespace cacherator::detail
