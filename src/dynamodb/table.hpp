// One table of DynamoDB, with the operations that the layer needs. Asynchronous: every `done` is called exactly once, on the thread of
// requests (src/dynamodb/http.hpp), must be quick and may start further operations. Only where nothing is sent (the breaker is open, the operation was
// refused lately) it is called on the calling thread, before the operation returns. Thread-safe.
//
// What an operation takes care of: signing, deadlines (Settings), up to 3 attempts with jitter and a token bucket, the server's clock, the CRC of
// replies, unprocessed keys and items, and a table that is not there yet: it is made (key cache_id, S; pay per request; TTL on `ttl`),
// and the operation waits for it within its deadline.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cacherator/detail/cache.hpp"
#include "dynamodb/credentials.hpp"
#include "dynamodb/settings.hpp"

namespace cacherator::engine::dynamodb {

/// A typed attribute of an item.
struct Attribute {
  enum class Type : char { text = 'S', number = 'N', bytes = 'B' };
  Type type = Type::text;
  std::string value{};  ///< UTF-8; a number's digits; raw bytes (base64 is the wire's concern)
};
using Item = std::map<std::string, Attribute, std::less<>>;

/// Why an operation did not happen.
struct Failure {
  enum class Kind : std::uint8_t {
    unreachable,  ///< no answer in time, the connection failed, 5xx, throttled to the last attempt; or the breaker is open (nothing was sent)
    refused,      ///< credentials, permissions: needs somebody to act
    no_table,     ///< it is not there, and could not be made
    invalid,      ///< another key schema, a request that the server finds wrong
    too_large,    ///< the item (400 KiB with its names)
  };
  Kind kind = Kind::unreachable;
  std::string message{};  ///< names the table, what the server said, and the remedy
};

template <class T>
struct Outcome {
  std::optional<T> value{};  ///< nothing: `failure` says why
  Failure failure{};
};
template <class T>
using Done = std::function<void(Outcome<T>)>;

/// An expression of DynamoDB with its names and values: "#t = :t".
struct Expression {
  std::string text{};
  std::map<std::string, std::string, std::less<>> names{};  ///< "#t" -> "tokens"
  Item values{};                                            ///< ":t" -> value
};

class Table {
 public:
  /// One for each (endpoint, region, table) and process; in the child of a fork a new one. No request is made.
  static std::shared_ptr<Table> open(const Settings& settings, const Environment& environment, const Profiles& profiles);
  virtual ~Table() = default;

  [[nodiscard]] virtual const Settings& settings() const noexcept = 0;
  /// False while the breaker is open: operations fail at once, as unreachable. It opens when an operation failed as unreachable or
  /// refused, or the table cannot be used, for 1 s, then twice as long each time, up to 30 s; then one operation may probe. An operation that IAM denies,
  /// and BatchGetItem where the server finds it wrong, stops itself alone, in the same way; while that is BatchGetItem, this is false too. Costs two atomic
  /// loads.
  [[nodiscard]] virtual bool reachable() const noexcept = 0;
  /// The server's clock as far as its answers told it; before the first one, ours.
  [[nodiscard]] virtual Time server_time() const noexcept = 0;

  /// The items of these keys that are there (at most 100 keys), strongly consistent: BatchGetItem.
  virtual void get(std::vector<std::string> keys, Done<std::vector<Item>> done) = 0;
  /// PutItem. False: the condition did not hold.
  virtual void put(Item item, std::optional<Expression> condition, Done<bool> done) = 0;
  /// BatchWriteItem, at most 25 items of different keys; the answer has one bool for each: it was written. Where BatchWriteItem is not
  /// allowed (IAM), PutItem one by one.
  virtual void write(std::vector<Item> items, Done<std::vector<bool>> done) = 0;
  /// UpdateItem; answers the whole item as it is afterwards. An empty item: the condition did not hold.
  virtual void update(std::string key, Expression update, std::optional<std::string> condition, Done<Item> done) = 0;
  /// Scan, one page that looks at `limit` items at most: those that pass `filter`, only the attributes named.
  struct Page {
    std::vector<Item> items{};
    std::optional<std::string> last{};  ///< cache_id to go on after; nothing: that was all
  };
  virtual void scan(std::size_t limit, std::optional<std::string> after, Expression filter, std::vector<std::string> attributes, Done<Page> done) = 0;

  /// A cache begins in this table: once a process, TTL is asked for, as who made the table may have ended before that. Where it is on, not allowed or not
  /// known, nothing is said.
  virtual void begun() {}

  /// Calls `what` on the thread of requests after a time; 0: as soon as it can.
  virtual void after(std::chrono::milliseconds time, std::function<void()> what) = 0;

  /// Requests by kind, capacity, bytes, errors, retries, breaker: this process's, of this table.
  [[nodiscard]] virtual LayerInfo usage() const = 0;
  /// Warnings since the last call (what was refused, and what to do), each said once.
  virtual std::vector<std::string> take_notices() = 0;
  /// What was done to the table itself since the last call, for who logs operations.
  virtual std::vector<std::string> take_operations() = 0;
};

}  // namespace cacherator::engine::dynamodb
