// The engine as the two faces see it: one cache, asked and told in bytes.
// Everything here may be called from any thread, unless it says otherwise. Nothing here throws, std::bad_alloc aside.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "cacherator/detail/entry.hpp"
#include "cacherator/detail/flight.hpp"
#include "cacherator/detail/result.hpp"

namespace cacherator::engine {

class Store;

/// The real-time clock at its coarse resolution (4 ms on Linux, 5 ns a reading): what a ttl is judged by.
[[nodiscard]] Time now() noexcept;

/// What the hit path of a face reads, without a lock, to know that its memory still holds. One per store.
struct Freshness {
  std::atomic<const std::atomic<std::uint64_t>*> word;  ///< this cache's word in the mapped page, or one that always says: ask; never null
  std::atomic<std::uint64_t> seen{0};                   ///< the word's value before the last tail
  std::atomic<std::uint64_t> generation{1};             ///< changes when a known entry was replaced, dropped or cleared
  std::atomic<Time> check_at{0};                        ///< when the files are to be looked at again (100 ms steps)

  /// True: no other process has cleared or replaced anything that this one knows, and the files were looked at lately.
  /// False: call Cache::refresh(), then compare generations.
  [[nodiscard]] bool current(Time now) const noexcept {
    return word.load(std::memory_order_relaxed)->load(std::memory_order_acquire) == seen.load(std::memory_order_relaxed) && !due(now);
  }
  /// True when the files are to be looked at again: also where the clock was set back since.
  [[nodiscard]] bool due(Time now) const noexcept {
    const auto left = static_cast<std::uint64_t>(check_at.load(std::memory_order_relaxed)) - static_cast<std::uint64_t>(now);
    return left - 1 >= static_cast<std::uint64_t>(kSecond);
  }
};

enum class Durability : std::uint8_t {
  process,  ///< a returned result survives the end of the process (kill -9); the default
  power,    ///< and a loss of power: fdatasync before a miss returns
};

/// How a hit learns what other processes did.
enum class Hits : std::uint8_t {
  mapped,   ///< it compares a word of a mapped page (2 ns); the default
  checked,  ///< it reads that word from its file (about 0.5 us): nothing is mapped, so that no file can be truncated under the program
};

struct CacheOptions {
  std::string data_id{};         ///< not empty; UTF-8 without NUL
  std::string directory{};       ///< made absolute when the cache is opened; empty: the current folder
  std::string incumbent_stem{};  ///< the incumbent's file stem for a data_id beyond ASCII, where the face knows it
  bool clear_cache = false;      ///< forget entries and state on opening
  bool logging = true;           ///< warnings of this cache reach the log sink
  Durability durability = Durability::process;
  Hits hits = Hits::mapped;
  std::chrono::nanoseconds single_flight_wait = std::chrono::minutes(1);  ///< for another process that computes the same
  std::string dynamodb_table{};                                           ///< the second layer's table; empty: none
  std::chrono::nanoseconds dynamodb_connect_timeout = std::chrono::seconds(1);
  std::chrono::nanoseconds dynamodb_timeout = std::chrono::seconds(3);  ///< of one operation, with its retries
  bool fleet = false;                                                   ///< one computation among machines, too: costs a write for each
};

/// One call, as the faces put it to the engine. Views need to live for the call of ask() only.
struct Call {
  std::string_view signature{};      ///< canonical text, shortened where long
  std::string_view digest{};         ///< of the full text, where it was shortened
  std::string_view old_signature{};  ///< as the incumbent spelled this call; empty: the same, or ambiguous
  double ttl = 999;                  ///< days in force for this call
  bool recompute = false;            ///< a decorator's clear_cache: what is stored does not count
  bool alone = false;                ///< do not join or lead a flight (a wait has just ended without an answer)
  bool here = false;                 ///< do not wait for another process (after End::elsewhere)
  bool asked = false;                ///< do not ask the second layer (after End::asked)
  LineagePtr lineage{};              ///< what the caller leads
};

/// The engine's answer to a call: a hit, a flight to wait for (then ask again), or the lead.
using Answer = std::variant<Entry, Wait, Lead>;

/// What became of a computed value.
struct Kept {
  std::uint64_t serial = 0;      ///< 0: not in the store (void, or it could not be encoded)
  std::uint64_t generation = 0;  ///< of Freshness, at the moment it was kept
  Time utc = 0;                  ///< its date
  bool cleared = false;          ///< a clear was made while it was computed: it must not be remembered anywhere
};

/// One page of the data_ids in a table.
struct DbPage {
  std::vector<std::string> keys{};
  std::optional<std::string> last_key{};  ///< to go on after; nothing: that was all
};

/// Figures of the second layer in this process (requests: of the table, by all its caches).
struct LayerInfo {
  std::string table{}, region{}, endpoint{};
  std::map<std::string, std::uint64_t> requests{};  ///< by operation: "BatchGetItem" -> number, attempts counted once each
  double read_units = 0, write_units = 0;           ///< consumed capacity, as the server says
  std::uint64_t bytes_sent = 0, bytes_received = 0;
  std::map<std::string, std::uint64_t> errors{};  ///< by the server's code, or "timeout", "connection", "crc"
  std::uint64_t retries = 0;
  std::string breaker{"closed"};                                     ///< "closed", "open", "half-open"
  std::uint64_t hits = 0, misses = 0, written = 0, backfilled = 0;   ///< of this cache
  std::uint64_t queued = 0, queued_bytes = 0, dropped = 0;           ///< writes that wait; that were given up, the queue being full
  std::uint64_t too_large = 0, clears_pending = 0, legacy_hits = 0;  ///< clears that have not reached the table
};

struct FunctionCount {
  std::uint64_t hits_l1 = 0, hits_l2 = 0, misses = 0;
};

/// Figures of one cache in this process.
struct Info {
  std::string data_id{}, directory{}, document{};  ///< `document`: the full path of <stem>.json
  std::uint64_t entries = 0, variables = 0;
  std::uint64_t document_bytes = 0, journal_bytes = 0;
  std::uint64_t appended = 0, checkpoints = 0;
  std::uint64_t damaged_records = 0, damaged_documents = 0, write_faults = 0, other_faults = 0;
  bool memory_only = false;  ///< the files cannot be used; `reason` says why
  std::string reason{};
  std::optional<LayerInfo> l2{};
};

/// One cache (data_id in a directory) as one object of a face holds it. Objects of the same cache share one store.
class Cache {
 public:
  /// Opens or joins the store. Faults: `misuse` only (the face raises); anything the files do wrong is reported
  /// through the log sink, and the cache works on in memory.
  static Result<std::shared_ptr<Cache>> open(CacheOptions options);
  ~Cache();

