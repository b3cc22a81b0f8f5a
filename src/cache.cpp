#include "cacherator/detail/cache.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <mutex>
#include <unordered_set>

#include "cacherator/detail/fork_safe.hpp"
#include "cacherator/detail/text.hpp"
#include "elsewhere.hpp"
#include "flights.hpp"
#include "layer.hpp"
#include "local/flight_range.hpp"
#include "local/store.hpp"
#include "log.hpp"

namespace cacherator::engine {

namespace {

using Steady = std::chrono::steady_clock;

constexpr std::chrono::seconds kFlushLimit{5}, kExitLimit{2};  ///< for what is to be written to a table

/// The layers' last flush. It is registered when there is something to be written, so that it comes before what was registered earlier: the last fold of the
/// files, and the end of OpenSSL. Where a static object's destructor has more to write, it comes again; all of them together have one limit.
class LastFlush {
 public:
  static void expect() {
    if (wanted_.load(std::memory_order_relaxed) || wanted_.exchange(true)) return;
    if (!registered_.exchange(true)) std::atexit(run);
  }
  /// A face flushes by itself, now.
  static void done() { wanted_ = false; }

 private:
  static void run() {
    registered_ = false;
    if (!wanted_.exchange(false)) return;
    const auto began = Steady::now();
    flush_layers(left_);
    left_ -= std::min<std::chrono::nanoseconds>(left_, Steady::now() - began);
  }

  inline static std::atomic<bool> wanted_{false}, registered_{false};
  inline static std::chrono::nanoseconds left_{kExitLimit};
};

}  // namespace

struct Cache::Private {
  std::shared_ptr<Store> store;
  std::shared_ptr<Layer> layer;  ///< null: there is no second one
  std::string name;              ///< of the document, for what is said once
  std::atomic<bool> logging{true};
  std::chrono::nanoseconds single_flight_wait{};

  /// An entry that may be returned for this call, under its canonical or its old spelling.
  std::optional<Entry> local(const Call& call) const {
    if (call.recompute || !(call.ttl > 0)) return std::nullopt;
    const Time at = now();
    auto entry = store->find(call.signature, call.digest);
    if (entry && in_time(entry->utc, call.ttl, at)) return answered(call, call.signature, *std::move(entry));
    if (call.old_signature.empty()) return std::nullopt;
    entry = store->find(call.old_signature, {});
    if (entry && in_time(entry->utc, call.ttl, at)) return answered(call, call.old_signature, *std::move(entry));
    return std::nullopt;
  }

  Entry answered(const Call& call, std::string_view signature, Entry entry) const {
    if (entry.layer == LayerName::l2) store->said_once(signature);
    if (layer && entry.in != layer->table() && signature == call.signature) {  // other machines look for that spelling only
      if (std::isnan(entry.ttl)) entry.ttl = call.ttl;                         // 1.2.9 wrote it
      layer->hit(signature, entry);
      LastFlush::expect();
    }
    return entry;
  }

  Wait bounded(Wait wait) const {
    wait.limit = single_flight_wait;
    return wait;
  }

  /// Takes the lead among processes, unless this cache takes no part in that; where another process has it, a wait for that one. None within a cached call, so
  /// that processes that need each other's results cannot wait in a circle.
  std::optional<Wait> elsewhere(Lead& lead, const Call& call) const {
    if (single_flight_wait.count() <= 0) return std::nullopt;
    auto range = store->range(call.signature);
    if (!range || range->take()) {
      lead.range = std::move(range);
      return std::nullopt;
    }
    if (call.here || call.recompute || call.lineage) return std::nullopt;
    Wait wait = store->flights()->stand_for(lead, call.lineage);
    const auto known = store->find(call.signature, call.digest);
    watch({.store = store,
           .range = std::move(range),
           .signature = std::string(call.signature),
           .digest = std::string(call.digest),
           .serial = known ? known->serial : 0,
           .limit = single_flight_wait,
           .lead = std::move(lead)});
    return bounded(std::move(wait));
  }

  /// Asks the second layer; the caller waits as for a flight. Within the caller's own lead: nobody here asks it for the same meanwhile.
  std::optional<Wait> ask_layer(Lead& lead, const Call& call) const {
    if (!layer || call.asked || call.recompute) return std::nullopt;
    LookUp what{.signature = std::string(call.signature),
                .digest = std::string(call.digest),
                .old_signature = std::string(call.old_signature),
                .ttl = call.ttl,
                .under = store->clock(),
                .drops = store->drops()};
    Wait wait = store->flights()->stand_for(lead, call.lineage);
    auto held = std::make_shared<Lead>(std::move(lead));
    if (layer->look_up(std::move(what), [held] { held->end_asked(); })) return bounded(std::move(wait));
    lead = std::move(*held);
    Flights::stand_no_more(lead);
    return std::nullopt;
  }

  /// What the table must be told of a result goes with the lead from its beginning.
  void prepare(Lead& lead, const Call& call) const {
    lead.tokens = store->tokens_of(layer->table(), call.signature, call.digest);
    lead.lease = layer->lease(call.signature);
  }

  void cleared(std::string_view key) const {
    if (!layer) return;
    LastFlush::expect();
    layer->cleared(key);
  }

