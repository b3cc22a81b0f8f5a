// State that is saved and state that is not; looking at a cache, and clearing it (`--clear`).
#include <cacherator/cacherator.hpp>

#include <algorithm>
#include <iostream>

using cacherator::Cached;
using cacherator::JSONCache;
using cacherator::Persistent;

class DataProcessor : public JSONCache {
 public:
  Persistent<std::map<std::string, int>> results{this, "results"};
  std::vector<std::string> temp_data;  // not Persistent: not saved
  std::string api_key = "secret";

  Cached<int(std::string)> process{this, "process", [](const std::string& name) { return static_cast<int>(name.size()); }};
  Cached<std::vector<std::string>(std::string)> analyze{this, "analyze", [](std::string name) {
                                                          std::sort(name.begin(), name.end());
                                                          std::vector<std::string> letters;
                                                          for (const char letter : name) letters.emplace_back(1, letter);
                                                          return letters;
                                                        }};
};

int main(int count, char** arguments) {
  DataProcessor processor;
  for (const char* name : {"alpha", "beta", "gamma"}) {
    const int result = processor.process(name);
    processor.results.update([&](auto& results) { results[name] = result; });
    std::cout << "process " << name << ": " << result << " (" << *processor.last_cache_status() << ")\n";
  }
  for (const char* name : {"alpha", "beta"}) {
    std::cout << "analyze " << name << ": ";
    for (const auto& letter : processor.analyze(name)) std::cout << letter;
    std::cout << " (" << *processor.last_cache_status() << ")\n";
  }
  const auto stats = processor.json_cache_stats();
  std::cout << stats.total_entries << " entries: ";
  for (const char* between = ""; const auto& [name, entries] : stats.functions) std::cout << std::exchange(between, ", ") << name << ' ' << entries;
  std::cout << '\n';
  if (count > 1 && std::string_view(arguments[1]) == "--clear") {
    processor.json_cache_clear("process");
    std::cout << "cleared: " << processor.json_cache_stats().total_entries << " entries\n";
    processor.json_cache_clear();
    std::cout << "cleared: " << processor.json_cache_stats().total_entries << " entries\n";
  }
}
