// The table behind a server: what table.hpp promises, on top of single calls (client.hpp).
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cacherator/detail/fork_safe.hpp"
#include "dynamodb/client.hpp"
#include "dynamodb/retry.hpp"
#include "dynamodb/table.hpp"
#include "dynamodb/table_making.hpp"

namespace cacherator::engine::dynamodb {

class Remote : public Table, public std::enable_shared_from_this<Remote> {
 public:
  Remote(const Settings& settings, const Environment& environment, const Profiles& profiles);

  [[nodiscard]] const Settings& settings() const noexcept override { return client_->settings(); }
  [[nodiscard]] Time server_time() const noexcept override { return client_->clock(); }
  [[nodiscard]] bool reachable() const noexcept override;
  void get(std::vector<std::string> keys, Done<std::vector<Item>> done) override;
  void put(Item item, std::optional<Expression> condition, Done<bool> done) override;
  void write(std::vector<Item> items, Done<std::vector<bool>> done) override;
  void update(std::string key, Expression update, std::optional<std::string> condition, Done<Item> done) override;
  void scan(std::size_t limit, std::optional<std::string> after, Expression filter, std::vector<std::string> attributes, Done<Page> done) override;
  void begun() override { maker_->ensure_ttl(); }
  void after(std::chrono::milliseconds time, std::function<void()> what) override;
  [[nodiscard]] LayerInfo usage() const override;
  std::vector<std::string> take_notices() override;
  std::vector<std::string> take_operations() override;

 private:
  struct Get;
  struct Write;
  using Body = std::shared_ptr<const std::string>;

  /// A call, again once the table was made where it was missing. `done` is called exactly once, on the thread of requests.
  void request(Operation operation, Body body, SteadyTime deadline, std::function<void(Called)> done, int round = 0);
  void make_and_repeat(Operation operation, Body body, SteadyTime deadline, std::function<void(Called)> done, int round);
  /// Nothing: the operation may go. Else why it fails without being sent.
  [[nodiscard]] std::optional<Failure> stopped(Operation operation);
  [[nodiscard]] SteadyTime deadline() const { return std::chrono::steady_clock::now() + settings().call_limit; }

  /// What an operation's end tells about the table, for the operations that follow and for people.
  void note(Operation operation, const Called& called);
  void note_success(Operation operation);
  /// `once`: what it is about; empty: its text.
  void warn(const std::string& once, std::string message);
  void tell(std::string operation);
  template <class T>
  void succeed(Operation operation, const Done<T>& done, T value) {
    note_success(operation);
    done({std::move(value), {}});
  }
  template <class T>
  void fail(Operation operation, const Done<T>& done, Called called) {
    note(operation, called);
    done({std::nullopt, std::move(called.failure)});
  }
  /// The pause before what was left unprocessed is sent again; nothing: no time is left. `stalled`: replies in a row without progress.
  [[nodiscard]] std::optional<std::chrono::milliseconds> pause(int& stalled, bool progress, SteadyTime deadline) const;
  [[nodiscard]] Called throttled(std::size_t number) const;

  void get_rest(const std::shared_ptr<Get>& get);
  void write_rest(const std::shared_ptr<Write>& write);
  void write_one_by_one(const std::shared_ptr<Write>& write);
  void end_write(Operation operation, Write& write, Called called);
  [[nodiscard]] std::string put_body(const Item& item, const std::optional<Expression>& condition) const;

  const std::shared_ptr<Client> client_;
  std::shared_ptr<TableMaker> maker_;
  Breaker breaker_;
  std::array<Breaker, kOperations> refused_;  ///< by operation: a role that may only read still reads
  std::atomic<bool> one_by_one_{false};       ///< BatchWriteItem is not allowed

  detail::ForkSafeMutex mutex_;
  std::set<std::string> said_;
  std::vector<std::string> notices_, operations_;
};

}  // namespace cacherator::engine::dynamodb
