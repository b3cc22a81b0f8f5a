// Waiting for a computation of another process: polled and bounded, by one thread for all (docs/design.md, "Flights").
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "flights.hpp"
#include "local/flight_range.hpp"
#include "local/store.hpp"

namespace cacherator::engine {

/// What another process computes, and the flight here that stands for it.
struct Elsewhere {
  std::shared_ptr<Store> store{};
  std::shared_ptr<FlightRange> range{};
  std::string signature{}, digest{};
  std::uint64_t serial = 0;  ///< of the entry that is known already; 0: none
  std::chrono::nanoseconds limit{};
  Lead lead{};
};

/// Ends the lead's flight (Flight::End::elsewhere) when that process has kept a result, or no longer leads, or `limit` is over.
/// At most one leader is waited for: where another takes over from it, the wait ends as well.
void watch(Elsewhere what);

}  // namespace cacherator::engine
