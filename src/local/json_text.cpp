#include "local/json_text.hpp"

#include <charconv>
#include <cmath>

namespace cacherator::engine {

void append_json(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  std::size_t from = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const bool surrogate = c == 0xED && i + 2 < text.size() && (text[i + 1] & 0xE0) == 0xA0 && (text[i + 2] & 0xC0) == 0x80;
    if (c >= 0x20 && c != '"' && c != '\\' && !surrogate) continue;
    out.append(text, from, i - from);
    from = i + 1;
    if (surrogate) {  // a lone one: no UTF-8 can say it, an escape can
      const auto low = static_cast<unsigned>((text[i + 1] & 0x3F) << 6 | (text[i + 2] & 0x3F));
      out += "\\ud";
      for (int shift = 8; shift >= 0; shift -= 4) out += kHex[low >> shift & 15];
      from = (i += 2) + 1;
      continue;
    }
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        out += "\\u00";
        out += kHex[c >> 4];
        out += kHex[c & 15];
    }
  }
  out.append(text, from);
  out += '"';
}

void append_one_line(std::string& out, std::string_view json) {
  if (json.find_first_of("\n\r") == std::string_view::npos) {
    out += json;
    return;
  }
  bool inside = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (inside) {
      out += c;
      if (c == '\\') out += json[++i];
    } else if (c != ' ' && c != '\n' && c != '\r' && c != '\t') {
      out += c;
    }
    if (c == '"') inside = !inside;
  }
}

void append_number(std::string& out, std::uint64_t number) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

void append_seconds(std::string& out, Time utc) {
  std::int64_t micros = utc / 1000;
  if (micros < 0) {
    out += '-';
    micros = -micros;
  }
  append_number(out, static_cast<std::uint64_t>(micros / 1'000'000));
  char fraction[8] = ".000000";
  auto rest = micros % 1'000'000;
  for (int i = 6; i > 0; --i, rest /= 10) fraction[i] = static_cast<char>('0' + rest % 10);
  out.append(fraction, 7);
}

void append_days(std::string& out, double days) {
  char digits[32];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, std::isfinite(days) ? days : 1e300).ptr);
}

void append_cleared(std::string& out, const ClearedMap& cleared, std::string_view separator) {
  out += '{';
  bool first = true;
  for (const auto& [function, clear] : cleared) {
    if (!first) (out += ',') += separator;
    first = false;
    append_json(out, function);
    ((out += ':') += separator) += "{\"n\":";
    out += separator;
    append_number(out, clear.number);
    (((out += ',') += separator) += "\"utc\":") += separator;
    append_seconds(out, clear.utc);
    out += '}';
  }
  out += '}';
}

namespace {

void append_texts(std::string& out, const std::map<std::string, std::string, std::less<>>& texts, std::string_view separator) {
  out += '{';
  bool first = true;
  for (const auto& [name, text] : texts) {
    if (!first) (out += ',') += separator;
    first = false;
    append_json(out, name);
    (out += ':') += separator;
    append_json(out, text);
  }
  out += '}';
}

}  // namespace

bool append_table(std::string& out, const TableTokens& tokens, const PendingClears& pending, std::string_view separator) {
  bool any = false;
  const auto name = [&](const char* member) {
    if (any) (out += ',') += separator;
    any = true;
    (((out += '"') += member) += "\":") += separator;
  };
  if (!tokens.born.empty()) {
    name("born");
    append_json(out, tokens.born);
  }
  if (!tokens.of.empty()) {
    name("of");
    append_texts(out, tokens.of, separator);
  }
  if (!pending.empty()) {
    name("pending");
    append_texts(out, pending, separator);
  }
  return any;
}

std::optional<Time> time_of(double seconds) {
  if (!(std::fabs(seconds) < 9e9)) return std::nullopt;
  return static_cast<Time>(std::llround(seconds * 1e6)) * 1000;
}

}  // namespace cacherator::engine
