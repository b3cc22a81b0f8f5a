#include "cacherator/asio.hpp"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace cacherator
