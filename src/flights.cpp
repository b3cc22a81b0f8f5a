#include "flights.hpp"

#include <algorithm>
#include <atomic>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "platform/fork.hpp"
#include "platform/threads.hpp"

namespace cacherator::engine {
namespace {

std::atomic<std::uint64_t> last_id{0};

// A seat taken before a fork (platform::forks() was another number) is the parent's: its locks may be held by threads that do
// not exist here, and nobody here waits for it, so it is let go untouched.
using platform::forks;

/// All waits of this process: who waits (by the flights it leads) for what. A cycle may lead through several caches, so
/// there is one list. Only misses that meet another flight come here.
class Waits {
 public:
  static Waits& instance() {
    static std::atomic<Waits*> current{nullptr};  // never deleted: it outlives every static destructor
    Waits* waits = current.load();
    while (!waits || waits->forks_ != forks()) {  // in a child the parent's lock may be held: a new list
      auto* fresh = new Waits;
      if (current.compare_exchange_strong(waits, fresh)) return *fresh;
      delete fresh;
    }
    return *waits;
  }

  /// Registers the wait, unless `flight` depends, over other waits, on one that `lineage` leads.
  std::uint64_t add(const LineagePtr& lineage, std::uint64_t flight) {
    std::lock_guard lock(mutex_);
    std::unordered_set<std::uint64_t> visited;
    if (depends(flight, lineage, visited)) return 0;
    for (const Lineage* l = lineage.get(); l; l = l->outer.get()) ++needs_[l->flight][flight];
    if (lineage) waiting_.emplace(++last_ticket_, Waiting{lineage, flight});  // who leads nothing closes no cycle
    else ++last_ticket_;
    return last_ticket_;
  }

  void remove(std::uint64_t ticket) {
    std::lock_guard lock(mutex_);
    const auto found = waiting_.find(ticket);
    if (found == waiting_.end()) return;
    const Waiting& ended = found->second;
    for (const Lineage* l = ended.lineage.get(); l; l = l->outer.get()) {
      const auto needs = needs_.find(l->flight);
      if (--needs->second[ended.flight] == 0) needs->second.erase(ended.flight);
      if (needs->second.empty()) needs_.erase(needs);
    }
    waiting_.erase(found);
  }

 private:
  struct Waiting {
    LineagePtr lineage;
    std::uint64_t flight;
  };

  static bool leads(const LineagePtr& lineage, std::uint64_t flight) {
    for (const Lineage* l = lineage.get(); l; l = l->outer.get()) {
      if (l->flight == flight) return true;
    }
    return false;
  }

  bool depends(std::uint64_t flight, const LineagePtr& lineage, std::unordered_set<std::uint64_t>& visited) const {
    if (!lineage) return false;
    if (leads(lineage, flight)) return true;
    if (!visited.insert(flight).second) return false;
    const auto needs = needs_.find(flight);
    return needs != needs_.end() &&
           std::any_of(needs->second.begin(), needs->second.end(), [&](const auto& need) { return depends(need.first, lineage, visited); });
  }

  std::mutex mutex_;
  std::unordered_map<std::uint64_t, Waiting> waiting_;                                       ///< by ticket
  std::unordered_map<std::uint64_t, std::unordered_map<std::uint64_t, std::size_t>> needs_;  ///< flight -> those that its code waits for, how often
  std::uint64_t last_ticket_ = 0;
  const std::uint32_t forks_ = forks();
};

}  // namespace

// ---- Flight

std::optional<Flight::End> Flight::wait_for(std::chrono::nanoseconds limit) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, limit, [&] { return end_.has_value(); });
  return end_;
}

bool Flight::on_end(std::function<void()> then) {
  std::lock_guard lock(mutex_);
  if (end_) return false;
  then_.push_back(std::move(then));
  return true;
}

std::optional<Flight::End> Flight::ended() const {
  std::lock_guard lock(mutex_);
  return end_;
}

std::shared_ptr<void> Flight::failure() const {
  std::lock_guard lock(mutex_);
  return failure_;
}

void Flight::end(End how, std::shared_ptr<void> failure) {
  std::vector<std::function<void()>> then;
  {
    std::lock_guard lock(mutex_);
    end_ = how;
    failure_ = std::move(failure);
    then.swap(then_);
  }
  changed_.notify_all();
  for (auto& f : then) f();
}

// ---- Wait

Wait::Wait(Wait&& other) noexcept
    : limit(other.limit),
      flights_(std::move(other.flights_)),
      flight_(std::move(other.flight_)),
      ticket_(std::exchange(other.ticket_, 0)),
      forks_(other.forks_),
      idle_since_(other.idle_since_),
      leader_cpu_(other.leader_cpu_) {}

