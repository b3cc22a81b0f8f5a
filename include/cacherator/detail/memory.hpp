// The memory of one cached function: a table of the calls it knows, read without a lock and without building a text.
#pragma once

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "cacherator/detail/argument.hpp"
#include "cacherator/detail/fork_safe.hpp"
#include "cacherator/detail/function.hpp"

namespace cacherator::detail {

/// How a result is held: small and trivially copyable ones as they are, others shared and never changed.
template <class V>
inline constexpr bool held_inline = std::is_trivially_copyable_v<V> && sizeof(V) <= 64;
template <class V>
using Held = std::conditional_t<held_inline<V>, V, std::shared_ptr<const V>>;

template <class V>
Held<V> hold(V value) {
  if constexpr (held_inline<V>) return value;
  else return std::make_shared<const V>(std::move(value));
}
template <class V>
const V& value_of(const Held<V>& held) {
  if constexpr (held_inline<V>) return held;
  else return *held;
}
template <class V>
std::shared_ptr<const V> shared_of(Held<V> held) {
  if constexpr (held_inline<V>) return std::make_shared<const V>(held);
  else return held;
}

/// V: the result; P: the parameters. Readers take no lock; writers take one mutex. Thread-safe.
template <class V, class... P>
class Memory {
 public:
  struct Call {
    std::uint64_t hash;
    std::tuple<typename Argument<P>::Owned...> arguments;
    std::string signature;
    Held<V> value;
    engine::Time expires;
    std::uint64_t serial, under;            ///< serial 0: memory alone holds it
    std::atomic<std::uint64_t> generation;  ///< of the store, when it was last found to hold
    std::atomic<Status> status;
  };

  Memory() { table_.store(new Table(8)); }
  ~Memory() {
    Table* table = table_.load();
    for (auto& slot : table->slots) delete slot.load();
    delete table;
    for (auto& [when, call] : retired_calls_) delete call;
    for (auto& [when, old] : retired_tables_) delete old;
  }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  /// Inside a Section only. Null: not known.
  Call* find(std::uint64_t hash, const typename Argument<P>::View&... views) const {
    const Table* const table = table_.load(std::memory_order_seq_cst);
    for (std::size_t at = hash & table->mask;; at = (at + 1) & table->mask) {
      Call* const call = table->slots[at].load(std::memory_order_seq_cst);
      if (!call) return nullptr;
      if (call->hash == hash && same(call->arguments, std::index_sequence_for<P...>(), views...)) return call;
    }
  }

  void remember(std::unique_ptr<Call> call, const typename Argument<P>::View&... views) {
    std::lock_guard lock(mutex_);
    if (call->serial == 0) has_unwritten_.store(true, std::memory_order_release);
    Table* table = table_.load(std::memory_order_relaxed);
    if ((used_ + 1) * 2 > table->slots.size()) table = grow(*table);
    std::size_t at = call->hash & table->mask;
    for (Call* old; (old = table->slots[at].load(std::memory_order_relaxed)); at = (at + 1) & table->mask) {
      if (old->hash != call->hash || !same(old->arguments, std::index_sequence_for<P...>(), views...)) continue;
      table->slots[at].store(call.release(), std::memory_order_seq_cst);
      return retire_call(old);
    }
    table->slots[at].store(call.release(), std::memory_order_seq_cst);
    ++used_;
  }

  /// True if something may be known that no file holds.
  [[nodiscard]] bool has_unwritten() const noexcept { return has_unwritten_.load(std::memory_order_acquire); }

  /// Under the writers' lock, where no Section is needed: what `use` makes of the call, if it is known.
  template <class Use>
  auto locked(Use use, std::uint64_t hash, const typename Argument<P>::View&... views) {
    std::lock_guard lock(mutex_);
    return use(find(hash, views...));
  }

  /// All, or the one of this signature.
  void forget(std::optional<std::string_view> signature) {
    std::lock_guard lock(mutex_);
    Table* const old = table_.load(std::memory_order_relaxed);
    auto* const fresh = new Table(old->slots.size());
    used_ = 0;
    std::vector<Call*> gone;
    for (auto& slot : old->slots) {
      Call* const call = slot.load(std::memory_order_relaxed);
      if (!call) continue;
      if (!signature || call->signature == *signature) gone.push_back(call);
      else put(*fresh, call);
    }
    table_.store(fresh, std::memory_order_seq_cst);
    for (Call* call : gone) retired_calls_.emplace_back(0, call);
    retire_table(old);
  }

  void statuses(std::map<std::string, std::string>& into) {
    std::lock_guard lock(mutex_);
    for (auto& slot : table_.load(std::memory_order_relaxed)->slots) {
      if (const Call* call = slot.load(std::memory_order_relaxed)) into[call->signature] = name_of(call->status.load(std::memory_order_relaxed));
    }
  }

 private:
  struct Table {
    explicit Table(std::size_t size) : mask(size - 1), slots(size) {}
    const std::size_t mask;
    std::vector<std::atomic<Call*>> slots;
  };

  template <std::size_t... I>
  static bool same(const std::tuple<typename Argument<P>::Owned...>& owned, std::index_sequence<I...>, const typename Argument<P>::View&... views) {
    return (Argument<P>::same(std::get<I>(owned), views) && ...);
  }

  void put(Table& table, Call* call) {
    std::size_t at = call->hash & table.mask;
    while (table.slots[at].load(std::memory_order_relaxed)) at = (at + 1) & table.mask;
    table.slots[at].store(call, std::memory_order_relaxed);
    ++used_;
  }

  Table* grow(Table& old) {
    auto* const made = new Table(old.slots.size() * 2);
    used_ = 0;
    for (auto& slot : old.slots) {
      if (Call* call = slot.load(std::memory_order_relaxed)) put(*made, call);
    }
    table_.store(made, std::memory_order_seq_cst);
    retire_table(&old);
    return made;
  }

  void retire_call(Call* call) {
    retired_calls_.emplace_back(retire(), call);
    if (retired_calls_.size() >= 64) free_retired();
  }
  void retire_table(Table* table) {
    const auto when = retire();
    for (auto& [at, call] : retired_calls_) {
      if (at == 0) at = when;
    }
    retired_tables_.emplace_back(when, table);
    free_retired();
  }
  void free_retired() {
    const auto oldest = oldest_inside();
    const auto free = [oldest](auto& retired) {
      std::erase_if(retired, [oldest](const auto& each) {
        if (each.first >= oldest) return false;
        delete each.second;
        return true;
      });
    };
    free(retired_calls_);
    free(retired_tables_);
  }

  std::atomic<Table*> table_{nullptr};
  std::atomic<bool> has_unwritten_{false};
  ForkSafeMutex mutex_;
  std::size_t used_ = 0;
  std::vector<std::pair<std::uint64_t, Call*>> retired_calls_;
  std::vector<std::pair<std::uint64_t, Table*>> retired_tables_;
};

}  // namespace cacherator::detail
