// The journal reader, fed with lines whose CRC is right: what is read can be written and read again as the same, a reader never finds
// more than there are lines, and what a writer writes is read.
#include <cmath>

#include "cacherator/detail/text.hpp"
#include "fuzz.hpp"
#include "local/contents.hpp"
#include "local/journal.hpp"
#include "local/json_scanner.hpp"

using namespace cacherator;
using namespace cacherator::engine;
using fuzz::check;

namespace {

bool same_ttl(double a, double b) { return a == b || (!std::isfinite(a) && b == 1e300); }

bool same(const ClearedMap& a, const ClearedMap& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.first == y.first && x.second.number == y.second.number && fuzz::same_time(x.second.utc, y.second.utc);
  });
}

bool same(const Record& a, const Record& b) {
  if (a.index() != b.index()) return false;
  if (const auto* p = std::get_if<PutRecord>(&a)) {
    const auto& q = std::get<PutRecord>(b);
    return p->signature == q.signature && p->value == q.value && p->digest == q.digest && fuzz::same_time(p->utc, q.utc) && p->plain == q.plain &&
           (p->plain || (same_ttl(p->ttl, q.ttl) && p->under == q.under));
  }
  if (const auto* d = std::get_if<DropRecord>(&a))
    return d->signature == std::get<DropRecord>(b).signature && fuzz::same_time(d->utc, std::get<DropRecord>(b).utc);
  if (const auto* c = std::get_if<ClearRecord>(&a)) {
    const auto& d = std::get<ClearRecord>(b);
    return c->function == d.function && c->number == d.number && fuzz::same_time(c->utc, d.utc);
  }
  if (const auto* s = std::get_if<StateRecord>(&a)) {
    const auto& t = std::get<StateRecord>(b);
    return s->name == t.name && (s->gone || s->value == t.value) && fuzz::same_time(s->utc, t.utc) && s->gone == t.gone && s->plain == t.plain;
  }
  if (const auto* s = std::get_if<SavedRecord>(&a)) return fuzz::same_time(s->utc, std::get<SavedRecord>(b).utc);
  if (const auto* u = std::get_if<UnknownRecord>(&a)) return u->line == std::get<UnknownRecord>(b).line;
  if (const auto* h = std::get_if<JournalHeader>(&a)) {
    const auto& i = std::get<JournalHeader>(b);
    return h->data_id == i.data_id && h->id == i.id && h->after == i.after && h->clock == i.clock && same(h->cleared, i.cleared);
  }
  if (const auto* t = std::get_if<ToldRecord>(&a)) {
    const auto& u = std::get<ToldRecord>(b);
    return t->key == u.key && t->l2 == u.l2 && t->table == u.table;
  }
  if (const auto* t = std::get_if<TokensRecord>(&a)) {
    const auto& u = std::get<TokensRecord>(b);
    return t->table == u.table && t->tokens == u.tokens && t->pending == u.pending;
  }
  if (const auto* i = std::get_if<InRecord>(&a)) return i->table == std::get<InRecord>(b).table;
  return true;
}

std::string encoded(const Record& record) {
  std::string out;
  if (const auto* p = std::get_if<PutRecord>(&record)) {
    encode(out, DocumentEntry{.signature = p->signature,
                              .value = p->value,
                              .digest = p->digest,
                              .utc = p->utc,
                              .ttl = p->ttl,
                              .under = p->under,
                              .plain = p->plain,
                              .tokens = p->tokens,
                              .in = p->in});
  }
  if (const auto* u = std::get_if<UnknownRecord>(&record)) encode_raw(out, u->line);
  if (const auto* d = std::get_if<DropRecord>(&record)) encode(out, *d);
  if (const auto* c = std::get_if<ClearRecord>(&record)) encode(out, *c);
  if (const auto* s = std::get_if<StateRecord>(&record)) encode(out, *s);
  if (const auto* s = std::get_if<SavedRecord>(&record)) encode(out, *s);
  if (const auto* h = std::get_if<JournalHeader>(&record)) encode(out, *h);
  if (const auto* t = std::get_if<ToldRecord>(&record)) encode(out, *t);
  if (const auto* t = std::get_if<TokensRecord>(&record)) encode(out, *t);
  if (const auto* i = std::get_if<InRecord>(&record)) encode(out, *i);
  return out;
}

void check_record(std::string_view line) {
  const auto record = parse_record(line);
  if (std::holds_alternative<DamagedRecord>(record)) return;
  if (const auto* h = std::get_if<JournalHeader>(&record); h && h->format != 1) return;  // never written again
  const auto text = encoded(record);
  check(text.starts_with('\n') && text.ends_with('\n') && text.find('\n', 1) == text.size() - 1, "a record is a newline, a line, a newline");
  if (is_utf8(line)) check(same(record, parse_record(std::string_view(text).substr(1, text.size() - 2))), "a record that was read is written as the same");
}

/// A writer's own record, of any texts; values up to the stated depth.
void check_writer(std::string_view signature, std::string_view value) {
  if (!is_utf8(signature) || !is_utf8(value)) return;
  std::string json;
  if (is_json(value) && fuzz::depth_of(value) <= 512) json = value;
  else append_json(json, value);
  std::string line;
  encode(line, DocumentEntry{.signature = signature, .value = json, .utc = 1'795'419'280'123'456'000, .ttl = 0.25, .under = 7});
  const auto record = parse_record(std::string_view(line).substr(1, line.size() - 2));
  const auto* put = std::get_if<PutRecord>(&record);
  check(put && put->signature == signature && put->under == 7 && put->utc == 1'795'419'280'123'456'000 && put->ttl == 0.25, "what is written is read");
  if (json.find_first_of("\r\n") == json.npos) {
    const auto inside = std::string_view(json).substr(json.find_first_not_of(" \t"));
    check(put->value == inside.substr(0, inside.find_last_not_of(" \t") + 1), "its value too");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::Folder folder;
  static const int fd = platform::open_folder(folder.path());
  const auto input = fuzz::text_of(data, size);
  check_writer(input.substr(0, size / 2), input.substr(size / 2));
  check_writer("f(1,){}", input);
  const auto text = fuzz::sealed_lines(input);
  folder.write("j", text);
  Journal journal;
  check(Journal::open(fd, "j", journal) == 0, "a journal opens");
  std::shared_ptr<std::string> lines;
  check(journal.read_new(lines) == 0 && journal.read_to() <= text.size(), "and is read to its end at most");
  if (!lines) return 0;
  check(text.starts_with(*lines) && lines->ends_with('\n') && text.find('\n', lines->size()) == text.npos, "all whole lines are read");
  std::size_t count = 0;
  for (std::string_view rest = *lines; !rest.empty();) {
    const auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(line.size() + 1);
    if (line.empty()) continue;
    ++count;
    if (size <= 4096) check_record(line);
  }
  Contents contents;
  contents.apply(*lines, lines);
  check(contents.size() + contents.state.size() + contents.carried.size() + contents.damaged_records <= count, "a reader finds no more than there are lines");
  std::uint64_t largest = 0;
  for (const auto& [function, clear] : contents.cleared) largest = std::max(largest, clear.number);
  check(contents.clock >= largest, "the clock is the largest clear number");
  for (const auto& entry : contents.all()) {
    check(contents.valid(entry) && is_json(entry.value), "every entry is valid, and a value");
  }
  return 0;
}
