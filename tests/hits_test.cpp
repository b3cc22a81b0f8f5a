// hits="checked": what a hit learns of other processes is read from the lock file, and no page is mapped.
#include <gtest/gtest.h>

#include "cacherator/cacherator.hpp"
#include "faulty_files.hpp"
#include "local_layer.hpp"

namespace cacherator::engine {
namespace {

class Calls final : public platform::Faults {
 public:
  long around(const FileCall& call, const Make& make) override {
    if (call.kind == FileCall::Kind::map) ++maps;
    if (call.kind == FileCall::Kind::read) ++reads;
    return make(call);
  }
  std::atomic<int> maps{0}, reads{0};
};

struct HitsTest : testing::Test {
  TemporaryFolder folder;
  std::shared_ptr<Calls> calls = std::make_shared<Calls>();
  Installed installed{calls};

  [[nodiscard]] std::shared_ptr<Cache> open(Hits hits) const { return *Cache::open({.data_id = "calc", .directory = folder.str(), .hits = hits}); }
  /// What `: > file` does to it.
  void empty_the_lock_file() const {
    for (const auto& file : std::filesystem::directory_iterator(folder.path())) {
      if (file.path().extension() == ".lock") std::filesystem::resize_file(file.path(), 0);
    }
  }
};

TEST_F(HitsTest, Checked_ones_read_the_word_and_map_nothing) {
  auto cache = open(Hits::checked);
  keep(*cache, "f(){}", "1");
  const int before = calls->reads;
  for (int i = 0; i < 10; ++i) EXPECT_EQ(ask(*cache, "f(){}"), "1");
  EXPECT_GE(calls->reads, before + 10);
  EXPECT_EQ(calls->maps, 0);
  const auto same = open(Hits::mapped);  // the cache stays as careful as it was
  EXPECT_EQ(calls->maps, 0);
}

TEST_F(HitsTest, A_clear_of_another_process_is_seen_by_the_next_hit) {
  SKIP_WHERE_FORK_AND_THREADS_DO_NOT_MIX();
  Process other([&](Process& parent) {
    parent.hear();
    const auto cache = open(Hits::checked);
    const bool known = ask(*cache, "f(1,){}") == "1";
    for (int i = 0; i < 2; ++i) {
      EXPECT_TRUE(cache->clear("f"));
      parent.tell();
      parent.hear();
    }
    return known;
  });
  auto cache = open(Hits::checked);
  for (const bool emptied : {false, true}) {
    keep(*cache, "f(1,){}", "1");
    EXPECT_EQ(ask(*cache, "f(1,){}"), "1");
    if (emptied) empty_the_lock_file();
    other.tell();
    other.hear();
    EXPECT_EQ(ask(*cache, "f(1,){}"), "(miss)") << (emptied ? "the lock file was emptied" : "");
  }
  other.tell();
  EXPECT_TRUE(other.well());
}

TEST_F(HitsTest, An_emptied_lock_file_costs_a_program_nothing) {
  auto cache = open(Hits::checked);
  keep(*cache, "f(){}", "1");
  empty_the_lock_file();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ask(*cache, "f(){}"), "1");
  keep(*cache, "g(){}", "2");
  EXPECT_TRUE(cache->clear("f"));
  EXPECT_EQ(ask(*cache, "f(){}"), "(miss)");
  EXPECT_EQ(values(*Restarted(folder)), (Values{{"g(){}", "2"}}));
}

TEST_F(HitsTest, One_object_that_asks_for_checked_ones_gets_them_for_its_whole_cache) {
  auto first = open(Hits::mapped);
  keep(*first, "f(){}", "1");
  EXPECT_EQ(calls->maps, 1);
  auto second = open(Hits::checked);
  empty_the_lock_file();  // a mapped word could not be read any more: a hit would be the end of the program
  EXPECT_EQ(ask(*first, "f(){}"), "1");
  EXPECT_EQ(ask(*second, "f(){}"), "1");
}

TEST_F(HitsTest, The_face_of_C_plus_plus_has_them) {
  JSONCache object({.data_id = "calc", .directory = folder.path(), .hits = cacherator::Hits::checked});
  int computed = 0;
  const Cached<int(int)> twice(&object, "twice", [&](int x) { return ++computed, 2 * x; });
  EXPECT_EQ(twice(2), 4);
  empty_the_lock_file();
  EXPECT_EQ(twice(2), 4);
  EXPECT_EQ(computed, 1);
  EXPECT_EQ(*object.last_cache_status(), "l1");
  EXPECT_EQ(calls->maps, 0);
}

}  // namespace
}  // namespace cacherator::engine
