#include "dynamodb/reading.hpp"

#include <algorithm>

#include "dynamodb/core.hpp"
#include "dynamodb/http.hpp"

namespace cacherator::engine::dynamodb {

bool Reader::look_up(LookUp what, std::function<void()> done) {
  if (!(what.ttl > 0) || !core_.usable() || on_thread_of_requests()) return false;
  auto look = std::make_shared<Look>();
  look->what = std::move(what);
  look->done = std::move(done);
  look->key = core_.keys.entry(look->what.signature, look->what.digest);
  look->until = Steady::now() + std::chrono::nanoseconds(core_.single_flight_wait);

  const auto pending = core_.store->pending(core_.id);
  const bool covered = std::any_of(pending.begin(), pending.end(),
                                   [&](const auto& clear) { return clears(clear.first, look->what.signature) || clear.first == look->what.old_signature; });
  if (!pending.empty() && !covered) core_.tokens.tell(nullptr);
  if (!covered) {
    read(look);
  } else {
    // What the table has of this call may be what was cleared: it is not read before the table knows.
    core_.tokens.tell([self = core_.shared_from_this(), this, look](bool told) { told ? read(look) : finish(look); });
  }
  return true;
}

void Reader::read(const LookPtr& look) {
  std::vector<std::string> keys{look->key, core_.keys.tokens};
  const bool with_legacy = core_.legacy.take();
  if (with_legacy) keys.push_back(core_.keys.legacy);
  core_.table->get(std::move(keys), [self = core_.shared_from_this(), this, look, with_legacy, at = core_.tokens.ticket()](Outcome<std::vector<Item>> read) {
    if (read.value) return came(look, *std::move(read.value), at, with_legacy);
    if (with_legacy) self->legacy.give_back();
    self->failed(read.failure);
    finish(look);
  });
}

void Reader::came(const LookPtr& look, std::vector<Item> items, std::uint64_t ticket, bool with_legacy) {
  core_.pass_operations();
  if (with_legacy) core_.legacy.set(item_of(items, core_.keys.legacy));
  const Item* entry = item_of(items, look->key);
  look->item = entry ? *entry : Item();
  const Item* tokens_item = item_of(items, core_.keys.tokens);
  auto tokens = tokens_item ? read_tokens(*tokens_item) : std::nullopt;
  if (tokens) {
    const auto known = std::make_shared<const TableTokens>(*std::move(tokens));
    core_.tokens.adopt(ticket, known);
    return judge(look, known);
  }
  core_.tokens.make([self = core_.shared_from_this(), this, look](const TokensPtr& made) { made ? judge(look, made) : finish(look); });
}

void Reader::judge(const LookPtr& look, const TokensPtr& tokens) {
  core_.tokens.learn(*tokens, look->what.signature, look->what.digest);
  const auto entry = read_entry(look->item);
  if (counts(entry, tokens_of(*tokens, look->what.signature, look->what.digest), look->what.ttl, now())) {
    const bool brought = bring(look);
    core_.figures.hits += brought;
    core_.tell(look->what.signature + (brought ? ": read from '" : ": not used, from '") + core_.table->settings().table + '\'');
    return finish(look);
  }
  core_.legacy.when_known([self = core_.shared_from_this(), this, look, tokens] {
    if (bring_legacy(look, tokens)) {
      core_.tell(look->what.signature + ": read from what 1.2.9 wrote to '" + core_.table->settings().table + '\'');
      return finish(look);
    }
    if (!look->polls) {
      ++core_.figures.misses;
      core_.tell(look->what.signature + ": not in '" + core_.table->settings().table + '\'');
    }
    self->leases.after_miss(look, tokens);
  });
}

/// False: it was cleared here since the look-up began, or is damaged; in both cases there is nothing to wait for.
bool Reader::bring(const LookPtr& look) {
  const LookUp& what = look->what;
  const auto entry = read_entry(look->item);
  if (!entry.signature.empty() && entry.signature != what.signature) return false;
  const auto value = value_of(entry);
  if (!value) {
    core_.store->note("an entry of '" + std::string(function_of(what.signature)) + "' in the table '" + core_.table->settings().table +
                      "' is not used: " + value.fault().message);
    return false;
  }
  const Put put{
      .signature = what.signature, .digest = what.digest, .value = *value, .utc = entry.utc, .ttl = entry.days, .under = what.under, .tokens = entry.tokens};
  return core_.store->bring(core_.id, put, false, what.drops).serial != 0;
}

bool Reader::bring_legacy(const LookPtr& look, const TokensPtr& tokens) {
  const LookUp& what = look->what;
  const DocumentEntry* entry = core_.legacy.find(what, *tokens, now());
  if (!entry) return false;
  const std::string under = tokens_of(*tokens, what.signature, what.digest);
  const Put put{
      .signature = what.signature, .digest = what.digest, .value = entry->value, .utc = entry->utc, .ttl = entry->ttl, .under = what.under, .tokens = under};
  if (core_.store->bring(core_.id, put, true, what.drops).serial == 0) return false;
  ++core_.figures.hits;
  ++core_.figures.legacy_hits;
  return true;
}

}  // namespace cacherator::engine::dynamodb
