// What a forked child must know: that it is one.
#pragma once

#include <cstdint>

namespace cacherator::platform {

/// How many forks lie between the program's start and this process. Locks and threads taken under another number are the
/// parent's. Async-signal-safe.
[[nodiscard]] std::uint32_t forks() noexcept;

/// Closes this descriptor in every child: a lock that belongs to the open file would outlive its process there.
void close_in_child(int fd) noexcept;
/// To be called before `fd` is closed here.
void forget_in_child(int fd) noexcept;

}  // namespace cacherator::platform
