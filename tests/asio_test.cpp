#include "cacherator/asio.hpp"

#include <gtest/gtest.h>

#include <asio/experimental/awaitable_operators.hpp>
#include <set>
#include <thread>

#include "cacherator/cached.hpp"
#include "temporary_folder.hpp"

namespace cacherator {
namespace {

using namespace std::chrono_literals;

struct Client : JSONCache {
  explicit Client(const TemporaryFolder& folder) : JSONCache({.data_id = "client", .directory = folder.path()}) {}
  std::atomic<int> computed = 0;
  Cached<asio::awaitable<int>(int)> fetch{this, "fetch", [this](int x) -> asio::awaitable<int> {
                                            ++computed;
                                            asio::steady_timer timer(co_await asio::this_coro::executor, 20ms);
                                            co_await timer.async_wait(asio::use_awaitable);
                                            if (x < 0) throw std::domain_error("below zero");
                                            co_return x * 2;
                                          }};
  Cached<asio::awaitable<int>(int)> slow{this, "slow", [this](int x) -> asio::awaitable<int> {
                                           ++computed;
                                           asio::steady_timer timer(co_await asio::this_coro::executor, 200ms);
                                           co_await timer.async_wait(asio::use_awaitable);
                                           co_return x * 2;
                                         }};
  Cached<asio::awaitable<int>(int)> aborted{this, "aborted", [this](int) -> asio::awaitable<int> {
                                              ++computed;
                                              asio::steady_timer timer(co_await asio::this_coro::executor, 200ms);
                                              asio::post(timer.get_executor(), [&] { timer.cancel(); });
                                              co_await timer.async_wait(asio::use_awaitable);
                                              co_return 1;
                                            }};
};

TEST(AsioTest, Fifty_coroutines_of_one_loop_compute_once) {
  TemporaryFolder folder;
  Client client(folder);
  asio::io_context io;
  int sum = 0;
  for (int i = 0; i < 50; ++i) {
    asio::co_spawn(
        io, [&]() -> asio::awaitable<void> { sum += co_await client.fetch(3); }, asio::detached);
  }
  io.run();
  EXPECT_EQ(client.computed, 1);
  EXPECT_EQ(sum, 300);
}

TEST(AsioTest, On_a_pool_each_key_is_computed_once_and_all_results_are_right) {
  TemporaryFolder folder;
  Client client(folder);
  asio::thread_pool pool(4);
  std::atomic<int> right = 0;
  for (int i = 0; i < 400; ++i) {
    asio::co_spawn(
        pool,
        [&, i]() -> asio::awaitable<void> {
          if (co_await client.fetch(i % 7) == (i % 7) * 2) ++right;
        },
        asio::detached);
  }
  pool.join();
  EXPECT_EQ(right, 400);
  EXPECT_EQ(client.computed, 7);
}

TEST(AsioTest, Who_waits_is_resumed_on_its_own_executor) {
  TemporaryFolder folder;
  Client client(folder);
  asio::io_context leading, waiting;
  std::thread::id resumed_on;
  asio::co_spawn(
      leading, [&]() -> asio::awaitable<void> { co_await client.fetch(1); }, asio::detached);
  leading.run_one();  // it leads
  asio::co_spawn(
      waiting,
      [&]() -> asio::awaitable<void> {
        co_await client.fetch(1);
        resumed_on = std::this_thread::get_id();
      },
      asio::detached);
  std::thread other([&] { waiting.run(); });
  const auto expected = other.get_id();
  leading.run();
  other.join();
  EXPECT_EQ(client.computed, 1);
  EXPECT_EQ(resumed_on, expected);
}

TEST(AsioTest, What_the_leader_throws_reaches_all_that_wait) {
  TemporaryFolder folder;
  Client client(folder);
  asio::io_context io;
  int thrown = 0;
  for (int i = 0; i < 5; ++i) {
    asio::co_spawn(
        io,
        [&]() -> asio::awaitable<void> {
          try {
            co_await client.fetch(-1);
          } catch (const std::domain_error&) {
            ++thrown;
          }
        },
        asio::detached);
  }
  io.run();
  EXPECT_EQ(thrown, 5);
  EXPECT_EQ(client.computed, 1);
}

asio::awaitable<void> after(std::chrono::milliseconds time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  co_await timer.async_wait(asio::use_awaitable);
}

TEST(AsioTest, A_leader_that_is_cancelled_hands_over_to_one_that_waits) {
  using namespace asio::experimental::awaitable_operators;
  TemporaryFolder folder;
  Client client(folder);
  asio::io_context io;
  std::size_t first = 0;
  int sum = 0;
  asio::co_spawn(
      io, [&]() -> asio::awaitable<void> { first = (co_await (client.slow(4) || after(30ms))).index(); }, asio::detached);
  for (int i = 0; i < 3; ++i) {
    asio::co_spawn(
        io,
        [&]() -> asio::awaitable<void> {
          co_await after(10ms);
          sum += co_await client.slow(4);
        },
        asio::detached);
  }
  io.run();
  EXPECT_EQ(first, 1u) << "it was cancelled";
  EXPECT_EQ(sum, 24);
  EXPECT_EQ(client.computed, 2) << "one of those that waited computes";
}

TEST(AsioTest, A_function_that_ends_as_aborted_by_itself_has_failed) {
  TemporaryFolder folder;
  Client client(folder);
  asio::io_context io;
  int thrown = 0;
  for (int i = 0; i < 3; ++i) {
    asio::co_spawn(
        io,
        [&]() -> asio::awaitable<void> {
          try {
            co_await client.aborted(1);
          } catch (const asio::system_error&) {
            ++thrown;
          }
        },
        asio::detached);
  }
  io.run();
  EXPECT_EQ(thrown, 3);
  EXPECT_EQ(client.computed, 1);
}

TEST(AsioTest, A_wait_that_is_cancelled_ends_at_once_and_the_leader_goes_on) {
  using namespace asio::experimental::awaitable_operators;
  TemporaryFolder folder;
  Client client(folder);
  asio::io_context leading, waiting;
  int result = 0;
  asio::co_spawn(
      leading, [&]() -> asio::awaitable<void> { result = co_await client.slow(5); }, asio::detached);
  leading.run_one();  // it leads
  std::size_t first = 0;
  asio::co_spawn(
      waiting, [&]() -> asio::awaitable<void> { first = (co_await (client.slow(5) || after(20ms))).index(); }, asio::detached);
  waiting.run();  // returns although nobody runs the leader
  EXPECT_EQ(first, 1u);
  leading.run();
  EXPECT_EQ(result, 10);
  EXPECT_EQ(client.computed, 1);
}

}  // namespace
}  // namespace cacherator
