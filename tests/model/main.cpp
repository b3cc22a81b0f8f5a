// Searches every scenario, and sees to it that every wrong order of steps is found. See README.md.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <exception>

#include "flights.hpp"
#include "storage.hpp"

namespace cacherator::model {
namespace {

constexpr std::size_t kLimit = 30'000'000;

struct Options {
  bool large = false, trace = false;
};

template <class Model>
void print_trace(const Model& model, const Outcome& outcome) {
  for (const auto& line : tell(model, outcome.path)) std::printf("    %s\n", line.c_str());
}

/// The protocol as it is: no scenario may break a property.
template <class Model, class Scenarios, class Kinds>
bool all_hold(const char* what, const Scenarios& list, Kinds none, const Options& options) {
  bool good = true;
  for (const auto& scenario : list) {
    if (scenario.large && !options.large) continue;
    const Model model(scenario, none);
    const Outcome outcome = search(model, kLimit);
    const bool holds = outcome.fault.empty() && !outcome.beyond_limit;
    std::printf("%-8s %-58s %10zu states  %s\n", what, scenario.name.c_str(), outcome.states,
                holds                  ? "holds"
                : outcome.beyond_limit ? "TOO MANY STATES"
                                       : ("VIOLATED: " + outcome.fault).c_str());
    if (!outcome.fault.empty()) print_trace(model, outcome);
    std::fflush(stdout);
    good &= holds;
  }
  return good;
}

/// The protocol with one change: a wrong one must break a property in some scenario, another must break none.
template <class Model, class Scenarios, class Variant>
bool judged_rightly(const Scenarios& list, const Variant& variant, const Options& options) {
  if (variant.large && !options.large) return true;
  std::size_t states = 0;
  for (const auto& scenario : list) {
    if (scenario.large) continue;
    const Model model(scenario, variant.change);
    const Outcome outcome = search(model, kLimit);
    states += outcome.states;
    if (outcome.fault.empty() && !outcome.beyond_limit) continue;
    std::printf("%-8s %-58s %10zu states  caught in \"%s\": %s%s\n", variant.wrong ? "mutant" : "variant", variant.name.c_str(), states, scenario.name.c_str(),
                outcome.fault.c_str(), variant.wrong ? "" : "  NOT SAFE");
    if (options.trace || !variant.wrong) print_trace(model, outcome);
    std::fflush(stdout);
    return variant.wrong && !outcome.fault.empty();
  }
  std::printf("%-8s %-58s %10zu states  %s\n", variant.wrong ? "mutant" : "variant", variant.name.c_str(), states, variant.wrong ? "NOT CAUGHT" : "safe");
  std::fflush(stdout);
  return !variant.wrong;
}

int run(const Options& options) {
  const auto began = std::chrono::steady_clock::now();
  bool good = all_hold<Storage>("files", scenarios(), Change::none, options);
  good &= all_hold<Flights>("flights", flight_scenarios(), FlightChange::none, options);
  for (const auto& variant : variants()) good &= judged_rightly<Storage>(scenarios(), variant, options);
  for (const auto& variant : flight_variants()) good &= judged_rightly<Flights>(flight_scenarios(), variant, options);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  std::printf("%s in %.1f s\n", good ? "All is as it should be," : "NOT as it should be,", took.count());
  return good ? 0 : 1;
}

}  // namespace
}  // namespace cacherator::model

int main(int count, char** arguments) {
  cacherator::model::Options options;
  for (int i = 1; i < count; ++i) {
    if (std::strcmp(arguments[i], "--large") == 0) {
      options.large = true;
    } else if (std::strcmp(arguments[i], "--trace") == 0) {
      options.trace = true;
    } else {
      std::fprintf(stderr, "usage: %s [--large] [--trace]\n", arguments[0]);
      return 2;
    }
  }
  try {
    return cacherator::model::run(options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
}
