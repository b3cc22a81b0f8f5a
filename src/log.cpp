#include "log.hpp"

#include <atomic>
#include <cstdio>
#include <memory>
#include <mutex>

#include "cacherator/detail/cache.hpp"
#include "cacherator/detail/fork_safe.hpp"

namespace cacherator::engine {
namespace {

using Sink = std::function<void(std::string_view)>;

void to_stderr(std::string_view message) { std::fprintf(stderr, "cacherator: warning: %.*s\n", static_cast<int>(message.size()), message.data()); }

detail::ForkSafeMutex mutex;
std::atomic<bool> enabled{true}, operations{false};
std::shared_ptr<Sink>& sink() {
  static auto* current = new std::shared_ptr<Sink>(std::make_shared<Sink>(to_stderr));  // outlives static destructors
  return *current;
}

std::shared_ptr<Sink>& operation_sink() {
  static auto* current = new std::shared_ptr<Sink>;
  return *current;
}

/// Outside the lock: a sink may log, or call the engine.
void hand(const std::shared_ptr<Sink>& to, std::string_view message) {
  std::shared_ptr<Sink> current;
  {
    std::lock_guard lock(mutex);
    current = to;
  }
  if (current) (*current)(message);
}

}  // namespace

void set_log_sink(Sink replacement) {
  auto made = replacement ? std::make_shared<Sink>(std::move(replacement)) : nullptr;
  std::lock_guard lock(mutex);
  sink() = std::move(made);
}

void set_logging(bool on) noexcept { enabled.store(on, std::memory_order_relaxed); }

void log_warning(std::string_view message) {
  if (!enabled.load(std::memory_order_relaxed)) return;
  hand(sink(), message);
}

void set_operation_sink(Sink replacement) {
  auto made = replacement ? std::make_shared<Sink>(std::move(replacement)) : nullptr;
  std::lock_guard lock(mutex);
  operations.store(made != nullptr, std::memory_order_relaxed);
  operation_sink() = std::move(made);
}

void log_operation(std::string_view message) {
  if (enabled.load(std::memory_order_relaxed)) hand(operation_sink(), message);
}

bool operations_are_logged() noexcept { return operations.load(std::memory_order_relaxed) && enabled.load(std::memory_order_relaxed); }

}  // namespace cacherator::engine
