// When to try again, and when not to try at all: the "standard" mode of the AWS SDKs, and a breaker. Pure: times and random numbers are given.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "cacherator/detail/fork_safe.hpp"

namespace cacherator::engine::dynamodb {

using SteadyTime = std::chrono::steady_clock::time_point;

inline constexpr int kAttempts = 3;

/// The pause before attempt `attempt` + 1; `random` is from 0 to 1. At most 20 s.
[[nodiscard]] std::chrono::milliseconds backoff(int attempt, double random, std::chrono::milliseconds base = std::chrono::seconds(1));

/// How long attempt `attempt` (from 1) may take of what is left: half, so that another one can follow on a new connection; the last one, all.
[[nodiscard]] std::chrono::nanoseconds attempt_limit(int attempt, std::chrono::nanoseconds left);

/// Tokens that retries cost, so that a server in trouble is not asked three times as much by everybody. Thread-safe.
class TokenBucket {
 public:
  static constexpr int kCapacity = 500, kRetry = 5, kTimeout = 10;

  /// Takes the tokens for one retry (`after_timeout`: of an attempt that had no answer in time). 0: there are too few; do not retry.
  [[nodiscard]] int take(bool after_timeout);
  /// An operation succeeded. `cost`: what its last retry took, which comes back; 0: there was none, and one token comes in.
  void succeeded(int cost);
  [[nodiscard]] int tokens() const { return tokens_.load(); }

 private:
  std::atomic<int> tokens_{kCapacity};
};

/// Closed: all operations go. Open: none, for 1 s, then twice as long each time, up to 30 s. Then half-open: one operation probes. Thread-safe.
class Breaker {
 public:
  enum class State : std::uint8_t { closed, open, half_open };
  static constexpr std::chrono::seconds kFirst{1}, kLongest{30};
  static constexpr std::chrono::seconds kProbe{10};  ///< a probe that has not ended after this time is lost

  /// One operation wants to go; false: it fails. In the half-open state the first one goes, as the probe.
  [[nodiscard]] bool allow(SteadyTime now);
  /// What allow() would answer, without taking the probe. Costs an atomic load while closed; `now` is a function, asked otherwise.
  template <class Now>
  [[nodiscard]] bool allows(Now now) const {
    const std::int64_t until = until_.load(std::memory_order_acquire);
    return until == 0 || count(now()) >= until;
  }
  void succeeded();
  /// One operation failed in a way that others will fail too. True: it is open from now on, and was not before. `gently`: for a second, each time.
  bool failed(SteadyTime now, bool gently = false);
  [[nodiscard]] State state(SteadyTime now) const;

 private:
  static std::int64_t count(SteadyTime time) { return time.time_since_epoch().count(); }

  std::atomic<std::int64_t> until_{0};  ///< 0: closed
  std::atomic<bool> probing_{false};
  mutable detail::ForkSafeMutex mutex_;  ///< of changes
  std::chrono::seconds time_{0};         ///< how long it was open last
};

}  // namespace cacherator::engine::dynamodb
