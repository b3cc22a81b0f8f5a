#include "dynamodb/core.hpp"

#include <algorithm>
#include <utility>

#include "dynamodb/http.hpp"
#include "log.hpp"
#include "platform/fork.hpp"

namespace cacherator::engine::dynamodb {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstPause{250}, kLastPause{4000};
constexpr milliseconds kPatience{1500};  ///< a flush waits so long for a table that is out of reach
constexpr milliseconds kLook{50}, kShadow{900};

std::string count(std::size_t number, const char* one) { return std::to_string(number) + ' ' + one + (number == 1 ? "" : "s"); }

}  // namespace

Core::Core(std::shared_ptr<Store> its_store, std::string its_data_id, std::shared_ptr<Table> its_table)
    : store(std::move(its_store)),
      table(std::move(its_table)),
      data_id(std::move(its_data_id)),
      id(table->settings().id),
      keys(data_id),
      forks(platform::forks()),
      tokens(*this),
      legacy(*this),
      reader(*this),
      leases(*this),
      writer(*this),
      state(*this),
      pause_(kFirstPause) {
  store->join(id);
}

void Core::set_options(const CacheOptions& options) {
  if (options.fleet) fleet = true;
  single_flight_wait = options.single_flight_wait.count();
}

void Core::failed(const Failure& failure) {
  std::lock_guard lock(mutex_);
  const auto at = Steady::now();
  // What fails in a breaker's shadow says less than what opened it.
  const bool shadowed = failure.kind == Failure::Kind::unreachable && at - failed_at_ < kShadow;
  failed_at_ = at;
  if (shadowed) return;
  last_failure_ = failure.message;
  refused_ = failure.kind != Failure::Kind::unreachable;
}

void Core::pass_operations() {
  for (auto& operation : table->take_operations()) tell(std::move(operation));
}

void Core::tell(std::string operation) {
  if (operations_are_logged()) store->tell("DynamoDB: " + std::move(operation));
}

void Core::progressed() { changed_.notify_all(); }

void Core::retry() {
  if (alarm_.exchange(true)) return;
  milliseconds pause;
  {
    std::lock_guard lock(mutex_);
    pause = pause_;
    pause_ = std::min(2 * pause_, kLastPause);
  }
  table->after(pause, [self = shared_from_this()] {
    self->alarm_ = false;
    self->wake();
  });
}

void Core::wake() {
  const bool clears = !store->pending(id).empty();
  if (!clears && writer.waiting().results == 0 && state.waiting() == 0) return;
  if (!usable()) return retry();
  {
    std::lock_guard lock(mutex_);
    pause_ = kFirstPause;
  }
  if (clears) tokens.tell(nullptr);
  writer.pump();
  state.pump();
}

void Core::cleared(std::string_view key) {
  writer.forget(key);
  if (!usable()) return retry();
  const auto told = std::make_shared<Awaited<bool>>();
  tokens.tell([told](bool well) { told->set(well); });
  if (on_thread_of_requests()) return;
  told->wait_until(Steady::now() + table->settings().call_limit);
}

void Core::start() {
  table->after(milliseconds(0), [self = shared_from_this()] { self->wake(); });
}

Result<void> Core::flush(std::chrono::nanoseconds limit) {
  if (on_thread_of_requests()) limit = {};
  const auto until = Steady::now() + limit;
  const std::uint64_t dropped_at_first = figures.dropped;
  const std::size_t at_first = writer.waiting().results;
  for (bool was_usable = false;;) {
    const std::size_t results = writer.waiting().results, clears = store->pending(id).size(), variables = state.waiting();
    const auto at = Steady::now();
    const bool is_usable = usable();
    if (is_usable && !was_usable) start();
    was_usable = is_usable;
    std::unique_lock lock(mutex_);
    if (is_usable) out_since_ = {};
    else if (out_since_ == Steady::time_point{}) out_since_ = at;
    const auto dropped = static_cast<std::size_t>(figures.dropped - dropped_said_);
    if (results + clears + variables + dropped == 0) return {};
    const bool hopeless = !is_usable && (refused_ || at - out_since_ > kPatience);
    if (results + clears + variables == 0 || at >= until || hopeless) {
      const auto all = std::max(at_first + static_cast<std::size_t>(dropped_at_first - std::min(dropped_at_first, dropped_said_)), results + dropped);
      dropped_said_ += dropped;
      lock.unlock();
      return Fault{Fault::Kind::io, unfinished(results + dropped, all, clears, variables, limit)};
    }
    changed_.wait_until(lock, std::min(until, at + kLook));
  }
}

std::string Core::unfinished(std::size_t results, std::size_t of, std::size_t clears, std::size_t variables, std::chrono::nanoseconds limit) {
  std::string what, next;
  if (results > 0) {
    what = std::to_string(results) + " of " + count(of, "result");
    next = "results are kept locally, and those that this process does not send while it runs are sent when a later one returns them";
  }
  if (clears > 0) {
    what += (what.empty() ? "" : ", ") + count(clears, "clear");
    next += std::string(next.empty() ? "" : "; ") + "clears are told to the table before anything is read from it again";
  }
  if (variables > 0) {
    what += (what.empty() ? "" : ", ") + count(variables, "variable");
    next += std::string(next.empty() ? "" : "; ") + "variables are sent when they are next saved";
  }
  std::lock_guard lock(mutex_);
  const std::string why = last_failure_.empty() ? "it has not answered yet" : last_failure_;
  const double seconds = std::chrono::duration<double>(limit).count();
  std::string within = std::to_string(seconds);
  within.erase(std::min(within.find_last_not_of('0') + 1, within.size()));
  if (within.ends_with('.')) within.pop_back();
  return what + " have not reached the table '" + table->settings().table + "' (at most " + within + " s are waited): " + why + "; " + next;
}

LayerInfo Core::info() {
  pass_operations();
  LayerInfo info = table->usage();
  const auto waiting = writer.waiting();
  info.hits = figures.hits;
  info.misses = figures.misses;
  info.written = figures.written;
  info.backfilled = figures.backfilled;
  info.dropped = figures.dropped;
  info.too_large = figures.too_large;
  info.legacy_hits = figures.legacy_hits;
  info.queued = waiting.results + state.waiting();
  info.queued_bytes = waiting.bytes;
  info.clears_pending = store->pending(id).size();
  return info;
}

}  // namespace cacherator::engine::dynamodb
