// Basic function caching: the first call computes, the second does not, and neither does the next run.
#include <cacherator/cacherator.hpp>

#include <chrono>
#include <iostream>
#include <thread>

using cacherator::CachedMethod;
using cacherator::JSONCache;

class Calculator : public JSONCache {
  long expensive_calculation_(int x, int y) {
    std::this_thread::sleep_for(std::chrono::seconds(2));  // Simulate expensive operation
    long result = 1;
    for (; y > 0; --y) result *= x;
    return result;
  }

 public:
  Calculator() : JSONCache({.data_id = "calc"}) {}
  CachedMethod<&Calculator::expensive_calculation_> expensive_calculation{this};
};

int main() {
  Calculator calc;
  for (const auto& [x, y] : {std::pair(2, 10), std::pair(3, 5)}) {
    const long result = calc.expensive_calculation(x, y);
    std::cout << x << " ** " << y << " = " << result << " (" << *calc.last_cache_status() << ")\n";
  }
}
