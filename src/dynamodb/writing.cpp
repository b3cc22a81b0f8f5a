#include "dynamodb/writing.hpp"

#include <algorithm>
#include <utility>

#include "dynamodb/core.hpp"

namespace cacherator::engine::dynamodb {
namespace {

constexpr std::size_t kMostBytes = std::size_t{16} << 20;  ///< that wait
constexpr std::size_t kMostSent = std::size_t{4} << 20;    ///< of one request
constexpr std::size_t kBatch = 25;
constexpr int kRequests = 4;  ///< at once
constexpr std::size_t kRemembered = 4096;

/// Not over a newer entry that counts.
Expression unless_newer(const Item& item) {
  return {.text = "(attribute_not_exists(#data) AND attribute_not_exists(#gz)) OR #utc < :utc OR #tokens <> :tokens",
          .names = {{"#data", "data"}, {"#gz", "gz"}, {"#utc", "utc"}, {"#tokens", "tokens"}},
          .values = {{":utc", item.at("utc")}, {":tokens", item.at("tokens")}}};
}

/// What 1.2.9 wrote has no tags: it can be told from what has them only where it holds nothing that looks like one.
bool can_be_shared(const Entry& entry) { return !entry.plain || entry.value.find("$cacherator") == std::string_view::npos; }

}  // namespace

void Writer::kept(std::string_view signature) {
  const auto entry = core_.store->find(signature, {});
  if (entry && !entry->plain) add(signature, entry->value.size(), false);
}

void Writer::hit(std::string_view signature, const Entry& entry) {
  if (entry.in == core_.id || !can_be_shared(entry)) return;
  {
    std::lock_guard lock(mutex_);
    const std::string key(signature);
    if (writes_.contains(key)) return;
    const auto never = never_.find(key);
    if (never != never_.end() && never->second == entry.utc) return;
  }
  add(signature, entry.value.size(), true, entry.ttl);
}

void Writer::add(std::string_view signature, std::size_t bytes, bool backfill, double days) {
  std::vector<std::pair<std::string, std::string>> leases;
  bool full = false;
  {
    std::lock_guard lock(mutex_);
    bytes += signature.size();
    auto& write = writes_[std::string(signature)];
    if (write.order == 0) {
      write.order = ++last_;
      write.backfill = backfill;
      write.days = days;
      order_.emplace(write.order, signature);
    }
    write.again = write.sending;
    write.backfill = write.backfill && backfill;
    bytes_ += bytes - std::exchange(write.bytes, bytes);
    while (bytes_ > kMostBytes && order_.size() > 1) {
      const auto oldest = writes_.find(order_.begin()->second);
      order_.erase(order_.begin());
      bytes_ -= oldest->second.bytes;
      leases.insert(leases.end(), oldest->second.leases.begin(), oldest->second.leases.end());
      writes_.erase(oldest);
      ++core_.figures.dropped;
      full = true;
    }
  }
  for (const auto& [key, who] : leases) core_.leases.release(key, who);
  if (full) {
    core_.store->note("more results than " + std::to_string(kMostBytes >> 20) + " MiB wait to be written to the table '" + core_.table->settings().table +
                      "': the oldest ones are kept locally only, until another object or program returns them");
  }
  schedule();
}

void Writer::schedule() {
  if (!core_.usable()) return core_.retry();  // no thread is woken for a table that is out of reach
  {
    std::lock_guard lock(mutex_);
    if (std::exchange(scheduled_, true)) return;
  }
  core_.table->after(std::chrono::milliseconds(0), [self = core_.shared_from_this()] { self->writer.pump(); });
}

void Writer::forget(std::string_view key) {
  std::vector<std::pair<std::string, std::string>> leases;
  {
    std::lock_guard lock(mutex_);
    for (auto at = order_.begin(); at != order_.end();) {
      if (!clears(key, at->second)) {
        ++at;
        continue;
      }
      const auto write = writes_.find(at->second);
      bytes_ -= write->second.bytes;
      leases.insert(leases.end(), write->second.leases.begin(), write->second.leases.end());
      writes_.erase(write);
      at = order_.erase(at);
    }
  }
  for (const auto& [item, who] : leases) core_.leases.release(item, who);
  core_.progressed();
}

bool Writer::release_after(std::string_view signature, const std::string& key, const std::string& who) {
  std::lock_guard lock(mutex_);
  const auto write = writes_.find(std::string(signature));
  if (write == writes_.end()) return false;
  write->second.leases.emplace_back(key, who);
  return true;
}

Writer::Waiting Writer::waiting() {
  std::lock_guard lock(mutex_);
  return {.results = writes_.size(), .bytes = bytes_};
}

void Writer::pump() {
  {
    std::lock_guard lock(mutex_);
    scheduled_ = false;
    if (order_.empty() || asking_) return;
  }
  if (!core_.usable()) return core_.retry();
  if (!core_.tokens.known()) {
    {
      std::lock_guard lock(mutex_);
      asking_ = true;
    }
    return core_.tokens.read([self = core_.shared_from_this(), this](const TokensPtr& tokens) {
      {
        std::lock_guard lock(mutex_);
        asking_ = false;
      }
      tokens ? pump() : self->retry();
    });
  }
  for (;;) {
    if (!core_.usable()) return core_.retry();  // one batch probes: the others would come back at once, again and again
    auto picked = pick();
    if (picked.empty()) return;
    auto batch = make_batch(std::move(picked));
    if (!batch.empty()) send(std::move(batch));
  }
}

std::vector<Writer::Sent> Writer::make_batch(std::vector<Sent> picked) {
  std::vector<Sent> batch;
  std::size_t bytes = 0;
  bool full = false;
  for (auto& sent : picked) {
    const End how = full ? End::later : prepare(sent);
    const std::size_t more = how == End::there ? wire_size(sent.item) : 0;
    full = full || (!batch.empty() && bytes + more > kMostSent);
    if (how != End::there || full) {
      end(sent, how == End::there ? End::later : how);
      continue;
    }
    bytes += more;
    batch.push_back(std::move(sent));
  }
  return batch;
}

/// What goes into the next request; empty: nothing may be sent now.
std::vector<Writer::Sent> Writer::pick() {
  std::lock_guard lock(mutex_);
  std::vector<Sent> picked;
  if (requests_ >= kRequests) return picked;
  for (auto at = order_.begin(); at != order_.end() && picked.size() < kBatch;) {
    Write& write = writes_.find(at->second)->second;
    const bool single = write.backfill || write.alone;
    if (single && !picked.empty()) {
      ++at;
      continue;
    }
    write.sending = true;
    write.again = false;
    picked.push_back({.signature = at->second, .backfill = write.backfill, .days = write.days});
    at = order_.erase(at);
    if (single) break;
  }
  return picked;
}

/// Makes the item of the newest result: `there`. Else what becomes of it. An entry that was cleared is not found; one that does not say under which tokens it
/// was computed counts as computed under the first ones, so it is written with those, while they are its call's still.
Writer::End Writer::prepare(Sent& sent) {
  auto entry = core_.store->find(sent.signature, {});
  // A new result may have the date of the one before it, which was acknowledged: our clock has steps of milliseconds.
  if (!entry || (sent.backfill && entry->in == core_.id)) return End::gone;
  sent.utc = entry->utc;
  if (entry->plain) entry->ttl = sent.days;
  if (!can_be_shared(*entry) || expiry(entry->utc, entry->ttl) <= now()) return End::never;
  const std::string current = core_.store->tokens_of(core_.id, sent.signature, entry->digest);
  const auto known = core_.tokens.known();
  const std::string_view own = entry->tokens.empty() && known ? std::string_view(known->born) : entry->tokens;
  if (own.empty() || own != current) return End::never;
  auto item = entry_item(core_.keys, sent.signature, *entry, own);
  if (!item) {
    too_large(sent.signature, entry->value.size());
    return End::never;
  }
  sent.item = *std::move(item);
  return End::there;
}

void Writer::too_large(const std::string& signature, std::size_t bytes) {
  ++core_.figures.too_large;
  const std::string function(function_of(signature));
  core_.store->note("a result of '" + function + "' has " + std::to_string(bytes) +
                        " bytes, and more than the 400 KiB that an item of DynamoDB may have, packed too: it is kept locally, and is not in the table '" +
                        core_.table->settings().table + "'",
                    "too large: " + function);
}

void Writer::send(std::vector<Sent> batch) {
  {
    std::lock_guard lock(mutex_);
    ++requests_;
  }
  auto sent = std::make_shared<std::vector<Sent>>(std::move(batch));
  if (sent->size() == 1) {
    Sent& one = sent->front();
    auto condition = one.backfill ? std::optional(unless_newer(one.item)) : std::nullopt;
    core_.table->put(std::exchange(one.item, {}), std::move(condition), [self = core_.shared_from_this(), this, sent](const Outcome<bool>& put) {
      // A condition that did not hold: a newer one is there.
      ended(*sent, put.value ? std::vector<bool>{true} : std::vector<bool>{false}, put.value ? nullptr : &put.failure);
    });
    return;
  }
  std::vector<Item> items;
  for (auto& one : *sent) items.push_back(std::exchange(one.item, {}));
  core_.table->write(std::move(items), [self = core_.shared_from_this(), this, sent](const Outcome<std::vector<bool>>& written) {
    ended(*sent, written.value.value_or(std::vector<bool>(sent->size(), false)), written.value ? nullptr : &written.failure);
  });
}

void Writer::ended(const std::vector<Sent>& batch, const std::vector<bool>& written, const Failure* failure) {
  using Kind = Failure::Kind;
  End how = End::later;
  if (failure) {
    const bool its_own = failure->kind == Kind::invalid || failure->kind == Kind::too_large;
    if (its_own && batch.size() > 1) how = End::alone;
    else if (its_own) how = failure->kind == Kind::too_large ? End::never : End::wrong;
    else if (failure->kind != Kind::unreachable) how = End::given_up;
    if (how == End::never) ++core_.figures.too_large;
    if (how != End::alone) core_.failed(*failure);
  }
  const auto is_there = [&](std::size_t i) { return i < written.size() && written[i]; };
  std::vector<std::pair<std::string, Time>> there;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (!is_there(i)) continue;
    there.emplace_back(batch[i].signature, batch[i].utc);
    ++(batch[i].backfill ? core_.figures.backfilled : core_.figures.written);
  }
  if (!there.empty()) {
    core_.store->acknowledge(core_.id, there);
    core_.tell((there.size() == 1 ? there.front().first : std::to_string(there.size()) + " results") + ": written to '" + core_.table->settings().table + '\'');
  }
  for (std::size_t i = 0; i < batch.size(); ++i) end(batch[i], is_there(i) ? End::there : how);
  {
    std::lock_guard lock(mutex_);
    --requests_;
  }
  core_.progressed();
  if (there.size() == batch.size() || how == End::alone || how == End::never || how == End::wrong) pump();
  else core_.retry();
}

void Writer::end(const Sent& sent, End how) {
  std::vector<std::pair<std::string, std::string>> leases;
  {
    std::lock_guard lock(mutex_);
    const auto found = writes_.find(sent.signature);
    Write& write = found->second;
    write.sending = false;
    if (how == End::wrong || how == End::given_up) ++core_.figures.dropped;
    if (how == End::never || how == End::wrong) {
      if (never_.size() >= kRemembered) never_.clear();
      never_[sent.signature] = sent.utc;
    }
    if (std::exchange(write.again, false)) {
      order_.emplace(write.order = ++last_, sent.signature);
    } else if (how == End::later || how == End::alone) {
      write.alone = write.alone || how == End::alone;
      order_.emplace(write.order, sent.signature);
    } else {
      if (how != End::there) leases = std::move(write.leases);
      bytes_ -= write.bytes;
      writes_.erase(found);
    }
  }
  for (const auto& [key, who] : leases) core_.leases.release(key, who);
}

}  // namespace cacherator::engine::dynamodb
