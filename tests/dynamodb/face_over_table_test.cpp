// The C++ face over a table: two folders are two machines.
#include "cacherator/asio.hpp"

#include <atomic>
#include <set>
#include <stdexcept>
#include <thread>

#include "dynamodb/over_table.hpp"
#include "task.hpp"

namespace cacherator {
namespace {

using namespace std::chrono_literals;

class FaceOverTable : public OverTable {
 protected:
  [[nodiscard]] Options named(const std::string& data_id) const {
    Options options = on("one");
    options.data_id = data_id;
    return options;
  }
};

TEST_F(FaceOverTable, What_one_machine_computed_is_l2_on_another_and_l1_from_then_on) {
  Service one(on("one")), two(on("two"));
  EXPECT_EQ(one.twice(21), 42);
  EXPECT_EQ(one.last_cache_status(), "miss");
  one.json_cache_save();
  EXPECT_EQ(two.twice(21), 42);
  EXPECT_EQ(two.last_cache_status(), "l2");
  EXPECT_EQ(two.cache_status().at("twice(21,){}"), "l2");
  EXPECT_EQ(two.twice(21), 42);
  EXPECT_EQ(two.last_cache_status(), "l1");
  EXPECT_EQ(two.computed, 0);
  Service again(on("two"));
  EXPECT_EQ(again.twice(21), 42);
  EXPECT_EQ(again.last_cache_status(), "l1");
}

TEST_F(FaceOverTable, Info_counts_hits_of_the_table_and_requests) {
  Service one(on("one")), two(on("two"));
  one.twice(1);
  one.json_cache_save();
  two.twice(1);
  two.twice(1);
  const auto info = two.json_cache_info();
  EXPECT_EQ(info.functions.at("twice").hits_l2, 1u);
  EXPECT_EQ(info.functions.at("twice").hits_l1, 1u);
  EXPECT_EQ(info.functions.at("twice").misses, 0u);
  ASSERT_TRUE(info.l2);
  EXPECT_EQ(info.l2->table, "fleet");
  EXPECT_EQ(info.l2->hits, 1u);
  EXPECT_EQ(info.l2->misses, 0u);
  EXPECT_GE(info.l2->requests.at("BatchGetItem"), 2u);
  const auto l2 = one.json_cache_info().l2.value();
  EXPECT_EQ(l2.misses, 1u);
  EXPECT_EQ(l2.written, 1u);
  EXPECT_EQ(l2.queued, 0u);
}

/// What a coroutine did, and where.
struct Coroutines : JSONCache {
  explicit Coroutines(Options options) : JSONCache(std::move(options)) {}
  std::set<std::thread::id> threads;
  Cached<Task<int>(int)> task{this, "task", [this](int x) -> Task<int> {
                                threads.insert(std::this_thread::get_id());
                                co_return 2 * x;
                              }};
  Cached<asio::awaitable<int>(int)> awaitable{this, "awaitable", [this](int x) -> asio::awaitable<int> {
                                                threads.insert(std::this_thread::get_id());
                                                co_return 2 * x;
                                              }};
  Task<int> sum(int first, int last) {
    int sum = 0;
    for (int x = first; x <= last; ++x) {
      sum += co_await task(x);
      threads.insert(std::this_thread::get_id());
    }
    co_return sum;
  }
  asio::awaitable<int> awaited_sum(int first, int last) {
    int sum = 0;
    for (int x = first; x <= last; ++x) {
      sum += co_await awaitable(x);
      threads.insert(std::this_thread::get_id());
    }
    co_return sum;
  }
};

TEST_F(FaceOverTable, Coroutines_share_and_run_on_none_but_their_callers_thread) {
  const std::set here{std::this_thread::get_id()};
  Coroutines one(on("one")), two(on("two"));
  EXPECT_EQ(run(one.sum(1, 3)), 12);
  one.json_cache_save();
  EXPECT_EQ(run(two.sum(2, 5)), 28);
  EXPECT_EQ(two.json_cache_info().functions.at("task").hits_l2, 2u);
  EXPECT_EQ(two.json_cache_info().functions.at("task").misses, 2u);
  EXPECT_EQ(one.threads, here);
  EXPECT_EQ(two.threads, here);
}

TEST_F(FaceOverTable, Coroutines_of_Asio_share_and_are_resumed_on_their_own_executor) {
  const std::set here{std::this_thread::get_id()};
  Coroutines one(on("one")), two(on("two"));
  const auto run = [](asio::awaitable<int> sum) {
    asio::io_context io;
    int result = 0;
    asio::co_spawn(io, std::move(sum), [&](const std::exception_ptr&, int value) { result = value; });
    io.run();
    return result;
  };
  EXPECT_EQ(run(one.awaited_sum(1, 3)), 12);
  one.json_cache_save();
  EXPECT_EQ(run(two.awaited_sum(2, 5)), 28);
  EXPECT_EQ(two.json_cache_info().functions.at("awaitable").hits_l2, 2u);
  EXPECT_EQ(two.json_cache_info().functions.at("awaitable").misses, 2u);
  EXPECT_EQ(one.threads, here);
  EXPECT_EQ(two.threads, here);
}

TEST_F(FaceOverTable, While_one_coroutine_of_Asio_waits_for_the_table_the_others_of_its_loop_run) {
  Coroutines one(on("one"));
  run(one.sum(1, 1));  // the table is there
  one.json_cache_save();
  server.freeze();
  asio::io_context io;
  int ticks = 0, result = 0;
  asio::co_spawn(io, one.awaited_sum(7, 7), [&](const std::exception_ptr&, int value) { result = value; });
  asio::co_spawn(
      io,
      [&]() -> asio::awaitable<void> {
        asio::steady_timer timer(co_await asio::this_coro::executor);
        for (; ticks < 10; ++ticks) {
          timer.expires_after(10ms);
          co_await timer.async_wait(asio::use_awaitable);
        }
        EXPECT_EQ(result, 0);
        server.go_on();
      },
      asio::detached);
  io.run();
  EXPECT_EQ(ticks, 10);
  EXPECT_EQ(result, 14);
}

TEST_F(FaceOverTable, State_is_shared_by_json_cache_save) {
  Service one(on("one"));
  one.score = 100;
  one.json_cache_save();
  Service two(on("two"));
  EXPECT_TRUE(two.score.restored());
  EXPECT_EQ(two.score, 100);
  two.score = 200;
  two.json_cache_save();
  EXPECT_EQ(Service(on("one")).score, 200);
}

TEST_F(FaceOverTable, The_end_of_an_object_shares_state_only_with_save_on_del) {
  Service(named("quiet")).score = 1;
  Options telling = named("telling");
  telling.save_on_del = true;
  Service(std::move(telling)).score = 2;
  const auto there = [&](const std::string& data_id) {
    const TemporaryFolder machine;
    Options options = named(data_id);
    options.directory = machine.path();
    return Service(std::move(options)).score.get();
  };
  for (const auto until = std::chrono::steady_clock::now() + 10s; there("telling") != 2;) ASSERT_LT(std::chrono::steady_clock::now(), until);
  EXPECT_EQ(there("quiet"), 0);
  EXPECT_EQ(Service(named("quiet")).score, 1);
}

TEST_F(FaceOverTable, Clears_of_a_call_of_a_function_and_of_all_are_seen_by_the_other_machine) {
  Service one(on("one")), two(on("two"));
  for (int x = 1; x <= 4; ++x) one.twice(x);
  one.json_cache_save();
  one.json_cache_clear("twice(1,){}");
  EXPECT_EQ(two.twice(1), 2);
  EXPECT_EQ(two.last_cache_status(), "miss");
  EXPECT_EQ(two.twice(2), 4);
  EXPECT_EQ(two.last_cache_status(), "l2");
  one.json_cache_clear("twice");
  two.twice(3);
  EXPECT_EQ(two.last_cache_status(), "miss");
  two.json_cache_save();
  one.twice(3);
  EXPECT_EQ(one.last_cache_status(), "l2");
  one.json_cache_clear();
  Service three(on("three"));
  three.twice(3);
  EXPECT_EQ(three.last_cache_status(), "miss");
}

TEST_F(FaceOverTable, With_clear_cache_what_others_wrote_does_not_come_back) {
  Service one(on("one"));
  one.twice(1);
  one.score = 5;
  one.json_cache_save();
  Options fresh = on("two");
  fresh.clear_cache = true;
  Service two(fresh);
  EXPECT_FALSE(two.score.restored());
  two.twice(1);
  EXPECT_EQ(two.last_cache_status(), "miss");
}

TEST_F(FaceOverTable, The_first_call_of_a_function_with_clear_cache_computes_and_its_value_replaces_the_others) {
  struct Fresh : JSONCache {
    explicit Fresh(Options options) : JSONCache(std::move(options)) {}
    Cached<int(int)> twice{this, "twice", [](int x) { return 2 * x + 1; }, {.clear_cache = true}};
  };
  Service one(on("one")), three(on("three"));
  one.twice(1);
  one.json_cache_save();
  Fresh two(on("two"));
  EXPECT_EQ(two.twice(1), 3);
  EXPECT_EQ(two.last_cache_status(), "miss");
  EXPECT_EQ(two.twice(1), 3);
  EXPECT_EQ(two.last_cache_status(), "l1");
  two.json_cache_save();
  EXPECT_EQ(three.twice(1), 3);
  EXPECT_EQ(three.last_cache_status(), "l2");
}

TEST_F(FaceOverTable, The_data_ids_of_a_table_are_listed_page_by_page) {
  for (const char* name : {"a", "b", "c"}) {
    Service service(named(name));
    service.twice(1);
    service.json_cache_save();
  }
  Service service(named("a"));
  const auto all = service.json_cache_list_db_keys();
  EXPECT_EQ(std::set(all.keys.begin(), all.keys.end()), (std::set<std::string>{"a", "b", "c"}));
  EXPECT_FALSE(all.last_key);
  std::set<std::string> found;
  DbKeys page;
  do {
    page = service.json_cache_list_db_keys(2, page.last_key);
    EXPECT_LE(page.keys.size(), 2u);
    found.insert(page.keys.begin(), page.keys.end());
  } while (page.last_key);
  EXPECT_EQ(found, (std::set<std::string>{"a", "b", "c"}));
  EXPECT_THROW((void)service.json_cache_list_db_keys(0), std::invalid_argument);
}

TEST_F(FaceOverTable, A_fleet_computes_once_what_two_machines_ask_at_once) {
  struct Slow : JSONCache {
    Slow(Options options, std::atomic<int>& ran) : JSONCache(std::move(options)), computed(ran) {}
    std::atomic<int>& computed;
    Cached<int(int)> twice{this, "twice", [this](int x) {
                             ++computed;
                             std::this_thread::sleep_for(500ms);
                             return 2 * x;
                           }};
  };
  std::atomic<int> computed = 0;
  std::vector<std::jthread> threads;
  for (const char* name : {"one", "two"}) {
    threads.emplace_back([this, name, &computed] {
      Options options = on(name);
      options.single_flight = SingleFlight::fleet;
      EXPECT_EQ(Slow(std::move(options), computed).twice(21), 42);
    });
  }
  threads.clear();
  EXPECT_EQ(computed, 1);
}

TEST_F(FaceOverTable, A_name_that_no_table_can_have_throws_where_the_object_is_made) {
  Options options = on("one");
  options.dynamodb_table = "a b";
  try {
    Service service(std::move(options));
    ADD_FAILURE() << "it was made";
  } catch (const std::invalid_argument& error) {
    const std::string said = error.what();
    EXPECT_NE(said.find("dynamodb_table"), std::string::npos) << said;
    EXPECT_NE(said.find("'a b' cannot be a table's name"), std::string::npos) << said;
  }
}

}  // namespace
}  // namespace cacherator
