#include "platform/threads.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "platform/fork.hpp"

namespace cacherator::platform {
namespace {

/// The system call in which a thread sleeps (proc(5), /proc/pid/syscall); -1: it runs; SYS_futex: it cannot be told.
long sleeps_in(int thread) noexcept {
  char text[64];
  std::snprintf(text, sizeof text, "/proc/self/task/%d/syscall", thread);
  const int file = ::open(text, O_RDONLY | O_CLOEXEC);
  if (file < 0) return SYS_futex;
  const ssize_t size = ::read(file, text, sizeof text - 1);
  ::close(file);
  if (size <= 0) return SYS_futex;
  text[size] = 0;
  char* end = nullptr;
  const long call = std::strtol(text, &end, 10);
  return end == text ? -1 : call;  // "running"
}

}  // namespace

int this_thread() noexcept {
  thread_local int own = 0;
  thread_local std::uint32_t forks_then = 0;
  if (!own || forks_then != forks()) {
    own = static_cast<int>(::syscall(SYS_gettid));
    forks_then = forks();
  }
  return own;
}

ThreadLook look_at_thread(int thread) noexcept {
  ThreadLook look;
  look.waits_for_a_thread = sleeps_in(thread) == SYS_futex;
  // A thread's CPU clock by its number: clock_getcpuclockid(3) has it for processes, linux/posix-timers.h for threads.
  const auto clock = static_cast<clockid_t>((~static_cast<unsigned>(thread) << 3) | 6U);
  timespec time{};
  if (::clock_gettime(clock, &time) == 0) look.cpu = time.tv_sec * 1'000'000'000LL + time.tv_nsec;
  return look;
}

}  // namespace cacherator::platform
