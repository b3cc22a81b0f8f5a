// Looking a call up: one BatchGetItem of its entry and the tokens, and what follows from its answer.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "dynamodb/table.hpp"
#include "dynamodb/tokens.hpp"
#include "layer.hpp"

namespace cacherator::engine::dynamodb {

/// One look-up on its way.
struct Look {
  LookUp what{};
  std::function<void()> done{};
  std::string key{};
  Item item{};         ///< the entry's, as it was last read; empty: there is none
  bool polls = false;  ///< another machine computes
  std::chrono::steady_clock::time_point until{};
  std::chrono::milliseconds pause{100};
};
using LookPtr = std::shared_ptr<Look>;

/// Thread-safe; it has nothing that changes.
class Reader {
 public:
  explicit Reader(Core& core) : core_(core) {}

  /// Layer::look_up.
  bool look_up(LookUp what, std::function<void()> done);
  /// One read, and what follows; for leases, which poll.
  void read(const LookPtr& look);
  /// The answer was put into the store, or there is none.
  static void finish(const LookPtr& look) { std::exchange(look->done, nullptr)(); }

 private:
  void came(const LookPtr& look, std::vector<Item> items, std::uint64_t ticket, bool with_legacy);
  void judge(const LookPtr& look, const TokensPtr& tokens);
  bool bring(const LookPtr& look);
  bool bring_legacy(const LookPtr& look, const TokensPtr& tokens);

  Core& core_;
};

}  // namespace cacherator::engine::dynamodb
