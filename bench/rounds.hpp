// Contestants run by turns, best of several rounds: what a shared machine does to one it does to all.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

namespace bench {

struct Contestant {
  std::string name;
  std::function<void(long calls)> run;
  double best = 1e300;  ///< nanoseconds a call
};

inline void race(std::vector<Contestant>& contestants, long calls, int rounds) {
  for (int round = 0; round < rounds; ++round) {
    for (auto& each : contestants) {
      const auto begin = std::chrono::steady_clock::now();
      each.run(calls);
      const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
      each.best = std::min(each.best, took.count() / static_cast<double>(calls));
    }
  }
}

/// The first is ours, the second the peer that the target names.
inline void show(const char* title, const std::vector<Contestant>& contestants, double target) {
  std::printf("%s\n", title);
  for (const auto& each : contestants) std::printf("  %-46s %10.1f ns a call\n", each.name.c_str(), each.best);
  const double ratio = contestants[0].best / contestants[1].best;
  std::printf("  ratio %.3f (to aim at: %.2f or less)%s\n", ratio, target, ratio <= target ? "" : "  MISSED");
}

inline void require(bool right, const char* what) {
  if (right) return;
  std::fprintf(stderr, "bench: wrong answer: %s\n", what);
  std::exit(1);
}

}  // namespace bench
