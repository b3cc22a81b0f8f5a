// Where the engine's warnings go.
#pragma once

#include <string_view>

namespace cacherator::engine {

/// Hands a warning to the sink that a face has set. Thread-safe; not called from background threads.
void log_warning(std::string_view message);

}  // namespace cacherator::engine
