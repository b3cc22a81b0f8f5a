// Threads of this process, as the operating system sees them.
#pragma once

#include <cstdint>

namespace cacherator::platform {

/// The calling thread, by a number that look_at_thread() knows.
[[nodiscard]] int this_thread() noexcept;

struct ThreadLook {
  std::int64_t cpu = 0;            ///< nanoseconds of CPU that it has used
  bool waits_for_a_thread = true;  ///< it sleeps until another thread wakes it; also where that cannot be told
};
[[nodiscard]] ThreadLook look_at_thread(int thread) noexcept;

}  // namespace cacherator::platform
