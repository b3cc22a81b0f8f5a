#include "elsewhere.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cacherator/asio.hpp>
#include <cacherator/cacherator.hpp>

#include <functional>
#include <thread>

#include "temporary_folder.hpp"

namespace cacherator {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

std::chrono::milliseconds since(Clock::time_point began) { return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began); }

/// Slow calls in several processes, which write down what they do.
class ElsewhereTest : public testing::Test {
 protected:
  void SetUp() override {
#if defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "ThreadSanitizer does not support threads after a fork";
#endif
  }
  void TearDown() override {
    for (const pid_t child : children_) {
      ::kill(child, SIGKILL);
      ::waitpid(child, nullptr, 0);
    }
  }

  struct Slow : JSONCache {
    Slow(const ElsewhereTest& test, std::chrono::nanoseconds wait)
        : JSONCache({.data_id = "slow", .directory = test.folder_.path(), .single_flight_wait = wait}), test_(test) {}
    const ElsewhereTest& test_;
    Cached<int(int)> call{this, "call", [this](int milliseconds) {
                            test_.log("run\n");
                            std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
                            return milliseconds;
                          }};
    Cached<int(int)> fails{this, "fails", [this](int milliseconds) -> int {
                             test_.log("run\n");
                             std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
                             throw std::runtime_error("as ever");
                           }};
    Cached<int(int)> outer{this, "outer", [this](int milliseconds) { return call(milliseconds); }};
    Cached<asio::awaitable<int>(int)> async{this, "call", [this](int milliseconds) -> asio::awaitable<int> {
                                              test_.log("run\n");
                                              co_return milliseconds;
                                            }};
  };

  /// Another process; it ends with 0 where `body` did not throw.
  pid_t process(const std::function<void()>& body) {
    const pid_t child = ::fork();
    if (child != 0) return children_.emplace_back(child);
    try {
      body();
    } catch (...) {
      ::_exit(1);
    }
    ::_exit(0);
  }
  pid_t leader(int milliseconds) {
    const pid_t child = process([&, milliseconds] { Slow(*this, 1min).call(milliseconds); });
    while (runs() == 0) std::this_thread::sleep_for(1ms);
    return child;
  }
  void await_all() {
    for (const pid_t child : std::exchange(children_, {})) {
      int status = 0;
      ::waitpid(child, &status, 0);
      EXPECT_EQ(status, 0);
    }
  }

  /// One write at the end of the file: processes do not disturb each other.
  void log(std::string_view line) const {
    const int file = ::open((folder_ / "log").c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    (void)!::write(file, line.data(), line.size());
    ::close(file);
  }
  std::size_t runs() const { return folder_.read("log").size() / 4; }

  TemporaryFolder folder_;
  std::vector<pid_t> children_;
};

TEST_F(ElsewhereTest, What_processes_ask_at_one_moment_is_computed_once) {
  for (int i = 0; i < 6; ++i) {
    process([&] {
      Slow slow(*this, 1min);
      if (slow.call(200) != 200) throw std::logic_error("another value");
    });
  }
  await_all();
  EXPECT_EQ(runs(), 1U);
}

TEST_F(ElsewhereTest, Threads_of_a_process_wait_together_for_another_process) {
  leader(300);
  Slow slow(*this, 1min);
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) threads.emplace_back([&] { EXPECT_EQ(slow.call(300), 300); });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(runs(), 1U);
}

