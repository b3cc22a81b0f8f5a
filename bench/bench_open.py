"""A new process: import, open a cache of 5,000 entries, first hit; beside diskcache."""

import os
import subprocess
import sys
import tempfile

from cacherator import Cached, JSONCache
from diskcache import Cache
from rounds import race, show

ENTRIES = 5_000
OURS = """
from cacherator import Cached, JSONCache
class C(JSONCache):
    @Cached()
    def f(self, n): raise SystemExit("it was computed")
assert C(data_id="bench").f(2500)["n"] == 2500
"""
PEER = """
from diskcache import Cache
cache = Cache("peer")
@cache.memoize(name="f")
def f(n): raise SystemExit("it was computed")
assert f(2500)["n"] == 2500
"""


class C(JSONCache):
    @Cached()
    def f(self, n: int) -> "dict[str, object]":
        return {"n": n, "name": f"number {n}"}


def main() -> None:
    os.chdir(tempfile.mkdtemp())
    ours = C(data_id="bench")
    cache = Cache("peer")

    @cache.memoize(name="f")
    def f(n: int) -> "dict[str, object]":
        return {"n": n, "name": f"number {n}"}

    for n in range(ENTRIES):
        assert ours.f(n) == f(n)
    ours.json_cache_save()
    cache.close()

    def process(program: str) -> int:
        subprocess.run([sys.executable, "-c", program], check=True)
        return 1

    best = race({"ours": lambda: process(OURS), "diskcache": lambda: process(PEER), "Python alone": lambda: process("pass")}, rounds=15)
    alone = best.pop("Python alone")
    best = {name: seconds - alone for name, seconds in best.items()}
    title = f"Python {sys.version.split()[0]}: import, open {ENTRIES:,} entries, first hit (starting Python, {alone * 1e3:.0f} ms, is subtracted)"
    show(title, best, [("ours", "diskcache", 0.8)])


main()
