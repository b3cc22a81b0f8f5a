#include "dynamodb/words.hpp"

#include <algorithm>

namespace cacherator::engine::dynamodb {
namespace {

constexpr std::string_view kSpace = " \t\n\v\f\r";

}  // namespace

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(kSpace);
  return begin == text.npos ? text.substr(0, 0) : text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

std::optional<std::vector<std::string>> split_words(std::string_view line) {
  std::vector<std::string> words;
  bool in_word = false;
  char quote = 0;
  for (std::size_t at = 0; at < line.size(); ++at) {
    const char c = line[at];
    if (!quote && kSpace.find(c) != kSpace.npos) {
      in_word = false;
      continue;
    }
    if (!in_word) words.emplace_back();
    in_word = true;
    const bool more = at + 1 < line.size();
    if (c == quote) {
      quote = 0;
    } else if (!quote && (c == '\'' || c == '"')) {
      quote = c;
    } else if (c == '\\' && quote != '\'') {
      if (!more) return std::nullopt;
      const char next = line[++at];
      if (quote && next != '"' && next != '\\') words.back() += c;
      words.back() += next;
    } else {
      words.back() += c;
    }
  }
  return quote ? std::nullopt : std::optional(std::move(words));
}

}  // namespace cacherator::engine::dynamodb
