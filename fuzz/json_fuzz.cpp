// JSON text: our scanner accepts what nlohmann-json accepts, and a strict text made from what it accepts is accepted by nlohmann-json;
// strings come back as they were; a value put on one line has one.
#include <cmath>
#include <nlohmann/json.hpp>

#include "cacherator/detail/json.hpp"
#include "fuzz.hpp"
#include "local/json_scanner.hpp"
#include "local/json_text.hpp"
#include "local/members.hpp"

using namespace cacherator;
using fuzz::check;
using nlohmann::json;

namespace {

/// nlohmann-json reads no number beyond double's range, whatever its form.
bool has_huge_number(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((text[i] == 'e' || text[i] == 'E') && i + 3 < text.size()) return true;
    std::size_t digits = 0;
    while (i + digits < text.size() && text[i + digits] >= '0' && text[i + digits] <= '9') ++digits;
    if (digits > 300) return true;
    i += digits ? digits - 1 : 0;
  }
  return false;
}

/// Two surrogates of three bytes each: as escapes they are one character.
bool has_surrogate_pair(std::string_view text) {
  const auto is = [&](std::size_t at, unsigned char low, unsigned char high) {
    return text[at] == '\xED' && static_cast<unsigned char>(text[at + 1]) >= low && static_cast<unsigned char>(text[at + 1]) <= high;
  };
  for (std::size_t i = 0; i + 5 < text.size(); ++i) {
    if (is(i, 0xA0, 0xAF) && is(i + 3, 0xB0, 0xBF)) return true;
  }
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(fuzz::text_of(data, size));
  const bool ours = engine::is_json(text);
  if (size > 1 << 16) return (void)engine::to_strict(text), 0;  // all the rest would take ten times as long
  const bool utf8 = engine::is_utf8(text);
  const bool theirs = json::accept(text);
  if (theirs && text.find('\0') == text.npos && !text.starts_with("\xEF\xBB\xBF") && fuzz::depth_of(text) <= engine::kMaxDepth)
    check(ours, "what nlohmann-json reads we read");
  if (ours) {
    check(fuzz::depth_of(text) <= engine::kMaxDepth, "nothing is accepted that is nested deeper than the limit");
    if (utf8 && !has_huge_number(text)) check(json::accept(engine::to_strict(text)), "what we read nlohmann-json reads, made strict");
    if (theirs && text.find("\\ud") == text.npos && text.find("\\uD") == text.npos) check(engine::to_strict(text) == text, "strict text stays as it is");
    std::string line, again;
    engine::append_one_line(line, text);
    engine::append_one_line(again, line);
    check(line.find_first_of("\n\r") == line.npos && engine::is_json(line) && line == again, "a value on one line has one, and is a value");
    if (theirs && size <= 1 << 16) check(json::parse(line) == json::parse(text), "and is the same value");
    engine::Members members;
    if (members.read(text)) {
      for (const auto& [name, value] : members) {
        std::string unescaped;
        engine::append_unescaped(unescaped, name);
        check(unescaped.size() <= name.size() && engine::is_json(value), "a member is a name and a value");
      }
      (void)members.number(members.first_key());
      (void)members.count(members.first_key());
      (void)members.time(members.first_key());
    }
    (void)engine::read_cleared(text);
  }
  (void)engine::to_strict(text);
  std::string quoted;
  engine::append_json(quoted, text);
  check(engine::is_json(quoted) && quoted.find('\n') == quoted.npos, "any text becomes a JSON string of one line");
  if (!has_surrogate_pair(text)) check(engine::text_of(quoted) == text, "which says that text");
  if (utf8) {
    check(json::parse(quoted).get<std::string>() == text, "to others too");
  }
  return 0;
}
