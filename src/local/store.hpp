// The files of one cache as this process has them open: document, journal, index. One per (folder, stem) and process.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cacherator/detail/cache.hpp"

namespace cacherator::engine {

class FlightRange;

/// A value to be kept.
struct Put {
  std::string_view signature{};
  std::string_view digest{};  ///< empty where the signature is not shortened
  std::string_view value{};   ///< JSON text
  Time utc = 0;
  double ttl = 999;  ///< days
  std::uint64_t under = 0;
  std::string_view tokens{};  ///< of the second layer's table, before the computation began; empty: not known
};

/// What the second layer's table says was last cleared, as L1 holds it (docs/format.md, section 5).
struct TableTokens {
  std::string born{};                                    ///< the first "all": while they are equal, no clear of all has been made
  std::map<std::string, std::string, std::less<>> of{};  ///< "all", "f:<function>", "c:<32 hex digits>" -> token; empty: not known
  bool operator==(const TableTokens&) const = default;
};

/// The protocol of docs/design.md. Thread-safe. A fault of the files never stops it: it goes on in memory, and
/// notices tell why.
class Store {
 public:
  /// Opens or joins the store of this data_id in this directory. Faults: `misuse` only.
  static Result<std::shared_ptr<Store>> open(const CacheOptions& options);
  virtual ~Store() = default;

  [[nodiscard]] virtual const Freshness& freshness() const noexcept = 0;
  /// Hit, step U and tail: brings index and Freshness up to date. Cheap when nothing happened.
  virtual void refresh() = 0;
  /// Reads what others appended, whatever the hint says (after taking a lead).
  virtual void tail() = 0;
  /// What the index has; ttl not judged, never an entry that was cleared. `digest` empty or equal.
  [[nodiscard]] virtual std::optional<Entry> find(std::string_view signature, std::string_view digest) = 0;
  /// The largest clear number seen: what a computation that begins now carries.
  [[nodiscard]] virtual std::uint64_t clock() const noexcept = 0;
  /// True while nothing cleared `function` since `under`.
  [[nodiscard]] virtual bool holds(std::string_view function, std::uint64_t under) const = 0;

  /// The lead of a signature among processes, not yet taken; null: none is to be had here.
  [[nodiscard]] virtual std::shared_ptr<FlightRange> range(std::string_view signature) = 0;

  /// Appends; the record is written when it returns. `cleared` in the answer: void, nothing was written.
  virtual Kept put(const Put& put) = 0;
  virtual Result<void> drop(std::string_view signature) = 0;
  virtual Result<void> clear(std::string_view function) = 0;
  virtual Result<void> save_state(std::span<const Variable> changed, bool touch) = 0;
  /// Folds now; waits a bounded time for another process that does.
  virtual Result<void> checkpoint() = 0;

  [[nodiscard]] virtual std::vector<std::pair<std::string, Entry>> entries() = 0;
  [[nodiscard]] virtual std::vector<Variable> state() = 0;
  [[nodiscard]] virtual Time state_saved() = 0;
  [[nodiscard]] virtual Info info() = 0;

  // -- for a second layer; `table` is Settings::id, 8 hex digits
  /// The tokens that L1 holds.
  [[nodiscard]] virtual TableTokens tokens(std::string_view table) = 0;
  /// The tokens of one call as one text (docs/format.md, section 5): under which a computation that begins now is made. Empty: not known.
  [[nodiscard]] virtual std::string tokens_of(std::string_view table, std::string_view signature, std::string_view digest) = 0;
  /// Appends them if they changed.
  virtual void set_tokens(std::string_view table, const TableTokens& tokens) = 0;
  /// Counts the calls that were dropped (single ones) as far as this process knows.
  [[nodiscard]] virtual std::uint64_t drops() const = 0;
  /// An entry of the table: appended, and answered once with LayerName::l2. `plain`: 1.2.9 wrote it. Nothing is done (and the answer's serial is 0)
  /// where it was cleared, or a call was dropped, since `put.under` and `drops` were read.
  virtual Kept bring(std::string_view table, const Put& put, bool plain, std::uint64_t drops) = 0;
  /// The entry was answered as one of the second layer: from now on it is L1's.
  virtual void said_once(std::string_view signature) = 0;
  /// The table has these entries (signature and date): remembered, so that they are not written there again.
  virtual void acknowledge(std::string_view table, std::span<const std::pair<std::string, Time>> entries) = 0;
  /// Clears that have not reached the table: key ("*", a function's name, or a signature) -> id.
  [[nodiscard]] virtual std::map<std::string, std::string> pending(std::string_view table) = 0;
  /// The table was told of that clear.
  virtual void told(std::string_view table, std::string_view key, std::string_view id) = 0;
  /// From now on clears are recorded as pending for this table; appended where that is new.
  virtual void join(std::string_view table) = 0;
  /// Variables with their own dates: those that are newer than what is known are appended. True: any was.
  virtual bool bring_state(std::span<const Variable> variables) = 0;
  /// A warning for take_notices(), said once: `once` is what it is about; empty: its text.
  virtual void note(std::string text, std::string_view once) = 0;
  void note(std::string text) { note(std::move(text), {}); }

  /// An operation of the second layer, for take_operations(): only where operations_are_logged(). The oldest of more than 1,000 go.
  virtual void tell(std::string text) = 0;
  virtual std::vector<std::string> take_operations() = 0;

  /// Warnings since the last call (damage, faults, what the user should know), each said once until 256 others were; takes them away.
  virtual std::vector<std::string> take_notices() = 0;
  /// Flights of this cache, shared by its objects.
  [[nodiscard]] virtual const std::shared_ptr<Flights>& flights() const noexcept = 0;
};

/// Folds what is unfolded, for two seconds at most; the rest stays in journals, which lose nothing.
void flush_stores();

}  // namespace cacherator::engine
