"""Misses that are kept on disk, beside diskcache's memoize; the same with 100,000 entries; the incumbent for comparison."""

import os
import subprocess
import sys
import tempfile
from itertools import count
from typing import Any, Callable, Dict

from cacherator import Cached, JSONCache
from diskcache import Cache
from rounds import race, show


class Ours(JSONCache):
    @Cached()
    def f(self, n: int) -> Any:
        return {"n": n, "square": n * n, "name": f"number {n}"}


def misses(call: "Callable[[int], Any]", numbers: "count[int]", calls: int) -> "Callable[[], int]":
    def run() -> int:
        for _ in range(calls):
            call(next(numbers))
        return calls

    return run


def incumbent() -> "Dict[str, float]":
    folder = os.environ.get("CACHERATOR_INCUMBENT")
    if not folder:
        return {}
    program = """
import sys, time
from cacherator import JSONCache, Cached
class C(JSONCache):
    @Cached()
    def f(self, n): return {"n": n, "square": n * n, "name": f"number {n}"}
c = C(data_id="miss", logging=False)
for n in range(1000): c.f(n)
begin = time.perf_counter()
for n in range(1000, 1050): c.f(n)
sys.stdout.write(str((time.perf_counter() - begin) / 50))
"""
    done = subprocess.run([sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": folder}, capture_output=True, text=True)
    return {"cacherator 1.2.9, at 1,000 entries": float(done.stdout)} if done.returncode == 0 else {}


def main() -> None:
    os.chdir(tempfile.mkdtemp())
    ours = Ours(data_id="bench")
    cache = Cache("peer")

    @cache.memoize()
    def peer(n: int) -> Any:
        return {"n": n, "square": n * n, "name": f"number {n}"}

    mine, theirs = count(), count()
    for n in range(1000):
        assert ours.f(next(mine)) == peer(next(theirs)) == {"n": n, "square": n * n, "name": f"number {n}"}
    assert Ours(data_id="bench").f(5) == peer(5)
    best = race({"ours, at 1,000 entries": misses(ours.f, mine, 1000), "diskcache memoize": misses(peer, theirs, 200)})
    misses(ours.f, mine, 100_000)()
    best.update(race({"ours, at 100,000 entries": misses(ours.f, mine, 1000)}))
    fresh = Ours(data_id="bench")
    assert fresh.f(100_000) == ours.f(100_000) and fresh.last_cache_status == "l1"
    best.update(incumbent())
    show(
        f"Python {sys.version.split()[0]}, misses kept on disk (a dict of three)",
        best,
        [
            ("ours, at 1,000 entries", "diskcache memoize", 0.05),
            ("ours, at 100,000 entries", "ours, at 1,000 entries", 1.2),
        ],
    )


main()
