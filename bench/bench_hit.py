"""Hits in memory, beside functools.lru_cache on a method and a plain coroutine method; the incumbent's hit for comparison."""

import functools
import os
import subprocess
import sys
import tempfile
from typing import Any, Callable, Dict, List, Tuple

from cacherator import Cached, JSONCache
from rounds import race, show

CALLS = 200_000
LOOP = """
def run():
    for _ in range({rounds}):
        {calls}
    return {count}
"""


class Ours(JSONCache):
    @Cached()
    def f(self, a: int, b: int = 2) -> int:
        return a + b

    @Cached()
    async def g(self, a: int) -> int:
        return a


class Peer:
    @functools.lru_cache(maxsize=None)
    def f(self, a: int, b: int = 2) -> int:
        return a + b

    async def g(self, a: int) -> int:
        return a


def loop(call: str, **names: Any) -> "Callable[[], int]":
    """Calls written out ten times, so that the loop itself costs little."""
    space: Dict[str, Any] = dict(names)
    exec(LOOP.format(rounds=CALLS // 10, calls="; ".join([call] * 10), count=CALLS), space)
    return space["run"]  # type: ignore[no-any-return]


def awaiting(call: str, **names: Any) -> "Callable[[], int]":
    space: Dict[str, Any] = dict(names)
    source = LOOP.replace("def run", "async def main").format(rounds=CALLS // 10, calls="; ".join([f"await {call}"] * 10), count=CALLS)
    exec(source, space)

    def run() -> int:
        coroutine = space["main"]()  # driven by hand: no event loop's cost beside it
        try:
            coroutine.send(None)
        except StopIteration as stop:
            return int(stop.value)
        raise RuntimeError("it waited")

    return run


def incumbent_hit() -> "List[Tuple[str, float]]":
    folder = os.environ.get("CACHERATOR_INCUMBENT")
    if not folder:
        return []
    program = """
import sys, time
from cacherator import JSONCache, Cached
class C(JSONCache):
    @Cached()
    def f(self, a, b=2): return a + b
c = C(data_id="hit", logging=False)
c.f(1, 2)
begin = time.perf_counter()
for _ in range(2000): c.f(1, 2)
sys.stdout.write(str((time.perf_counter() - begin) / 2000))
"""
    done = subprocess.run([sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": folder}, capture_output=True, text=True)
    return [("cacherator 1.2.9, c.f(1, 2)", float(done.stdout))] if done.returncode == 0 else []


def main() -> None:
    os.chdir(tempfile.mkdtemp())
    ours, peer = Ours(data_id="bench"), Peer()
    for a in range(10):
        assert ours.f(a, 2) == peer.f(a, 2) == a + 2 and ours.f(a, b=2) == peer.f(a, b=2)
    for _ in range(2):
        try:
            ours.g(1).send(None)
        except StopIteration as stop:
            assert stop.value == 1
    ours.f(1, 2)
    assert ours.last_cache_status == "l1"

    best = race(
        {
            "ours, c.f(1, 2)": loop("c.f(1, 2)", c=ours),
            "lru_cache, c.f(1, 2)": loop("c.f(1, 2)", c=peer),
            "ours, c.f(1, b=2)": loop("c.f(1, b=2)", c=ours),
            "lru_cache, c.f(1, b=2)": loop("c.f(1, b=2)", c=peer),
            "ours, await c.g(1)": awaiting("c.g(1)", c=ours),
            "a plain coroutine method, await c.g(1)": awaiting("c.g(1)", c=peer),
            "an empty loop": loop("pass"),
        }
    )
    empty = best.pop("an empty loop")
    best = {name: seconds - empty for name, seconds in best.items()}
    best.update(incumbent_hit())
    show(
        f"Python {sys.version.split()[0]}, hits (the loop's own cost is subtracted)",
        best,
        [
            ("ours, c.f(1, 2)", "lru_cache, c.f(1, 2)", 0.5),
            ("ours, c.f(1, b=2)", "lru_cache, c.f(1, b=2)", 0.5),
            ("ours, await c.g(1)", "a plain coroutine method, await c.g(1)", 0.8),
        ],
    )


main()
