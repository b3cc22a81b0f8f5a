#include "dynamodb/http.hpp"

#include <openssl/crypto.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "cacherator/detail/fork_safe.hpp"
#include "dynamodb/transfers.hpp"
#include "platform/fork.hpp"

namespace cacherator::engine::dynamodb {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

thread_local bool is_thread_of_requests = false;

struct Timed {
  Clock::time_point at;
  std::function<void()> what;
};

}  // namespace

/// Two locks: `mutex_` guards what other threads hand in; `curl_` is held while libcurl and OpenSSL work, so that a fork finds them at rest.
class Http::Loop {
 public:
  /// False: no thread is to be had.
  bool start() {
    if (started_.load(std::memory_order_acquire)) return true;
    std::lock_guard lock(mutex_);
    if (started_.load()) return true;
    if (epoll_ < 0 && !open()) return false;
    sigset_t all, before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);  // signals are for the program's own threads
    bool running = true;
    try {
      std::thread([this] { run(); }).detach();
    } catch (const std::system_error&) {
      running = false;
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    started_.store(running, std::memory_order_release);
    return running;
  }

  void add(Pending pending) {
    {
      std::lock_guard lock(mutex_);
      requests_.push_back(std::move(pending));
    }
    wake();
  }

  void add(Timed timed) {
    {
      std::lock_guard lock(mutex_);
      timed_.push_back(std::move(timed));
    }
    wake();
  }

  /// From now on neither libcurl nor OpenSSL is used: it is being taken down, as the process ends.
  void park() {
    std::lock_guard lock(curl_);
    parked_.store(true);
  }

  [[nodiscard]] bool parked() const { return parked_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint32_t forks() const { return forks_; }

 private:
  bool open() {
    epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    event_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (epoll_ < 0 || event_ < 0) return false;
    platform::close_in_child(epoll_);
    platform::close_in_child(event_);
    epoll_event event{};
    event.events = EPOLLIN | EPOLLET;  // told of each write, without a read in between
    event.data.fd = event_;
    return ::epoll_ctl(epoll_, EPOLL_CTL_ADD, event_, &event) == 0;
  }

  void wake() {
    if (!sleeping_.exchange(false)) return;
    const std::uint64_t one = 1;
    (void)!::write(event_, &one, sizeof one);
  }

  void run() {
    ::pthread_setname_np(::pthread_self(), "cacherator");
    is_thread_of_requests = true;
    std::vector<Pending> requests;
    std::vector<Timed> timed;
    std::vector<Finished> finished;
    for (;;) {
      {
        std::lock_guard lock(mutex_);
        requests.swap(requests_);
        timed.swap(timed_);
      }
      for (auto& one : timed) timers_.emplace(one.at, std::move(one.what));
      timed.clear();
      work(requests, finished);
      for (auto& one : finished) one.done(one.reply);
      finished.clear();
      run_timers();
      sleep();
    }
  }

  /// What came in, and what epoll told.
  void work(std::vector<Pending>& requests, std::vector<Finished>& finished) {
    if (requests.empty() && !transfers_) return;
    std::lock_guard lock(curl_);
    if (parked_.load()) {
      for (auto& one : requests) finished.push_back({{Reply::Error::connection, "the process ends"}, std::move(one.done)});
      requests.clear();
      if (transfers_) transfers_->abandon(finished);
      return;
    }
    if (!transfers_) make_transfers();
    for (auto& one : requests) transfers_->start(std::move(one));
    requests.clear();
    for (int i = 0; i < ready_; ++i) {
      if (events_[i].data.fd != event_) transfers_->ready(events_[i].data.fd, events_[i].events);
    }
    ready_ = 0;
    transfers_->tick(Clock::now());
    transfers_->take(finished);
    due_ = transfers_->due();
  }

  void make_transfers();

  void run_timers() {
    while (!timers_.empty() && timers_.begin()->first <= Clock::now()) {
      const auto what = std::move(timers_.extract(timers_.begin()).mapped());
      what();
    }
  }

  void sleep() {
    auto until = due_.value_or(Clock::time_point::max());
    if (!timers_.empty()) until = std::min(until, timers_.begin()->first);
    int wait = -1;
    if (until != Clock::time_point::max()) {
      const auto left = std::chrono::ceil<milliseconds>(until - Clock::now()).count();
      wait = static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
    }
    sleeping_.store(true);
    {
      std::lock_guard lock(mutex_);
      if (!requests_.empty() || !timed_.empty()) wait = 0;
    }
    ready_ = std::max(0, ::epoll_wait(epoll_, events_, kEvents, wait));
    sleeping_.store(false);
  }

  static constexpr int kEvents = 64;

  std::mutex mutex_;
  std::vector<Pending> requests_;
  std::vector<Timed> timed_;
  std::atomic<bool> started_{false}, sleeping_{false}, parked_{false};
  int epoll_ = -1, event_ = -1;
  detail::ForkSafeMutex curl_;
  const std::uint32_t forks_ = platform::forks();

  // Of the thread alone:
  std::unique_ptr<Transfers> transfers_;
  std::multimap<Clock::time_point, std::function<void()>> timers_;
  std::optional<Clock::time_point> due_;
  epoll_event events_[kEvents];
  int ready_ = 0;
};

bool on_thread_of_requests() noexcept { return is_thread_of_requests; }

void Http::Loop::make_transfers() {
  transfers_ = std::make_unique<Transfers>(epoll_);
  // Where another library was first to use OpenSSL, it takes itself down at exit, while this thread may still be in it.
  OPENSSL_atexit([] { instance().loop_->park(); });
}

Http::Http() : loop_(new Loop) {}

Http& Http::instance() {
  static std::atomic<Http*> current{nullptr};  // never deleted: its thread lasts as long as the process
  Http* http = current.load(std::memory_order_acquire);
  while (!http || http->loop_->forks() != platform::forks()) {
    auto* const fresh = new Http;
    if (current.compare_exchange_strong(http, fresh)) return *fresh;
    delete fresh->loop_;
    delete fresh;
  }
  return *http;
}

void Http::send(Request request, std::function<void(Reply&)> done) {
  if (!loop_->parked() && loop_->start()) return loop_->add({std::move(request), std::move(done)});
  Reply reply;
  reply.error = Reply::Error::connection;
  reply.reason = loop_->parked() ? "the process ends" : "the system gives no thread for requests";
  done(reply);
}

bool Http::after(milliseconds time, std::function<void()> what) {
  if (!loop_->start()) return false;
  loop_->add(Timed{Clock::now() + time, std::move(what)});
  return true;
}

}  // namespace cacherator::engine::dynamodb
