#include "local/contents.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "digest.hpp"

namespace cacherator::engine {
namespace {

std::atomic<std::uint64_t> last_serial{0};

constexpr std::uint64_t kLargestUnder = 1ull << 62;  ///< an entry beyond it is void: no clear could outnumber it
constexpr std::size_t kFolded = 16;                  ///< ids of folded journals that a document remembers

/// The texts of an entry, in one piece of memory.
std::shared_ptr<const void> copy_texts(DocumentEntry& entry) {
  auto texts = std::make_shared<std::string>();
  std::string_view* const parts[] = {&entry.signature, &entry.value, &entry.digest, &entry.tokens};
  std::size_t size = 0;
  for (const auto* part : parts) size += part->size();
  texts->reserve(size);
  for (auto* part : parts) {
    const std::size_t at = texts->size();
    *texts += *part;
    *part = std::string_view(*texts).substr(at);  // it does not move: room for all is there
  }
  return texts;
}

/// Outdated by the ttl in the entry for as long as that ttl again, and for a day at least.
bool long_outdated(const DocumentEntry& entry, Time now) {
  if (std::isnan(entry.ttl)) return false;
  const double age = static_cast<double>(now) - static_cast<double>(entry.utc), ttl = std::max(entry.ttl, 0.0) * kDay;
  return age > ttl + std::max(ttl, kDay);
}

}  // namespace

Contents::Contents(std::shared_ptr<const Document> document) {
  if (!document) return;
  cleared = document->header.cleared;
  clock = document->header.clock;
  for (const auto& [function, clear] : cleared) clock = std::max(clock, clear.number);
  folded = document->header.folded;
  carried = document->header.carried;
  tables = document->header.tables;
  saved = document->saved;
  odd_ = document->odd;
  index_.reserve(document->entries.size());
  for (const auto& entry : document->entries) set(entry, document);
  for (const auto& variable : document->state) state[variable.name] = variable;
}

bool Contents::holds(std::string_view function, std::uint64_t under) const {
  if (under > kLargestUnder) return false;
  if (cleared.empty()) return true;
  for (const std::string_view name : {function, std::string_view("*")}) {
    if (const auto clear = cleared.find(name); clear != cleared.end() && under < clear->second.number) return false;
  }
  return true;
}

bool Contents::valid(const DocumentEntry& entry) const {
  const auto function = function_of(entry.signature);
  if (!entry.plain) return holds(function, entry.under);
  for (const std::string_view name : {function, std::string_view("*")}) {
    if (const auto clear = cleared.find(name); clear != cleared.end() && entry.utc <= clear->second.utc) return false;
  }
  return true;
}

Contents::Change Contents::set(const DocumentEntry& entry, std::shared_ptr<const void> hold) {
  if (entry.under <= kLargestUnder) clock = std::max(clock, entry.under);
  if (!valid(entry)) return {};
  Change change;
  if (const auto known = index_.find(entry.signature); known != index_.end()) {
    const DocumentEntry& old = known->second.entry;
    if (old.utc == entry.utc && old.under == entry.under && old.value == entry.value && old.tokens == entry.tokens) return {};  // our own, read again
    index_.erase(known);  // its key views the old entry's memory
    change.known = true;
  }
  index_.emplace(entry.signature, Held{entry, std::move(hold), ++last_serial});
  return change;
}

std::uint64_t Contents::put(const DocumentEntry& entry, Change& change) {
  DocumentEntry own = entry;
  auto hold = copy_texts(own);
  change = set(own, std::move(hold));
  return index_.find(entry.signature)->second.serial;  // `own` dies with `hold` where the same entry was there
}

Contents::Change Contents::apply(std::string_view lines, const std::shared_ptr<const void>& hold) {
  Change change;
  many_ = true;
  while (!lines.empty()) {
    const std::size_t end = lines.find('\n');
    const auto line = lines.substr(0, end);
    lines.remove_prefix(end == std::string_view::npos ? lines.size() : end + 1);
    if (!line.empty()) change.known |= apply(parse_record(line), hold).known;
  }
  many_ = false;
  change.known |= remove_cleared().known;
  return change;
}

Contents::Change Contents::apply(const Record& record, const std::shared_ptr<const void>& hold) {
  if (const auto* put = std::get_if<PutRecord>(&record)) {
    DocumentEntry entry{
        .signature = put->signature, .value = put->value, .digest = put->digest, .utc = put->utc, .ttl = put->ttl, .under = put->under, .plain = put->plain};
    struct Texts {
      std::shared_ptr<const void> line;
      std::string signature, digest, tokens;
    };
    auto texts = std::make_shared<Texts>(Texts{hold, put->signature, put->digest, put->tokens});
    entry.signature = texts->signature;
    entry.digest = texts->digest;
    entry.tokens = texts->tokens;
    entry.in = known_table(put->in);
    return set(entry, std::move(texts));
  }
  if (const auto* drop = std::get_if<DropRecord>(&record)) {
    ++drops;
    pend(drop->signature, drop->l2);
    return {.known = index_.erase(drop->signature) > 0};
  }
  if (const auto* clears = std::get_if<ClearRecord>(&record)) return clear(*clears);
  if (const auto* header = std::get_if<JournalHeader>(&record)) return apply_header(*header);
  if (const auto* variable = std::get_if<StateRecord>(&record)) {
    apply_state(*variable);
  } else if (const auto* moment = std::get_if<SavedRecord>(&record)) {
    saved = std::max(saved, moment->utc);
  } else if (const auto* unknown = std::get_if<UnknownRecord>(&record)) {
    carried.emplace_back(unknown->line);
  } else if (std::holds_alternative<DamagedRecord>(record)) {
    ++damaged_records;
  } else {
    apply_tables(record);
  }
  return {};
}

// ---- the second layer's table, as L1 knows it

void Contents::pend(const std::string& key, const std::string& id) {
  if (id.empty()) return;
  for (auto& [table, known] : tables) known.pending[key] = id;
}

void Contents::apply_tables(const Record& record) {
  if (const auto* told = std::get_if<ToldRecord>(&record)) {
    const auto table = tables.find(told->table);
    if (table == tables.end()) return;
    const auto pending = table->second.pending.find(told->key);
    if (pending != table->second.pending.end() && pending->second == told->l2) table->second.pending.erase(pending);
  } else if (const auto* tokens = std::get_if<TokensRecord>(&record)) {
    TableState& known = tables[tokens->table];
    if (!tokens->tokens.of.empty()) known.tokens = tokens->tokens;
    for (const auto& [key, id] : tokens->pending) known.pending[key] = id;
  } else if (const auto* in = std::get_if<InRecord>(&record)) {
    for (const auto& [signature, utc] : in->entries) {
      const auto held = index_.find(signature);
      if (held != index_.end() && held->second.entry.utc / 1000 == utc / 1000) held->second.entry.in = known_table(in->table);
    }
  }
}

std::string Contents::tokens_of(std::string_view table, std::string_view signature, std::string_view digest) const {
  const auto known = tables.find(table);
  return known == tables.end() ? std::string() : engine::tokens_of(known->second.tokens, signature, digest);
}

std::string tokens_of(const TableTokens& tokens, std::string_view signature, std::string_view digest) {
  const auto& of = tokens.of;
  const auto token = [&](const std::string& key) {
    const auto found = of.find(key);
    return found == of.end() ? std::string() : found->second;
  };
  std::string text = token("all");
  if (text.empty()) return text;
  const std::string function = token("f:" + std::string(function_of(signature)));
  const auto calls = of.lower_bound("c:");
  std::string call;
  if (calls != of.end() && calls->first.starts_with("c:")) {
    call = token("c:" + (digest.empty() ? sha256_hex(signature) : std::string(digest)).substr(0, 32));
  }
  if (!function.empty() || !call.empty()) (text += '.') += function;
  if (!call.empty()) (text += '.') += call;
  return text;
}

void Contents::found_in_l2(std::string_view signature) {
  if (const auto held = index_.find(signature); held != index_.end()) held->second.layer = LayerName::l2;
}

void Contents::said_once(std::string_view signature) {
  if (const auto held = index_.find(signature); held != index_.end()) held->second.layer = LayerName::l1;
}

Contents::Change Contents::clear(const ClearRecord& record) {
  auto& known = cleared[record.function];
  if (record.number >= known.number) known = {record.number, record.utc};
  clock = std::max(clock, record.number);
  pend(record.function, record.l2);
  to_clear_.insert(record.function);
  return many_ ? Change{} : remove_cleared();
}

std::vector<std::string> Contents::plain_after(std::string_view function, Time utc) const {
  std::vector<std::string> found;
  for (const auto& [signature, held] : index_) {
    if (held.entry.plain && held.entry.utc > utc && (function == "*" || function_of(signature) == function)) found.emplace_back(signature);
  }
  return found;
}

std::vector<std::string> Contents::other_spellings(std::string_view signature) const {
  constexpr std::size_t kMayBeShortened = 180, kKept = 149;  // then the rest is a digest, which does not say how it went on
  const auto positions = [](std::string_view text) {
    const auto begin = std::min(text.find('('), text.size() - 1) + 1;
    text = text.substr(begin, text.size() >= kMayBeShortened ? kKept - begin : text.rfind("){") - begin);
    return text.ends_with(',') ? text.substr(0, text.size() - 1) : text;
  };
  const auto here = positions(signature);
  const auto may_be = [&](std::string_view other) {
    const auto there = positions(other);
    const auto both = std::min(here.size(), there.size());
    if (here.substr(0, both) != there.substr(0, both)) return false;
    if (std::max(signature.size(), other.size()) >= kMayBeShortened) return true;
    return there.empty() || (here.size() >= there.size() && (here.size() == both || here.substr(both).starts_with(", ")));
  };
  std::vector<std::string> found;
  for (const auto& [other, held] : index_) {
    if (held.entry.plain && other != signature && function_of(other) == function_of(signature) && may_be(other)) found.emplace_back(other);
  }
  return found;
}

Contents::Change Contents::remove_cleared() {
  if (to_clear_.empty()) return {};
  const bool all = to_clear_.contains("*");
  const auto is_named = [&](std::string_view signature) { return all || to_clear_.contains(function_of(signature)); };
  std::erase_if(odd_, [&](const auto& odd) { return is_named(odd.first); });
  const auto removed = boost::unordered::erase_if(index_, [&](const auto& held) {
    const DocumentEntry& entry = held.second.entry;
    return is_named(entry.signature) && !valid(entry);
  });
  to_clear_.clear();
  return {.known = removed > 0};
}

Contents::Change Contents::apply_header(const JournalHeader& header) {
  clock = std::max(clock, header.clock);
  Change change;
  for (const auto& [function, known] : header.cleared) {
    const auto mine = cleared.find(function);
    if (mine != cleared.end() && mine->second.number >= known.number) continue;
    change.known |= clear({function, known.number, known.utc}).known;
  }
  return change;
}

void Contents::apply_state(const StateRecord& record) {
  saved = std::max(saved, record.utc);
  if (record.gone) {
    state.erase(record.name);
  } else {
    state[record.name] = {.name = record.name, .value = std::string(record.value), .utc = record.utc, .plain = record.plain};
  }
}

Entry Contents::entry_of(const Held& held) {
  return {.value = held.entry.value,
          .hold = held.hold,
          .digest = held.entry.digest,
          .utc = held.entry.utc,
          .ttl = held.entry.ttl,
          .under = held.entry.under,
          .serial = held.serial,
          .plain = held.entry.plain,
          .tokens = held.entry.tokens,
          .in = held.entry.in,
          .layer = held.layer};
}

std::optional<Entry> Contents::find(std::string_view signature, std::string_view digest) const {
  const auto held = index_.find(signature);
  if (held == index_.end()) return std::nullopt;
  const DocumentEntry& entry = held->second.entry;
  if (!digest.empty() && !entry.digest.empty() && digest != entry.digest) return std::nullopt;  // a collision of SHA-1
  return entry_of(held->second);
}

std::vector<DocumentEntry> Contents::all() const {
  std::vector<DocumentEntry> entries;
  entries.reserve(index_.size());
  for (const auto& [signature, held] : index_) entries.push_back(held.entry);
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.signature < b.signature; });
  return entries;
}

