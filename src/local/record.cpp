#include "local/record.hpp"

#include <zlib.h>

#include <charconv>
#include <cmath>
#include <cstring>

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
  return p;
}

Record clear(const Members& m) {
  const auto utc = m.time("utc");
  const auto number = m.count("n");
  if (!utc || !number) return DamagedRecord{};
  return ClearRecord{*m.text("clear"), number, *utc};
}

Record state(const Members& m) {
  const auto utc = m.time("utc");
  const auto value = m.raw("value");
  const bool gone = m.raw("gone") == "true";
  if (!utc || (!value && !gone)) return DamagedRecord{};
  return StateRecord{*m.text("state"), value.value_or(""), *utc, gone, m.raw("plain") == "true"};
}

}  // namespace

Record parse_record(std::string_view line) {
  if (!crc_is_right(line)) return DamagedRecord{};
  Members members;
  if (!members.read(line)) return DamagedRecord{};
  const std::string_view kind = members.first_key();
  if (kind == "saved") {
    if (auto utc = members.time("saved")) return SavedRecord{*utc};
    return DamagedRecord{};
  }
  const bool known = kind == "put" || kind == "drop" || kind == "clear" || kind == "state" || kind == "cacherator";
  if (!known) return UnknownRecord{line};
  if (!members.text(kind)) return DamagedRecord{};
  if (kind == "put") return put(members);
  if (kind == "clear") return clear(members);
  if (kind == "state") return state(members);
  if (kind == "cacherator") return header(members);
  return DropRecord{*members.text("drop"), members.time("utc").value_or(0)};
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

void encode_put(std::string& out, std::string_view signature, std::string_view digest, std::string_view value, Time utc, double ttl, std::uint64_t under,
                bool plain) {
  const auto from = begin(out);
  out += "{\"put\":";
  append_json(out, signature);
  out += ",\"value\":";
  append_one_line(out, value);
  out += ",\"utc\":";
  append_seconds(out, utc);
  if (plain) {
    out += ",\"plain\":true";
  } else {
    out += ",\"ttl\":";
    append_days(out, ttl);
    out += ",\"under\":";
    append_number(out, under);
  }
  if (!digest.empty()) {
    out += ",\"sha256\":";
    append_json(out, digest);
  }
  seal(out, from);
}

void encode(std::string& out, const DropRecord& record) {
  const auto from = begin(out);
  out += "{\"drop\":";
  append_json(out, record.signature);
  out += ",\"utc\":";
  append_seconds(out, record.utc);
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

void encode_raw(std::string& out, std::string_view line) {
  out += '\n';
  out += line;
  out += '\n';
}

}  // namespace cacherator::engine
