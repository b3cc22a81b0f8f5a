// The thread of requests: HTTP/1.1 over libcurl, connections kept alive, one thread for the whole process (in the child of a fork a new one).
// It starts with the first request, is never joined, and does not keep the process from ending. Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dynamodb/sign.hpp"

namespace cacherator::engine::dynamodb {

/// Connections to one server at most; further requests wait for one.
inline constexpr std::size_t kConnections = 32;
/// Bytes of a reply's body: DynamoDB's 16 MiB, as base64 and with what is around them. A larger one is given up.
inline constexpr std::size_t kLargestReply = std::size_t{24} << 20;

struct Server {
  std::string url{};        ///< "https://dynamodb.eu-west-1.amazonaws.com/"
  std::string ca_bundle{};  ///< a file; empty: the system's
  std::chrono::milliseconds connect_limit{1000};
};

struct Request {
  std::shared_ptr<const Server> server{};
  std::vector<Header> headers{};  ///< but Host and Content-Length
  std::shared_ptr<const std::string> body{};
  std::chrono::steady_clock::time_point deadline{};
};

struct Reply {
  enum class Error : std::uint8_t { none, timeout, connection, certificate, too_large };
  Error error = Error::none;
  std::string reason{};  ///< of the error, in words
  int status = 0;
  std::string body{};
  std::optional<std::uint32_t> crc32{};              ///< x-amz-crc32
  std::string date{};                                ///< the server's, as in the header
  std::uint64_t bytes_sent = 0, bytes_received = 0;  ///< of headers and bodies, the lines that libcurl adds left out
};

/// True on the thread of requests, which must never wait for a reply: it is the one that brings it. (A coroutine may be resumed there.)
[[nodiscard]] bool on_thread_of_requests() noexcept;

class Http {
 public:
  /// This process's.
  static Http& instance();

  /// A POST. `done` is called exactly once, on the thread of requests; it must be quick. Where no thread is to be had, or OpenSSL has gone as the
  /// process ends: at once.
  void send(Request request, std::function<void(Reply&)> done);
  /// Calls `what` on the thread of requests after a time; 0: as soon as it can. False: no thread is to be had, and it is never called.
  bool after(std::chrono::milliseconds time, std::function<void()> what);

 private:
  class Loop;
  Http();
  Loop* loop_;  ///< never deleted
};

}  // namespace cacherator::engine::dynamodb
