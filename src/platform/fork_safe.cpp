#include "cacherator/detail/fork_safe.hpp"

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>

namespace cacherator::detail {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kPatience{1};

constinit std::atomic<int> inside{0};   ///< threads that hold, or are about to take, at least one
constinit std::atomic<int> forking{0};  ///< threads amid fork()
constinit thread_local int held = 0;    ///< by this thread

void before() {
  forking.fetch_add(1);
  const int own = held > 0 ? 1 : 0;
  for (const auto end = Clock::now() + kPatience; inside.load() > own && Clock::now() < end;) ::usleep(20);
}

void in_parent() { forking.fetch_sub(1); }

void in_child() {
  inside.store(held > 0 ? 1 : 0);
  forking.store(0);
}

[[maybe_unused]] const int registered = pthread_atfork(before, in_parent, in_child);

}  // namespace

void ForkSafeMutex::enter() noexcept {
  if (held++ > 0) return;
  while (inside.fetch_add(1), forking.load() > 0) {  // both sequentially consistent: the fork sees us, or we see it
    inside.fetch_sub(1);
    while (forking.load() > 0) std::this_thread::yield();
  }
}

void ForkSafeMutex::leave() noexcept {
  if (--held == 0) inside.fetch_sub(1);
}

}  // namespace cacherator::detail
