// Leads among machines (single_flight="fleet"): two attributes of an entry's item say who computes it, and until when that holds.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "dynamodb/reading.hpp"
#include "dynamodb/table.hpp"
#include "layer.hpp"

namespace cacherator::engine::dynamodb {

/// Thread-safe.
class Leases {
 public:
  explicit Leases(Core& core) : core_(core) {}

  /// After a miss: takes the lease and finishes the look-up, or polls until there is a value, or a lease to be had, or the wait is over.
  void after_miss(const LookPtr& look, const TokensPtr& tokens);
  /// Layer::lease.
  [[nodiscard]] Lease claim(std::string_view signature);
  /// Takes it out of the item, where it still is this one.
  void release(const std::string& key, const std::string& who);

 private:
  struct Held;

  void take(const LookPtr& look, const TokensPtr& tokens);
  void poll(const LookPtr& look);
  void keep(const LookPtr& look, const std::string& who);
  void renew_later(const std::shared_ptr<Held>& held);
  void renew(const std::shared_ptr<Held>& held);
  void let_go(const Held& held);

  Core& core_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Held>, std::less<>> unclaimed_;  ///< by signature
};

}  // namespace cacherator::engine::dynamodb
