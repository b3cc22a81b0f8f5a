#include <ctime>

#include "cacherator/detail/cache.hpp"

namespace cacherator::engine {

Time now() noexcept {
  timespec t;
  clock_gettime(CLOCK_REALTIME_COARSE, &t);
  return t.tv_sec * kSecond + t.tv_nsec;
}

}  // namespace cacherator::engine
