// Where warnings go.
#pragma once

#include <functional>
#include <string_view>

#include "cacherator/detail/cache.hpp"

namespace cacherator {

/// Every warning goes to `sink`, on the thread whose call met it; it may log, and may call the cache. Default: a line on
/// stderr. Null: silent. Thread-safe.
inline void set_log_sink(std::function<void(std::string_view message)> sink) { engine::set_log_sink(std::move(sink)); }

}  // namespace cacherator
