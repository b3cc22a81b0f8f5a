#include "local/record.hpp"

#include <zlib.h>

#include <charconv>
#include <cmath>
#include <cstring>
#include <set>

#include "cacherator/detail/fork_safe.hpp"
#include "cacherator/detail/text.hpp"
#include "local/json_scanner.hpp"
#include "local/json_text.hpp"
#include "local/members.hpp"

namespace cacherator::engine {
namespace {

constexpr std::string_view kCrcMember = ",\"crc\":\"";
constexpr std::size_t kTail = kCrcMember.size() + 8 + 2;  // ...8 hex digits, quote, brace

std::uint32_t crc_of(std::string_view text) { return static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const unsigned char*>(text.data()), text.size())); }

/// Ends the line that begins at `from` in `out`: the CRC, the brace, the newline.
void seal(std::string& out, std::size_t from) {
  const std::uint32_t crc = crc_of(std::string_view(out).substr(from));
  out += kCrcMember;
  for (int shift = 28; shift >= 0; shift -= 4) out += "0123456789abcdef"[crc >> shift & 15];
  out += "\"}\n";
}

std::size_t begin(std::string& out) {
  out += '\n';
  return out.size();
}

/// Nothing where the text is empty.
void append_member(std::string& out, std::string_view name, std::string_view text) {
  if (text.empty()) return;
  ((out += ",\"") += name) += "\":";
  append_json(out, text);
}

bool crc_is_right(std::string_view line) {
  if (line.size() < kTail + 1 || line.front() != '{' || !line.ends_with("\"}")) return false;
  const auto tail = line.substr(line.size() - kTail);
  if (!tail.starts_with(kCrcMember)) return false;
  std::uint32_t stored = 0;
  const char* digits = tail.data() + kCrcMember.size();
  if (std::from_chars(digits, digits + 8, stored, 16).ptr != digits + 8) return false;
  return crc_of(line.substr(0, line.size() - kTail)) == stored;
}

Record header(const Members& m) {
  JournalHeader h;
  if (m.text("cacherator") != "journal") return DamagedRecord{};
  h.format = m.version("format");
  h.data_id = m.text("data_id").value_or("");
  h.id = m.text("id").value_or("");
  h.after = m.text("after").value_or("");
  h.clock = m.count("clock");
  if (h.format == 1 && h.id.size() != 32) return DamagedRecord{};
  if (auto cleared = m.raw("cleared")) h.cleared = read_cleared(*cleared);
  return h;
}

Record put(const Members& m) {
  const auto value = m.raw("value");
  const auto utc = m.time("utc");
  if (!value || !utc) return DamagedRecord{};
  PutRecord p;
  p.signature = *m.text("put");
  p.value = *value;
  p.digest = m.text("sha256").value_or("");
  p.utc = *utc;
  p.plain = m.raw("plain") == "true";
  p.ttl = m.number("ttl").value_or(std::nan(""));
  p.under = m.count("under");
  p.tokens = m.text("tokens").value_or("");
  p.in = m.text("in").value_or("");
  return p;
}

Record clear(const Members& m) {
  const auto utc = m.time("utc");
  const auto number = m.count("n");
  if (!utc || !number) return DamagedRecord{};
  return ClearRecord{*m.text("clear"), number, *utc, m.text("l2").value_or("")};
}

Record drop(const Members& m) { return DropRecord{*m.text("drop"), m.time("utc").value_or(0), m.text("l2").value_or("")}; }

Record state(const Members& m) {
  const auto utc = m.time("utc");
  const auto value = m.raw("value");
  const bool gone = m.raw("gone") == "true";
  if (!utc || (!value && !gone)) return DamagedRecord{};
  return StateRecord{*m.text("state"), value.value_or(""), *utc, gone, m.raw("plain") == "true"};
}

Record told(const Members& m) {
  ToldRecord t{*m.text("told"), m.text("l2").value_or(""), m.text("table").value_or("")};
  if (t.l2.empty() || known_table(t.table).empty()) return DamagedRecord{};
  return t;
}

Record tokens(const Members& m) {
  TableState known = read_table(m);
  TokensRecord t{*m.text("tokens"), std::move(known.tokens), std::move(known.pending)};
  if (known_table(t.table).empty()) return DamagedRecord{};
  return t;
}

Record in(const Members& m) {
  InRecord r{*m.text("in"), {}};
  Members of;
  if (const auto raw = m.raw("of"); known_table(r.table).empty() || !raw || !of.read(*raw)) return DamagedRecord{};
  for (const auto& [name, value] : of) {
    std::string signature;
    append_unescaped(signature, name);
    if (const auto utc = of.time(name)) r.entries.emplace_back(std::move(signature), *utc);
  }
  return r;
}

}  // namespace

