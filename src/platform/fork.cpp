#include "platform/fork.hpp"

#include <pthread.h>
#include <unistd.h>

#include <atomic>

namespace cacherator::platform {
namespace {

std::atomic<std::uint32_t> count{0};
/// More folders and connections than this are never open at once; a further one would only stay open in children.
std::atomic<int> closing[256];

void in_child() {
  count.fetch_add(1);
  for (auto& fd : closing) {
    if (const int open = fd.exchange(0); open > 0) ::close(open);
  }
}

[[maybe_unused]] const int registered = pthread_atfork(nullptr, nullptr, in_child);

}  // namespace

std::uint32_t forks() noexcept { return count.load(std::memory_order_relaxed); }

void close_in_child(int fd) noexcept {
  for (auto& place : closing) {
    int free = 0;
    if (place.compare_exchange_strong(free, fd)) return;
  }
}

void forget_in_child(int fd) noexcept {
  for (auto& place : closing) {
    int held = fd;
    if (place.compare_exchange_strong(held, 0)) return;
  }
}

}  // namespace cacherator::platform
