// A folder in which names that the cache uses are links to the outside, folders or pipes, with any permissions and umask: nothing
// outside is written, made or changed, and a document keeps its mode.
#include <sys/stat.h>
#include <unistd.h>

#include "cacherator/detail/cache.hpp"
#include "fuzz.hpp"

using namespace cacherator;
using namespace cacherator::engine;
using fuzz::check;
namespace fs = std::filesystem;

namespace {

constexpr std::string_view kDocument = R"({"_cacherator": {"format": 1, "data_id": "calc"},
"_json_cache_func_cache": {
"f(1,){}": {"value": 1, "date": "2026-11-23T07:34:38.123456", "utc": 1795419278.123456, "ttl": 999999, "under": 0}
},
"_json_cache_last_save_date": null,
"_json_cache_variable_cache": {}}
)";

struct Place {
  fuzz::Folder folder;
  std::string inside = folder / "inside", outside = folder / "outside", canary = outside + "/canary";
  Place() {
    fs::create_directory(inside);
    fs::create_directory(outside);
    reset();
  }
  void reset() const {
    fs::remove_all(outside);
    fs::create_directory(outside);
    folder.write("outside/canary", kDocument);
    ::chmod(canary.c_str(), 0600);
    for (const auto& entry : fs::directory_iterator(inside)) {
      if (entry.path().extension() != ".lock") fs::remove_all(entry.path());
    }
  }
  [[nodiscard]] std::string lock() const {
    for (const auto& entry : fs::directory_iterator(inside)) {
      if (entry.path().extension() == ".lock") return entry.path();
    }
    return {};
  }
  void make(const std::string& name, int kind) const {
    const std::string path = fs::path(name).is_absolute() ? name : inside + '/' + name;
    if (kind == 1) folder.write("inside/" + name, kDocument);
    if (kind == 2) fs::create_symlink(canary, path);
    if (kind == 3) fs::create_symlink(outside, path);
    if (kind == 4) fs::create_symlink(outside + "/made", path);
    if (kind == 5) fs::create_directory(path);
    if (kind == 6) ::mkfifo(path.c_str(), 0600);
  }
  void check_outside() const {
    struct stat s;
    check(::stat(canary.c_str(), &s) == 0 && (s.st_mode & 07777) == 0600, "permissions of files outside stay");
    check(folder.read("outside/canary") == kDocument, "files outside stay as they are");
    check(std::distance(fs::directory_iterator(outside), fs::directory_iterator()) == 1, "no file is made outside");
    check(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()) == 2, "nor beside the folder");
  }
};

mode_t mode_of(const std::string& path) {
  struct stat s;
  return ::lstat(path.c_str(), &s) == 0 && S_ISREG(s.st_mode) ? s.st_mode & 07777 : 0;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Place place;
  static const auto keeper = (set_log_sink(nullptr), *Cache::open({.data_id = "keeper", .directory = place.inside}));
  FuzzedDataProvider input(data, size);
  place.reset();
  const int document = input.ConsumeIntegralInRange(0, 6), journal = input.ConsumeIntegralInRange(0, 6), old = input.ConsumeIntegralInRange(0, 6);
  const auto mask = static_cast<mode_t>(input.ConsumeIntegralInRange(0, 077)), mode = static_cast<mode_t>(0600 | input.ConsumeIntegralInRange(0, 0177));
  const int lock = input.ConsumeProbability<double>() < 0.02 ? 2 : 0;
  std::string data_id = input.ConsumeBool() ? "calc" : input.ConsumeRandomLengthString(64);
  ::umask(mask);
  place.make("calc.json", document);
  place.make("calc.journal", journal == 1 ? 0 : journal);
  place.make("calc.journal.old", old == 1 ? 0 : old);
  if (lock) {
    const auto path = place.lock();
    if (!path.empty()) fs::remove(path), place.make(path, lock);
  }
  if (document == 1) ::chmod((place.inside + "/calc.json").c_str(), mode);

  if (auto opened = Cache::open({.data_id = data_id, .directory = place.inside, .logging = false})) {
    auto cache = *opened;
    auto answer = cache->ask({.signature = "g(2,){}", .digest = {}, .old_signature = {}, .ttl = 999, .lineage = {}});
    if (auto* lead = std::get_if<Lead>(&answer)) check(!cache->keep(*lead, "g(2,){}", {}, "2", 999).cleared, "a result is kept, if only in memory");
    const Variable variable{.name = "v", .value = "1"};
    (void)cache->save_state({&variable, 1}, true);
    (void)cache->checkpoint();
    const auto values = cache->entries();
    check(cache->find("g(2,){}").has_value(), "and found");
    const auto info = cache->info();
    cache.reset();
    flush_at_exit();
    const mode_t found = mode_of(info.document);
    const bool mine = info.document == place.inside + "/calc.json";
    check(info.document.starts_with(place.inside + '/') && info.document.find('/', place.inside.size() + 1) == std::string::npos,
          "a document is in its folder");
    if (found && mine && document == 1) check(found == mode, "a document keeps its mode");
    if (found && document == 0) check((found & ~(0666u & ~mask)) == 0, "a new document obeys the umask");
  }
  ::umask(022);
  place.check_outside();
  if (lock) {
    const auto path = place.lock();
    if (!path.empty() && fs::is_symlink(path)) fs::remove(path);
  }
  return 0;
}
