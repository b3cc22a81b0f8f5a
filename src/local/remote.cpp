// What a second layer asks of the store: tokens, what its table has, clears that it was not told of. docs/format.md, section 5.
#include <algorithm>

#include "local/local_store.hpp"

namespace cacherator::engine {

/// Applies a record at once, so that nothing is done twice, and appends it; one that cannot be written is kept for later.
template <class R>
void LocalStore::apply_and_append(Inner& in, const R& record) {
  std::string text;
  encode(text, record);
  append(in, text);
  std::lock_guard index(in.index);
  in.contents.apply(record, nullptr);
}

TableTokens LocalStore::tokens(std::string_view table) {
  Inner& in = inner();
  std::lock_guard lock(in.index);
  const auto known = in.contents.tables.find(table);
  return known == in.contents.tables.end() ? TableTokens{} : known->second.tokens;
}

std::string LocalStore::tokens_of(std::string_view table, std::string_view signature, std::string_view digest) {
  Inner& in = inner();
  std::lock_guard lock(in.index);
  return in.contents.tokens_of(table, signature, digest);
}

void LocalStore::set_tokens(std::string_view table, const TableTokens& tokens) {
  Inner& in = inner();
  {
    std::lock_guard lock(in.index);
    const auto known = in.contents.tables.find(table);
    if (known != in.contents.tables.end() && known->second.tokens == tokens) return;
  }
  std::lock_guard lock(in.append);
  apply_and_append(in, TokensRecord{std::string(table), tokens, {}});
}

Kept LocalStore::bring(std::string_view table, const Put& put, bool plain, std::uint64_t drops) {
  Inner& in = inner();
  const Kept nothing{.generation = fresh_.generation.load(), .utc = put.utc, .cleared = true};
  std::lock_guard lock(in.append);
  tail(in);
  const DocumentEntry entry{.signature = put.signature,
                            .value = put.value,
                            .digest = put.digest,
                            .utc = put.utc,
                            .ttl = put.ttl,
                            .under = put.under,
                            .plain = plain,
                            .tokens = put.tokens,
                            .in = known_table(table)};
  const auto is_void = [&] { return drops_ != drops || !in.contents.holds(function_of(put.signature), put.under) || !in.contents.valid(entry); };
  Contents::Change change;
  Kept kept{.utc = put.utc};
  {
    std::lock_guard index(in.index);
    if (is_void()) return nothing;
    if (const auto mine = in.contents.find(put.signature, put.digest); mine && mine->utc >= put.utc) {
      return {.serial = mine->serial, .generation = fresh_.generation.load(), .utc = mine->utc};
    }
  }
  std::string record;
  encode(record, entry);
  append(in, record);
  std::lock_guard index(in.index);
  if (is_void()) return nothing;
  kept.serial = in.contents.put(entry, change);
  in.contents.found_in_l2(put.signature);
  changed(change.known);
  kept.generation = fresh_.generation.load();
  if (change.known && in.folder) in.folder->touch(in.stem);
  return kept;
}

void LocalStore::said_once(std::string_view signature) {
  Inner& in = inner();
  std::lock_guard lock(in.index);
  in.contents.said_once(signature);
}

void LocalStore::acknowledge(std::string_view table, std::span<const std::pair<std::string, Time>> entries) {
  if (entries.empty()) return;
  Inner& in = inner();
  std::lock_guard lock(in.append);
  apply_and_append(in, InRecord{std::string(table), {entries.begin(), entries.end()}});
}

std::map<std::string, std::string> LocalStore::pending(std::string_view table) {
  Inner& in = inner();
  std::lock_guard lock(in.index);
  const auto known = in.contents.tables.find(table);
  if (known == in.contents.tables.end()) return {};
  return {known->second.pending.begin(), known->second.pending.end()};
}

void LocalStore::told(std::string_view table, std::string_view key, std::string_view id) {
  Inner& in = inner();
  std::lock_guard lock(in.append);
  apply_and_append(in, ToldRecord{std::string(key), std::string(id), std::string(table)});
}

void LocalStore::join(std::string_view table) {
  Inner& in = inner();
  std::lock_guard lock(in.append);
  in.joined = table;
}

/// A new id under which a clear is pending for all tables that are known; empty: none is.
std::string LocalStore::pending_id(Inner& in) {
  bool joins = false, any = false;
  {
    std::lock_guard index(in.index);
    joins = !in.joined.empty() && !in.contents.tables.contains(in.joined);
    any = joins || !in.contents.tables.empty();
  }
  if (joins) apply_and_append(in, TokensRecord{in.joined, {}, {}});
  return any ? platform::random_hex(8) : "";
}

bool LocalStore::bring_state(std::span<const Variable> variables) {
  Inner& in = inner();
  std::lock_guard lock(in.append);
  tail(in);
  std::string text;
  std::vector<StateRecord> newer;
  {
    std::lock_guard index(in.index);
    for (const auto& variable : variables) {
      const auto known = in.contents.state.find(variable.name);
      if (known == in.contents.state.end() ? variable.gone : known->second.utc / 1000 >= variable.utc / 1000) continue;
      newer.push_back({variable.name, variable.value, variable.utc, variable.gone, variable.plain});
    }
  }
  if (newer.empty()) return false;
  for (const auto& record : newer) encode(text, record);
  append(in, text);
  std::lock_guard index(in.index);
  for (const auto& record : newer) in.contents.apply(record, nullptr);
  return true;
}

void LocalStore::tell(std::string text) {
  constexpr std::size_t kMost = 1000;
  Inner& in = inner();
  std::lock_guard lock(in.index);
  in.operations.push_back(std::move(text));
  if (in.operations.size() > kMost) in.operations.pop_front();
}

std::vector<std::string> LocalStore::take_operations() {
  Inner& in = inner();
  std::lock_guard lock(in.index);
  const auto all = std::exchange(in.operations, {});
  return {all.begin(), all.end()};
}

void LocalStore::note(std::string text, std::string_view once) { notice(inner(), std::move(text), once); }

}  // namespace cacherator::engine
