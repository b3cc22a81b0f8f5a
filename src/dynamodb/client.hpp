// One request to DynamoDB with all its attempts: signed, within a deadline, checked by its CRC; the server's clock is followed, and credentials
// that are refused as expired are fetched anew. Thread-safe.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "cacherator/detail/cache.hpp"
#include "cacherator/detail/fork_safe.hpp"
#include "dynamodb/credentials.hpp"
#include "dynamodb/errors.hpp"
#include "dynamodb/http.hpp"
#include "dynamodb/json.hpp"
#include "dynamodb/retry.hpp"
#include "dynamodb/settings.hpp"

namespace cacherator::engine::dynamodb {

enum class Operation : std::uint8_t { batch_get, put, batch_write, update, scan, create_table, describe_table, update_ttl };
inline constexpr int kOperations = static_cast<int>(Operation::update_ttl) + 1;
/// "BatchGetItem"
[[nodiscard]] const char* name_of(Operation operation);

/// How a request ended.
struct Called {
  std::optional<ReplyBody> answer{};  ///< nothing: `meaning` and `failure` say why
  Meaning meaning = Meaning::unreachable;
  Refusal refusal{};
  Failure failure{};
  bool of_table = false;   ///< set above the client: the table as a whole cannot be used
  bool under_way = false;  ///< and: it is being made
};

class Client : public std::enable_shared_from_this<Client> {
 public:
  Client(const Settings& settings, const Environment& environment, const Profiles& profiles);

  /// `done` is called exactly once, on the thread of requests.
  void call(Operation operation, std::shared_ptr<const std::string> body, SteadyTime deadline, std::function<void(Called)> done);

  /// Adds requests, units, bytes, errors and retries.
  void add_usage(LayerInfo& info) const;
  void count_retry() { retries_.fetch_add(1, std::memory_order_relaxed); }
  [[nodiscard]] const Settings& settings() const noexcept { return settings_; }
  /// The server's clock as far as it is known.
  [[nodiscard]] Time clock() const noexcept;

 private:
  class Attempts;

  void count(Operation operation, const Reply& reply, const std::string& error);
  /// True: our clock was wrong, and is corrected now.
  bool follow_clock(const std::string& date);

  const Settings settings_;
  const std::string host_, path_;
  const std::shared_ptr<const Server> server_;
  CredentialSource credentials_;
  TokenBucket bucket_;
  std::atomic<Time> skew_{0};

  std::array<std::atomic<std::uint64_t>, kOperations> requests_{};
  std::atomic<std::uint64_t> bytes_sent_{0}, bytes_received_{0}, retries_{0};
  std::atomic<double> read_units_{0}, write_units_{0};
  mutable detail::ForkSafeMutex mutex_;
  std::map<std::string, std::uint64_t> errors_;
};

}  // namespace cacherator::engine::dynamodb
