#include "local/stem.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>

#include "cacherator/detail/text.hpp"
#include "digest.hpp"

namespace cacherator::engine {
namespace {

struct Entity {
  std::string_view name, text;
};
constexpr Entity kEntities[] = {
#include "entities.inc"
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool is_kept(char c) { return is_digit(c) || (c >= 'a' && c <= 'z'); }

/// Replaces "&name;" by what is kept of the character it names.
std::string decode_named(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto end = text[i] == '&' ? text.find(';', i) : std::string_view::npos;
    const auto name = end == std::string_view::npos ? std::string_view() : text.substr(i + 1, end - i - 1);
    const auto entity = std::find_if(std::begin(kEntities), std::end(kEntities), [&](const Entity& e) { return e.name == name; });
    if (name.empty() || entity == std::end(kEntities)) {
      out += text[i];
      continue;
    }
    out += name == "amp" ? "&" : entity->text;
    i = end;
  }
  return out;
}

/// Replaces "&#38;" (base 10, prefix "&#") or "&#x26;" (base 16, prefix "&#x") by the character; beyond ASCII by a dash.
std::string decode_numbers(std::string_view text, std::string_view prefix, int base) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto end = text.substr(i).starts_with(prefix) ? text.find(';', i) : std::string_view::npos;
    unsigned point = 0;
    const char* first = text.data() + i + prefix.size();
    if (end == std::string_view::npos || first == text.data() + end || std::from_chars(first, text.data() + end, point, base).ptr != text.data() + end) {
      out += text[i];
      continue;
    }
    out += point > 0 && point < 0x80 ? static_cast<char>(point) : '-';
    i = end;
  }
  return out;
}

}  // namespace

std::string slug(std::string_view ascii) {
  std::string text(ascii);
  std::replace(text.begin(), text.end(), '\'', '-');
  text = decode_numbers(decode_numbers(decode_named(text), "&#", 10), "&#x", 16);
  std::erase(text, '\'');
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = lower(text[i]);
    const bool between_digits = c == ',' && i > 0 && is_digit(text[i - 1]) && i + 1 < text.size() && is_digit(text[i + 1]);
    if (between_digits) continue;
    if (is_kept(c)) {
      out += c;
    } else if (!out.empty() && out.back() != '-') {
      out += '-';
    }
  }
  if (out.ends_with('-')) out.pop_back();
  return out;
}

Result<Stems> stems(std::string_view data_id, std::string_view incumbent_stem) {
  const auto misuse = [](const char* what) { return Fault{Fault::Kind::misuse, std::string("data_id: ") + what}; };
  if (data_id.empty()) return misuse("it is empty; give a name, or none to use the class's");
  if (data_id.find('\0') != std::string_view::npos) return misuse("it holds a NUL character, which no file name can; leave it out");
  if (!is_utf8(data_id)) return misuse("it is not UTF-8 text; encode it as UTF-8");

  constexpr std::size_t kLongest = 180, kKept = 140;  // of 1.2.9, in characters
  const std::string digest = sha256_hex(data_id);
  std::string ascii;
  for (const char c : data_id) {
    if (static_cast<unsigned char>(c) < 0x80) ascii += c;
  }
  const bool is_ascii = ascii.size() == data_id.size();
  if (ascii.size() >= kLongest) ascii = ascii.substr(0, kKept) + '-' + digest;
  const std::string name = slug(ascii);

  Stems names;
  names.plain = is_ascii ? name : std::string(incumbent_stem.size() <= 225 ? incumbent_stem : "");  // with ".json.damaged-" and a time 255 bytes
  names.adopt_only = !is_ascii;
  names.has_plain = !names.plain.empty() && names.plain != "." && names.plain != "..";
  if (names.plain.find('/') != std::string::npos || names.plain.find('\0') != std::string::npos) names.has_plain = false;
  names.marked = name.empty() ? digest.substr(0, 8) : name + '-' + digest.substr(0, 8);
  return names;
}

}  // namespace cacherator::engine
