// Digests in lower-case hex.
#pragma once

#include <string>
#include <string_view>

namespace cacherator::engine {

[[nodiscard]] std::string sha1_hex(std::string_view bytes);    ///< 40 digits; what 1.2.9 shortens signatures with
[[nodiscard]] std::string sha256_hex(std::string_view bytes);  ///< 64 digits

}  // namespace cacherator::engine
