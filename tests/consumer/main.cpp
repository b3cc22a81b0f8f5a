#include <cacherator/cacherator.hpp>
#include <iostream>

int main(int, char** arguments) {
  cacherator::JSONCache cache({.data_id = "consumer", .directory = arguments[1]});
  const auto twice = cacherator::memoize(cache, "twice", [](int x) { return 2 * x; });
  std::cout << twice(21) << ' ' << cache.last_cache_status().value() << '\n';
}
