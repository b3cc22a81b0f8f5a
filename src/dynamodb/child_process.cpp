#include "dynamodb/child_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <string_view>
#include <thread>

#include "platform/files.hpp"

namespace cacherator::engine::dynamodb {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t kMostOutput = 64 << 10;
constexpr milliseconds kStep{20};

/// This process's variables, and this one ("NAME=value") in the place of that of its name.
std::vector<char*> variables_with(const std::string& variable) {
  std::vector<char*> all;
  if (!variable.empty()) all.push_back(const_cast<char*>(variable.c_str()));
  const std::string name = variable.substr(0, variable.find('=') + 1);
  for (char** one = environ; *one; ++one) {
    if (name.empty() || !std::string_view(*one).starts_with(name)) all.push_back(*one);
  }
  all.push_back(nullptr);
  return all;
}

/// Starts it in a process group of its own, its output into `out`; 0 or the error.
int start(const std::vector<std::string>& command, const std::string& variable, int out, pid_t& pid) {
  std::vector<char*> words;
  words.reserve(command.size() + 1);
  for (const auto& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawnattr_t how;
  posix_spawn_file_actions_init(&files);
  posix_spawnattr_init(&how);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&how, &none);
  posix_spawnattr_setsigdefault(&how, &all);
  posix_spawnattr_setflags(&how, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  const int error = ::posix_spawnp(&pid, words[0], &files, &how, words.data(), variables_with(variable).data());
  posix_spawnattr_destroy(&how);
  posix_spawn_file_actions_destroy(&files);
  return error;
}

/// A child, until it was waited for.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (ended_) return;
    ::kill(-pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }

  bool ended() {
    if (ended_) return true;
    int status = 0;
    const pid_t waited = ::waitpid(pid_, &status, WNOHANG);
    if (waited == 0 || (waited < 0 && errno == EINTR)) return false;
    ended_ = true;
    status_ = waited == pid_ ? status : 0;  // somebody else has waited for it: its output must do
    return true;
  }
  [[nodiscard]] int status() const { return status_; }

 private:
  pid_t pid_;
  bool ended_ = false;
  int status_ = 0;
};

/// Reads what is there; false: no more will come.
bool drain(int in, std::string& text) {
  char bytes[4096];
  for (;;) {
    const ssize_t got = ::read(in, bytes, sizeof bytes);
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    if (got == 0) return false;
    text.append(bytes, static_cast<std::size_t>(got));
    if (text.size() > kMostOutput) return true;
  }
}

std::optional<std::string> ended_badly(int status) {
  if (WIFSIGNALED(status)) return "was ended by signal " + std::to_string(WTERMSIG(status));
  if (WEXITSTATUS(status) != 0) return "ended with " + std::to_string(WEXITSTATUS(status));
  return std::nullopt;
}

}  // namespace

Result<std::string> output_of(const std::vector<std::string>& command, milliseconds limit, const std::string& variable) {
  if (command.empty()) return Fault{Fault::Kind::misuse, "there is no program to run"};
  const auto fault = [&](Fault::Kind kind, const std::string& what) { return Fault{kind, "'" + command.front() + "' " + what}; };
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) return fault(Fault::Kind::io, "cannot be run: " + platform::reason(errno));
  platform::Descriptor in(ends[0]), out(ends[1]);
  ::fcntl(in.get(), F_SETFL, O_NONBLOCK);
  pid_t pid = 0;
  if (const int error = start(command, variable, out.get(), pid)) return fault(Fault::Kind::io, "cannot be run: " + platform::reason(error));
  out.close();

  Child child(pid);
  std::string text;
  const auto end = Clock::now() + limit;
  for (bool more = true; more || !child.ended();) {
    const bool ended = child.ended();  // before the last look: what it printed is there by then
    if (more) {
      pollfd ready{in.get(), POLLIN, 0};
      ::poll(&ready, 1, ended ? 0 : static_cast<int>(kStep.count()));
      more = drain(in.get(), text);
    } else {
      std::this_thread::sleep_for(milliseconds(1));
    }
    if (text.size() > kMostOutput) return fault(Fault::Kind::limit, "printed more than 64 KiB");
    if (ended) break;
    if (Clock::now() > end) return fault(Fault::Kind::limit, "did not end within " + std::to_string(limit.count()) + " ms, and was killed");
  }
  if (const auto bad = ended_badly(child.status())) return fault(Fault::Kind::io, *bad + "; run it by hand to see why");
  return text;
}

}  // namespace cacherator::engine::dynamodb
