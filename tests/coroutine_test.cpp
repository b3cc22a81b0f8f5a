#include "cacherator/coroutine.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <queue>
#include <span>
#include <thread>

#include "cacherator/cached.hpp"
#include "cacherator/cached_method.hpp"
#include "task.hpp"
#include "temporary_folder.hpp"

namespace cacherator {
namespace {

/// Coroutines that wait here go on when the test says so.
struct Gate {
  std::vector<std::coroutine_handle<>> waiting;
  struct Awaiter {
    Gate& gate;
    bool await_ready() const { return false; }
    void await_suspend(std::coroutine_handle<> handle) { gate.waiting.push_back(handle); }
    void await_resume() const {}
  };
  Awaiter pass() { return {*this}; }
  void open() {
    auto resumed = std::exchange(waiting, {});
    for (auto handle : resumed) handle.resume();
  }
};

struct Client : JSONCache {
  explicit Client(const TemporaryFolder& folder) : JSONCache({.data_id = "client", .directory = folder.path()}) {}
  int computed = 0;
  Gate gate;
  Cached<Task<std::string>(std::string)> user{this, "user", [this](std::string name) -> Task<std::string> {
                                                ++computed;
                                                co_await gate.pass();
                                                if (name.empty()) throw std::invalid_argument("no name");
                                                co_return "user " + name;
                                              }};
  Task<int> twice_(int x) {
    ++computed;
    co_return x * 2;
  }
  CachedMethod<&Client::twice_> twice{this};
};

struct CoroutineTest : testing::Test {
  TemporaryFolder folder;
};

TEST_F(CoroutineTest, A_coroutines_result_is_kept_and_found_by_another_object) {
  {
    Client client(folder);
    EXPECT_EQ(run(client.twice(4)), 8);
    EXPECT_EQ(run(client.twice(4)), 8);
    EXPECT_EQ(client.computed, 1);
    EXPECT_EQ(client.twice.peek(4), 8);
  }
  Client again(folder);
  EXPECT_EQ(run(again.twice(4)), 8);
  EXPECT_EQ(again.computed, 0);
  EXPECT_EQ(again.last_cache_status(), "l1");
}

TEST_F(CoroutineTest, Ten_callers_at_once_compute_once) {
  Client client(folder);
  std::vector<Started<std::string>> calls;
  for (int i = 0; i < 10; ++i) calls.push_back(start(client.user("ann")));
  EXPECT_EQ(client.computed, 1);
  EXPECT_FALSE(calls[9].result());
  client.gate.open();
  for (auto& call : calls) EXPECT_EQ(call.result(), "user ann");
  EXPECT_EQ(client.computed, 1);
}

TEST_F(CoroutineTest, What_the_leader_throws_reaches_all_that_wait_and_is_not_kept) {
  Client client(folder);
  std::vector<Started<std::string>> calls;
  for (int i = 0; i < 3; ++i) calls.push_back(start(client.user("")));
  client.gate.open();
  for (auto& call : calls) EXPECT_THROW(call.result(), std::invalid_argument);
  EXPECT_EQ(client.computed, 1);
  EXPECT_TRUE(client.cache_status().empty());
}

TEST_F(CoroutineTest, A_leader_that_is_destroyed_hands_over_to_one_that_waits) {
  Client client(folder);
  auto leader = std::make_optional(start(client.user("bob")));
  auto waiting = start(client.user("bob"));
  EXPECT_EQ(client.computed, 1);
  client.gate.waiting.clear();  // the leader's frame is destroyed while it is suspended here
  leader.reset();
  EXPECT_EQ(client.computed, 2) << "who waited computes";
  client.gate.open();
  EXPECT_EQ(waiting.result(), "user bob");
}

TEST_F(CoroutineTest, One_that_waits_and_is_destroyed_harms_nobody) {
  Client client(folder);
  auto leader = start(client.user("eve"));
  { auto waiting = start(client.user("eve")); }
  client.gate.open();
  EXPECT_EQ(leader.result(), "user eve");
}

TEST_F(CoroutineTest, A_view_needs_to_live_for_the_call_only) {
  Client client(folder);
  auto call = [&] {
    const std::string gone = "a name that is too long for a text's own buffer, and does not live on";
    return client.user(gone);
  }();
  auto started = start(std::move(call));
  client.gate.open();
  EXPECT_EQ(started.result(), "user a name that is too long for a text's own buffer, and does not live on");
}

struct Views : JSONCache {
  explicit Views(const TemporaryFolder& folder) : JSONCache({.data_id = "views", .directory = folder.path()}) {}
  Cached<Task<std::string>(const std::string_view&)> text{this, "text", [](const std::string_view& it) -> Task<std::string> { co_return std::string(it); }};
  Cached<Task<std::string>(const char*)> ended{this, "ended", [](const char* it) -> Task<std::string> { co_return it; }};
  Cached<Task<double>(std::span<const double>)> sum{this, "sum", [](std::span<const double> numbers) -> Task<double> {
                                                      double all = 0;
                                                      for (const double number : numbers) all += number;
                                                      co_return all;
                                                    }};
  Cached<Task<double>(const std::span<const double, 2>&)> two{
      this, "two", [](const std::span<const double, 2>& numbers) -> Task<double> { co_return numbers[0] + numbers[1]; }};
  Cached<Task<std::string>(std::span<const std::string>)> join{this, "join", [](std::span<const std::string> parts) -> Task<std::string> {
                                                                 std::string all;
                                                                 for (const auto& part : parts) all += part;
                                                                 co_return all;
                                                               }};
  Cached<Task<std::string>(std::optional<std::string_view>)> maybe{
      this, "maybe", [](std::optional<std::string_view> it) -> Task<std::string> { co_return std::string(it.value_or("none")); }};
  Cached<Task<std::string>(const std::vector<std::string_view>&, Kw<"end", std::string_view>)> last{
      this, "last",
      [](const std::vector<std::string_view>& texts, std::string_view end) -> Task<std::string> { co_return std::string(texts.back()) + std::string(end); }};
};

TEST_F(CoroutineTest, Whatever_points_to_the_callers_values_is_owned_by_the_time_the_call_returns) {
  Views views(folder);
  const std::string expected = "a text that is too long for a text's own buffer, and does not live on";
  {
    auto call = [&] { return views.text(std::string(expected)); }();
    EXPECT_EQ(run(std::move(call)), expected);
  }
  {
    auto call = [&] { return views.ended(std::string(expected)); }();
    EXPECT_EQ(run(std::move(call)), expected);
  }
  {
    auto call = [&] { return views.sum(std::vector<double>{1.5, 2.5, 3}); }();
    EXPECT_EQ(run(std::move(call)), 7);
    EXPECT_EQ(run(views.sum(std::vector<double>{})), 0);
  }
  {
    auto call = [&] {
      const std::vector<double> gone{4, 5};
      return views.two(std::span<const double, 2>(gone));
    }();
    EXPECT_EQ(run(std::move(call)), 9);
  }
  {
    auto call = [&] { return views.join(std::vector<std::string>{expected, "!"}); }();
    EXPECT_EQ(run(std::move(call)), expected + "!");
  }
  {
    auto call = [&] {
      const std::string gone = expected;
      return views.maybe(gone);
    }();
    EXPECT_EQ(run(std::move(call)), expected);
    EXPECT_EQ(run(views.maybe(std::nullopt)), "none");
  }
  {
    auto call = [&] {
      const std::string gone = expected;
      return views.last({"first", gone}, std::string("."));
    }();
    EXPECT_EQ(run(std::move(call)), expected + ".");
  }
  EXPECT_EQ(views.cache_status().count("sum([1.5, 2.5, 3.0],){}"), 1);
}

}  // namespace
}  // namespace cacherator
