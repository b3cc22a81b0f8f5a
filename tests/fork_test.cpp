// Two processes on one cache: what one does, the other's next call sees; what one leaves behind, the other finishes.
#include <gtest/gtest.h>

#include "cacherator/cached.hpp"
#include "cacherator/persistent.hpp"
#include "local_layer.hpp"

namespace cacherator {
namespace {

using namespace std::chrono_literals;
using engine::Process;

struct Squares : JSONCache {
  explicit Squares(const TemporaryFolder& folder) : JSONCache({.data_id = "squares", .directory = folder.path()}) {}
  std::atomic<int> computed = 0;
  Cached<int(int)> square{this, "square", [this](int x) {
                            ++computed;
                            return x * x;
                          }};
  Cached<int(int)> slow{this, "slow", [this](int x) {
                          ++computed;
                          std::this_thread::sleep_for(50ms);
                          return x;
                        }};
  Persistent<int> score{this, "score", 0};
};

struct ForkTest : testing::Test {
  void SetUp() override { SKIP_WHERE_FORK_AND_THREADS_DO_NOT_MIX(); }
  TemporaryFolder folder;
};

TEST_F(ForkTest, An_entry_of_one_process_is_seen_by_the_next_call_of_the_other) {
  Process other([&](Process& parent) {
    Squares squares(folder);
    EXPECT_EQ(squares.square(2), 4);
    parent.tell();
    parent.hear();
    EXPECT_EQ(squares.square(3), 9);
    EXPECT_EQ(squares.computed, 1) << "the parent has computed it";
    return true;
  });
  Squares squares(folder);
  other.hear();
  EXPECT_EQ(squares.square(2), 4);
  EXPECT_EQ(squares.computed, 0) << "the child has computed it";
  EXPECT_EQ(squares.square(3), 9);
  other.tell();
  EXPECT_TRUE(other.well());
}

TEST_F(ForkTest, A_clear_in_one_process_is_seen_by_the_next_call_of_the_other) {
  Process other([&](Process& parent) {
    Squares squares(folder);
    squares.square(2);
    squares.square(2);
    EXPECT_EQ(squares.computed, 1);
    for (int round = 2; round < 7; ++round) {
      parent.tell();
      parent.hear();
      squares.square(2);
      EXPECT_EQ(squares.computed, round) << "its memory answered after the clear";
    }
    return true;
  });
  Squares squares(folder);
  for (int round = 0; round < 5; ++round) {
    other.hear();
    if (round % 3 == 0) squares.json_cache_clear("square");
    if (round % 3 == 1) squares.json_cache_clear();
    if (round % 3 == 2) squares.json_cache_clear("square(2,){}");
    other.tell();
  }
  EXPECT_TRUE(other.well());
}

TEST_F(ForkTest, A_clear_is_seen_over_a_checkpoint_of_the_other_process) {
  Process other([&](Process& parent) {
    Squares squares(folder);
    squares.square(2);
    squares.json_cache_save();
    parent.tell();
    parent.hear();
    squares.square(2);
    EXPECT_EQ(squares.computed, 2);
    return true;
  });
  other.hear();
  Squares squares(folder);
  squares.json_cache_clear("square");
  squares.json_cache_save();
  other.tell();
  EXPECT_TRUE(other.well());
}

TEST_F(ForkTest, A_clear_survives_the_end_of_all_processes) {
  EXPECT_TRUE(Process([&](Process&) {
                Squares squares(folder);
                squares.square(2);
                squares.square(3);
                squares.json_cache_save();
                squares.json_cache_clear("square(3,){}");
                squares.json_cache_clear("slow");
                return true;
              }).well());
  EXPECT_TRUE(Process([&](Process&) {
                Squares squares(folder);
                EXPECT_EQ(squares.square.peek(2), 4);
                EXPECT_EQ(squares.square.peek(3), std::nullopt);
                squares.json_cache_clear();
                return true;
              }).well());
  Squares squares(folder);
  EXPECT_EQ(squares.square.peek(2), std::nullopt);
}

TEST_F(ForkTest, An_object_that_was_forked_works_in_both_processes) {
  Squares squares(folder);
  squares.square(2);
  Process child([&](Process& parent) {
    EXPECT_EQ(squares.square(2), 4);
    EXPECT_EQ(squares.computed, 1);
    EXPECT_EQ(squares.square(3), 9);
    parent.tell();
    parent.hear();
    EXPECT_EQ(squares.square(4), 16);
    EXPECT_EQ(squares.computed, 2);
    squares.json_cache_save();
    squares.json_cache_clear("square");
    return true;
  });
  child.hear();
  EXPECT_EQ(squares.square(3), 9);
  EXPECT_EQ(squares.square(4), 16);
  EXPECT_EQ(squares.computed, 2);
  child.tell();
  EXPECT_TRUE(child.well());
  squares.square(2);
  EXPECT_EQ(squares.computed, 3);
}

TEST_F(ForkTest, A_child_owns_no_flight_of_its_parent) {
  Squares squares(folder);
  std::jthread leading([&] { squares.slow(1); });
  ASSERT_TRUE(engine::eventually([&] { return squares.computed == 1; }));
  EXPECT_TRUE(Process([&](Process&) { return squares.slow(1) == 1; }).well());
}

/// Threads that call, clear and save without end, while the process forks.
class Busy {
 public:
  explicit Busy(Squares& squares)
      : calling_([this, &squares] {
          for (int i = 0; !stop_; ++i) {
            squares.square(i % 100);
            if (i % 100 == 0) squares.json_cache_clear("square");
          }
        }),
        saving_([this, &squares] {
          for (; !stop_; std::this_thread::sleep_for(2ms)) squares.json_cache_save();
        }) {}
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;
  ~Busy() { stop_ = true; }

