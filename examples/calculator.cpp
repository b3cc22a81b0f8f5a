// Basic function caching: the first call computes, the second does not, and neither does the next run.
// `calculator [X Y]...` calculates X ** Y for each pair (default: 2 10 and 3 5).
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

int main(int count, char** arguments) {
  Calculator calc;
  std::vector<int> numbers;
  if (count <= 1) numbers = {2, 10, 3, 5};
  for (int i = 1; i < count; ++i) numbers.push_back(std::stoi(arguments[i]));
  for (std::size_t i = 0; i + 1 < numbers.size(); i += 2) {
    const long result = calc.expensive_calculation(numbers[i], numbers[i + 1]);
    std::cout << numbers[i] << " ** " << numbers[i + 1] << " = " << result << " (" << *calc.last_cache_status() << ")" << std::endl;
  }
}
