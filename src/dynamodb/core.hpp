// What one layer is made of: the parts, and what they share. One for each (store, table) and process; every callback that it gives to the table keeps it alive.
//   tokens.cpp   what was cleared: reading, making       clearing.cpp  telling the table of clears
//   reading.cpp  looking calls up                        legacy.cpp    what 1.2.9 wrote
//   leasing.cpp  leads among machines                    writing.cpp   the queue of results
//   state.cpp    variables                               listing.cpp   data_ids of a table
//   layer.cpp    one layer for each store and table; forks
//
// Locks: each part has one of its own, for its data alone. None is ever held while the store, the table, another part or a callback is called, so that there is
// no order among them to keep.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "dynamodb/items.hpp"
#include "dynamodb/leasing.hpp"
#include "dynamodb/legacy.hpp"
#include "dynamodb/reading.hpp"
#include "dynamodb/state.hpp"
#include "dynamodb/table.hpp"
#include "dynamodb/tokens.hpp"
#include "dynamodb/writing.hpp"
#include "layer.hpp"

namespace cacherator::engine::dynamodb {

using Steady = std::chrono::steady_clock;

/// What a thread waits for that another one brings. The one that brings it may come too late: both hold it by shared_ptr.
template <class T>
class Awaited {
 public:
  void set(T value) {
    std::lock_guard lock(mutex_);
    value_ = std::move(value);
    changed_.notify_all();
  }
  /// Nothing: it did not come.
  std::optional<T> wait_until(Steady::time_point until) {
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, until, [this] { return value_.has_value(); });
    return value_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<T> value_;
};

class Core : public std::enable_shared_from_this<Core> {
 public:
  /// Joins the store's cache to the table. No request is made.
  Core(std::shared_ptr<Store> store, std::string data_id, std::shared_ptr<Table> table);
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  /// Of an object that opened this cache: the last one's wait counts for all, and one that wants leases turns them on.
  void set_options(const CacheOptions& options);

  void cleared(std::string_view key);
  /// Begins what flush() waits for.
  void start();
  Result<void> flush(std::chrono::nanoseconds limit);
  Result<DbPage> list(std::size_t limit, const std::optional<std::string>& after);
  LayerInfo info();

  // -- for the parts
  /// True where a request may succeed.
  [[nodiscard]] bool usable() const noexcept { return table->reachable(); }
  /// An operation failed; the table has its own warnings about that.
  void failed(const Failure& failure);
  /// What waits (clears, results, state) is tried again in a while.
  void retry();
  /// Hands what was done to the table itself to the store.
  void pass_operations();
  /// For who logs operations.
  void tell(std::string operation);
  /// Something that a flush waits for may have ended.
  void progressed();

  const std::shared_ptr<Store> store;
  const std::shared_ptr<Table> table;
  const std::string data_id, id;  ///< `id`: Settings::id
  const Keys keys;
  const std::uint32_t forks;
  std::atomic<bool> fleet{false};
  std::atomic<std::int64_t> single_flight_wait{0};  ///< nanoseconds

  struct Figures {
    std::atomic<std::uint64_t> hits{0}, misses{0}, written{0}, backfilled{0}, dropped{0}, too_large{0}, legacy_hits{0};
  } figures;

  Tokens tokens;
  Legacy legacy;
  Reader reader;
  Leases leases;
  Writer writer;
  State state;

 private:
  void wake();
  [[nodiscard]] std::string unfinished(std::size_t results, std::size_t of, std::size_t clears, std::size_t variables, std::chrono::nanoseconds limit);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t dropped_said_ = 0;  ///< results given up that a flush has told of
  std::string last_failure_;
  Steady::time_point failed_at_{}, out_since_{};  ///< `out_since_`: a flush has found the table out of reach, and none found it in reach since
  bool refused_ = false;                          ///< the last failure needs somebody to act
  std::chrono::milliseconds pause_;
  std::atomic<bool> alarm_{false};
};

}  // namespace cacherator::engine::dynamodb
