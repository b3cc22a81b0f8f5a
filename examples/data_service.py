"""Where an answer came from: computed, or remembered."""

from cacherator import Cached, JSONCache


def expensive_operation(key: str) -> str:
    return key.upper()


class DataService(JSONCache):
    def __init__(self) -> None:
        super().__init__(data_id="my-service", ttl=7)

    @Cached(ttl=7)
    def fetch(self, key: str) -> str:
        return expensive_operation(key)


if __name__ == "__main__":
    svc = DataService()
    print(f"before any call: {svc.last_cache_status}")
    print(f"{svc.fetch('foo')} ({svc.last_cache_status})")
    for signature, status in sorted(svc.cache_status.items()):
        print(f"{signature}: {status}")
