// Where an answer came from: computed, or remembered.
#include <cacherator/cacherator.hpp>

#include <cctype>
#include <iostream>

using cacherator::CachedMethod;
using cacherator::Days;
using cacherator::JSONCache;

std::string expensive_operation(std::string key) {
  for (char& c : key) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return key;
}

class DataService : public JSONCache {
  std::string fetch_(const std::string& key) { return expensive_operation(key); }

 public:
  DataService() : JSONCache({.data_id = "my-service", .ttl = Days{7}}) {}
  CachedMethod<&DataService::fetch_> fetch{this, {.ttl = Days{7}}};
};

int main() {
  DataService svc;
  std::cout << "before any call: " << svc.last_cache_status().value_or("None") << '\n';
  const std::string answer = svc.fetch("foo");
  std::cout << answer << " (" << *svc.last_cache_status() << ")\n";
  for (const auto& [signature, status] : svc.cache_status()) std::cout << signature << ": " << status << '\n';
}