std::vector<std::pair<std::string, Entry>> Contents::sorted() const {
  std::vector<std::pair<std::string, Entry>> entries;
  entries.reserve(index_.size());
  for (const auto& [signature, held] : index_) entries.emplace_back(signature, entry_of(held));
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return entries;
}

Contents::Change Contents::inherit(const Contents& before) {
  Change change;
  for (const auto& [signature, old] : before.index_) {
    const auto mine = index_.find(signature);
    if (mine != index_.end() && mine->second.entry.utc == old.entry.utc && mine->second.entry.value == old.entry.value) {
      mine->second.serial = old.serial;
      mine->second.layer = old.layer;
    } else {
      change.known = true;
    }
  }
  return change;
}

std::string Contents::document(const std::string& data_id, Time now) const {
  DocumentHeader header{.data_id = data_id, .folded = folded, .cleared = cleared, .clock = clock, .carried = carried, .tables = tables};
  if (header.folded.size() > kFolded) header.folded.erase(header.folded.begin(), header.folded.end() - kFolded);
  std::vector<Variable> variables;
  variables.reserve(state.size());
  for (const auto& [name, variable] : state) variables.push_back(variable);
  DocumentWriter writer(header, variables);
  for (const auto& entry : all()) {
    if (!long_outdated(entry, now)) writer.entry(entry);
  }
  for (const auto& [signature, json] : odd_) {
    if (!index_.contains(signature)) writer.odd_entry(signature, json);
  }
  return writer.finish(variables, saved);
}

}  // namespace cacherator::engine
