#include "elsewhere.hpp"

#include <algorithm>
#include <condition_variable>
#include <list>
#include <system_error>
#include <thread>

#include "platform/fork.hpp"

namespace cacherator::engine {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::nanoseconds;

constexpr nanoseconds kShortest{200'000}, kLongest{50'000'000};

class Watch {
 public:
  static Watch& instance() {
    static std::atomic<Watch*> current{nullptr};  // never deleted: its thread lasts as long as the process
    Watch* watch = current.load();
    while (!watch || watch->forks_ != platform::forks()) {
      auto* fresh = new Watch;
      if (current.compare_exchange_strong(watch, fresh)) return *fresh;
      delete fresh;
    }
    return *watch;
  }

  void add(Elsewhere what) {
    if (!start()) return what.lead.end_elsewhere();
    const auto leader = what.range->leader();
    const auto now = Clock::now();
    std::lock_guard lock(mutex_);
    watched_.push_back({std::move(what), leader, now, now});
    wake_.notify_one();
  }

 private:
  struct Watched {
    Elsewhere what;
    std::uint64_t leader;
    Clock::time_point began, next;
  };

  /// False: no thread is to be had.
  bool start() {
    std::lock_guard lock(mutex_);
    if (started_) return true;
    try {
      std::thread([this] { run(); }).detach();
    } catch (const std::system_error&) {
      return false;
    }
    return started_ = true;
  }

  static bool over(Watched& one, Clock::time_point now) {
    if (one.leader == 0 || one.what.range->leader() != one.leader || now - one.began > one.what.limit) return true;
    one.what.store->tail();
    const auto entry = one.what.store->find(one.what.signature, one.what.digest);
    return entry && entry->serial != one.what.serial;
  }

  void run() {
    std::list<Watched> own, ended;
    std::unique_lock lock(mutex_);
    for (;;) {
      own.splice(own.end(), watched_);
      if (own.empty()) {
        wake_.wait(lock, [&] { return !watched_.empty(); });
        continue;
      }
      lock.unlock();
      auto next = Clock::now() + kLongest;
      for (auto one = own.begin(); one != own.end();) {
        const auto now = Clock::now();
        const auto at = one++;
        if (now >= at->next) {
          if (over(*at, now)) {
            ended.splice(ended.end(), own, at);
            continue;
          }
          // A tenth of the time waited, so that a wait is at most that much longer than it need be.
          at->next = now + std::clamp<nanoseconds>((now - at->began) / 10, kShortest, kLongest);
        }
        next = std::min(next, at->next);
      }
      for (auto& one : ended) one.what.lead.end_elsewhere();
      ended.clear();
      lock.lock();
      wake_.wait_until(lock, next, [&] { return !watched_.empty(); });
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::list<Watched> watched_;
  bool started_ = false;
  const std::uint32_t forks_ = platform::forks();
};

}  // namespace

void watch(Elsewhere what) { Watch::instance().add(std::move(what)); }

}  // namespace cacherator::engine
