// The contract of a second layer, shared by machines (design: memory, local, then this one). The engine asks it on a local miss and
// tells it what was kept; what it finds, it puts into the local store. Thread-safe; nothing here throws, std::bad_alloc aside.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cacherator/detail/cache.hpp"
#include "local/store.hpp"

namespace cacherator::engine {

/// One call that the local layer could not answer.
struct LookUp {
  std::string signature{};      ///< canonical, shortened where long
  std::string digest{};         ///< SHA-256 (hex) of the full text where it was shortened, else empty
  std::string old_signature{};  ///< as 1.2.9 spelled it; empty: the same
  double ttl = 999;             ///< days in force
  std::uint64_t under = 0;      ///< Store::clock() and Store::drops() before the look: what was cleared since is not brought in
  std::uint64_t drops = 0;
};

/// A lead among machines (single_flight="fleet"): given back when it is destroyed, renewed until then.
using Lease = std::shared_ptr<void>;

class Layer {
 public:
  virtual ~Layer() = default;

  /// The id by which the store tells the layer's table from others.
  [[nodiscard]] virtual std::string_view table() const noexcept = 0;

  /// Looks a call up. True: `done` is called exactly once, from the layer's thread and perhaps before this returns, when what was found
  /// is in the store (or nothing was). It must be quick. False: nothing is to be had now, at no cost; `done` is not called.
  virtual bool look_up(LookUp what, std::function<void()> done) = 0;
  /// The lease that look_up() took for this signature, once; null: none was taken, or another caller has it.
  virtual Lease lease(std::string_view signature) = 0;

  /// A result was put into the store: it is written behind.
  virtual void kept(std::string_view signature) = 0;
  /// An entry of the store was returned that the table is not known to have: it is written behind, once. Its ttl is a number.
  virtual void hit(std::string_view signature, const Entry& entry) = 0;

  /// The store has recorded a clear as pending (`key`: a function, "*", or one call's signature): tells the table, and waits for its
  /// answer within the deadline. What did not reach it stays pending, and is told later.
  virtual void cleared(std::string_view key) = 0;

  /// State of the table that is newer than the store's is brought into the store; waits within the deadline. For a new object.
  virtual void load_state() = 0;
  /// These variables were saved in the store: they are written behind.
  virtual void save_state(std::vector<Variable> variables) = 0;

  /// Waits until all that is to be written has been, at most `limit`. A Fault names what is left, or was given up since the last flush, and why.
  virtual Result<void> flush(std::chrono::nanoseconds limit) = 0;

  /// One page of data_ids in the table. `after`: the last_key of the page before.
  virtual Result<DbPage> list(std::size_t limit, const std::optional<std::string>& after) = 0;

  virtual LayerInfo info() = 0;
  /// Warnings of the table since the last call, whichever of its caches met them; each is said once.
  virtual std::vector<std::string> take_notices() = 0;
};

/// Opens or joins the layer of this store's cache in the table that the options name. Faults: `misuse` only (a table's name that
/// cannot be one; a build without DynamoDB). No request is made.
Result<std::shared_ptr<Layer>> open_layer(const std::shared_ptr<Store>& store, const CacheOptions& options);

/// Writes what all layers of this process still have to write, for at most `limit` (at exit).
void flush_layers(std::chrono::nanoseconds limit);

}  // namespace cacherator::engine
