// A DynamoDB for tests: dynalite, on a free port of the loopback interface.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "source_dir.hpp"

namespace cacherator {

/// A port that was free a moment ago.
inline std::uint16_t free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ::bind(fd, reinterpret_cast<sockaddr*>(&address), size);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(fd);
  return ntohs(address.sin_port);
}

/// Starts with start(), ends with the object; its data are in its memory. Where it is not installed, the test fails.
class Dynalite {
 public:
  /// `options`: further ones of its command line, such as "--createTableMs", "0".
  explicit Dynalite(std::vector<std::string> options = {}) : options_(std::move(options)) {}
  Dynalite(const Dynalite&) = delete;
  ~Dynalite() { stop(); }

  /// On a free port, and after stop() on the same one, empty. Returns when it answers.
  void start() {
    const char* const named = std::getenv("CACHERATOR_DYNALITE");
    const std::string program = named ? named : CACHERATOR_SOURCE_DIR "/build/servers/node_modules/dynalite/cli.js";
    if (!std::filesystem::exists(program)) FAIL() << "dynalite is not at " << program << ": tools/setup.sh installs it";
    if (port_ == 0) port_ = free_port();
    std::vector<std::string> words{"node", program, "--host", "127.0.0.1", "--port", std::to_string(port_)};
    words.insert(words.end(), options_.begin(), options_.end());
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    const int error = ::posix_spawnp(&pid_, "node", &actions, nullptr, arguments.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    if (error != 0) {
      pid_ = 0;
      FAIL() << "node cannot be run (" << error << "): tools/setup.sh installs what dynalite needs";
    }
    for (const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20); !answers();) {
      if (std::chrono::steady_clock::now() > end || ::waitpid(pid_, nullptr, WNOHANG) == pid_) FAIL() << "dynalite does not start";
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }

  void stop() {
    if (pid_ == 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

  /// It takes no bytes and gives none, its connections stay, until go_on().
  void freeze() const { ::kill(pid_, SIGSTOP); }
  void go_on() const { ::kill(pid_, SIGCONT); }

  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  [[nodiscard]] bool answers() const {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port_);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool connected = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    ::close(fd);
    return connected;
  }

  const std::vector<std::string> options_;
  std::uint16_t port_ = 0;
  pid_t pid_ = 0;
};

}  // namespace cacherator
