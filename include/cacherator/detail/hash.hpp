// One way to hash, for all tables of this library. Not for files, not against an adversary.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace cacherator::detail {

/// A multiplication whose halves are folded together (as in wyhash): all bits of the input reach all bits of the answer.
inline std::uint64_t mix(std::uint64_t a) noexcept {
  __extension__ using Wide = unsigned __int128;
  const auto product = static_cast<Wide>(a ^ 0x9E3779B97F4A7C15u) * 0xD6E8FEB86659FD93u;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

inline std::uint64_t hash_bytes(const void* data, std::size_t size) noexcept {
  const auto* bytes = static_cast<const unsigned char*>(data);
  std::uint64_t hash = size;
  for (; size >= 8; size -= 8, bytes += 8) {
    std::uint64_t word;
    std::memcpy(&word, bytes, 8);
    hash = mix(hash + word);
  }
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, size);
  return mix(hash + word);
}

}  // namespace cacherator::detail
