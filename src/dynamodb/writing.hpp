// The queue of results that are still to reach the table: of each call only the newest, in order, never two requests of one call at once.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cacherator/detail/entry.hpp"
#include "dynamodb/table.hpp"

namespace cacherator::engine::dynamodb {

class Core;

/// Thread-safe.
class Writer {
 public:
  explicit Writer(Core& core) : core_(core) {}

  /// Layer::kept and Layer::hit.
  void kept(std::string_view signature);
  void hit(std::string_view signature, const Entry& entry);
  /// What a clear of `key` takes away is not sent any more.
  void forget(std::string_view key);
  /// When the call's result has been dealt with, the lease that it was computed under is released, if the result did not end it by itself. False: the call has
  /// no result here that waits.
  bool release_after(std::string_view signature, const std::string& key, const std::string& who);
  /// Sends what may be sent. On the thread of requests.
  void pump();

  struct Waiting {
    std::size_t results = 0, bytes = 0;
  };
  [[nodiscard]] Waiting waiting();

 private:
  struct Write {
    std::size_t bytes = 0;
    std::uint64_t order = 0;
    bool backfill = false;  ///< not over a newer entry
    double days = 0;        ///< ttl of an entry that has none of its own
    bool alone = false;     ///< it was in a batch that the server found wrong
    bool sending = false;
    bool again = false;                                         ///< a newer result came while this one was sent
    std::vector<std::pair<std::string, std::string>> leases{};  ///< key, who
  };
  /// One that is being sent.
  struct Sent {
    std::string signature{};
    bool backfill = false;
    double days = 0;
    Time utc = 0;
    Item item{};
  };
  /// What became of one that was picked.
  enum class End : std::uint8_t {
    there,     ///< the table has it, or a newer one
    gone,      ///< there is nothing to be sent
    later,     ///< it waits on
    alone,     ///< and goes without others next time
    never,     ///< this result is not for the table
    wrong,     ///< the server finds it wrong
    given_up,  ///< the table cannot be written
  };

  void add(std::string_view signature, std::size_t bytes, bool backfill, double days = 0);
  void schedule();
  std::vector<Sent> pick();
  std::vector<Sent> make_batch(std::vector<Sent> picked);
  End prepare(Sent& sent);
  void too_large(const std::string& signature, std::size_t bytes);
  void send(std::vector<Sent> batch);
  void ended(const std::vector<Sent>& batch, const std::vector<bool>& written, const Failure* failure);
  void end(const Sent& sent, End how);

  Core& core_;
  std::mutex mutex_;
  std::unordered_map<std::string, Write> writes_;  ///< by signature
  std::map<std::uint64_t, std::string> order_;     ///< of those that are not being sent
  std::unordered_map<std::string, Time> never_;    ///< results (by their date) that the table cannot have
  std::size_t bytes_ = 0;
  std::uint64_t last_ = 0;
  int requests_ = 0;
  bool scheduled_ = false, asking_ = false;
};

}  // namespace cacherator::engine::dynamodb
