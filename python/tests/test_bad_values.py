"""Arguments and values that cannot be named or written."""

from __future__ import annotations

import array
import asyncio
import collections
import datetime as dt
import math
import os
import threading
import time
import types
import unittest.mock
from pathlib import Path
from typing import Any, Callable, List

import pytest
from cacherator import Cached, JSONCache
from shared import Numbers, together

# ---- Bad input: arguments


def nested(depth: int) -> Any:
    thing: Any = []
    for _ in range(depth):
        thing = [thing]
    return thing


ARGUMENTS = [
    {1}, {1: {2}}, [1, {2: [3]}], bytearray(b"x"), range(3), slice(1, 2), print, int, len, object, os, ..., NotImplemented,
    math.nan, math.inf, 1j, collections.OrderedDict(a=1), collections.Counter("aa"), collections.deque([1]), types.SimpleNamespace(a=1),
    array.array("i", [1]), collections.ChainMap({}), ValueError("x"), 10**5000, -(10**5000), [10**5000], nested(400), "\ud800", {"\ud800": 1},
    "\0", "x" * 100_000, dt.datetime.max, dt.timezone.utc, os.environ, Path("x"), threading.Lock(), lambda: 0,
]  # fmt: skip


@pytest.mark.parametrize("argument", ARGUMENTS, ids=[str(i) for i in range(len(ARGUMENTS))])
def test_a_call_with_any_argument_is_computed_once(argument: Any) -> None:
    c = Numbers(logging=False)
    assert c.func(argument) == c.func(argument)
    assert c.func(argument, k=argument) == c.func(argument, k=argument) != c.func(argument)
    c.json_cache_save()


def itself() -> Any:
    thing: Any = []
    thing.append(thing)
    return thing


@pytest.mark.parametrize("argument", [itself(), {"me": itself()}, nested(600)], ids=["itself", "in a dict", "deep"])
def test_a_call_whose_argument_has_no_text_is_computed_all_the_same(argument: Any) -> None:
    assert Numbers(logging=False).func(argument) > 0


def test_a_call_that_cannot_be_remembered_is_a_miss_each_time() -> None:
    class C(JSONCache):
        @Cached()
        def f(self, x: Any) -> int:
            return 1

        @Cached()
        async def later(self, x: Any) -> int:
            return 1

    c = C(logging=False)
    for _ in range(2):  # an object() is named by its address alone, and nothing tells when it goes
        c.f(1), c.f(1)
        assert c.last_cache_status == "l1"
        c.f(object())
        assert c.last_cache_status == "miss"
        c.f(1)
        asyncio.run(c.later(object()))
        assert c.last_cache_status == "miss"
    assert c.json_cache_info()["functions"] == {"f": {"l1": 5, "l2": 0, "misses": 3}, "later": {"l1": 0, "l2": 0, "misses": 2}}


@pytest.mark.parametrize("name", [1, 0, b"f", [], ["f"], object()], ids=lambda name: type(name).__name__)
def test_a_name_to_clear_that_is_no_text_is_told_and_clears_nothing(name: Any) -> None:
    n = Numbers()
    n.func(1)
    with pytest.raises(TypeError, match="json_cache_clear"):
        n.json_cache_clear(name)
    assert n.json_cache_stats()["total_entries"] == 1


def test_the_error_of_an_arguments_repr_reaches_the_caller() -> None:
    class Bad:
        def __repr__(self) -> str:
            raise LookupError("of the repr")

    with pytest.raises(LookupError, match="of the repr"):
        Numbers().func(Bad())


def test_keywords_may_have_any_name() -> None:
    class K(JSONCache):
        @Cached()
        def f(self, /, **keywords: Any) -> Any:
            return keywords

        @Cached()
        async def later(self, /, **keywords: Any) -> Any:
            return keywords

    for keywords in ({"self": 1}, {"function": 1, "arguments": 2, "keywords": 3}, {"a b": 1, "": 2, "q'": 3}, {"\u00fc": 1}):
        k = K()
        assert k.f(**keywords) == asyncio.run(k.later(**keywords)) == keywords == K().f(**keywords)


def test_a_keyword_may_hold_a_lone_surrogate() -> None:
    c = Numbers()
    assert c.func(**{"\ud800": 1}) == c.func(**{"\ud800": 1})


def test_an_argument_that_the_function_changes_names_the_call_as_it_was() -> None:
    class M(JSONCache):
        @Cached()
        def push(self, items: List[int]) -> int:
            items.append(1)
            return len(items)

    m = M()
    items: List[int] = []
    assert [m.push(items), m.push(items), m.push([])] == [1, 2, 1]
    assert sorted(m.cache_status) == ["push([1],){}", "push([],){}"]


# ---- Bad input: values


@pytest.mark.parametrize("value", [object(), open, itself(), {object(): 1}, 10**6000, nested(600), nested(50_000), threading.Lock()],
                         ids=["object", "function", "itself", "key", "digits", "deep", "deepest", "lock"])  # fmt: skip
def test_a_result_that_cannot_be_written_harms_no_other(value: Any, caplog: pytest.LogCaptureFixture, request: Any) -> None:
    def odd_one(self: Any) -> Any:
        return value

    odd_one.__name__ = f"odd_{request.node.callspec.id}"  # for each name there is one warning: see below

    class V(JSONCache):
        odd = Cached()(odd_one)

        @Cached()
        def even(self) -> int:
            return 2

    v = V()
    v.even()
    assert v.odd() is v.odd() is value  # type: ignore[attr-defined]
    v.even()
    v.json_cache_save()
    assert caplog.text.count("kept in memory only: result") == 1
    assert V().cache_status == {"even(){}": "l1"}


