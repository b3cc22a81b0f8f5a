// Flights: one running computation of one signature; others wait for it.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cacherator::engine {

class Flights;

/// The flights that the running code leads, innermost first. A face carries it along its call chain (a thread-local,
/// a context variable) and hands it to `Call::lineage`, so that waiting which would close a cycle is recognised.
struct Lineage {
  std::uint64_t flight = 0;
  std::shared_ptr<const Lineage> outer{};
};
using LineagePtr = std::shared_ptr<const Lineage>;

/// One running computation. Thread-safe.
class Flight {
 public:
  enum class End : std::uint8_t {
    kept,       ///< the value is in the store or in the leader's memory: look again
    failed,     ///< the function raised; see failure()
    abandoned,  ///< cancelled or destroyed: whoever asks next takes the lead
    elsewhere,  ///< another process computed it, or does so no more: look again, and do not wait for another process twice
    asked,      ///< the second layer has answered: look again, and do not ask it twice
  };

  /// Blocks the thread until the flight ended, at most `limit`; nullopt: not ended yet.
  std::optional<End> wait_for(std::chrono::nanoseconds limit);
  /// Calls `then` once when the flight ends, on the ending thread; it must be quick and not throw.
  /// False: the flight has already ended and `then` will not be called.
  bool on_end(std::function<void()> then);
  [[nodiscard]] std::optional<End> ended() const;
  /// What the leader gave Lead::fail(): the face's own exception object. Null unless ended with `failed`.
  [[nodiscard]] std::shared_ptr<void> failure() const;
  [[nodiscard]] std::uint64_t id() const noexcept { return id_; }

 private:
  friend class Flights;
  friend class Lead;
  friend class Wait;
  void end(End how, std::shared_ptr<void> failure);

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::function<void()>> then_;
  std::optional<End> end_;
  std::shared_ptr<void> failure_;
  std::uint64_t id_ = 0;
  std::string signature_{};
  int leader_ = 0;                      ///< the thread that took the lead, as platform::this_thread() names it
  std::atomic<bool> elsewhere_{false};  ///< another process leads
};

/// Registers that code of one lineage waits for a flight; waiting ends with its lifetime. Movable.
class Wait {
 public:
  Wait() = default;
  Wait(Wait&&) noexcept;
  Wait& operator=(Wait&&) noexcept;
  ~Wait();
  [[nodiscard]] Flight& flight() const noexcept { return *flight_; }
  [[nodiscard]] const std::shared_ptr<Flight>& shared() const noexcept { return flight_; }
  /// To be asked now and then by a thread that waits: true when the leading thread has slept for the cache's
  /// `single_flight_wait`, without using the CPU, until some other thread wakes it. It may be this one that is to do so
  /// (a pool's), so the waiter computes for itself.
  bool stuck();
  /// True where the flight stands for something that is waited for outside this process: it ends on a thread of the engine's.
  [[nodiscard]] bool outside() const noexcept { return flight_->elsewhere_; }
  std::chrono::nanoseconds limit{std::chrono::minutes(1)};  ///< single_flight_wait

 private:
  friend class Flights;
  std::shared_ptr<Flights> flights_;
  std::shared_ptr<Flight> flight_;
  std::uint64_t ticket_ = 0;
  std::uint32_t forks_ = 0;
  std::chrono::steady_clock::time_point idle_since_{};
  std::int64_t leader_cpu_ = -1;
};

/// The right to compute one signature. Destroyed without land() or fail(): the flight is abandoned. Movable.
/// A lead without a flight (a cycle was met, or the call asked not to share) computes for itself alone.
class Lead {
 public:
  Lead() = default;
  Lead(Lead&&) noexcept;
  Lead& operator=(Lead&&) noexcept;
  ~Lead();

  std::uint64_t under = 0;        ///< clear number seen before the computation began; goes into Cache::keep
  LineagePtr lineage{};           ///< what code called from the computation carries
  std::string tokens{};           ///< of the second layer's table, as known before the computation began; go into Cache::keep
  std::shared_ptr<void> range{};  ///< the lead among processes; let go when those that wait here were woken
  std::shared_ptr<void> lease{};  ///< the lead among machines

  /// The value is kept (or was handed to memory): wakes those that wait. Call it last.
  void land();
  /// The function raised: those that wait get `exception`, a face's own object.
  void fail(std::shared_ptr<void> exception);
  /// For a lead that stands for another process's: that one has ended, or is waited for no longer.
  void end_elsewhere();
  /// For a lead that stands for a question to the second layer: it was answered.
  void end_asked();

 private:
  friend class Flights;
  void finish(Flight::End how, std::shared_ptr<void> failure);
  std::shared_ptr<Flights> flights_;
  std::shared_ptr<Flight> flight_;
  std::uint32_t forks_ = 0;
};

}  // namespace cacherator::engine
