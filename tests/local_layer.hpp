// What the tests of the local layer share: caches by the engine's face, the bytes of journals and documents, other processes.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "cacherator/detail/cache.hpp"
#include "local/dates.hpp"
#include "temporary_folder.hpp"

#if defined(__SANITIZE_THREAD__)
#define CACHERATOR_TSAN 1
#elif defined(__SANITIZE_ADDRESS__)
#define CACHERATOR_ASAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define CACHERATOR_TSAN 1
#elif __has_feature(address_sanitizer)
#define CACHERATOR_ASAN 1
#endif
#endif
#ifdef CACHERATOR_TSAN
#define SKIP_WHERE_FORK_AND_THREADS_DO_NOT_MIX() GTEST_SKIP() << "ThreadSanitizer does not support threads after a fork"
#else
#define SKIP_WHERE_FORK_AND_THREADS_DO_NOT_MIX() static_cast<void>(0)
#endif
#ifdef CACHERATOR_ASAN
#define SKIP_WHERE_THE_ALLOCATOR_MAY_STAY_LOCKED() GTEST_SKIP() << "another thread may hold AddressSanitizer's allocator at the fork"
#else
#define SKIP_WHERE_THE_ALLOCATOR_MAY_STAY_LOCKED() static_cast<void>(0)
#endif

namespace cacherator::engine {

using Values = std::map<std::string, std::string>;

inline std::shared_ptr<Cache> open_cache(const std::filesystem::path& folder, std::string data_id = "calc") {
  auto opened = Cache::open({.data_id = std::move(data_id), .directory = folder.string()});
  if (!opened) throw std::runtime_error(opened.fault().message);
  return *opened;
}

/// Computes a call, whatever is stored.
inline Kept keep(Cache& cache, const std::string& signature, const std::string& value, double ttl = 999) {
  auto answer = cache.ask({.signature = signature, .ttl = ttl, .recompute = true});
  auto& lead = std::get<Lead>(answer);
  const Kept kept = cache.keep(lead, signature, {}, value, ttl);
  lead.land();
  return kept;
}

/// What the next call would get.
inline std::string ask(Cache& cache, const std::string& signature) {
  auto answer = cache.ask({.signature = signature});
  const auto* entry = std::get_if<Entry>(&answer);
  return entry ? std::string(entry->value) : "(miss)";
}

inline Values values(Cache& cache) {
  Values all;
  for (const auto& [signature, entry] : cache.entries()) all[signature] = entry.value;
  return all;
}

inline Values variables(Cache& cache) {
  Values all;
  for (const auto& variable : cache.state()) all[variable.name] = variable.value;
  return all;
}

inline void save(Cache& cache, const std::string& name, const std::string& value) {
  const Variable variable{.name = name, .value = value};
  EXPECT_TRUE(cache.save_state(std::span(&variable, 1), true));
}

/// A program that is started on these files: on a copy of them, so that nothing of this process answers for them.
class Restarted {
 public:
  explicit Restarted(const TemporaryFolder& folder, const std::string& data_id = "calc") {
    std::filesystem::copy(folder.path(), copy_.path(), std::filesystem::copy_options::recursive);
    cache_ = open_cache(copy_.path(), data_id);
  }
  Cache& operator*() { return *cache_; }
  Cache* operator->() { return cache_.get(); }

