// The document reader: whatever the text, what was understood lies in it, and written again it is a document without damage that says the same.
#include <map>

#include "cacherator/detail/text.hpp"
#include "fuzz.hpp"
#include "local/contents.hpp"
#include "local/json_scanner.hpp"

using namespace cacherator;
using namespace cacherator::engine;
using fuzz::check;

namespace {

bool lies_in(std::string_view part, std::string_view whole) {
  return part.empty() || (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void check_document(const Document& document) {
  const std::string_view text = *document.text;
  for (const auto& damage : document.damage) {
    check(damage.offset <= text.size() && !damage.what.empty(), "damage has a place in the text, and a name");
  }
  for (const auto& entry : document.entries) {
    check(lies_in(entry.value, text) && lies_in(entry.digest, text) && is_json(entry.value), "a value lies in the text, and is one");
  }
  const auto colons = static_cast<std::size_t>(std::count(text.begin(), text.end(), ':'));
  check(document.entries.size() + document.odd.size() + document.state.size() <= colons, "no more is found than the text has members");
  check(!text.empty() || !document.damage.empty(), "nothing at all is damage");
}

constexpr Time kLongAgo = -7'400'000'000 * kSecond;  // when nothing was outdated that is younger

/// The input as a value, of the stated depth at most, in a document of ours.
void check_writer(std::string_view value) {
  if (!is_json(value) || !is_utf8(value) || fuzz::depth_of(value) > 512) return;
  DocumentWriter writer({.data_id = "calc"}, {});
  writer.entry({.signature = "f(1,){}", .value = value, .utc = kSecond, .ttl = 1});
  const auto document = read_document(std::make_shared<std::string>(writer.finish({}, 0)));
  check(document->damage.empty() && document->entries.size() == 1, "a value of 512 levels can be read back from a document");
}

std::map<std::string, DocumentEntry> by_signature(const Contents& contents) {
  std::map<std::string, DocumentEntry> all;
  for (const auto& entry : contents.all()) all.emplace(entry.signature, entry);
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  check_writer(fuzz::text_of(data, size));
  const auto document = read_document(std::make_shared<std::string>(fuzz::text_of(data, size)));
  check_document(*document);
  const bool utf8 = is_utf8(*document->text);
  const Contents first(document);
  for (const auto& entry : document->entries) {
    if (entry.utc < kLongAgo) return 0;
  }
  const auto text = first.document("calc", kLongAgo);
  const auto again = read_document(std::make_shared<std::string>(text));
  check_document(*again);
  if (!utf8) return 0;  // such bytes are carried along, so it stays damaged
  check(again->damage.empty() && again->ours && again->header.data_id == "calc", "what is written is a whole document of ours");
  const Contents second(again);
  check(first.size() == second.size() && first.clock == second.clock, "with as many entries, and the same clock");
  check(second.document("calc", kLongAgo).size() == text.size(), "and written again it is as long a text");
  const auto before = by_signature(first), after = by_signature(second);
  for (const auto& [signature, entry] : before) {
    const auto found = after.find(signature);
    check(found != after.end() && found->second.plain == entry.plain && found->second.under == entry.under, "every entry is read again");
    check(found->second.digest == entry.digest, "with its digest");
    if (!entry.plain) check(fuzz::same_time(found->second.utc, entry.utc), "with its time");
    check(entry.value.find_first_of("\r\n") != entry.value.npos || found->second.value == entry.value, "with its value, byte by byte");
  }
  check(first.state.size() == second.state.size(), "every variable is read again");
  for (const auto& [name, variable] : first.state) {
    const auto found = second.state.find(name);
    check(found != second.state.end() && found->second.plain == variable.plain, "under its name");
    check(variable.value.find_first_of("\r\n") != variable.value.npos || found->second.value == variable.value, "with its value");
  }
  return 0;
}