Wait& Wait::operator=(Wait&& other) noexcept {
  std::swap(limit, other.limit);
  std::swap(idle_since_, other.idle_since_);
  std::swap(leader_cpu_, other.leader_cpu_);
  std::swap(flights_, other.flights_);
  std::swap(flight_, other.flight_);
  std::swap(ticket_, other.ticket_);
  std::swap(forks_, other.forks_);
  return *this;
}

Wait::~Wait() {
  if (ticket_ && forks_ == forks()) Waits::instance().remove(ticket_);
}

bool Wait::stuck() {
  if (flight_->elsewhere_) return false;  // bounded by who watches it (src/local/elsewhere.cpp)
  const auto now = std::chrono::steady_clock::now();
  const auto leader = platform::look_at_thread(flight_->leader_);
  if (!leader.waits_for_a_thread || leader.cpu != leader_cpu_) {
    idle_since_ = now;
    leader_cpu_ = leader.cpu;
    return false;
  }
  return now - idle_since_ > limit;
}

// ---- Lead

Lead::Lead(Lead&& other) noexcept
    : under(other.under),
      lineage(std::move(other.lineage)),
      tokens(std::move(other.tokens)),
      range(std::move(other.range)),
      lease(std::move(other.lease)),
      flights_(std::move(other.flights_)),
      flight_(std::move(other.flight_)),
      forks_(other.forks_) {}

Lead& Lead::operator=(Lead&& other) noexcept {
  std::swap(under, other.under);
  std::swap(lineage, other.lineage);
  std::swap(tokens, other.tokens);
  std::swap(range, other.range);
  std::swap(lease, other.lease);
  std::swap(flights_, other.flights_);
  std::swap(flight_, other.flight_);
  std::swap(forks_, other.forks_);
  return *this;
}

Lead::~Lead() { finish(Flight::End::abandoned, nullptr); }

void Lead::land() { finish(Flight::End::kept, nullptr); }

void Lead::fail(std::shared_ptr<void> exception) { finish(Flight::End::failed, std::move(exception)); }

void Lead::end_elsewhere() { finish(Flight::End::elsewhere, nullptr); }

void Lead::end_asked() { finish(Flight::End::asked, nullptr); }

void Lead::finish(Flight::End how, std::shared_ptr<void> failure) {
  if (!flight_) return;
  if (forks_ != forks()) {
    flight_.reset();
    flights_.reset();
    return;
  }
  flights_->remove(*flight_);  // first, so that who is woken and asks again does not meet this flight
  flight_->end(how, std::move(failure));
  range.reset();
  lease.reset();
  flight_.reset();
  flights_.reset();
}

// ---- Flights

std::variant<Wait, Lead> Flights::join(std::string_view signature, const LineagePtr& lineage) {
  std::unique_lock lock(mutex_);
  if (auto running = running_.find(signature); running != running_.end()) {
    auto flight = running->second;
    lock.unlock();
    if (lineage && flight->elsewhere_) return alone(lineage);  // within a cached call nobody waits for another process
    if (auto wait = wait_for(std::move(flight), lineage)) return *std::move(wait);
    return alone(lineage);
  }
  auto flight = std::make_shared<Flight>();
  flight->id_ = ++last_id;
  flight->signature_ = signature;
  flight->leader_ = platform::this_thread();
  running_.emplace(flight->signature_, flight);
  Lead lead;
  lead.lineage = std::make_shared<Lineage>(Lineage{flight->id_, lineage});
  lead.flights_ = shared_from_this();
  lead.flight_ = std::move(flight);
  lead.forks_ = forks();
  return lead;
}

std::optional<Wait> Flights::wait_for(std::shared_ptr<Flight> flight, const LineagePtr& lineage) {
  Wait wait;
  wait.ticket_ = Waits::instance().add(lineage, flight->id());
  if (!wait.ticket_) return std::nullopt;
  wait.flight_ = std::move(flight);
  wait.flights_ = shared_from_this();
  wait.forks_ = forks();
  return wait;
}

Wait Flights::stand_for(const Lead& lead, const LineagePtr& lineage) {
  lead.flight_->elsewhere_ = true;
  return *wait_for(lead.flight_, lineage);
}

void Flights::stand_no_more(const Lead& lead) { lead.flight_->elsewhere_ = false; }

Lead Flights::alone(const LineagePtr& lineage) {
  Lead lead;
  lead.lineage = lineage;
  return lead;
}

void Flights::remove(const Flight& flight) {
  std::lock_guard lock(mutex_);
  running_.erase(flight.signature_);
}

}  // namespace cacherator::engine
