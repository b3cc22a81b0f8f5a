// A whole cache opened in a folder whose document, journal and old journal the input is (three parts, "----" between): what is read first is
// read again, after a checkpoint too; nothing outlives a clear; other owners' and newer versions' files are left alone.
#include <utime.h>

#include <map>
#include <thread>

#include "cacherator/detail/cache.hpp"
#include "cacherator/detail/text.hpp"
#include "fuzz.hpp"
#include "local/document.hpp"
#include "local/journal.hpp"
#include "local/json_scanner.hpp"

using namespace cacherator;
using namespace cacherator::engine;
using fuzz::check;

namespace {

struct Told {
  std::string value;
  Time utc;
  double ttl;
  std::uint64_t under;
  bool plain;
};
using All = std::map<std::string, Told>;

std::shared_ptr<Cache> open(const fuzz::Folder& folder, const char* data_id = "calc") {
  auto cache = Cache::open({.data_id = data_id, .directory = folder.path(), .logging = false});
  check(static_cast<bool>(cache), "files are never a reason not to open");
  return *cache;
}

All entries(Cache& cache) {
  All all;
  for (const auto& [signature, entry] : cache.entries()) {
    all.emplace(signature, Told{std::string(entry.value), entry.utc, entry.ttl, entry.under, entry.plain});
    const auto found = cache.find(signature);
    check(found && found->value == entry.value, "what is listed is found");
  }
  return all;
}

std::map<std::string, std::string> state(Cache& cache) {
  std::map<std::string, std::string> all;
  for (const auto& variable : cache.state()) all.emplace(variable.name, variable.value);
  return all;
}

/// Outdated by its own ttl for as long again, and a day: a checkpoint leaves it out.
bool may_go(const Told& entry) {
  const double age = static_cast<double>(now()) - static_cast<double>(entry.utc), ttl = std::max(entry.ttl, 0.0) * kDay;
  return entry.ttl == entry.ttl && age > ttl + std::max(ttl, kDay) - 60e9;
}

bool same_value(const std::string& before, const std::string& after) {
  return before == after || before.find_first_of("\r\n") != before.npos;  // put on one line
}

void check_same(const All& before, const All& after) {
  for (const auto& [signature, entry] : after) {
    const auto old = before.find(signature);
    check(old != before.end(), "a checkpoint adds no entry");
    check(same_value(old->second.value, entry.value) && old->second.plain == entry.plain && (entry.plain || old->second.under == entry.under),
          "what was read first is read again");
    if (!entry.plain) check(fuzz::same_time(old->second.utc, entry.utc), "with its time");
  }
  for (const auto& [signature, entry] : before) check(after.contains(signature) || may_go(entry), "a checkpoint loses no entry");
}

/// As if nobody had touched it for an hour: damage is judged only then.
void make_old(const std::string& path) {
  const utimbuf times{time(nullptr) - 3600, time(nullptr) - 3600};
  (void)::utime(path.c_str(), &times);
}

bool begins_with_header(std::string_view text) {
  JsonScanner scanner(text);
  std::string_view key;
  bool escaped;
  return scanner.take('{') && scanner.string(key, escaped) && key == "_cacherator";
}

/// The header in a journal's first line; format 0: there is none.
JournalHeader header_of(const std::string& text) {
  const auto begin = text.find_first_not_of('\n');
  const auto end = begin == text.npos ? text.npos : text.find('\n', begin);
  if (end == text.npos) return {.format = 0};
  const auto record = parse_record(std::string_view(text).substr(begin, end - begin));
  const auto* header = std::get_if<JournalHeader>(&record);
  return header ? *header : JournalHeader{.format = 0};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::Folder folder;
  static const auto keeper = (set_log_sink(nullptr), open(folder, "keeper"));  // keeps the folder open, and its lock file mapped
  folder.clear();
  auto rest = fuzz::text_of(data, size);
  const bool touch = size % 2, clear = size % 4 == 0;
  const std::string document(fuzz::part(rest)), end = touch || clear ? "\n" : "";  // what is appended would complete a line that lacks its newline only
  const std::string journal = fuzz::sealed_lines(fuzz::part(rest)) + end, old = fuzz::sealed_lines(rest);
  if (!document.empty()) folder.write("calc.json", document);
  if (!journal.empty()) folder.write("calc.journal", journal);
  if (!old.empty()) folder.write("calc.journal.old", old);
  make_old(folder / "calc.json");

  if (const auto id = header_of(journal).id; !id.empty() && id == header_of(old).id) return 0;  // ids are random: no two journals have one
  const auto read = read_document(std::make_shared<std::string>(document));
  const bool whole = read->damage.empty();
  const bool anothers =
      read->ours && begins_with_header(document) && !read->header.data_id.empty() && read->header.data_id != "calc" && header_of(journal).data_id != "calc";
  auto cache = open(folder);
  const auto first = entries(*cache);
  const auto first_state = state(*cache);
  const Info info = cache->info();
  if (whole && anothers) check(first.empty() && first_state.empty(), "another data_id's document is left alone");
  if (info.memory_only) check(first.empty(), "a file of a newer version gives nothing");

  if (touch) (void)cache->save_state({}, true);
  const bool folded = cache->checkpoint() && cache->info().checkpoints > 0;
  check_same(first, entries(*cache));
  cache.reset();
  if (touch) flush_at_exit();
  const std::string there = folder.read("calc.json");
  if (info.memory_only || (whole && anothers)) check(there == document && folder.read("calc.journal") == journal, "and stays as it is");

  cache = open(folder);
  check_same(first, entries(*cache));
  check(state(*cache).size() == first_state.size(), "every variable is read again");
  for (const auto& [name, value] : state(*cache)) {
    const auto before = first_state.find(name);
    check(before != first_state.end() && same_value(before->second, value), "with its value");
  }
  if (folded && is_utf8(document) && is_utf8(journal) && is_utf8(old) && !info.memory_only) {
    check(cache->info().damaged_documents == 0, "what a checkpoint has written is whole");
  }
  if (!info.memory_only && clear) {
    check(static_cast<bool>(cache->clear("*")), "a clear is written");
    check(cache->entries().empty(), "nothing outlives a clear");
    cache.reset();
    flush_at_exit();
    cache = open(folder);
    check(cache->entries().empty(), "nor is anything there after a restart");
  }
  cache.reset();
  return 0;
}
