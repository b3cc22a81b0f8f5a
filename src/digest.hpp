// Digests in lower-case hex, for names and signatures. Source: FIPS 180-4. Thread-safe.
// Not a library's: OpenSSL 3 takes a millisecond to be ready, and is gone while a program's static variables are destroyed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace cacherator::engine {

[[nodiscard]] std::string sha1_hex(std::string_view bytes);    ///< 40 digits; what 1.2.9 shortens signatures with
[[nodiscard]] std::string sha256_hex(std::string_view bytes);  ///< 64 digits

/// 64 bits, not for secrets: FNV-1a (Fowler, Noll, Vo). All programs of one machine must agree on it; `hash` goes on from another text.
[[nodiscard]] constexpr std::uint64_t fnv1a(std::string_view bytes, std::uint64_t hash = 0xcbf29ce484222325) {
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

}  // namespace cacherator::engine