  /// Warnings that a silent cache meets wait for one that is not: they are about what both use.
  void report() const {
    const bool loud = logging.load(std::memory_order_relaxed);
    if (loud) {
      for (const auto& notice : store->take_notices()) log_warning(notice);
    }
    if (!layer) return;
    if (loud) {
      for (const auto& notice : layer->take_notices()) log_warning(notice);
    }
    if (!operations_are_logged()) return;
    for (const auto& operation : store->take_operations()) {
      if (loud) log_operation(operation);
    }
  }
};

Cache::Cache(std::unique_ptr<Private> self) : self_(std::move(self)) {}

Cache::~Cache() { self_->report(); }

Result<std::shared_ptr<Cache>> Cache::open(CacheOptions options) {
  auto store = Store::open(options);
  if (!store) return store.fault();
  auto self = std::make_unique<Private>();
  self->store = *std::move(store);
  self->logging = options.logging;
  self->single_flight_wait = options.single_flight_wait;
  if (!options.dynamodb_table.empty()) {
    auto layer = open_layer(self->store, options);
    if (!layer) return layer.fault();
    self->layer = *std::move(layer);
    if (options.clear_cache) {
      (void)self->store->clear("*");  // what the table has, too
      self->cleared("*");
    }
  }
  self->name = options.directory + '/' + options.data_id;
  self->report();
  return std::shared_ptr<Cache>(new Cache(std::move(self)));
}

// The story of one call, between the face's memory and the face's function: the local layer, a flight to join or to lead, in
// this process and among all; one more look by who leads, the second layer. What is kept goes to the journal first.
Answer Cache::ask(const Call& call) {
  if (call.asked) self_->report();
  if (auto entry = self_->local(call)) return *entry;

  const bool shares = !call.alone && call.ttl > 0;
  auto seat = shares ? self_->store->flights()->join(call.signature, call.lineage) : Flights::alone(call.lineage);
  if (auto* wait = std::get_if<Wait>(&seat)) return self_->bounded(std::move(*wait));

  Lead& lead = std::get<Lead>(seat);
  if (shares) {
    if (auto wait = self_->elsewhere(lead, call)) return *std::move(wait);
  }
  self_->store->tail();
  if (auto entry = self_->local(call)) return *entry;  // the lead is given back as it is destroyed

  if (shares) {
    if (auto wait = self_->ask_layer(lead, call)) return *std::move(wait);
  }
  lead.under = self_->store->clock();
  if (self_->layer) self_->prepare(lead, call);
  return std::move(lead);
}

Kept Cache::keep(const Lead& lead, std::string_view signature, std::string_view digest, std::string_view value, double ttl) {
  if (value.empty()) {
    const Freshness& fresh = freshness();
    Kept kept{.generation = fresh.generation.load(std::memory_order_acquire), .utc = now()};
    kept.cleared = !holds(function_of(signature), lead.under);
    return kept;
  }
  const Kept kept =
      self_->store->put({.signature = signature, .digest = digest, .value = value, .utc = now(), .ttl = ttl, .under = lead.under, .tokens = lead.tokens});
  if (self_->layer && kept.serial) {
    self_->layer->kept(signature);
    LastFlush::expect();
  }
  self_->report();
  return kept;
}

const Freshness& Cache::freshness() const noexcept { return self_->store->freshness(); }

void Cache::refresh() {
  self_->store->refresh();
  self_->report();
}

std::optional<Entry> Cache::find(std::string_view signature, std::string_view digest) { return self_->store->find(signature, digest); }

bool Cache::holds(std::string_view function, std::uint64_t under) const { return self_->store->holds(function, under); }

Result<void> Cache::clear(std::string_view function) {
  if (!is_utf8(function)) return {};  // nothing is called so
  auto done = self_->store->clear(function);
  self_->cleared(function);
  self_->report();
  return done;
}

Result<void> Cache::drop(std::string_view signature) {
  if (!is_utf8(signature)) return {};
  auto done = self_->store->drop(signature);
  self_->cleared(signature);
  self_->report();
  return done;
}

std::vector<std::pair<std::string, Entry>> Cache::entries() { return self_->store->entries(); }

std::vector<Variable> Cache::state() { return self_->store->state(); }

Time Cache::state_saved() { return self_->store->state_saved(); }

Result<void> Cache::save_state(std::span<const Variable> changed, bool touch, bool share) {
  auto done = self_->store->save_state(changed, touch);
  if (self_->layer && share) {
    auto all = self_->store->state();
    for (const auto& variable : changed) {
      if (variable.gone) all.push_back({.name = variable.name, .value = "", .utc = now(), .gone = true});
    }
    self_->layer->save_state(std::move(all));
    LastFlush::expect();
  }
  self_->report();
  return done;
}

void Cache::load_state() {
  if (self_->layer) self_->layer->load_state();
  self_->report();
}

Result<void> Cache::checkpoint() {
  auto done = self_->store->checkpoint();
  if (self_->layer) {
    auto flushed = self_->layer->flush(kFlushLimit);
    if (done && !flushed) done = std::move(flushed);
  }
  self_->report();
  return done;
}

Result<DbPage> Cache::list_db_keys(std::size_t limit, const std::optional<std::string>& after) {
  if (!self_->layer) return DbPage{};
  auto page = self_->layer->list(limit, after);
  self_->report();
  return page;
}

Info Cache::info() {
  Info info = self_->store->info();
  if (self_->layer) info.l2 = self_->layer->info();
  return info;
}

void flush_at_exit() {
  LastFlush::done();
  flush_layers(kExitLimit);
  flush_stores();
}

void Cache::set_logging(bool on) noexcept { self_->logging.store(on, std::memory_order_relaxed); }

void Cache::warn(std::string_view message, std::string_view once) {
  if (!self_->logging.load(std::memory_order_relaxed)) return;
  if (!once.empty()) {
    static detail::ForkSafeMutex mutex;
    static auto* said = new std::unordered_set<std::string>;
    std::lock_guard lock(mutex);
    if (said->size() > 4096) said->clear();  // bounded: after so many, a warning may be repeated
    if (!said->emplace(self_->name + '\n' + std::string(once)).second) return;
  }
  log_warning(message);
}

}  // namespace cacherator::engine
