#include "dynamodb/retry.hpp"

#include <algorithm>
#include <cmath>
#include <mutex>

namespace cacherator::engine::dynamodb {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

milliseconds backoff(int attempt, double random, milliseconds base) {
  const double longest = std::min(std::ldexp(static_cast<double>(base.count()), std::clamp(attempt - 1, 0, 30)), 20'000.0);
  return milliseconds(static_cast<std::int64_t>(random * longest));
}

nanoseconds attempt_limit(int attempt, nanoseconds left) {
  if (attempt >= kAttempts) return left;
  return std::min<nanoseconds>(left, std::max<nanoseconds>(left / 2, milliseconds(500)));
}

int TokenBucket::take(bool after_timeout) {
  const int cost = after_timeout ? kTimeout : kRetry;
  int held = tokens_.load();
  while (held >= cost) {
    if (tokens_.compare_exchange_weak(held, held - cost)) return cost;
  }
  return 0;
}

void TokenBucket::succeeded(int cost) {
  int held = tokens_.load();
  while (held < kCapacity && !tokens_.compare_exchange_weak(held, std::min(kCapacity, held + std::max(1, cost)))) {
  }
}

bool Breaker::allow(SteadyTime now) {
  if (until_.load(std::memory_order_acquire) == 0) return true;
  std::lock_guard lock(mutex_);
  const std::int64_t until = until_.load();
  if (until == 0) return true;
  if (count(now) < until) return false;
  probing_.store(true);
  until_.store(count(now + kProbe));
  return true;
}

void Breaker::succeeded() {
  if (until_.load(std::memory_order_relaxed) == 0) return;
  std::lock_guard lock(mutex_);
  time_ = {};
  probing_.store(false);
  until_.store(0, std::memory_order_release);
}

bool Breaker::failed(SteadyTime now, bool gently) {
  std::lock_guard lock(mutex_);
  const bool was_closed = until_.load() == 0;
  if (!was_closed && !probing_.load()) return false;  // one that began before it opened
  time_ = gently ? kFirst : std::clamp(2 * time_, kFirst, kLongest);
  probing_.store(false);
  until_.store(count(now + time_), std::memory_order_release);
  return was_closed;
}

Breaker::State Breaker::state(SteadyTime now) const {
  const std::int64_t until = until_.load();
  if (until == 0) return State::closed;
  return probing_.load() || count(now) >= until ? State::half_open : State::open;
}

}  // namespace cacherator::engine::dynamodb
