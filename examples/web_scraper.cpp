// Pages are fetched once. With DynamoDB as a second layer, once for all machines: CACHE_TABLE names the table.
#include <cacherator/cacherator.hpp>

#include <cstdlib>
#include <iostream>
#include <optional>
#include <string_view>

#include "web.hpp"

using cacherator::CachedMethod;
using cacherator::Days;
using cacherator::JSONCache;

std::optional<std::string> table() {
  const char* name = std::getenv("CACHE_TABLE");
  return name ? std::optional<std::string>(name) : std::nullopt;  // "my-cache-table"; nothing: this machine alone
}

class WebScraper : public JSONCache {
  std::string scrape_expensive_data_(const std::string& url) {
    return get(api() + url);  // Expensive operation
  }

 public:
  WebScraper() : JSONCache({.dynamodb_table = table()}) {}
  CachedMethod<&WebScraper::scrape_expensive_data_> scrape_expensive_data{this, {.ttl = Days{7}}};
};

int main(int count, char** arguments) {
  WebScraper scraper;
  for (const char* page : {"/page/one", "/page/two"}) {
    const std::string html = scraper.scrape_expensive_data(page);
    std::cout << page << ": " << html << " (" << *scraper.last_cache_status() << ")\n";
  }
  if (count > 1 && std::string_view(arguments[1]) == "--info") {
    scraper.json_cache_save();  // waits for what is written behind
    const auto l2 = scraper.json_cache_info().l2.value();
    std::cout << "l2: " << l2.hits << " hits, " << l2.misses << " misses, " << l2.written << " written; requests: ";
    const char* before = "";
    for (const auto& [kind, number] : l2.requests) {
      std::cout << before << kind << ' ' << number;
      before = ", ";
    }
    std::cout << (l2.requests.empty() ? "none\n" : "\n");
  }
}