class UsedUp(JSONCache):
    """What it returns can be read once."""

    @Cached()
    def generator(self) -> Any:
        return (i for i in (1, 2))

    @Cached()
    def iterator(self) -> Any:
        return iter([1, 2])

    @Cached()
    def coroutine(self) -> Any:
        return self.two()

    @Cached()
    def call(self) -> Any:
        return self.cached_two()

    @Cached()
    def asynchronous(self) -> Any:
        return self.both()

    @Cached()
    async def later(self) -> Any:
        return iter([1, 2])

    async def two(self) -> List[int]:
        return [1, 2]

    @Cached()
    async def cached_two(self) -> List[int]:
        return [1, 2]

    async def both(self) -> Any:
        for i in (1, 2):
            yield i


async def collect(values: Any) -> List[int]:
    return [i async for i in values]


READERS = {"coroutine": asyncio.run, "call": asyncio.run, "asynchronous": lambda values: asyncio.run(collect(values)),
           "later": lambda values: list(asyncio.run(values))}  # fmt: skip


@pytest.mark.parametrize("name", ["generator", "iterator", "coroutine", "call", "asynchronous", "later"])
def test_a_result_that_is_used_up_by_its_first_reader_is_computed_for_each(name: str, caplog: pytest.LogCaptureFixture) -> None:
    u, read = UsedUp(), READERS.get(name, list)
    for _ in range(3):
        assert read(getattr(u, name)()) == [1, 2] and (name == "call" or u.last_cache_status == "miss")
    (record,) = caplog.records
    assert f"'{name}'" in record.getMessage() and "Return a list" in record.getMessage() and "async" in record.getMessage()
    assert set(u.cache_status) <= {"cached_two(){}"}


def test_threads_that_wait_for_a_result_that_is_used_up_get_one_each() -> None:
    class Slow(JSONCache):
        @Cached()
        def f(self) -> Any:
            time.sleep(0.05)
            return iter([1, 2])

    s = Slow(logging=False)
    assert [list(values) for values in together(4, lambda i: s.f())] == [[1, 2]] * 4


def test_what_can_be_read_again_is_remembered_though_it_has_an_iterator() -> None:
    class Again(JSONCache):
        @Cached()
        def f(self) -> Any:
            return unittest.mock.MagicMock()

    a = Again(logging=False)
    assert a.f() is a.f()


@pytest.mark.parametrize("first_logging", [True, False])
def test_each_class_is_told_of_results_that_cannot_be_written(first_logging: bool, caplog: pytest.LogCaptureFixture) -> None:
    class One(JSONCache):
        @Cached()
        def fetch_both(self) -> Any:
            return object()

    class Two(JSONCache):
        @Cached()
        def fetch_both(self) -> Any:
            return object()

    One(logging=first_logging).fetch_both()
    caplog.clear()
    Two().fetch_both()
    assert "kept in memory only" in caplog.text


def test_a_variable_that_cannot_be_written_harms_no_other(caplog: pytest.LogCaptureFixture) -> None:
    c = JSONCache(data_id="vars")
    c.ok, c.odd, c.loop, c.digits, c.deep = 1, object(), itself(), 10**6000, nested(600)  # type: ignore[attr-defined]
    c.json_cache_save()
    assert {k for k in vars(JSONCache(data_id="vars")) if not k.startswith("_")} == {"ok"}
    for name in ("odd", "loop", "digits", "deep"):
        assert f"the variable '{name}'" in caplog.text


def test_a_variable_whose_name_is_no_UTF_8_harms_no_other() -> None:
    c = JSONCache(data_id="names")
    c.ok = 1  # type: ignore[attr-defined]
    setattr(c, "\ud800", 2)
    c.json_cache_save()
    assert JSONCache(data_id="names").ok == 1  # type: ignore[attr-defined]


def test_clearing_a_name_that_is_no_UTF_8_clears_nothing_and_raises_nothing() -> None:
    c = Numbers()
    value = c.func(1)
    c.json_cache_clear("\ud800")
    assert c.func(1) == value


def test_a_surrogate_pair_in_two_characters_is_none_that_comes_back_as_one() -> None:
    Numbers(data_id="pair").echo("\ud800\udc00")
    again = Numbers(data_id="pair")
    assert again.echo("\ud800\udc00") == "\ud800\udc00"


def test_special_attributes_of_JSON_survive_as_keys() -> None:
    value = {"_json_cache_func_cache": {"x": 1}, "date": "x", "value": [1], "": 0, "\ud800": 1, "utc": 5}
    c = Numbers(data_id="keys")
    c.echo("x")
    c.state = value  # type: ignore[attr-defined]
    c.json_cache_save()
    assert Numbers(data_id="keys").state == value  # type: ignore[attr-defined]


SUBCLASSES = "collections.OrderedDict(a=1), collections.defaultdict(int, a=1), collections.Counter(a=1), Pair(1, 2), Text('x'), Number(3)"


def test_state_and_results_that_1_2_9_kept_over_a_restart_are_kept(run_program: Callable[..., str]) -> None:
    program = f"""
        import collections
        from cacherator import JSONCache, Cached
        Pair = collections.namedtuple("Pair", "x y")
        class Text(str): pass
        class Number(int): pass
        class C(JSONCache):
            @Cached()
            def f(self, i): return VALUES[i]
        VALUES = [{SUBCLASSES}]
        c = C(data_id="sub", logging=False)
        print(len(c.cache_status), len([k for k in vars(c) if k.startswith("v")]))
        for i, value in enumerate(VALUES):
            c.f(i)
            setattr(c, f"v{{i}}", value)
        c.json_cache_save()
    """
    assert run_program(program) == "0 0"
    assert run_program(program) == "4 6"  # a result comes back as the type that it had, or is computed: Text and Number
