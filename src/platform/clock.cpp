#include <ctime>

#include "cacherator/detail/cache.hpp"
#include "platform/faults.hpp"

namespace cacherator::engine {

Time now() noexcept {
  timespec t;
  clock_gettime(CLOCK_REALTIME_COARSE, &t);
  const Time time = t.tv_sec * kSecond + t.tv_nsec;
  auto* const faults = platform::faults.load(std::memory_order_acquire);
  return faults ? faults->clock(time) : time;
}

}  // namespace cacherator::engine