std::string_view known_table(std::string_view id) {
  if (id.size() != 8 || id.find_first_not_of("0123456789abcdef") != std::string_view::npos) return {};
  static detail::ForkSafeMutex mutex;
  static auto* known = new std::set<std::string, std::less<>>;
  std::lock_guard lock(mutex);
  const auto found = known->find(id);
  return found != known->end() ? *found : *known->emplace(id).first;
}

Record parse_record(std::string_view line) {
  if (!crc_is_right(line)) return DamagedRecord{};
  Members members;
  if (!members.read(line)) return DamagedRecord{};
  const std::string_view kind = members.first_key();
  if (kind == "saved") {
    if (auto utc = members.time("saved")) return SavedRecord{*utc};
    return DamagedRecord{};
  }
  static constexpr std::pair<std::string_view, Record (*)(const Members&)> kKinds[] = {
      {"put", put}, {"drop", drop}, {"clear", clear}, {"state", state}, {"cacherator", header}, {"told", told}, {"tokens", tokens}, {"in", in}};
  for (const auto& [name, read] : kKinds) {
    if (kind == name) return members.text(kind) ? read(members) : DamagedRecord{};
  }
  return UnknownRecord{line};
}

void encode(std::string& out, const JournalHeader& h) {
  const auto from = begin(out);
  out += "{\"cacherator\":\"journal\",\"format\":1,\"data_id\":";
  append_json(out, h.data_id);
  out += ",\"id\":";
  append_json(out, h.id);
  out += ",\"after\":";
  if (h.after.empty()) {
    out += "null";
  } else {
    append_json(out, h.after);
  }
  out += ",\"cleared\":";
  append_cleared(out, h.cleared, "");
  out += ",\"clock\":";
  append_number(out, h.clock);
  seal(out, from);
}

void encode(std::string& out, const DocumentEntry& put) {
  const auto from = begin(out);
  out += "{\"put\":";
  append_json(out, put.signature);
  out += ",\"value\":";
  append_one_line(out, put.value);
  out += ",\"utc\":";
  append_seconds(out, put.utc);
  if (put.plain) {
    out += ",\"plain\":true";
  } else {
    out += ",\"ttl\":";
    append_days(out, put.ttl);
    out += ",\"under\":";
    append_number(out, put.under);
  }
  append_member(out, "sha256", put.digest);
  append_member(out, "tokens", put.tokens);
  append_member(out, "in", put.in);
  seal(out, from);
}

void encode(std::string& out, const DropRecord& record) {
  const auto from = begin(out);
  out += "{\"drop\":";
  append_json(out, record.signature);
  out += ",\"utc\":";
  append_seconds(out, record.utc);
  append_member(out, "l2", record.l2);
  seal(out, from);
}

void encode(std::string& out, const ClearRecord& record) {
  const auto from = begin(out);
  out += "{\"clear\":";
  append_json(out, record.function);
  out += ",\"n\":";
  append_number(out, record.number);
  out += ",\"utc\":";
  append_seconds(out, record.utc);
  append_member(out, "l2", record.l2);
  seal(out, from);
}

void encode(std::string& out, const StateRecord& record) {
  const auto from = begin(out);
  out += "{\"state\":";
  append_json(out, record.name);
  if (record.gone) {
    out += ",\"gone\":true";
  } else {
    out += ",\"value\":";
    append_one_line(out, record.value);
  }
  out += ",\"utc\":";
  append_seconds(out, record.utc);
  if (record.plain) out += ",\"plain\":true";
  seal(out, from);
}

void encode(std::string& out, const SavedRecord& record) {
  const auto from = begin(out);
  out += "{\"saved\":";
  append_seconds(out, record.utc);
  seal(out, from);
}

void encode(std::string& out, const ToldRecord& record) {
  const auto from = begin(out);
  out += "{\"told\":";
  append_json(out, record.key);
  append_member(out, "l2", record.l2);
  append_member(out, "table", record.table);
  seal(out, from);
}

void encode(std::string& out, const TokensRecord& record) {
  const auto from = begin(out);
  out += "{\"tokens\":";
  append_json(out, record.table);
  std::string members;
  if (append_table(members, record.tokens, record.pending, "")) (out += ',') += members;
  seal(out, from);
}

void encode(std::string& out, const InRecord& record) {
  const auto from = begin(out);
  out += "{\"in\":";
  append_json(out, record.table);
  out += ",\"of\":{";
  bool first = true;
  for (const auto& [signature, utc] : record.entries) {
    if (!first) out += ',';
    first = false;
    append_json(out, signature);
    out += ':';
    append_seconds(out, utc);
  }
  out += '}';
  seal(out, from);
}

void encode_raw(std::string& out, std::string_view line) {
  out += '\n';
  out += line;
  out += '\n';
}

}  // namespace cacherator::engine
