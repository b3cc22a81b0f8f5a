#include "local/members.hpp"

#include <algorithm>
#include <charconv>

#include "local/json_text.hpp"

namespace cacherator::engine {

bool Members::read(std::string_view text) {
  members_.clear();
  JsonScanner scanner(text);
  if (!scanner.take('{')) return false;
  if (!scanner.take('}')) {
    do {
      std::string_view name;
      bool escaped;
      if (!scanner.string(name, escaped) || !scanner.take(':')) return false;
      const auto value = scanner.value(1);
      if (!value) return false;
      members_.emplace_back(name, *value);
    } while (scanner.take(','));
    if (!scanner.take('}')) return false;
  }
  scanner.skip_space();
  return scanner.at_end();
}

std::optional<std::string_view> Members::raw(std::string_view name) const {
  for (auto m = members_.rbegin(); m != members_.rend(); ++m) {
    if (m->first == name) return m->second;
  }
  return std::nullopt;
}

std::optional<std::string> Members::text(std::string_view name) const {
  const auto value = raw(name);
  return value ? text_of(*value) : std::nullopt;
}

std::optional<double> Members::number(std::string_view name) const {
  const auto value = raw(name);
  if (!value) return std::nullopt;
  double number = 0;
  const auto [end, error] = std::from_chars(value->data(), value->data() + value->size(), number);
  if (error != std::errc() || end != value->data() + value->size()) return std::nullopt;
  return number;
}

std::uint64_t Members::count(std::string_view name) const {
  const auto value = raw(name);
  constexpr std::uint64_t kLargest = 1ull << 63;  // so that one more can be counted
  std::uint64_t number = 0;
  if (!value) return 0;
  const auto [end, error] = std::from_chars(value->data(), value->data() + value->size(), number);
  if (end != value->data() + value->size()) return 0;
  return error == std::errc() ? std::min(number, kLargest) : kLargest;
}

std::int64_t Members::version(std::string_view name) const {
  const double version = number(name).value_or(-1);
  return version >= 0 ? static_cast<std::int64_t>(std::min(version, 1e9)) : -1;
}

std::optional<Time> Members::time(std::string_view name) const {
  const auto seconds = number(name);
  return seconds ? time_of(*seconds) : std::nullopt;
}

std::optional<std::string> text_of(std::string_view raw) {
  JsonScanner scanner(raw);
  std::string_view inside;
  bool escaped;
  if (!scanner.string(inside, escaped)) return std::nullopt;
  std::string text;
  append_unescaped(text, inside);
  return text;
}

TableState read_table(const Members& members) {
  TableState table;
  const auto texts = [&](const char* name, std::map<std::string, std::string, std::less<>>& into) {
    Members of;
    if (const auto raw = members.raw(name); !raw || !of.read(*raw)) return;
    for (const auto& [key, value] : of) {
      std::string text;
      append_unescaped(text, key);
      if (auto found = text_of(value)) into[std::move(text)] = *std::move(found);
    }
  };
  table.tokens.born = members.text("born").value_or("");
  texts("of", table.tokens.of);
  texts("pending", table.pending);
  return table;
}

ClearedMap read_cleared(std::string_view raw) {
  ClearedMap cleared;
  Members functions;
  if (!functions.read(raw)) return cleared;
  for (const auto& [name, value] : functions) {
    Members clear;
    if (!clear.read(value)) continue;
    std::string function;
    append_unescaped(function, name);
    cleared[function] = {clear.count("n"), clear.time("utc").value_or(0)};
  }
  return cleared;
}

}  // namespace cacherator::engine
