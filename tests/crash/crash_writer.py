"""crash_writer.cpp in Python: the same cache, the same words."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from cacherator import Cached, JSONCache


def value_of(key: str, large: bool) -> str:
    value = f"<{key}>"
    while large and len(value) < 100_000:
        value += value
    return value


class Writer(JSONCache):
    _excluded_cache_vars = ["large", "reads"]

    def __init__(self, folder: str, large: bool, reads: bool) -> None:
        super().__init__(data_id="crash", directory=folder)
        self.large, self.reads = large, reads

    @Cached()
    def call(self, key: str) -> str:
        return "miss" if self.reads else value_of(key, self.large)

    @Cached()
    def cleared(self, key: str) -> str:
        return "miss" if self.reads else value_of(key, self.large)


def say(line: str) -> None:
    os.write(1, line.encode())


def write(cache: Writer, mode: str, number: str, first: int) -> NoReturn:
    while True:
        key = f"{number}-{first}"
        cache.call(key)
        say(f"kept {key}\n")
        if mode == "saves" and first % 5 == 0:
            cache.state = first + 1
            cache.json_cache_save()
            say(f"state {first + 1}\n")
        if mode == "clears" and first % 7 == 0:
            cache.cleared(key)
            cache.json_cache_clear("cleared")
            say(f"gone {key}\n")
        first += 1


def read(cache: Writer) -> None:
    for line in sys.stdin:
        kind, key = line.split()
        found = cache.cleared(key) if kind == "gone" else cache.call(key)
        print("hit" if found == value_of(key, cache.large) else found if found == "miss" else "wrong")
    print(getattr(cache, "state", 0))


if __name__ == "__main__":
    role, folder, mode = sys.argv[1:4]
    cache = Writer(folder, mode == "large", role == "read")
    if role == "write":
        write(cache, mode, sys.argv[4], int(sys.argv[5]))
    read(cache)
