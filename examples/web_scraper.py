"""Pages are fetched once. With DynamoDB as a second layer, once for all machines: CACHE_TABLE names the table."""

import os
import sys

from cacherator import Cached, JSONCache
from web import get


class WebScraper(JSONCache):
    def __init__(self) -> None:
        super().__init__(dynamodb_table=os.environ.get("CACHE_TABLE"))  # "my-cache-table"; None: this machine alone

    @Cached(ttl=7)
    def scrape_expensive_data(self, url: str) -> str:
        # Expensive operation
        return get(url)


if __name__ == "__main__":
    scraper = WebScraper()
    for page in ("/page/one", "/page/two"):
        html = scraper.scrape_expensive_data(page)
        print(f"{page}: {html} ({scraper.last_cache_status})")
    if "--info" in sys.argv:
        scraper.json_cache_save()  # waits for what is written behind
        l2 = scraper.json_cache_info().get("l2")
        if l2 is None:
            print("l2: none, CACHE_TABLE names no table")
        else:
            requests = ", ".join(f"{kind} {count}" for kind, count in sorted(l2["requests"].items()))
            print(f"l2: {l2['hits']} hits, {l2['misses']} misses, {l2['written']} written; requests: {requests or 'none'}")
