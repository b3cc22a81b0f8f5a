// Faults of the system for tests: what stands between the store and the system's calls (src/platform/faults.hpp).
#pragma once

#include <stdlib.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "platform/faults.hpp"

namespace cacherator {

using platform::FileCall;
using Make = std::function<long(const FileCall&)>;

/// Folders of tests that make thousands of them are in memory, where that can be: what a disk would do, `Faults` do.
inline void use_folders_in_memory() {
  if (::access("/dev/shm", W_OK) == 0) ::setenv("TMPDIR", "/dev/shm", 0);
}

/// Puts `faults` between the store and the system while this lives; one at a time. Threads that are in a call keep it alive.
class Installed {
 public:
  explicit Installed(std::shared_ptr<platform::Faults> faults) {
    relay().set(std::move(faults));
    platform::faults = &relay();
  }
  Installed(const Installed&) = delete;
  Installed& operator=(const Installed&) = delete;
  ~Installed() { relay().set(nullptr); }

 private:
  class Relay final : public platform::Faults {
   public:
    void set(std::shared_ptr<platform::Faults> faults) {
      std::lock_guard lock(mutex_);
      to_ = std::move(faults);
    }
    long around(const FileCall& call, const Make& make) override {
      const auto to = get();
      return to ? to->around(call, make) : make(call);
    }
    std::int64_t clock(std::int64_t time) override {
      const auto to = get();
      return to ? to->clock(time) : time;
    }

   private:
    std::shared_ptr<platform::Faults> get() {
      std::lock_guard lock(mutex_);
      return to_;
    }
    std::mutex mutex_;
    std::shared_ptr<platform::Faults> to_;
  };
  static Relay& relay() {
    static auto* only = new Relay;  // never deleted: threads of the store may outlive static objects
    return *only;
  }
};

/// Lets calls of the thread that made it fail. The background's calls are left alone, so that a run can be repeated.
class Failing : public platform::Faults {
 public:
  int error = EIO;
  std::uint64_t first = 0, last = 0;          ///< which calls fail, from 1 on
  bool torn = false;                          ///< a write that fails has written half of its bytes, and says so; the next one fails
  std::function<bool(const FileCall&)> only;  ///< null: all calls are counted

  long around(const FileCall& call, const Make& make) override {
    if (std::this_thread::get_id() != thread_ || (only && !only(call))) return make(call);
    ++calls;
    ++of_kind[static_cast<std::size_t>(call.kind)];
    if (torn && call.kind == FileCall::Kind::write && calls == first) {
      last = first + 1;
      FileCall half = call;
      half.bytes = call.bytes.substr(0, call.bytes.size() / 2);
      ++failed;
      return make(half);
    }
    if (calls < first || calls > last) return call.kind == FileCall::Kind::sync ? 0 : make(call);  // a real one takes milliseconds
    ++failed;
    kind = call.kind;
    return call.kind == FileCall::Kind::is_local ? 0 : -error;
  }

  std::uint64_t calls = 0, failed = 0;
  std::array<std::uint64_t, FileCall::kKinds> of_kind{};
  FileCall::Kind kind{};  ///< of the last call that failed

 private:
  std::thread::id thread_ = std::this_thread::get_id();
};

inline const char* name_of(FileCall::Kind kind) {
  constexpr std::array names{"make_folders", "open_folder", "open",   "status", "size", "read", "write",  "write_at", "sync",
                             "set_mode",     "link",        "rename", "unlink", "list", "lock", "unlock", "map",      "is_local"};
  static_assert(names.size() == FileCall::kKinds);
  return names[static_cast<std::size_t>(kind)];
}

}  // namespace cacherator
