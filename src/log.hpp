// Where the engine's warnings go.
#pragma once

#include <string_view>

namespace cacherator::engine {

/// Hands a warning to the sink that a face has set. Thread-safe; not called from background threads.
void log_warning(std::string_view message);
/// The same of an operation of the second layer; nobody wants to know of them until a face sets that sink.
void log_operation(std::string_view message);
[[nodiscard]] bool operations_are_logged() noexcept;

}  // namespace cacherator::engine
