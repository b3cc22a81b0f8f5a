// From what files may hold to what a strict JSON parser takes.
#pragma once

#include <string>
#include <string_view>

namespace cacherator::engine {

/// NaN, Infinity and -Infinity become {"$cacherator":"float","value":"nan"} (or "inf", "-inf"), escapes of lone surrogates
/// U+FFFD. All else stays as it is. `json` is well-formed otherwise.
[[nodiscard]] std::string to_strict(std::string_view json);

}  // namespace cacherator::engine
