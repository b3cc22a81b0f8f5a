// The engine's client of DynamoDB alone, for bench_dynamodb.py, which runs it by turns with its peers. A line of its input, such as "get 300", "put 300" or
// "gets-at-once 300", is a run; the answer is a line: seconds of the processor, seconds by the clock. The table and the environment are named by the caller.
#include <sys/resource.h>

#include <condition_variable>
#include <cstdio>
#include <functional>
#include <iostream>
#include <mutex>
#include <string>

#include "dynamodb/items.hpp"
#include "dynamodb/table.hpp"

namespace {

using namespace cacherator::engine::dynamodb;

constexpr int kAtOnce = 16;

double processor() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) { return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6; };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

double clock_now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// Makes `calls` operations, so many at once, each of a number; false: one of them went wrong.
class Run {
 public:
  using Ended = std::function<void(bool)>;
  using Operation = std::function<void(int, Ended)>;
  bool run(int calls, int at_once, const Operation& operation) {
    operation_ = operation;
    calls_ = left_ = calls;
    for (int i = 0; i < at_once; ++i) next();
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return left_ == 0; });
    return well_;
  }

 private:
  void next() {
    int number;
    {
      std::lock_guard lock(mutex_);
      if (begun_ == calls_) return;
      number = begun_++;
    }
    operation_(number, [this](bool well) {
      {
        std::lock_guard lock(mutex_);
        well_ = well_ && well;
        if (--left_ == 0) return done_.notify_one();
      }
      next();
    });
  }

  Operation operation_;
  std::mutex mutex_;
  std::condition_variable done_;
  int calls_ = 0, begun_ = 0, left_ = 0;
  bool well_ = true;
};

}  // namespace

int main(int argc, char** argv) {
  const auto environment = process_environment();
  const auto profiles = Profiles::read(environment);
  const auto settings = Settings::resolve(argc > 1 ? argv[1] : "", environment, profiles);
  if (!settings) return std::puts(settings.fault().message.c_str()), 1;
  const auto table = Table::open(*settings, environment, profiles);
  const std::string text(1000, 'x');
  const auto key = [](int number) { return "client-" + std::to_string(number); };
  const auto put = [&](int number, Run::Ended ended) {
    table->put({{"cache_id", text_attribute(key(number))}, {"data", text_attribute(text)}, {"ttl", number_attribute("4000000000")}}, {},
               [ended](const Outcome<bool>& outcome) { ended(outcome.value == true); });
  };
  const auto get = [&](int number, Run::Ended ended) {
    table->get({key(number)}, [ended, &text](const Outcome<std::vector<Item>>& outcome) {
      ended(outcome.value && outcome.value->size() == 1 && value_in((*outcome.value)[0], "data", Attribute::Type::text) == text);
    });
  };
  std::string what;
  for (int calls; std::cin >> what >> calls;) {
    const double used = processor(), begin = clock_now();
    const bool well = what == "put" ? Run().run(calls, 1, put) : Run().run(calls, what == "get" ? 1 : kAtOnce, get);
    if (!well) return std::puts("an operation failed"), 1;
    std::printf("%.9f %.9f\n", processor() - used, clock_now() - begin);
    std::fflush(stdout);
  }
}
