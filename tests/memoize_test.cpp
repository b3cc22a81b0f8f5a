#include "cacherator/memoize.hpp"

#include <gtest/gtest.h>

#include "temporary_folder.hpp"

namespace cacherator {
namespace {

int computed = 0;
int twice(int x) { return ++computed, 2 * x; }

TEST(MemoizeTest, A_function_is_remembered_under_a_name_in_a_cache_of_functions) {
  TemporaryFolder folder;
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  {
    static const auto remembered = memoize("twice", twice, {.ttl = Days{1}});
    EXPECT_EQ(remembered(21), 42);
    EXPECT_EQ(remembered(21), 42);
    EXPECT_EQ(computed, 1);
    const auto lambda = memoize("joined", CallOptions{}, [](const std::string& a, std::string_view b) { return a + std::string(b); });
    EXPECT_EQ(lambda("a", "b"), "ab");
    EXPECT_EQ(functions().data_id(), "functions");
  }
  std::filesystem::current_path(before);
  EXPECT_TRUE(std::filesystem::exists(folder / "data/cache/functions.journal"));
}

TEST(MemoizeTest, A_cache_may_be_given) {
  TemporaryFolder folder;
  JSONCache cache({.data_id = "mine", .directory = folder.path()});
  computed = 0;
  const auto remembered = memoize(cache, "twice", &twice);
  remembered(1);
  remembered(1);
  EXPECT_EQ(computed, 1);
  EXPECT_EQ(cache.cache_status().at("twice(1,){}"), "l1");
}

}  // namespace
}  // namespace cacherator
