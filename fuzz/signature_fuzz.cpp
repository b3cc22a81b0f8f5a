// Signatures: any text, bytes or double has one rendering in one line; what was rendered can be read back, so no two values share it.
#include <bit>
#include <cstdlib>
#include <cstring>
#include <map>
#include <set>
#include <tuple>
#include <vector>

#include "cacherator/signature.hpp"
#include "fuzz.hpp"

using namespace cacherator;
using fuzz::check;

namespace {

/// Python's literal back to bytes; for texts in WTF-8 and for bytes.
std::string unrendered(std::string_view shown, bool bytes) {
  std::string out;
  for (std::size_t i = 1; i + 1 < shown.size(); ++i) {
    if (shown[i] != '\\') {
      out += shown[i];
      continue;
    }
    const char kind = shown[++i];
    const int digits = kind == 'x' ? 2 : kind == 'u' ? 4 : kind == 'U' ? 8 : 0;
    if (!digits) {
      out += kind == 'n' ? '\n' : kind == 'r' ? '\r' : kind == 't' ? '\t' : kind;
      continue;
    }
    const auto c = static_cast<std::uint32_t>(std::strtoul(std::string(shown.substr(i + 1, static_cast<std::size_t>(digits))).c_str(), nullptr, 16));
    i += static_cast<std::size_t>(digits);
    const auto add = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
    if (bytes || c < 0x80) {
      add(c);
    } else if (c < 0x800) {
      add(0xC0 | c >> 6), add(0x80 | (c & 63));
    } else if (c < 0x10000) {
      add(0xE0 | c >> 12), add(0x80 | (c >> 6 & 63)), add(0x80 | (c & 63));
    } else {
      add(0xF0 | c >> 18), add(0x80 | (c >> 12 & 63)), add(0x80 | (c >> 6 & 63)), add(0x80 | (c & 63));
    }
  }
  return out;
}

void check_one_line(std::string_view shown) {
  for (const char c : shown) check(static_cast<unsigned char>(c) >= 0x20 && c != 0x7F, "a signature holds no newline and no control character");
  check(engine::is_utf8(shown), "a signature is UTF-8");
  for (const char* line_break : {"\xC2\x85", "\xE2\x80\xA8", "\xE2\x80\xA9", "\xE2\x80\xAE"}) {
    check(shown.find(line_break) == std::string_view::npos, "nor one of Unicode's line breaks, nor a change of direction");
  }
}

/// UTF-8 in which surrogates may stand alone (as Python hands them over); a pair of them is not one.
bool is_wtf8(std::string text) {
  bool high = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = [&](std::size_t at) { return at < text.size() ? static_cast<unsigned char>(text[at]) : 0u; };
    if (byte(i) != 0xED || byte(i + 1) < 0xA0) {
      high = false;
      continue;
    }
    if (byte(i + 1) > 0xBF || (byte(i + 2) & 0xC0) != 0x80 || (high && byte(i + 1) >= 0xB0)) return false;
    high = byte(i + 1) < 0xB0;
    text[i + 1] = '\x9F';
    i += 2;
  }
  return engine::is_utf8(text);
}

void check_shortened(const std::string& full) {
  const auto points = [](std::string_view text) {
    std::size_t count = 0;
    for (const char c : text) count += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    return count;
  };
  const auto shown = engine::shorten(full);
  check_one_line(shown.text);
  check(shown.digest.empty() == (points(full) < 180), "a signature is shortened from 180 characters on");
  check(shown.digest.empty() ? shown.text == full : shown.digest.size() == 64 && points(shown.text) == 149 + 41, "to 190, and its digest is kept");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(fuzz::text_of(data, size));
  std::string shown, shown_bytes;
  engine::append_text(shown, text);
  engine::append_bytes(shown_bytes, text);
  check_one_line(shown);
  check_one_line(shown_bytes);
  if (is_wtf8(text)) check(unrendered(shown, false) == text, "a text's rendering says which text it is");
  check(unrendered(std::string_view(shown_bytes).substr(1), true) == text, "a bytes' rendering says which bytes it is");
  check_shortened("f(" + shown + ",){}");

  std::string typed;
  bool refused = false;
  try {
    append_signature(typed, std::tuple(text, std::vector{text, text}, std::map<std::string, int>{{text, 1}}, std::set<std::string>{text}));
    check_one_line(typed);
  } catch (const std::invalid_argument&) {
    refused = true;
  }
  check(refused != engine::is_utf8(text), "an argument is refused if it is not UTF-8, and only then");

  for (std::size_t at = 0; at + sizeof(double) <= size && at < 64; at += sizeof(double)) {
    double number;
    std::memcpy(&number, data + at, sizeof number);
    std::string digits;
    engine::append_float(digits, number);
    check(digits.size() <= 24 && digits.find_first_of(".en") != std::string::npos, "a float is short, and looks unlike an integer");
    const double again = std::strtod(digits.c_str(), nullptr);
    check(number != number ? digits == "nan" : std::bit_cast<std::uint64_t>(again) == std::bit_cast<std::uint64_t>(number), "a float's text reads back");
  }
  return 0;
}
