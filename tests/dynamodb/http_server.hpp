// A small HTTP server in the test's own process, on a free port of the loopback: it plays the services that give credentials.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace cacherator {

class HttpServer {
 public:
  struct Request {
    std::string method{}, target{}, body{};
    std::map<std::string, std::string> headers{};  ///< names in lower case
  };
  struct Reply {
    int status = 200;
    std::string body{};
    std::string headers{};  ///< whole lines, each with its end
    bool none = false;      ///< the connection stays open and nothing is said
  };
  using Handler = std::function<Reply(const Request&)>;

  explicit HttpServer(Handler handler) : handler_(std::move(handler)), listening_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listening_, reinterpret_cast<sockaddr*>(&address), size) || ::listen(listening_, 64)) throw std::runtime_error("no port for a test's server");
    ::getsockname(listening_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  ~HttpServer() {
    stop_ = true;
    thread_.join();
    for (const int open : silent_) ::close(open);
    ::close(listening_);
  }

  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] std::vector<Request> requests() const {
    std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void run() {
    while (!stop_) {
      pollfd ready{listening_, POLLIN, 0};
      if (::poll(&ready, 1, 10) <= 0) continue;
      const int open = ::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
      if (open >= 0) serve(open);
    }
  }

  void serve(int open) {
    const Request request = read(open);
    {
      std::lock_guard lock(mutex_);
      requests_.push_back(request);
    }
    const Reply reply = handler_(request);
    if (reply.none) return silent_.push_back(open);
    const std::string text = "HTTP/1.1 " + std::to_string(reply.status) + " X\r\n" + reply.headers +
                             "Connection: close\r\nContent-Length: " + std::to_string(reply.body.size()) + "\r\n\r\n" + reply.body;
    for (std::size_t at = 0; at < text.size();) {
      const ssize_t sent = ::send(open, text.data() + at, text.size() - at, MSG_NOSIGNAL);
      if (sent <= 0) break;
      at += static_cast<std::size_t>(sent);
    }
    ::close(open);
  }

  static Request read(int open) {
    std::string text;
    char bytes[4096];
    std::size_t end = text.npos, length = 0;
    Request request;
    while (end == text.npos || text.size() < end + 4 + length) {
      const ssize_t got = ::recv(open, bytes, sizeof bytes, 0);
      if (got <= 0) return request;
      text.append(bytes, static_cast<std::size_t>(got));
      if (end != text.npos) continue;
      end = text.find("\r\n\r\n");
      if (end == text.npos) continue;
      request = head(text.substr(0, end + 2));
      const auto found = request.headers.find("content-length");
      if (found != request.headers.end()) length = std::stoul(found->second);
    }
    request.body = text.substr(end + 4);
    return request;
  }

  static Request head(const std::string& text) {
    Request request;
    const auto space = text.find(' ');
    request.method = text.substr(0, space);
    request.target = text.substr(space + 1, text.find(' ', space + 1) - space - 1);
    for (auto at = text.find("\r\n") + 2; at < text.size();) {
      const auto end = text.find("\r\n", at), colon = text.find(": ", at);
      std::string name = text.substr(at, colon - at);
      std::transform(name.begin(), name.end(), name.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
      request.headers[name] = text.substr(colon + 2, end - colon - 2);
      at = end + 2;
    }
    return request;
  }

  const Handler handler_;
  const int listening_;
  int port_ = 0;
  std::atomic<bool> stop_ = false;
  mutable std::mutex mutex_;
  std::vector<Request> requests_;
  std::vector<int> silent_;
  std::thread thread_;
};

}  // namespace cacherator
