// Requests under way, on libcurl. Only for the thread of requests (http.cpp), which watches the sockets and the time for it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dynamodb/http.hpp"

namespace cacherator::engine::dynamodb {

struct Pending {
  Request request{};
  std::function<void(Reply&)> done{};
};
struct Finished {
  Reply reply{};
  std::function<void(Reply&)> done{};
};

class Transfers {
 public:
  using Clock = std::chrono::steady_clock;

  /// Sockets are added to this epoll instance, which must live as long. The first of a process makes libcurl ready (a millisecond).
  explicit Transfers(int epoll);
  ~Transfers();
  Transfers(const Transfers&) = delete;

  void start(Pending pending);
  /// What epoll says of a socket.
  void ready(int fd, std::uint32_t events);
  /// To be called after start(), and when due() has come.
  void tick(Clock::time_point now);
  [[nodiscard]] std::optional<Clock::time_point> due() const;
  /// What has ended since the last call is appended; requests that waited for a connection may start.
  void take(std::vector<Finished>& finished);
  /// Everything that has not ended fails; nothing here touches libcurl any more, from now on.
  void abandon(std::vector<Finished>& finished);

 private:
  struct Transfer;
  struct Self;
  std::unique_ptr<Self> self_;
};

}  // namespace cacherator::engine::dynamodb
