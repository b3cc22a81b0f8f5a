// Pages are fetched once. With DynamoDB as a second layer, once for all machines.
#include <cacherator/cacherator.hpp>

#include <iostream>

#include "web.hpp"

using cacherator::CachedMethod;
using cacherator::Days;
using cacherator::JSONCache;

class WebScraper : public JSONCache {
  std::string scrape_expensive_data_(const std::string& url) {
    return get(api() + url);  // Expensive operation
  }

 public:
  CachedMethod<&WebScraper::scrape_expensive_data_> scrape_expensive_data{this, {.ttl = Days{7}}};
};

int main() {
  WebScraper scraper;
  for (const char* page : {"/page/one", "/page/two"}) {
    const std::string html = scraper.scrape_expensive_data(page);
    std::cout << page << ": " << html << " (" << *scraper.last_cache_status() << ")\n";
  }
}
