// What a program's end writes to the table.
#include "dynamodb/over_table.hpp"

#include "local_layer.hpp"

namespace cacherator {
namespace {

using namespace std::chrono_literals;

class ExitOverTable : public OverTable {
 protected:
  void SetUp() override {
    SKIP_WHERE_FORK_AND_THREADS_DO_NOT_MIX();
#ifdef CACHERATOR_ASAN
    GTEST_SKIP() << "LeakSanitizer cannot stop the threads of a child";
#endif
    OverTable::SetUp();
  }

  /// What is destroyed before main() returns.
  static void ask(const Options& options) {
    Service service(options);
    for (int x = 0; x < 100; ++x) service.twice(x);
  }
  static void score(Options options) {
    options.save_on_del = true;
    Service service(std::move(options));
    service.score = 7;
  }
  /// What is destroyed after it: of one that is made, and opens its cache, before anything is to be written, and of one that does so when it is asked.
  static void ask_static(Options options) {
    options.save_on_del = true;
    static Service service(std::move(options));
    service.twice(21);
    service.score = 7;
  }
  static void ask_named_by_class(Options options) {
    options.data_id = {};
    options.save_on_del = true;
    static Service service(std::move(options));
    service.twice(21);
    service.score = 7;
  }

  void ends_well(const std::function<void()>& program) { EXPECT_EXIT((program(), std::exit(0)), testing::ExitedWithCode(0), ""); }
  void has_all(const std::string& data_id = "shared") {
    Options options = on("another");
    options.data_id = data_id;
    Service another(options);
    EXPECT_EQ(another.twice(21), 42);
    EXPECT_EQ(another.last_cache_status(), "l2");
    EXPECT_EQ(another.score, 7);
  }
};

TEST_F(ExitOverTable, A_program_that_just_ends_has_written_what_it_computed) {
  ends_well([&] { ask(on("one")); });
  Service another(on("another"));
  EXPECT_EQ(another.twice(99), 198);
  EXPECT_EQ(another.last_cache_status(), "l2");
}

TEST_F(ExitOverTable, With_save_on_del_its_state_too) {
  ends_well([&] { score(on("one")); });
  EXPECT_EQ(Service(on("another")).score, 7);
}

TEST_F(ExitOverTable, What_a_static_object_has_to_write_when_it_is_destroyed_is_written) {
  ends_well([&] { ask_static(on("one")); });
  has_all();
}

TEST_F(ExitOverTable, Also_of_one_whose_cache_was_opened_after_it_was_made) {
  ends_well([&] { ask_named_by_class(on("one")); });
  has_all("Service");
}

TEST_F(ExitOverTable, All_that_a_program_has_to_write_when_it_ends_is_waited_for_two_seconds_at_most) {
  const auto began = std::chrono::steady_clock::now();
  ends_well([&] {
    ask_static(on("one"));
    ask_named_by_class(on("two"));
    server.freeze();
  });
  EXPECT_LT(std::chrono::steady_clock::now() - began, 3500ms);
}

}  // namespace
}  // namespace cacherator
