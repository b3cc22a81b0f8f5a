// A program with a thousand caches: what they take of the process is bounded, and none of them loses anything.
#include <gtest/gtest.h>

#include "local_layer.hpp"

namespace cacherator::engine {
namespace {

std::size_t count(const char* directory) { return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(directory), {})); }

struct ManyCaches : testing::Test {
  TemporaryFolder folder;
  std::vector<std::shared_ptr<Cache>> caches;
  std::size_t descriptors = 0, threads = 0;

  /// Opens 1,000 caches in so many folders and gives each an entry.
  void open_in(int folders) {
    for (int i = 0; i < 1000; ++i) {
      caches.push_back(open_cache(place(i, folders), "cache " + std::to_string(i)));
      keep(*caches.back(), "f(){}", std::to_string(i));
      look();
    }
  }
  [[nodiscard]] std::filesystem::path place(int i, int folders) const { return folder / ("folder" + std::to_string(i % folders)); }
  void look() {
    descriptors = std::max(descriptors, count("/proc/self/fd"));
    threads = std::max(threads, count("/proc/self/task"));
  }
  /// Each is asked again and written to again, the first ones too, whose descriptors were closed.
  void use_again() {
    for (int i = 0; i < 1000; ++i) {
      EXPECT_EQ(ask(*caches[static_cast<std::size_t>(i)], "f(){}"), std::to_string(i));
      if (i % 10 == 0) keep(*caches[static_cast<std::size_t>(i)], "g(){}", std::to_string(-i));
      look();
    }
  }
  void expect_all(int folders) {
    TemporaryFolder copy;
    std::filesystem::copy(folder.path(), copy.path(), std::filesystem::copy_options::recursive);
    for (int i = 0; i < 1000; i += 7) {
      Values expected = {{"f(){}", std::to_string(i)}};
      if (i % 10 == 0) expected["g(){}"] = std::to_string(-i);
      EXPECT_EQ(values(*open_cache(copy / ("folder" + std::to_string(i % folders)), "cache " + std::to_string(i))), expected) << i;
    }
  }
};

TEST_F(ManyCaches, In_one_folder_a_thousand_stay_below_200_descriptors_and_5_threads) {
  open_in(1);
  use_again();
  EXPECT_LT(descriptors, 200u);
  EXPECT_LE(threads, 4u);
  expect_all(1);
}

TEST_F(ManyCaches, Of_those_that_are_closed_nothing_stays_open) {
  { auto first = open_cache(place(0, 1)); }  // what the process opens once
  const auto before = count("/proc/self/fd");
  for (int i = 0; i < 300; ++i) {
    auto cache = open_cache(place(i, 300), "short");
    (void)ask(*cache, "f(){}");
  }
  EXPECT_LE(count("/proc/self/fd"), before + 2);
}

TEST_F(ManyCaches, Those_that_are_written_to_and_closed_at_once_lose_nothing_and_stay_bounded) {
  for (int i = 0; i < 1000; ++i) {
    keep(*open_cache(place(i, 1), "cache " + std::to_string(i)), "f(){}", std::to_string(i));
    look();
  }
  EXPECT_LT(descriptors, 200u);
  TemporaryFolder copy;
  std::filesystem::copy(folder.path(), copy.path(), std::filesystem::copy_options::recursive);
  for (int i = 0; i < 1000; i += 7) {
    EXPECT_EQ(values(*open_cache(copy / "folder0", "cache " + std::to_string(i))), (Values{{"f(){}", std::to_string(i)}})) << i;
  }
}

TEST_F(ManyCaches, In_200_folders_a_thousand_stay_below_200_descriptors_and_5_threads) {
  open_in(200);
  use_again();
  EXPECT_LT(descriptors, 200u);
  EXPECT_LE(threads, 4u);
  expect_all(200);
}

TEST_F(ManyCaches, Of_the_1000_in_200_folders_each_sees_what_another_process_clears_and_what_becomes_of_its_folder) {
  Process other([&](Process& parent) {
    parent.hear();
    (void)open_cache(place(0, 200), "cache 0")->clear("f");
    parent.tell();
    return true;
  });
  open_in(200);
  other.tell();
  other.hear();
  EXPECT_EQ(ask(*caches[0], "f(){}"), "(miss)");
  EXPECT_EQ(ask(*caches[200], "f(){}"), "200") << "its neighbour";
  EXPECT_TRUE(other.well());

  std::filesystem::remove_all(place(1, 200));
  EXPECT_EQ(ask(*caches[1], "f(){}"), "(miss)");
  keep(*caches[1], "f(){}", "-1");
  EXPECT_EQ(values(*open_cache(place(1, 200), "cache 1")), (Values{{"f(){}", "-1"}}));

  std::filesystem::rename(place(2, 200), folder / "moved");
  std::filesystem::copy(folder / "moved", place(2, 200));
  EXPECT_EQ(ask(*caches[2], "f(){}"), "2");
  keep(*caches[2], "g(){}", "-2");
  EXPECT_EQ(values(*open_cache(place(2, 200), "cache 2")), (Values{{"f(){}", "2"}, {"g(){}", "-2"}}));
}

}  // namespace
}  // namespace cacherator::engine
