// Makes the table where it is not there: key cache_id (S), pay per request, TTL on `ttl`. Several processes may do so at once. Thread-safe.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dynamodb/client.hpp"

namespace cacherator::engine::dynamodb {

/// Why a table cannot be used yet.
struct NotMade {
  Failure failure{};
  bool under_way = false;  ///< it is being made, and soon there
};

class TableMaker : public std::enable_shared_from_this<TableMaker> {
 public:
  using Done = std::function<void(std::optional<NotMade>)>;

  using Say = std::function<void(std::string)>;

  /// `warn`: called with what people should know though nothing failed; `tell`: with what was done.
  TableMaker(std::shared_ptr<Client> client, Say warn, Say tell) : client_(std::move(client)), warn_(std::move(warn)), tell_(std::move(tell)) {}

  /// The table was missing: makes it, or joins what is under way, and calls `done` on the thread of requests when it can be used, at the latest at
  /// `deadline`. The making itself goes on, for a minute.
  void make(SteadyTime deadline, Done done);

  /// Asks for TTL if this process has not done so yet; where it is refused, nothing is said.
  void ensure_ttl();

  /// Whether the table has the key that we need: asks the server once, then remembers a right one, and that it may not ask. The Failure names both keys;
  /// nothing: it has it, or that cannot be told.
  void check_key(SteadyTime deadline, std::function<void(std::optional<Failure>)> done);

 private:
  struct Waiter {
    Done done;
    std::atomic<bool> called{false};
  };

  void create();
  void look();
  void hope();
  void later(std::chrono::milliseconds time, void (TableMaker::*what)());
  void switch_ttl_on(bool quietly);
  void finish(std::optional<NotMade> result);
  [[nodiscard]] std::optional<Failure> wrong_key(const ReplyBody& table) const;

  const std::shared_ptr<Client> client_;
  const Say warn_, tell_;
  std::atomic<bool> ttl_is_asked_for_{false};
  std::atomic<bool> key_is_known_{false};  ///< to be right, or not to be told

  detail::ForkSafeMutex mutex_;
  std::vector<std::shared_ptr<Waiter>> waiters_;
  bool under_way_ = false;

  // Of the one making under way:
  SteadyTime until_{};
  std::chrono::milliseconds pause_{};
};

}  // namespace cacherator::engine::dynamodb
