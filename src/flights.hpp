// Who computes, and who waits: the flights of one cache in this process.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "cacherator/detail/flight.hpp"

namespace cacherator::engine {

/// The flights of one cache. Thread-safe. Waits of all caches are kept together (src/flights.cpp), since a cycle may
/// lead through several.
class Flights : public std::enable_shared_from_this<Flights> {
 public:
  /// Takes the lead, or registers to wait. A lead without flight where waiting would close a cycle.
  std::variant<Wait, Lead> join(std::string_view signature, const LineagePtr& lineage);
  /// A wait for the flight of this lead, which stands for another process's from now on.
  Wait stand_for(const Lead& lead, const LineagePtr& lineage);
  /// It does not any more: nothing was asked.
  static void stand_no_more(const Lead& lead);
  /// A lead that nobody can wait for.
  static Lead alone(const LineagePtr& lineage);

 private:
  friend class Lead;
  friend class Wait;
  void remove(const Flight& flight);
  /// Nothing where waiting would close a cycle.
  std::optional<Wait> wait_for(std::shared_ptr<Flight> flight, const LineagePtr& lineage);

  std::mutex mutex_;
  std::unordered_map<std::string_view, std::shared_ptr<Flight>> running_;  // keys view Flight::signature_
};

}  // namespace cacherator::engine