  // -- the hit path -------------------------------------------------------------------------------------------
  [[nodiscard]] const Freshness& freshness() const noexcept;
  /// Looks at what other processes did: tails the journal, checks that the files are still the ones we hold.
  void refresh();
  /// What the store has for a signature, ttl not judged; tails first if the hint says so.
  [[nodiscard]] std::optional<Entry> find(std::string_view signature, std::string_view digest = {});
  /// True while nothing cleared `function` since `under`: for values that memory alone holds.
  [[nodiscard]] bool holds(std::string_view function, std::uint64_t under) const;

  // -- the story of one call (src/cache.cpp) ------------------------------------------------------------------
  [[nodiscard]] Answer ask(const Call& call);
  /// Keeps a computed value: the journal record is written when this returns. The face then remembers it in memory
  /// and calls lead.land(). `value` is JSON text; empty: it could not be encoded, only `under` is judged.
  [[nodiscard]] Kept keep(const Lead& lead, std::string_view signature, std::string_view digest, std::string_view value, double ttl);

  // -- management ---------------------------------------------------------------------------------------------
  /// Forgets all calls of `function`, or all entries with "*". On disk when it returns.
  Result<void> clear(std::string_view function);
  /// Forgets the one call of exactly this signature. On disk when it returns.
  Result<void> drop(std::string_view signature);
  /// Signatures and entries, sorted by signature.
  [[nodiscard]] std::vector<std::pair<std::string, Entry>> entries();
  [[nodiscard]] std::vector<Variable> state();
  /// When state was last saved; 0: never.
  [[nodiscard]] Time state_saved();
  /// Appends the variables that changed here; `touch` also moves the save date if nothing did. `share`: into the table too.
  Result<void> save_state(std::span<const Variable> changed, bool touch, bool share = false);
  /// Brings what machines saved in the table since into the store; waits for the answer, for seconds at most. For a new object.
  void load_state();
  /// Folds the journal into the document now (json_cache_save), and waits for what is to be written to the table. Both waits are bounded.
  Result<void> checkpoint();
  /// One page of the data_ids in the table; none without a table. `after`: the last_key of the page before.
  Result<DbPage> list_db_keys(std::size_t limit, const std::optional<std::string>& after);
  [[nodiscard]] Info info();

  void set_logging(bool on) noexcept;
  /// A warning in this cache's name: to the sink if logging is on. `once` (may be empty): at most once per process
  /// for the same text of `once`.
  void warn(std::string_view message, std::string_view once = {});

 private:
  struct Private;
  explicit Cache(std::unique_ptr<Private>);
  std::unique_ptr<Private> self_;
};

/// Where warnings go: (logger's text). Called from any thread that calls into the engine, never from a background one.
/// Default: a line on stderr. Null: silent.
void set_log_sink(std::function<void(std::string_view message)> sink);
/// Where operations of DynamoDB are told (tables that are made, reads, writes, clears), as set_log_sink. Default: null, nothing is told.
void set_operation_sink(std::function<void(std::string_view message)> sink);
/// Off: no warning of any cache reaches the sink. They are still counted.
void set_logging(bool enabled) noexcept;

/// A program that is asked for credentials where the library's own chain of providers found none, as a profile's credential_process is: it
/// prints the same. `name`: in messages. It is run on a thread of its own, when a table is first used.
void set_credentials_program(std::vector<std::string> command, std::string name);

/// Writes what is still in journals into the documents, and what is still to be written into tables, each for at most two seconds. Python's
/// face calls it at exit; C++ programs get it by themselves. Safe to call more than once; caches keep working afterwards.
void flush_at_exit();

}  // namespace cacherator::engine
