#include "cacherator/detail/text.hpp"

#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>

#include "digest.hpp"

namespace cacherator::engine {
namespace {

struct Range {
  std::uint32_t first, last;
};
constexpr Range kPrintable[] = {
#include "printable.inc"
};

bool is_printable(std::uint32_t point) {
  if (point < 0x7F) return point >= 0x20;
  const auto range = std::lower_bound(std::begin(kPrintable), std::end(kPrintable), point, [](const Range& r, std::uint32_t p) { return r.last < p; });
  return range != std::end(kPrintable) && range->first <= point;
}

void append_hex(std::string& out, const char* prefix, std::uint32_t number, int digits) {
  out += prefix;
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) out += "0123456789abcdef"[number >> shift & 15];
}

struct Decoded {
  std::uint32_t point = 0;
  std::size_t length = 0;  ///< 0: malformed here
};

/// One code point of UTF-8 that may hold surrogates (WTF-8).
Decoded decode(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i])); };
  const auto follows = [&](std::size_t i) { return i < text.size() && (byte(i) & 0xC0) == 0x80; };
  const std::uint32_t b = byte(0);
  if (b < 0x80) return {b, 1};
  if (b >= 0xC2 && b < 0xE0 && follows(1)) return {(b & 0x1F) << 6 | (byte(1) & 63), 2};
  if (b >= 0xE0 && b < 0xF0 && follows(1) && follows(2)) {
    const std::uint32_t point = (b & 15) << 12 | (byte(1) & 63) << 6 | (byte(2) & 63);
    if (point >= 0x800) return {point, 3};
  }
  if (b >= 0xF0 && b < 0xF5 && follows(1) && follows(2) && follows(3)) {
    const std::uint32_t point = (b & 7) << 18 | (byte(1) & 63) << 12 | (byte(2) & 63) << 6 | (byte(3) & 63);
    if (point >= 0x10000 && point < 0x110000) return {point, 4};
  }
  return {};
}

/// Python's choice: single quotes, unless the text has some and no double ones.
char quote_for(std::string_view text) { return text.find('\'') != std::string_view::npos && text.find('"') == std::string_view::npos ? '"' : '\''; }

/// The escape that str and bytes have in common; false: none.
bool append_short_escape(std::string& out, unsigned char c, char quote) {
  switch (c) {
    case '\n': out += "\\n"; return true;
    case '\r': out += "\\r"; return true;
    case '\t': out += "\\t"; return true;
    case '\\': out += "\\\\"; return true;
    default: break;
  }
  if (c != static_cast<unsigned char>(quote)) return false;
  out += '\\';
  out += quote;
  return true;
}

}  // namespace

void append_text(std::string& out, std::string_view utf8) {
  const char quote = quote_for(utf8);
  out += quote;
  while (!utf8.empty()) {
    std::size_t plain = 0;
    while (plain < utf8.size() && utf8[plain] >= 0x20 && utf8[plain] < 0x7F && utf8[plain] != quote && utf8[plain] != '\\') {
      ++plain;
    }
    out.append(utf8, 0, plain);
    utf8.remove_prefix(plain);
    if (utf8.empty()) break;
    const auto c = static_cast<unsigned char>(utf8[0]);
    const Decoded d = decode(utf8);
    if (d.length == 0) {
      append_hex(out, "\\x", c, 2);
    } else if (d.length > 1 && is_printable(d.point)) {
      out.append(utf8, 0, d.length);
    } else if (!append_short_escape(out, c, quote)) {
      if (d.point < 0x100) {
        append_hex(out, "\\x", d.point, 2);
      } else if (d.point < 0x10000) {
        append_hex(out, "\\u", d.point, 4);
      } else {
        append_hex(out, "\\U", d.point, 8);
      }
    }
    utf8.remove_prefix(std::max<std::size_t>(d.length, 1));
  }
  out += quote;
}

void append_bytes(std::string& out, std::string_view bytes) {
  const char quote = quote_for(bytes);
  out += 'b';
  out += quote;
  for (const char b : bytes) {
    const auto c = static_cast<unsigned char>(b);
    if (append_short_escape(out, c, quote)) continue;
    if (c >= 0x20 && c < 0x7F) {
      out += b;
    } else {
      append_hex(out, "\\x", c, 2);
    }
  }
  out += quote;
}

// Python's repr (float_repr_style 'short', format code 'r'): the shortest digits that read back, as a plain decimal where
// the exponent is from -4 to 15, else in scientific form with at least two digits of exponent.
void append_float(std::string& out, double value) {
  if (std::isnan(value)) return void(out += "nan");
  if (std::isinf(value)) return void(out += value < 0 ? "-inf" : "inf");
  char text[32];
  const char* end = std::to_chars(text, text + sizeof text, value, std::chars_format::scientific).ptr;
  const std::string_view shown(text, static_cast<std::size_t>(end - text));
  const std::size_t e = shown.find('e');
  int exponent = 0;
  std::from_chars(text + e + (text[e + 1] == '+' ? 2 : 1), end, exponent);
  if (exponent < -4 || exponent >= 16) return void(out += shown);
  const std::size_t from = out.size();
  char plain[64];
  out.append(plain, std::to_chars(plain, plain + sizeof plain, value, std::chars_format::fixed).ptr);
  if (out.find('.', from) == std::string::npos) out += ".0";
}

void append_int(std::string& out, std::int64_t value) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

void append_uint(std::string& out, std::uint64_t value) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

Signature shorten(std::string full) {
  constexpr std::size_t kLongest = 180, kKept = 149;  // of 1.2.9, in code points
  if (full.size() < kLongest) return {std::move(full), {}};
  const auto begins_point = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; };
  if (static_cast<std::size_t>(std::count_if(full.begin(), full.end(), begins_point)) < kLongest) {
    return {std::move(full), {}};
  }
  std::size_t cut = 0;
  for (std::size_t points = 0; points < kKept || !begins_point(full[cut]); ++cut) points += begins_point(full[cut]);
  return {full.substr(0, cut) + '_' + sha1_hex(full), sha256_hex(full)};
}

/// What is made first is destroyed last: caches are written while a program ends, and simdjson 3.0 has static objects.
[[gnu::constructor(101)]] static void begin_simdjson() { (void)!simdjson::validate_utf8("", 0); }

bool is_utf8(std::string_view utf8) noexcept { return simdjson::validate_utf8(utf8.data(), utf8.size()); }

}  // namespace cacherator::engine