TEST_F(ElsewhereTest, A_leader_that_is_killed_is_followed_soon) {
  const pid_t child = leader(60'000);
  Slow slow(*this, 1min);
  const std::jthread killer([&] {
    std::this_thread::sleep_for(100ms);
    ::kill(child, SIGKILL);
  });
  const auto began = Clock::now();
  // The same question with an answer that comes at once: this process computes `call` in its own way.
  Cached<int(int)> quick{&slow, "call", [](int) { return 1; }};
  EXPECT_EQ(quick(60'000), 1);
  EXPECT_GE(since(began), 90ms);
  EXPECT_LT(since(began), 5s);
}

TEST_F(ElsewhereTest, A_leader_that_is_stopped_is_waited_for_as_long_as_the_option_says) {
  ::kill(leader(60'000), SIGSTOP);
  Slow slow(*this, 300ms);
  Cached<int(int)> quick{&slow, "call", [](int) { return 1; }};
  const auto began = Clock::now();
  EXPECT_EQ(quick(60'000), 1);
  EXPECT_GE(since(began), 290ms);
  EXPECT_LT(since(began), 10s);
}

TEST_F(ElsewhereTest, A_wait_of_zero_is_none) {
  leader(60'000);
  Slow slow(*this, 0s);
  Cached<int(int)> quick{&slow, "call", [](int) { return 1; }};
  EXPECT_EQ(quick(60'000), 1);
}

TEST_F(ElsewhereTest, Leaders_that_fail_do_not_make_a_queue) {
  const auto began = Clock::now();
  for (int i = 0; i < 8; ++i) {
    process([&] {
      Slow slow(*this, 1min);
      try {
        slow.fails(400);
      } catch (const std::runtime_error&) {
        return;
      }
      throw std::logic_error("it did not fail");
    });
  }
  await_all();
  EXPECT_EQ(runs(), 8U) << "each has its own failure";
  EXPECT_LT(since(began), 400ms * 5) << "one after the other they would take eight times as long";
}

TEST_F(ElsewhereTest, A_call_within_a_cached_call_does_not_wait_for_another_process) {
  leader(60'000);
  Slow slow(*this, 1min);
  Cached<int(int)> quick{&slow, "call", [](int) { return 1; }};
  Cached<int(int)> outer{&slow, "outer", [&](int x) { return quick(x); }};
  EXPECT_EQ(outer(60'000), 1);
}

TEST_F(ElsewhereTest, A_child_of_the_leader_does_not_keep_its_lead) {
  const pid_t child = process([&] {
    Slow slow(*this, 1min);
    Cached<int(int)> forks{&slow, "call", [&](int) -> int {
                             if (::fork() == 0) {
                               log("run\n");
                               ::sleep(3);
                               ::_exit(0);
                             }
                             ::sleep(60);
                             return 0;
                           }};
    forks(1);
  });
  while (runs() == 0) std::this_thread::sleep_for(1ms);
  Slow slow(*this, 1min);
  const std::jthread killer([&] {
    std::this_thread::sleep_for(100ms);
    ::kill(child, SIGKILL);
  });
  const auto began = Clock::now();
  EXPECT_EQ(slow.call(1), 1);
  EXPECT_LT(since(began), 2s);
}

TEST_F(ElsewhereTest, A_leader_in_another_pid_namespace_is_waited_for) {
  const pid_t child = process([&] {
    if (::unshare(CLONE_NEWPID) != 0) ::_exit(77);
    const pid_t inner = ::fork();
    if (inner == 0) {
      Slow(*this, 1min).call(300);
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(inner, &status, 0);
    ::_exit(WEXITSTATUS(status));
  });
  int status = 0;
  while (runs() == 0) {
    if (::waitpid(child, &status, WNOHANG) == child && WEXITSTATUS(status) == 77) {
      children_.clear();
      GTEST_SKIP() << "this user may not make PID namespaces";
    }
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_EQ(Slow(*this, 1min).call(300), 300);
  await_all();
  EXPECT_EQ(runs(), 1U);
}

TEST_F(ElsewhereTest, Coroutines_wait_for_another_process_and_their_executor_goes_on) {
  leader(300);
  Slow slow(*this, 1min);
  asio::io_context loop;
  int ticks = 0, ended = 0;
  for (int i = 0; i < 4; ++i) {
    asio::co_spawn(
        loop,
        [&]() -> asio::awaitable<void> {
          EXPECT_EQ(co_await slow.async(300), 300);
          ++ended;
        },
        asio::detached);
  }
  asio::co_spawn(
      loop,
      [&]() -> asio::awaitable<void> {
        asio::steady_timer timer(loop);
        while (ended < 4) {
          timer.expires_after(5ms);
          co_await timer.async_wait(asio::use_awaitable);
          ++ticks;
        }
      },
      asio::detached);
  loop.run();
  EXPECT_GT(ticks, 10);
  await_all();
  EXPECT_EQ(runs(), 1U);
}

}  // namespace
}  // namespace cacherator
