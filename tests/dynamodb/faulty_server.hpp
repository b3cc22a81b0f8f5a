// An HTTP server that does what a test tells it to do, reply by reply.
#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace cacherator {

/// What is done with one request.
struct Scripted {
  int status = 200;
  std::string body{"{}"};
  std::vector<std::string> headers{};                              ///< whole lines: "x-amz-crc32: 1"
  enum class End { whole, cut, reset, silence } end = End::whole;  ///< cut: half of the body, then closed; reset, silence: no answer at all
};

/// Answers each connection on a thread of its own.
class FaultyServer {
 public:
  struct Seen {
    std::string head{}, body{};
    /// The value of a header by its lower-case name; empty: not there.
    [[nodiscard]] std::string header(const std::string& name) const {
      const auto at = head.find("\r\n" + name + ": ");
      if (at == std::string::npos) return {};
      const auto from = at + name.size() + 4;
      return head.substr(from, head.find("\r\n", from) - from);
    }
    /// "PutItem"
    [[nodiscard]] std::string operation() const {
      const auto target = header("x-amz-target");
      return target.substr(target.find('.') + 1);
    }
  };

  /// `otherwise`: the reply when the script is at its end.
  explicit FaultyServer(Scripted otherwise = {}) : otherwise_(std::move(otherwise)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(listener_, reinterpret_cast<sockaddr*>(&address), size);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    ::listen(listener_, 64);
    acceptor_ = std::thread([this] { accept_all(); });
  }
  FaultyServer(const FaultyServer&) = delete;
  ~FaultyServer() {
    ends_ = true;
    acceptor_.join();
    for (auto& one : connections_) one.join();
    ::close(listener_);
  }

  void then(Scripted reply) {
    std::lock_guard lock(mutex_);
    script_.push_back(std::move(reply));
  }
  /// Called for each request when the script is at its end, in the place of `otherwise`.
  void answer(std::function<Scripted(const Seen&)> what) {
    std::lock_guard lock(mutex_);
    what_ = std::move(what);
  }

  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] std::vector<Seen> seen() const {
    std::lock_guard lock(mutex_);
    return seen_;
  }
  [[nodiscard]] int connections() const { return accepted_; }

 private:
  void accept_all() {
    while (!ends_) {
      pollfd one{listener_, POLLIN, 0};
      if (::poll(&one, 1, 20) <= 0) continue;
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) continue;
      ++accepted_;
      connections_.emplace_back([this, fd] {
        serve(fd);
        ::close(fd);
      });
    }
  }

  /// Bytes to `bytes`; false: the connection or the test is at its end.
  bool more(int fd, std::string& bytes) const {
    while (!ends_) {
      pollfd one{fd, POLLIN, 0};
      if (::poll(&one, 1, 20) <= 0) continue;
      char buffer[16384];
      const auto size = ::recv(fd, buffer, sizeof buffer, 0);
      if (size <= 0) return false;
      bytes.append(buffer, static_cast<std::size_t>(size));
      return true;
    }
    return false;
  }

  bool read(int fd, std::string& bytes, Seen& seen) const {
    std::size_t head = 0;
    while ((head = bytes.find("\r\n\r\n")) == std::string::npos) {
      if (!more(fd, bytes)) return false;
    }
    seen.head = bytes.substr(0, head + 2);
    std::size_t size = 0;
    for (std::string_view name : {"Content-Length: ", "content-length: "}) {
      if (const auto at = seen.head.find(name); at != std::string::npos) size = std::strtoul(seen.head.c_str() + at + name.size(), nullptr, 10);
    }
    while (bytes.size() < head + 4 + size) {
      if (!more(fd, bytes)) return false;
    }
    seen.body = bytes.substr(head + 4, size);
    bytes.erase(0, head + 4 + size);
    return true;
  }

  Scripted next(const Seen& seen) {
    std::lock_guard lock(mutex_);
    seen_.push_back(seen);
    if (script_.empty()) return what_ ? what_(seen) : otherwise_;
    Scripted reply = std::move(script_.front());
    script_.pop_front();
    return reply;
  }

  void serve(int fd) {
    std::string bytes;
    for (Seen seen; read(fd, bytes, seen); seen = {}) {
      const Scripted reply = next(seen);
      if (reply.end == Scripted::End::reset) {
        const linger now{1, 0};
        ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        return;
      }
      if (reply.end == Scripted::End::silence) {
        std::string rest;
        while (more(fd, rest)) {
        }
        return;
      }
      std::string text = "HTTP/1.1 " + std::to_string(reply.status) + " Scripted\r\ncontent-length: " + std::to_string(reply.body.size()) + "\r\n";
      for (const auto& line : reply.headers) text += line + "\r\n";
      text += "\r\n";
      text.append(reply.body, 0, reply.end == Scripted::End::cut ? reply.body.size() / 2 : reply.body.size());
      for (std::size_t sent = 0; sent < text.size();) {
        const auto size = ::send(fd, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
        if (size <= 0) return;
        sent += static_cast<std::size_t>(size);
      }
      if (reply.end == Scripted::End::cut) return;
    }
  }

  const Scripted otherwise_;
  const int listener_;
  std::uint16_t port_ = 0;
  std::atomic<bool> ends_{false};
  std::atomic<int> accepted_{0};
  mutable std::mutex mutex_;
  std::deque<Scripted> script_;
  std::function<Scripted(const Seen&)> what_;
  std::vector<Seen> seen_;
  std::vector<std::thread> connections_;
  std::thread acceptor_;
};

}  // namespace cacherator