 private:
  TemporaryFolder copy_;
  std::shared_ptr<Cache> cache_;
};

/// True as soon as `question` is, false after two seconds.
inline bool eventually(const std::function<bool()>& question, std::chrono::milliseconds limit = std::chrono::seconds(2)) {
  const auto until = std::chrono::steady_clock::now() + limit;
  while (!question()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

/// A line of a journal, `members` without their braces, as docs/format.md says.
inline std::string record(const std::string& members) {
  const std::string body = '{' + members;
  char crc[9];
  std::snprintf(crc, sizeof crc, "%08lx", crc32_z(0, reinterpret_cast<const Bytef*>(body.data()), body.size()));
  return '\n' + body + ",\"crc\":\"" + crc + "\"}\n";
}
inline std::string journal_header(const std::string& id, const std::string& data_id = "calc", int format = 1) {
  return record(R"("cacherator":"journal","format":)" + std::to_string(format) + R"(,"data_id":")" + data_id + R"(","id":")" + id +
                R"(","after":null,"cleared":{},"clock":0)");
}
inline Time hours_ago(double hours) { return (now() / kSecond) * kSecond - static_cast<Time>(hours * 3600) * kSecond; }
/// Seconds since 1970, so many hours ago.
inline std::string utc(double hours = 1) { return std::to_string(hours_ago(hours) / kSecond) + ".000000"; }
/// Local time, as 1.2.9 writes it, so many hours ago.
inline std::string date(double hours = 1) {
  std::string text;
  append_local_date(text, hours_ago(hours));
  return text;
}
inline std::string put_record(const std::string& signature, const std::string& value, std::uint64_t under = 0) {
  return record(R"("put":")" + signature + R"(","value":)" + value + R"(,"utc":)" + utc() + R"(,"ttl":999,"under":)" + std::to_string(under));
}
/// An id of a journal: 32 times this digit.
inline std::string id_of(char digit) { return std::string(32, digit); }

/// A document as 1.2.9 writes it; `entries`: signature, value, date.
inline std::string incumbent_document(const std::vector<std::array<std::string, 3>>& entries, const std::string& variables = "{}",
                                      const std::string& saved = "null") {
  std::string text = "{\n    \"_json_cache_func_cache\": {";
  bool first = true;
  for (const auto& [signature, value, date] : entries) {
    text += first ? "\n" : ",\n";
    first = false;
    text += "        \"" + signature + "\": {\n            \"value\": " + value + ",\n            \"date\": \"" + date + "\"\n        }";
  }
  text += first ? "}" : "\n    }";
  return text + ",\n    \"_json_cache_last_save_date\": " + saved + ",\n    \"_json_cache_variable_cache\": " + variables + "\n}";
}

/// Collects warnings while it lives.
class Warnings {
 public:
  Warnings() {
    set_log_sink([this](std::string_view message) {
      std::lock_guard lock(mutex_);
      all_.emplace_back(message);
    });
  }
  Warnings(const Warnings&) = delete;
  Warnings& operator=(const Warnings&) = delete;
  ~Warnings() { set_log_sink(nullptr); }

  [[nodiscard]] std::size_t with(const std::string& text) const {
    std::lock_guard lock(mutex_);
    std::size_t count = 0;
    for (const auto& each : all_) count += each.find(text) != std::string::npos;
    return count;
  }
  [[nodiscard]] std::string text() const {
    std::lock_guard lock(mutex_);
    std::string joined = "warnings:";
    for (const auto& each : all_) joined += "\n  " + each;
    return joined;
  }
  void forget() {
    std::lock_guard lock(mutex_);
    all_.clear();
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> all_;
};

/// A forked child that runs `body`, and ends without leave (as kill -9 would end it). The two take turns by tell() and hear().
class Process {
 public:
  explicit Process(const std::function<bool(Process&)>& body) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) throw std::runtime_error("socketpair");
    child_ = ::fork();
    if (child_ < 0) throw std::runtime_error("fork");
    end_ = ends[child_ ? 0 : 1];
    ::close(ends[child_ ? 1 : 0]);
    if (child_) return;
    ::alarm(60);
    bool well = false;
    try {
      well = body(*this) && !testing::Test::HasFailure();
    } catch (const std::exception& error) {
      std::fprintf(stderr, "in the child: %s\n", error.what());
    }
    ::_exit(well ? 0 : 1);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() {
    if (child_ > 0) {
      ::kill(child_, SIGKILL);
      ::waitpid(child_, nullptr, 0);
    }
    ::close(end_);
  }

  void tell() const {
    if (::send(end_, "!", 1, MSG_NOSIGNAL) != 1) throw std::runtime_error("the other process is gone");
  }
  void hear() const {
    pollfd waiting{.fd = end_, .events = POLLIN, .revents = 0};
    char byte;
    if (::poll(&waiting, 1, 20000) != 1 || ::read(end_, &byte, 1) != 1) throw std::runtime_error("the other process is gone, or hangs");
  }
  /// True if the body did.
  bool well() {
    int status = 0;
    ::waitpid(std::exchange(child_, 0), &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }
  /// True if a signal ended it.
  bool killed() {
    int status = 0;
    ::waitpid(std::exchange(child_, 0), &status, 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  }

 private:
  pid_t child_ = 0;
  int end_ = -1;
};

}  // namespace cacherator::engine