 private:
  std::atomic<bool> stop_ = false;
  std::jthread calling_, saving_;
};

TEST_F(ForkTest, A_child_that_was_forked_amid_the_work_of_threads_opens_objects_of_its_own) {
  SKIP_WHERE_THE_ALLOCATOR_MAY_STAY_LOCKED();
  Squares squares(folder);
  const Busy busy(squares);
  for (int i = 0; i < 10; ++i) {
    Process child([&](Process& parent) {
      Squares own(folder);
      EXPECT_EQ(own.square(-i), i * i);
      own.json_cache_save();
      parent.tell();
      return own.square(-i) == i * i;
    });
    child.hear();
    EXPECT_TRUE(child.well()) << i;
  }
}

TEST_F(ForkTest, A_child_that_was_forked_amid_the_work_of_threads_uses_its_parents_objects) {
  SKIP_WHERE_THE_ALLOCATOR_MAY_STAY_LOCKED();
  Squares squares(folder);
  const Busy busy(squares);
  for (int i = 0; i < 50; ++i) {
    Process child([&](Process& parent) {
      EXPECT_EQ(squares.square(-i), i * i);
      squares.json_cache_save();
      squares.json_cache_clear("slow");
      parent.tell();
      return squares.square(-i) == i * i;
    });
    child.hear();
    EXPECT_TRUE(child.well()) << i;
  }
}

TEST_F(ForkTest, Whatever_was_returned_survives_a_kill) {
  Process victim([&](Process& parent) {
    Squares squares(folder);
    for (int i = 0; i < 100; ++i) squares.square(i);
    squares.json_cache_clear("square(7,){}");
    parent.tell();
    ::pause();
    return false;
  });
  victim.hear();
  // The destructor would wait; here it is to end amid its work.
  Process second([&](Process& parent) {
    Squares squares(folder);
    for (int i = 100; i < 200; ++i) squares.square(i);
    parent.tell();
    ::raise(SIGKILL);
    return false;
  });
  second.hear();
  EXPECT_TRUE(second.killed());
  Squares squares(folder);
  for (int i = 0; i < 200; ++i) EXPECT_EQ(squares.square.peek(i).has_value(), i != 7) << i;
}

TEST_F(ForkTest, Processes_that_append_and_fold_at_once_lose_nothing) {
  std::vector<std::unique_ptr<Process>> writers;
  for (int w = 0; w < 4; ++w) {
    writers.push_back(std::make_unique<Process>([this, w](Process& parent) {
      parent.hear();
      Squares squares(folder);
      for (int i = 0; i < 50; ++i) {
        squares.square(w * 50 + i);
        if (i % 10 == w) squares.json_cache_save();
      }
      return squares.json_cache_info().damaged_records == 0;
    }));
  }
  for (const auto& writer : writers) writer->tell();
  for (const auto& writer : writers) EXPECT_TRUE(writer->well());
  Squares squares(folder);
  EXPECT_EQ(squares.json_cache_stats().total_entries, 200u);
  squares.json_cache_save();
  EXPECT_EQ(engine::Restarted(folder, "squares")->entries().size(), 200u);
}

TEST_F(ForkTest, A_process_that_only_looked_does_not_overwrite_newer_state) {
  Squares(folder).score = 1;
  Process reader([&](Process& parent) {
    {
      Squares squares(folder);
      EXPECT_EQ(squares.score, 1);
      parent.tell();
      parent.hear();
    }
    return true;
  });
  reader.hear();
  Squares(folder).score = 2;
  reader.tell();
  EXPECT_TRUE(reader.well());
  EXPECT_EQ(Squares(folder).score, 2);
  EXPECT_EQ(engine::variables(*engine::Restarted(folder, "squares")).at("score"), "2");
}

}  // namespace
}  // namespace cacherator
