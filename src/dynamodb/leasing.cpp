#include "dynamodb/leasing.hpp"

#include <algorithm>

#include "dynamodb/core.hpp"
#include "platform/files.hpp"
#include "platform/fork.hpp"

namespace cacherator::engine::dynamodb {
namespace {

using std::chrono::milliseconds;

constexpr Time kHolds = 10 * kSecond;
constexpr Time kLongest = 60 * kSecond;    ///< a lease that says it holds longer was written by a clock that is wrong
constexpr Time kRemoved = 3600 * kSecond;  ///< an item that has a lease alone is removed by the server after that
constexpr milliseconds kRenew{3000}, kUnclaimed{5000}, kPollFirst{100}, kPollLast{1000};

/// The lease that an item names holds.
bool is_led(const EntryItem& entry, Time at) {
  const double left = entry.until - static_cast<double>(at) / static_cast<double>(kSecond);
  return !entry.lead.empty() && left >= 0 && left <= static_cast<double>(kLongest) / static_cast<double>(kSecond);
}

}  // namespace

/// A lease as this process has it; with its last reference it goes back.
struct Leases::Held {
  Held(const std::shared_ptr<Core>& of, std::string its_signature, std::string its_key, std::string me)
      : core(of), signature(std::move(its_signature)), key(std::move(its_key)), who(std::move(me)) {}
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  ~Held() {
    if (forks != platform::forks()) return;  // the parent has it
    if (const auto alive = core.lock()) alive->leases.let_go(*this);
  }
  const std::weak_ptr<Core> core;
  const std::string signature, key, who;
  const std::uint32_t forks = platform::forks();
};

void Leases::after_miss(const LookPtr& look, const TokensPtr& tokens) {
  if (!core_.fleet || core_.single_flight_wait <= 0) return Reader::finish(look);
  if (is_led(read_entry(look->item), core_.table->server_time())) return poll(look);
  take(look, tokens);
}

// The condition: nobody leads (or it is this very request, sent again), and there is no value that would do. Without the second part, a request that comes
// after the leader has stored its result would make another leader.
void Leases::take(const LookPtr& look, const TokensPtr& tokens) {
  const LookUp& what = look->what;
  const Time at = core_.table->server_time();
  const std::string who = platform::random_hex(12);
  Expression update{.text = "SET #lead = :me, #until = :until, #signature = if_not_exists(#signature, :signature), #ttl = if_not_exists(#ttl, :ttl)",
                    .names = {{"#lead", "lead"},
                              {"#until", "until"},
                              {"#signature", "signature"},
                              {"#ttl", "ttl"},
                              {"#data", "data"},
                              {"#gz", "gz"},
                              {"#tokens", "tokens"},
                              {"#utc", "utc"}},
                    .values = {{":me", text_attribute(who)},
                               {":until", seconds_attribute(at + kHolds)},
                               {":signature", text_attribute(what.signature)},
                               {":ttl", number_attribute(std::to_string((at + kRemoved) / kSecond))},
                               {":now", seconds_attribute(at)},
                               {":far", seconds_attribute(at + kLongest)},
                               {":tokens", text_attribute(tokens_of(*tokens, what.signature, what.digest))},
                               {":oldest", seconds_attribute(std::max<Time>(0, now() - (expiry(now(), what.ttl) - now())))},
                               {":ahead", seconds_attribute(now() + static_cast<Time>(kDay))}}};
  std::string condition =
      "(attribute_not_exists(#lead) OR attribute_not_exists(#until) OR #lead = :me OR #until < :now OR #until > :far)"
      " AND ((attribute_not_exists(#data) AND attribute_not_exists(#gz)) OR attribute_not_exists(#tokens) OR #tokens <> :tokens OR #ttl <= :now"
      " OR #utc <= :oldest OR #utc > :ahead)";
  core_.table->update(look->key, std::move(update), std::move(condition), [self = core_.shared_from_this(), this, look, who](Outcome<Item> updated) {
    if (!updated.value) {
      self->failed(updated.failure);
      return Reader::finish(look);
    }
    if (updated.value->empty()) return poll(look);
    keep(look, who);
    Reader::finish(look);
  });
}

void Leases::poll(const LookPtr& look) {
  look->pause = look->polls ? std::min(kPollLast, look->pause * 3 / 2) : kPollFirst;
  look->polls = true;
  if (!core_.usable() || Steady::now() + look->pause > look->until) return Reader::finish(look);
  core_.table->after(look->pause, [self = core_.shared_from_this(), look] { self->reader.read(look); });
}

void Leases::keep(const LookPtr& look, const std::string& who) {
  const std::string& signature = look->what.signature;
  const auto held = std::make_shared<Held>(core_.shared_from_this(), signature, look->key, who);
  std::shared_ptr<Held> before;
  {
    std::lock_guard lock(mutex_);
    before = std::exchange(unclaimed_[signature], held);
  }
  renew_later(held);
  core_.table->after(kUnclaimed, [self = core_.shared_from_this(), this, signature, who] {
    std::shared_ptr<Held> unwanted;
    std::lock_guard lock(mutex_);
    const auto found = unclaimed_.find(signature);
    if (found == unclaimed_.end() || found->second->who != who) return;
    unwanted = std::move(found->second);
    unclaimed_.erase(found);
  });
}

Lease Leases::claim(std::string_view signature) {
  std::lock_guard lock(mutex_);
  const auto found = unclaimed_.find(signature);
  if (found == unclaimed_.end()) return nullptr;
  Lease lease = std::move(found->second);
  unclaimed_.erase(found);
  return lease;
}

void Leases::renew_later(const std::shared_ptr<Held>& held) {
  core_.table->after(kRenew, [weak = std::weak_ptr(held)] {
    const auto still = weak.lock();
    const auto core = still ? still->core.lock() : nullptr;
    if (core) core->leases.renew(still);
  });
}

void Leases::renew(const std::shared_ptr<Held>& held) {
  if (core_.usable()) {
    Expression update{.text = "SET #until = :until",
                      .names = {{"#lead", "lead"}, {"#until", "until"}},
                      .values = {{":me", text_attribute(held->who)}, {":until", seconds_attribute(core_.table->server_time() + kHolds)}}};
    core_.table->update(held->key, std::move(update), "#lead = :me", [](const Outcome<Item>&) {});
  }
  renew_later(held);
}

/// The result of the computation ends the lease by itself when it replaces the item; released before that, another machine would begin anew.
void Leases::let_go(const Held& held) {
  if (!core_.writer.release_after(held.signature, held.key, held.who)) release(held.key, held.who);
}

void Leases::release(const std::string& key, const std::string& who) {
  if (!core_.usable()) return;
  Expression update{.text = "REMOVE #lead, #until", .names = {{"#lead", "lead"}, {"#until", "until"}}, .values = {{":me", text_attribute(who)}}};
  core_.table->update(key, std::move(update), "#lead = :me", [](const Outcome<Item>&) {});
}

}  // namespace cacherator::engine::dynamodb
