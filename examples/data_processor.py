"""State that is saved and state that is not; looking at a cache, and clearing it (`--clear`)."""

import sys
from typing import Any, Dict, List

from cacherator import Cached, JSONCache


class DataProcessor(JSONCache):
    def __init__(self) -> None:
        self._excluded_cache_vars = ["temp_data", "api_key"]
        super().__init__()
        self.results: Dict[str, int] = {}
        self.temp_data: List[Any] = []  # Won't be cached
        self.api_key = "secret"  # Won't be cached

    @Cached()
    def process(self, name: str) -> int:
        return len(name)

    @Cached()
    def analyze(self, name: str) -> List[str]:
        return sorted(name)


if __name__ == "__main__":
    processor = DataProcessor()
    for name in ("alpha", "beta", "gamma"):
        processor.results[name] = processor.process(name)
        print(f"process {name}: {processor.results[name]} ({processor.last_cache_status})")
    for name in ("alpha", "beta"):
        print(f"analyze {name}: {''.join(processor.analyze(name))} ({processor.last_cache_status})")
    stats = processor.json_cache_stats()
    print(f"{stats['total_entries']} entries: {', '.join(f'{name} {count}' for name, count in sorted(stats['functions'].items()))}")
    if "--clear" in sys.argv:
        processor.json_cache_clear("process")
        print(f"cleared: {processor.json_cache_stats()['total_entries']} entries")
        processor.json_cache_clear()
        print(f"cleared: {processor.json_cache_stats()['total_entries']} entries")
