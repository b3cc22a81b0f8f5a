// What every cached function has, whatever its types: its name, its ttl, its figures, and the story of one call.
#pragma once

#include <atomic>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "cacherator/detail/core.hpp"
#include "cacherator/detail/fork_safe.hpp"
#include "cacherator/detail/text.hpp"

namespace cacherator::detail {

struct Counts {
  std::uint64_t hits_l1 = 0, hits_l2 = 0, misses = 0;
};

/// Thread-safe.
class FunctionBase : public std::enable_shared_from_this<FunctionBase> {
 public:
  FunctionBase(std::shared_ptr<Core> core, std::string name, CallOptions options);
  virtual ~FunctionBase();
  FunctionBase(const FunctionBase&) = delete;
  FunctionBase& operator=(const FunctionBase&) = delete;

  /// Forgets what memory holds: all, or the one call of this signature.
  virtual void forget(std::optional<std::string_view> signature) = 0;
  /// signature -> status of the last call, of all that memory holds.
  virtual void statuses(std::map<std::string, std::string>& into) = 0;

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] Core& core() const noexcept { return *core_; }
  [[nodiscard]] double ttl_days() const noexcept { return ttl_days_; }
  [[nodiscard]] Counts counts() const noexcept;

 protected:
  friend class Story;
  void count_hit(Reader& reader) noexcept;
  void count(Status status) noexcept;

  const std::shared_ptr<Core> core_;
  const std::string name_;
  const CallOptions options_;
  const double ttl_days_;
  std::atomic<const engine::Freshness*> freshness_{nullptr};  ///< null until the first call

 private:
  struct alignas(64) Seat {
    std::atomic<std::uint64_t> hits{0};
  };
  std::atomic<std::uint64_t> hits_l1_{0}, hits_l2_{0}, misses_{0};
  std::array<std::atomic<Seat*>, 64> seats_{};  ///< of the first 64 threads, each its own: counting takes no locked instruction
  ForkSafeMutex mutex_;
  std::set<std::string, std::less<>> computed_;  ///< with clear_cache: what this function has computed
};

/// One call, from the signature on. Used by one thread, or one coroutine, at a time.
class Story {
 public:
  /// Throws std::logic_error where the cache cannot be named (Core::cache).
  Story(FunctionBase& function, std::string full_signature);

  /// `may_wait_elsewhere`: for another process; no coroutine without an executor does, as it would be resumed on the engine's thread.
  engine::Answer ask(bool may_wait_elsewhere = true);
  /// What is stored and in time; never a lead.
  std::optional<engine::Entry> look();
  /// Blocks until the flight ended; then as waited().
  void wait(engine::Wait wait);
  /// The flight ended: throws what its leader threw.
  void waited(const engine::Flight& flight);

  /// Keeps the result. `json`: its text; empty where `problem` says why it has none.
  engine::Kept keep(const engine::Lead& lead, std::string_view json, std::string_view problem);
  /// The stored value cannot be restored: it is computed anew.
  void unreadable(std::string_view problem);

  [[nodiscard]] const std::string& signature() const noexcept { return signature_.text; }
  [[nodiscard]] engine::Cache& cache() const noexcept { return cache_; }
  [[nodiscard]] std::uint64_t generation() const noexcept { return generation_; }

 private:
  FunctionBase& function_;
  engine::Cache& cache_;
  engine::Signature signature_;
  std::uint64_t generation_ = 0;  ///< of the store, before it was asked
  bool recompute_ = false, alone_ = false, here_ = false, asked_ = false;
};

/// What the code of this thread leads, for a scope.
class LineageScope {
 public:
  explicit LineageScope(engine::LineagePtr lineage) noexcept;
  ~LineageScope();
  LineageScope(const LineageScope&) = delete;
  LineageScope& operator=(const LineageScope&) = delete;

 private:
  engine::LineagePtr outer_;
};

}  // namespace cacherator::detail
