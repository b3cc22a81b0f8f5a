#include "local/json_scanner.hpp"

#include <cstdint>
#include <cstring>

namespace cacherator::engine {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

int hex_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// The number behind "\u", or -1.
int code_unit(std::string_view text, std::size_t at) {
  if (at + 4 > text.size()) return -1;
  int unit = 0;
  for (std::size_t i = at; i < at + 4; ++i) {
    const int digit = hex_of(text[i]);
    if (digit < 0) return -1;
    unit = unit * 16 + digit;
  }
  return unit;
}

void append_utf8(std::string& out, std::uint32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0 | c >> 6);
    out += static_cast<char>(0x80 | (c & 63));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0 | c >> 12);
    out += static_cast<char>(0x80 | (c >> 6 & 63));
    out += static_cast<char>(0x80 | (c & 63));
  } else {
    out += static_cast<char>(0xF0 | c >> 18);
    out += static_cast<char>(0x80 | (c >> 12 & 63));
    out += static_cast<char>(0x80 | (c >> 6 & 63));
    out += static_cast<char>(0x80 | (c & 63));
  }
}

/// The first byte from `at` on that ends a run of plain characters: a quote, a backslash, a control character.
/// Eight bytes at a time: the usual "has a byte less than / equal to" tricks on a word (Mycroft, 1987).
std::size_t plain_run(std::string_view text, std::size_t at) {
  constexpr std::uint64_t kOnes = 0x0101010101010101, kHigh = 0x8080808080808080;
  const auto has_zero = [](std::uint64_t v) { return (v - kOnes) & ~v & kHigh; };
  while (at + 8 <= text.size()) {
    std::uint64_t word;
    std::memcpy(&word, text.data() + at, 8);
    const std::uint64_t below_space = (word - kOnes * 0x20) & ~word & kHigh;
    if (below_space | has_zero(word ^ kOnes * '"') | has_zero(word ^ kOnes * '\\')) break;
    at += 8;
  }
  while (at < text.size() && static_cast<unsigned char>(text[at]) >= 0x20 && text[at] != '"' && text[at] != '\\') ++at;
  return at;
}

}  // namespace

void JsonScanner::skip_space() noexcept {
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c != ' ' && c != '\n' && c != '\t' && c != '\r') return;
    ++at_;
  }
}

bool JsonScanner::take(char c) noexcept {
  skip_space();
  if (at_ >= text_.size() || text_[at_] != c) return false;
  ++at_;
  return true;
}

std::optional<std::string_view> JsonScanner::value(int depth) {
  skip_space();
  const std::size_t from = at_;
  if (!skip_value(depth)) return std::nullopt;
  return text_.substr(from, at_ - from);
}

bool JsonScanner::string(std::string_view& raw, bool& escaped) {
  if (!take('"')) return false;
  const std::size_t from = at_;
  escaped = false;
  for (;;) {
    at_ = plain_run(text_, at_);
    if (at_ >= text_.size()) return false;
    if (text_[at_] == '"') break;
    if (text_[at_] != '\\' || at_ + 1 >= text_.size()) return false;
    escaped = true;
    const char kind = text_[at_ + 1];
    if (kind == 'u') {
      if (code_unit(text_, at_ + 2) < 0) return false;
      at_ += 6;
    } else if (kind != '\0' && std::strchr("\"\\/bfnrt", kind)) {
      at_ += 2;
    } else {
      return false;
    }
  }
  raw = text_.substr(from, at_ - from);
  ++at_;
  return true;
}

bool JsonScanner::skip_value(int depth) {
  skip_space();
  if (at_ >= text_.size()) return false;
  switch (text_[at_]) {
    case '{': return skip_object(depth);
    case '[': return skip_array(depth);
    case '"': {
      std::string_view raw;
      bool escaped;
      return string(raw, escaped);
    }
    case 't': return skip_word("true");
    case 'f': return skip_word("false");
    case 'n': return skip_word("null");
    case 'N': return skip_word("NaN");
    case 'I': return skip_word("Infinity");
    default: return skip_number();
  }
}

bool JsonScanner::skip_object(int depth) {
  if (depth >= kMaxDepth) return false;
  ++at_;
  if (take('}')) return true;
  do {
    std::string_view raw;
    bool escaped;
    if (!string(raw, escaped) || !take(':') || !skip_value(depth + 1)) return false;
  } while (take(','));
  return take('}');
}

bool JsonScanner::skip_array(int depth) {
  if (depth >= kMaxDepth) return false;
  ++at_;
  if (take(']')) return true;
  do {
    if (!skip_value(depth + 1)) return false;
  } while (take(','));
  return take(']');
}

bool JsonScanner::skip_word(std::string_view word) {
  if (text_.substr(at_, word.size()) != word) return false;
  at_ += word.size();
  return true;
}

bool JsonScanner::skip_number() {
  const auto digits = [&] {
    const std::size_t from = at_;
    while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
    return at_ > from;
  };
  if (text_[at_] == '-') {
    ++at_;
    if (at_ < text_.size() && text_[at_] == 'I') return skip_word("Infinity");
  }
  const std::size_t first = at_;
  if (!digits()) return false;
  if (text_[first] == '0' && at_ - first > 1) return false;
  if (at_ < text_.size() && text_[at_] == '.') {
    ++at_;
    if (!digits()) return false;
  }
  if (at_ < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
    ++at_;
    if (at_ < text_.size() && (text_[at_] == '+' || text_[at_] == '-')) ++at_;
    if (!digits()) return false;
  }
  return true;
}

void append_unescaped(std::string& out, std::string_view raw) {
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '\\') {
      out += raw[i];
      continue;
    }
    switch (raw[++i]) {
      case 'b': out += '\b'; break;
      case 'f': out += '\f'; break;
      case 'n': out += '\n'; break;
      case 'r': out += '\r'; break;
      case 't': out += '\t'; break;
      case 'u': {
        auto c = static_cast<std::uint32_t>(code_unit(raw, i + 1));
        i += 4;
        if (c >= 0xD800 && c < 0xDC00 && raw.substr(i + 1, 2) == "\\u") {
          const int low = code_unit(raw, i + 3);
          if (low >= 0xDC00 && low < 0xE000) {
            c = 0x10000 + ((c - 0xD800) << 10) + static_cast<std::uint32_t>(low - 0xDC00);
            i += 6;
          }
        }
        append_utf8(out, c);
        break;
      }
      default: out += raw[i];
    }
  }
}

bool is_json(std::string_view text) {
  JsonScanner scanner(text);
  if (!scanner.value()) return false;
  scanner.skip_space();
  return scanner.at_end();
}

}  // namespace cacherator::engine
