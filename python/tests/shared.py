"""Objects and callers that several tests use."""

from __future__ import annotations

import asyncio
import collections
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any, Callable, Dict, List

from cacherator import Cached, JSONCache

PROLOGUE = """
import asyncio, os, signal, sys, threading, time
from cacherator import JSONCache, Cached
class C(JSONCache):
    n = 0
    @Cached()
    def f(self, x):
        return x
    @Cached()
    def slow(self, x):
        C.n += 1
        time.sleep(0.3)
        return x
    @Cached()
    async def later(self, x):
        C.n += 1
        await asyncio.sleep(0.3)
        return x
    @Cached()
    async def soon(self, x):
        return x
"""


def run(source: str, folder: Path, timeout: float = 60) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", PROLOGUE + textwrap.dedent(source)], cwd=folder, capture_output=True, text=True, timeout=timeout
    )


def together(count: int, call: Callable[[int], Any]) -> List[Any]:
    """What `call(i)` returned or raised in each of `count` threads that began at one moment."""
    barrier, results = threading.Barrier(count), [None] * count

    def one(i: int) -> None:
        barrier.wait()
        try:
            results[i] = call(i)
        except BaseException as error:
            results[i] = error  # type: ignore[call-overload]

    threads = [threading.Thread(target=one, args=(i,)) for i in range(count)]
    [t.start() for t in threads], [t.join(30) for t in threads]
    assert not any(t.is_alive() for t in threads), "threads hang"
    return results


class Counted(JSONCache):
    """Counts the computations of each call."""

    def __init__(self, **options: Any) -> None:
        self._excluded_cache_vars = ["runs"]
        super().__init__(**options)
        self.runs: Dict[Any, int] = collections.Counter()

    @Cached()
    def slow(self, x: Any) -> Any:
        self.runs[x] += 1
        time.sleep(0.05)
        return [x]

    @Cached()
    def fails(self, x: Any) -> Any:
        self.runs[x] += 1
        time.sleep(0.05)
        raise ValueError(x)

    @Cached()
    async def later(self, x: Any) -> Any:
        self.runs[x] += 1
        await asyncio.sleep(0.02)
        return [x]

    @Cached()
    async def fails_later(self, x: Any) -> Any:
        self.runs[x] += 1
        await asyncio.sleep(0.02)
        raise ValueError(x)


class Numbers(JSONCache):
    """Counts: each computation gives another number."""

    n = 0

    @Cached()
    def func(self, *args: Any, **keywords: Any) -> int:
        Numbers.n += 1
        return Numbers.n

    @Cached()
    async def later(self, x: Any) -> int:
        Numbers.n += 1
        return Numbers.n

    @Cached()
    def echo(self, x: Any) -> Any:
        return x


class Point(JSONCache):
    def __init__(self, name: str = "p") -> None:
        super().__init__(data_id=f"point {name}")
        self.name = name

    @Cached()
    def f(self, x: int) -> List[int]:
        """The list of x.

        >>> 1 + 1
        2
        """
        return [x]

    @Cached()
    async def later(self, x: int) -> List[int]:
        return [x]


def retry(function: Any) -> Any:
    """A decorator that does not pass on the name: all that it makes are called "inner"."""

    def inner(*args: Any) -> Any:
        return function(*args)

    return inner
