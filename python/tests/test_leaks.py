"""Done a hundred thousand times, it takes no more memory and no more descriptors than done once."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import itertools
import os
import sys
from typing import Any, Callable, List, NamedTuple

import pytest
from cacherator import Cached, JSONCache, _native

SOME = 5  #: descriptors that the background has open for a moment


class Growth(NamedTuple):
    kilobytes: int
    blocks: int
    objects: int
    descriptors: int


def sizes() -> Growth:
    gc.collect()
    getattr(ctypes.CDLL(None), "malloc_trim", lambda _: None)(0)  # else what other tests freed would hide what this one takes
    with open("/proc/self/statm") as statm:
        pages = int(statm.read().split()[1])
    return Growth(
        pages * os.sysconf("SC_PAGE_SIZE") // 1024, sys.getallocatedblocks(), len(gc.get_objects()), len(os.listdir("/proc/self/fd"))
    )


def grown(times: int, action: Callable[[], Any]) -> Growth:
    """What is there more after `times` actions, the first fifth of as many again not counted."""
    _native.flush()  # what other tests left to the background would go meanwhile
    for _ in range(times // 5):
        action()
    before = sizes()
    for _ in range(times):
        action()
    return Growth(*(b - a for a, b in zip(before, sizes())))


def assert_no_growth(times: int, action: Callable[[], Any]) -> None:
    """What leaks grows each time; what only grows once in three times is what others left behind."""
    # One object of 16 bytes in each action would be 16 * times; what is less is noise.
    most = Growth(max(512, 16 * times // 1024), max(400, times // 50), max(100, times // 50), SOME + 1)
    found = []
    for _ in range(3):
        found.append(grown(times, action))
        if all(growth < limit for growth, limit in zip(found[-1], most)):
            return
    pytest.fail(f"after {times} times, thrice: {found}, at most {most}")


class Busy(JSONCache):
    @Cached()
    def f(self, *args: Any, **keywords: Any) -> Any:
        return [args]

    @Cached(ttl=0)
    def miss(self, x: Any) -> Any:
        return [x]

    @Cached()
    def fails(self, x: Any) -> Any:
        raise ValueError(x)

    @Cached()
    def odd(self, x: Any) -> Any:
        return object()

    @Cached(ttl=0)
    def odd_miss(self, x: Any) -> Any:
        return object()

    @Cached()
    async def later(self, x: Any) -> Any:
        return [x]

    @Cached(ttl=0)
    async def later_miss(self, x: Any) -> Any:
        return [x]

    @Cached()
    async def later_fails(self, x: Any) -> Any:
        raise ValueError(x)

    @Cached(ttl=0)
    async def slow_miss(self, x: Any) -> Any:
        await asyncio.sleep(0)
        return [x]


def swallow(call: Callable[[], Any]) -> None:
    try:
        call()
    except (ValueError, TypeError):
        pass


# ---- the measure itself


def test_the_measure_sees_a_leak() -> None:
    leak: List[Any] = []
    growth = grown(20_000, lambda: leak.append([bytes(1000), len(leak)]))
    assert growth.kilobytes > 15_000 and growth.blocks > 20_000 and growth.objects >= 20_000, growth
    leaked: List[int] = []
    try:
        assert grown(50, lambda: leaked.append(os.open(".", os.O_RDONLY))).descriptors >= 50 - SOME
    finally:
        for descriptor in leaked:
            os.close(descriptor)


# ---- calls


HITS = {
    "an int": lambda c: c.f(1),
    "a keyword": lambda c: c.f(1, k="v"),
    "a new text": lambda c: c.f("a" + str(5)),
    "a big int": lambda c: c.f(10**30),
    "a tuple": lambda c: c.f((1, ("x", None, 2.5))),
}


@pytest.mark.parametrize("what", HITS)
def test_a_million_hits(what: str) -> None:
    c, call = Busy(), HITS[what]
    call(c)
    assert_no_growth(200_000, lambda: call(c))
    assert c.last_cache_status == "l1"


@pytest.mark.parametrize(
    "argument", [[1, [2]], {"a": {1, 2}}, b"x" * 1000, "\ud800", 10**5000], ids=["list", "dict", "bytes", "surrogate", "digits"]
)
def test_hits_that_need_a_text(argument: Any) -> None:
    c = Busy()
    c.f(argument)
    assert_no_growth(20_000, lambda: c.f(argument, k=argument))
    assert c.last_cache_status == "l1"


def test_references_are_the_same_after_a_hundred_thousand_hits() -> None:
    c, argument, name = Busy(), ("an argument", 12345), "keyword".join("xy")
    value = c.f(argument, **{name: argument})
    function = Busy.__dict__["f"]
    things = [c, argument, name, value, function, function.__wrapped__, Busy, argument[0], None, True, c.cache_status]
    before = [sys.getrefcount(thing) for thing in things]
    for _ in range(100_000):
        c.f(argument, **{name: argument})
    after = [sys.getrefcount(thing) for thing in things]
    assert max(abs(a - b) for a, b in zip(after, before)) < 50, list(zip(after, before))


def test_references_are_the_same_after_ten_thousand_misses_and_errors() -> None:
    c, argument = Busy(logging=False), ("an argument", 12345)
    things = [c, argument, argument[0], Busy.__dict__["miss"], Busy.__dict__["fails"], Busy, ValueError]

    def calls(count: int) -> None:
        for _ in range(count):
            c.miss(argument)
            swallow(lambda: c.fails(argument))
            swallow(lambda: c.miss(argument, argument))
            swallow(lambda: c.miss(x=argument, y=argument))
            swallow(lambda: c.miss())

    calls(10)
    before = [sys.getrefcount(thing) for thing in things]
    calls(10_000)
    after = [sys.getrefcount(thing) for thing in things]
    assert max(abs(a - b) for a, b in zip(after, before)) < 50, list(zip(after, before))


CALLS = {
    "misses": lambda c: c.miss(1),
    "misses of values that cannot be written": lambda c: c.odd_miss(1),
    "exceptions": lambda c: swallow(lambda: c.fails(1)),
    "wrong calls": lambda c: swallow(lambda: c.miss(1, 2, z=3)),
    "arguments named by an address": lambda c: c.odd(object),
    "arguments that no text names": lambda c: c.f(iter(())),
}


@pytest.mark.parametrize("what", CALLS)
def test_misses_and_errors(what: str) -> None:
    c, call = Busy(logging=False), CALLS[what]
    assert_no_growth(20_000, lambda: call(c))


def test_new_objects_as_arguments_one_after_the_other() -> None:
    class Session:
        pass

    c = Busy(logging=False)
    assert_no_growth(20_000, lambda: c.odd(Session()))


def test_new_calls_take_what_they_are_and_a_clear_gives_it_back() -> None:
    c, numbers = Busy(), itertools.count()

    def many() -> None:
        for _ in range(500):
            c.f(next(numbers))
        c.json_cache_clear()

    assert_no_growth(40, many)
    assert c.json_cache_stats()["total_entries"] == 0


def test_looking_and_saving() -> None:
    c = Busy()
    c.x = 1  # type: ignore[attr-defined]
    for i in range(20):
        c.f(i)

    def look() -> None:
        c.cache_status, c.last_cache_status, c._json_cache_func_cache, c.json_cache_stats(), c.json_cache_info(), c._cached_variables
        c.x += 1  # type: ignore[attr-defined]
        c.json_cache_save()

    assert_no_growth(300, look)


# ---- async calls


async def repeat(count: int, call: Callable[[], Any]) -> None:
    for _ in range(count):
        try:
            await call()
        except ValueError:
            pass


async def cancelled(c: Busy) -> None:
    leader, waiter = asyncio.create_task(c.slow_miss(1)), asyncio.create_task(c.slow_miss(1))
    await asyncio.sleep(0)
    waiter.cancel()
    leader.cancel()
    await asyncio.gather(leader, waiter, return_exceptions=True)


ASYNC = {
    "hits": (1000, lambda c: c.later(1)),
    "misses": (200, lambda c: c.later_miss(1)),
    "exceptions": (200, lambda c: c.later_fails(1)),
    "tasks": (100, lambda c: asyncio.create_task(c.later(1))),
    "shared": (50, lambda c: asyncio.gather(c.slow_miss(2), c.slow_miss(2), c.slow_miss(2))),
    "cancelled": (50, cancelled),
}


@pytest.mark.parametrize("what", ASYNC)
def test_async_calls(what: str) -> None:
    c, (count, call) = Busy(), ASYNC[what]
    assert_no_growth(100, lambda: asyncio.run(repeat(count, lambda: call(c))))


def test_async_hits_that_are_closed_or_made_in_numbers() -> None:
    c = Busy()
    asyncio.run(c.later(1))

    def crowd() -> None:
        for coroutine in [c.later(1) for _ in range(500)]:
            coroutine.close()

    assert_no_growth(200, crowd)


# ---- objects, classes, functions


def use(c: Any) -> None:
    c.f(1)
    c.state = 1


def in_a_loop(c: Any) -> None:
    c.f(1)
    c._me = c


@pytest.mark.parametrize("then", [lambda c: None, use, in_a_loop], ids=["only made", "used", "in a loop"])
def test_objects_made_and_gone(then: Callable[[Any], None]) -> None:
    assert_no_growth(5_000, lambda: then(Busy(data_id="gone", logging=False)))


def test_objects_of_no_JSONCache_made_and_gone() -> None:
    class Holder:
        @Cached()
        def f(self, x: int) -> List[int]:
            return [x]

    assert_no_growth(50_000, lambda: Holder().f(1))


def test_classes_and_functions_made_and_gone() -> None:
    def make() -> None:
        class Local(JSONCache):
            @Cached()
            def f(self) -> int:
                return 1

            @classmethod
            @Cached()
            def g(cls) -> int:
                return 1

        @Cached(data_id="local function")
        def function(x: int) -> int:
            return x

        Local().f(), Local.g(), function(1)

    assert_no_growth(400, make)


def test_many_data_ids_leave_no_descriptors_open() -> None:
    numbers = itertools.count()
    assert grown(300, lambda: Busy(data_id=f"one of many {next(numbers)}").f(1)).descriptors <= SOME


def test_many_data_ids_one_after_the_other() -> None:
    numbers = itertools.count()
    assert_no_growth(2_000, lambda: Busy(data_id=f"one of many {next(numbers)}").f(1))
