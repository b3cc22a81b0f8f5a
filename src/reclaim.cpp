#include "cacherator/detail/reclaim.hpp"

#include <algorithm>

#include <pthread.h>

namespace cacherator::detail {

constinit thread_local Reader* own_reader = nullptr;
std::atomic<std::uint64_t> era{1};

namespace {

std::atomic<Reader*> readers{nullptr};
std::atomic<std::uint32_t> threads{0};
std::atomic<std::uint32_t> slots{0};

/// The threads of the parent do not live in a child: none of them is inside, and their records are free.
void in_child() {
  for (Reader* each = readers.load(std::memory_order_acquire); each; each = each->next) {
    if (each == own_reader) continue;
    each->inside.store(0, std::memory_order_relaxed);
    each->taken.store(false, std::memory_order_relaxed);
  }
}
[[maybe_unused]] const int registered = pthread_atfork(nullptr, nullptr, in_child);

Reader* take_one() {
  for (Reader* each = readers.load(std::memory_order_acquire); each; each = each->next) {
    bool free = false;
    if (each->taken.compare_exchange_strong(free, true, std::memory_order_acquire)) return each;
  }
  auto* made = new Reader;  // never freed: others walk the list without a lock
  made->slot = slots.fetch_add(1, std::memory_order_relaxed);
  made->next = readers.load(std::memory_order_relaxed);
  while (!readers.compare_exchange_weak(made->next, made, std::memory_order_release, std::memory_order_relaxed)) {
  }
  return made;
}

struct GivenBack {
  ~GivenBack() {
    if (!own_reader) return;
    own_reader->taken.store(false, std::memory_order_release);
    own_reader = nullptr;
  }
};

}  // namespace

Reader& new_reader() {
  static thread_local GivenBack at_end;
  static_cast<void>(at_end);
  own_reader = take_one();
  own_reader->mark = (threads.fetch_add(1, std::memory_order_relaxed) + 1) << 2;
  return *own_reader;
}

std::uint64_t retire() noexcept { return era.fetch_add(1, std::memory_order_seq_cst); }

std::uint64_t oldest_inside() noexcept {
  std::uint64_t oldest = UINT64_MAX;
  for (const Reader* each = readers.load(std::memory_order_acquire); each; each = each->next) {
    const auto inside = each->inside.load(std::memory_order_seq_cst);
    if (inside) oldest = std::min(oldest, inside);
  }
  return oldest;
}

}  // namespace cacherator::detail
