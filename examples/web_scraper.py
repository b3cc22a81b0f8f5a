"""Pages are fetched once. With DynamoDB as a second layer, once for all machines."""

from cacherator import Cached, JSONCache
from web import get


class WebScraper(JSONCache):
    @Cached(ttl=7)
    def scrape_expensive_data(self, url: str) -> str:
        # Expensive operation
        return get(url)


if __name__ == "__main__":
    scraper = WebScraper()
    for page in ("/page/one", "/page/two"):
        html = scraper.scrape_expensive_data(page)
        print(f"{page}: {html} ({scraper.last_cache_status})")
