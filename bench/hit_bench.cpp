// A hit of a function of two doubles, beside a memo written by hand: a flat map under a shared mutex, without times to live.
#include <boost/unordered/unordered_flat_map.hpp>
#include <cacherator/cacherator.hpp>

#include <filesystem>
#include <mutex>
#include <shared_mutex>
#include <thread>

#include "rounds.hpp"

namespace {

struct Hash {
  using is_avalanching = void;
  std::size_t operator()(const std::pair<double, double>& key) const noexcept {
    using cacherator::detail::mix;
    return mix(mix(std::bit_cast<std::uint64_t>(key.first)) + std::bit_cast<std::uint64_t>(key.second));
  }
};

class ByHand {
 public:
  double operator()(double x, double y) {
    const std::pair key(x, y);
    {
      std::shared_lock lock(mutex_);
      if (const auto found = known_.find(key); found != known_.end()) return found->second;
    }
    const double result = x + y;
    std::unique_lock lock(mutex_);
    known_.emplace(key, result);
    return result;
  }

 private:
  std::shared_mutex mutex_;
  boost::unordered_flat_map<std::pair<double, double>, double, Hash> known_;
};

template <class F>
auto loop(F& f, int threads) {
  return [&f, threads](long calls) {
    const auto work = [&](long share) {
      double sum = 0;
      for (long i = 0; i < share; ++i) sum += f(static_cast<double>(i & 1023), 2.0);
      asm volatile("" ::"x"(sum));
    };
    std::vector<std::jthread> others;
    for (int i = 1; i < threads; ++i) others.emplace_back(work, calls / threads);
    work(calls / threads);
  };
}

}  // namespace

int main() {
  const auto folder = std::filesystem::temp_directory_path() / ("cacherator-bench-" + std::to_string(getpid()));
  {
    cacherator::JSONCache cache({.data_id = "bench", .directory = folder});
    const auto ours = cacherator::memoize(cache, "add", [](double x, double y) { return x + y; });
    ByHand hand;
    for (int i = 0; i < 1024; ++i) {
      bench::require(ours(i, 2) == i + 2.0 && ours(i, 2) == hand(i, 2), "add");
    }
    bench::require(cache.last_cache_status() == "l1", "a hit");
    std::vector<bench::Contestant> one{{"ours, 1024 calls known", loop(ours, 1)}, {"flat_map + shared_mutex", loop(hand, 1)}};
    bench::race(one, 5'000'000, 9);
    bench::show("C++ hit, one thread", one, 1.0);
    std::vector<bench::Contestant> two{{"ours", loop(ours, 2)}, {"flat_map + shared_mutex", loop(hand, 2)}};
    bench::race(two, 5'000'000, 9);
    bench::show("C++ hit, two threads", two, 1.0);
  }
  std::filesystem::remove_all(folder);
}
