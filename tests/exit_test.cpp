// What a program does while it ends, when its static variables are gone one after the other.
#include <gtest/gtest.h>
#include <cacherator/cacherator.hpp>

#include "temporary_folder.hpp"

namespace cacherator {
namespace {

std::size_t lock_files(const std::filesystem::path& folder) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) count += entry.path().extension() == ".lock";
  return count;
}

int ask(const std::filesystem::path& folder, const std::string& data_id) {
  struct Doubling : JSONCache {
    using JSONCache::JSONCache;
    Cached<int(int)> twice{this, "twice", [](int x) { return 2 * x; }};
  } cache{{.data_id = data_id, .directory = folder}};
  return cache.twice(21);
}

/// Asks in a second folder when what was made after it is destroyed, and then ends the program with 0 where all is as ever.
struct Late {
  ~Late() {
    const auto again = folder / "again";
    const bool right = ask(again, "first") == 42 && ask(again, "second") == 42 && ask(folder / "before", "third") == 42;
    std::_Exit(right && lock_files(again) == 1 && lock_files(folder / "before") == 1 ? 0 : 1);
  }
  std::filesystem::path folder;
};

[[noreturn]] void end_with(const std::filesystem::path& folder) {
  static const Late late{folder};
  std::exit(ask(folder / "before", "first") == 42 ? 2 : 3);
}

TEST(Exit, Caches_work_after_all_that_the_library_keeps_was_destroyed) {
  const TemporaryFolder folder;
  EXPECT_EXIT(end_with(folder.path()), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace cacherator
