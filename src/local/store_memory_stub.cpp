// Scaffold until the files are here: a store without files, so that the faces can run. To be deleted.
#include <algorithm>
#include <ctime>
#include <map>
#include <mutex>

#include "../flights.hpp"
#include "store.hpp"

namespace cacherator::engine {

Time now() noexcept {
  timespec t;
  clock_gettime(CLOCK_REALTIME_COARSE, &t);
  return t.tv_sec * kSecond + t.tv_nsec;
}
void flush_at_exit() {}

namespace {
class MemoryStore : public Store {
  struct Held { std::shared_ptr<std::string> value; std::string digest; Time utc; double ttl; std::uint64_t under, serial; };
  std::mutex m_;
  std::map<std::string, Held, std::less<>> index_;
  std::map<std::string, std::uint64_t, std::less<>> cleared_;
  std::map<std::string, Variable> state_;
  Time saved_ = 0;
  std::uint64_t clock_ = 0, serial_ = 0;
  Freshness fresh_;
  std::atomic<std::uint64_t> word_{0};
  std::shared_ptr<Flights> flights_ = std::make_shared<Flights>();
  CacheOptions options_;
  Entry entry(const Held& h) { return {.value = *h.value, .hold = h.value, .digest = h.digest, .utc = h.utc, .ttl = h.ttl, .under = h.under, .serial = h.serial}; }

 public:
  explicit MemoryStore(CacheOptions o) : options_(std::move(o)) { fresh_.word = &word_; fresh_.check_at = INT64_MAX; }
  const Freshness& freshness() const noexcept override { return fresh_; }
  void refresh() override {}
  void tail() override {}
  std::optional<Entry> find(std::string_view s, std::string_view) override {
    std::lock_guard l(m_);
    auto it = index_.find(s);
    if (it == index_.end()) return {};
    return entry(it->second);
  }
  std::uint64_t clock() const noexcept override { return clock_; }
  bool holds(std::string_view f, std::uint64_t under) const override {
    auto a = cleared_.find(f), b = cleared_.find("*");
    return under >= std::max(a == cleared_.end() ? 0 : a->second, b == cleared_.end() ? 0 : b->second);
  }
  Kept put(const Put& p) override {
    std::lock_guard l(m_);
    if (!holds(function_of(p.signature), p.under)) return {.generation = fresh_.generation, .utc = p.utc, .cleared = true};
    auto& h = index_[std::string(p.signature)];
    if (h.serial) ++fresh_.generation;
    h = {std::make_shared<std::string>(p.value), std::string(p.digest), p.utc, p.ttl, p.under, ++serial_};
    return {.serial = h.serial, .generation = fresh_.generation, .utc = p.utc};
  }
  Result<void> drop(std::string_view s) override {
    std::lock_guard l(m_);
    if (auto it = index_.find(s); it != index_.end()) index_.erase(it);
    ++fresh_.generation;
    return {};
  }
  Result<void> clear(std::string_view f) override {
    std::lock_guard l(m_);
    cleared_[std::string(f)] = ++clock_;
    std::erase_if(index_, [&](auto& e) { return f == "*" || function_of(e.first) == f; });
    ++fresh_.generation;
    return {};
  }
  Result<void> save_state(std::span<const Variable> v, bool touch) override {
    std::lock_guard l(m_);
    for (auto& x : v) { if (x.gone) state_.erase(x.name); else { auto y = x; y.utc = now(); state_[x.name] = y; } }
    if (touch || !v.empty()) saved_ = now();
    return {};
  }
  Result<void> checkpoint() override { return {}; }
  std::vector<std::pair<std::string, Entry>> entries() override {
    std::lock_guard l(m_);
    std::vector<std::pair<std::string, Entry>> out;
    for (auto& [k, h] : index_) out.emplace_back(k, entry(h));
    return out;
  }
  std::vector<Variable> state() override {
    std::lock_guard l(m_);
    std::vector<Variable> out;
    for (auto& [k, v] : state_) out.push_back(v);
    return out;
  }
  Time state_saved() override { return saved_; }
  Info info() override { return {.data_id = options_.data_id, .directory = options_.directory, .document = options_.directory + "/" + options_.data_id + ".json", .entries = index_.size(), .variables = state_.size()}; }
  std::vector<std::string> take_notices() override { return {}; }
  const std::shared_ptr<Flights>& flights() const noexcept override { return flights_; }
};
}  // namespace

Result<std::shared_ptr<Store>> Store::open(const CacheOptions& o) {
  static std::mutex m;
  static std::map<std::string, std::shared_ptr<MemoryStore>> all;
  if (o.data_id.find('\0') != std::string::npos) return Fault{Fault::Kind::misuse, "data_id: NUL"};
  std::lock_guard l(m);
  auto& s = all[o.directory + "/" + o.data_id];
  if (!s) s = std::make_shared<MemoryStore>(o);
  if (o.clear_cache) (void)s->clear("*");
  return std::shared_ptr<Store>(s);
}
}  // namespace cacherator::engine
