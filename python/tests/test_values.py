"""What a restart returns is equal, in value and type, to what the first call returned."""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
import math
import pathlib
import uuid
from typing import Any

import pytest
from cacherator import Cached, JSONCache, _native


class Colour(enum.Enum):
    RED = 1
    BLUE = (2, 3)


@dataclasses.dataclass
class Point:
    x: int
    y: Any = None


VALUES = [
    None, True, False, 0, -1, 2**63, -(2**200), 1.5, 1e300, -0.0, 0.1, "", "text", "caf\u00e9 \U0001f600", "\ud800", "a\0b\n\"\\",
    [], [1, [2, [3]]], {}, {"a": {"b": None}}, (), (1,), ((1, 2), [3]), set(), {1, "a", None}, frozenset({1, (2,)}),
    b"", b"\0\xff", bytearray(b"x"), 1 + 2j, {1: 2}, {(1, 2): {"x": (3,)}}, {"$cacherator": "tuple", "value": [1]},
    [{"$cacherator": 5}], math.inf, -math.inf, [math.inf],
    dt.datetime(2024, 1, 2, 3, 4, 5, 6), dt.datetime(2024, 1, 2, tzinfo=dt.timezone.utc), dt.datetime(2024, 1, 2, fold=1),
    dt.datetime(2024, 1, 2, tzinfo=dt.timezone(dt.timedelta(hours=5, minutes=30))), dt.date(2024, 2, 29), dt.time(1, 2, 3),
    dt.timedelta(days=-1, microseconds=3), decimal.Decimal("1.00"), decimal.Decimal("NaN"), uuid.UUID(int=5), pathlib.Path("a/b"),
    pathlib.PureWindowsPath("c:/x"), Colour.RED, Colour.BLUE, Point(1, (2, 3)), [Point(1), {"p": Point(2)}],
]  # fmt: skip


def same(a: Any, b: Any) -> bool:
    if type(a) is not type(b):
        return False
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, float):
        return math.copysign(1, a) == math.copysign(1, b) and a == b
    if isinstance(a, decimal.Decimal):
        return str(a) == str(b)
    return bool(a == b) and getattr(a, "fold", 0) == getattr(b, "fold", 0) and str(a) == str(b) or isinstance(a, (set, frozenset)) and a == b


@pytest.mark.parametrize("value", VALUES, ids=lambda v: repr(v)[:40].encode("ascii", "replace").decode())
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    class C(JSONCache):
        @Cached()
        def f(self) -> Any:
            return value

    first = C(data_id="v").f()
    again = C(data_id="v")
    second = again.f()
    assert again.last_cache_status == "l1"
    assert same(first, second), (first, second)


def test_NaN_comes_back() -> None:
    assert math.isnan(_native.decode(_native.encode(math.nan)))


@pytest.mark.parametrize("value", VALUES, ids=lambda v: repr(v)[:40].encode("ascii", "replace").decode())
def test_state_comes_back_as_it_was(value: Any) -> None:
    a = JSONCache(data_id="s")
    a.v = value  # type: ignore[attr-defined]
    a.json_cache_save()
    assert same(JSONCache(data_id="s").v, value)  # type: ignore[attr-defined]


def test_what_cannot_come_back_equal_is_not_written() -> None:
    class MyInt(int):
        pass

    class MyDict(dict):  # type: ignore[type-arg]
        pass

    @dataclasses.dataclass
    class Local:
        x: int = 1

    cycle: Any = []
    cycle.append(cycle)
    for value in (MyInt(3), MyDict(a=1), Local(), object(), lambda: 1, cycle, open):
        with pytest.raises(ValueError):
            _native.encode(value)


def test_loading_restores_no_class_that_the_program_has_not_loaded() -> None:
    for json in (
        '{"$cacherator":"dataclass","class":"os:system","value":{}}',
        '{"$cacherator":"dataclass","class":"not_loaded_module:X","value":{}}',
        '{"$cacherator":"Enum","class":"test_values:Point","value":"RED"}',
        '{"$cacherator":"unheard of","value":1}',
        '{"$cacherator":"tuple"}',
        '{"$cacherator":"Path","class":"system","value":"x"}',
    ):
        with pytest.raises(ValueError):
            _native.decode(json)


def test_a_value_of_1_2_9_stands_as_it_is() -> None:
    json = '{"$cacherator":"tuple","value":[1]}'
    assert _native.decode(json, True) == {"$cacherator": "tuple", "value": [1]}
    assert _native.decode(json) == (1,)


def test_a_value_of_more_than_256_MiB_is_kept_in_memory_only(caplog: pytest.LogCaptureFixture) -> None:
    class Large(JSONCache):
        @Cached()
        def text(self, size: int) -> str:
            return "x" * size

    large = Large(data_id="large")
    assert len(large.text(256 << 20)) == 256 << 20
    assert "larger than 256 MiB" in caplog.text
    large.text(256 << 20)
    assert large.last_cache_status == "l1"
    assert Large(data_id="large").json_cache_info()["journal_bytes"] < 10_000


def test_a_stranger_can_exhaust_neither_stack_nor_patience() -> None:
    for json in ("[" * 100_000, "[" * 100_000 + "]" * 100_000, '{"a":' * 100_000, "[" * 600 + "NaN" + "]" * 600):
        try:
            _native.decode(json)
        except ValueError:
            pass


@pytest.mark.parametrize(
    ("levels", "around"),
    [(1, "[v]"), (1, "{'k': v}"), (2, "(v,)"), (2, "{'$cacherator': v}"), (3, "{1: v}"), (2, "[{'k': v}]")],
)
def test_what_is_not_too_deep_to_be_kept_is_read_again(levels: int, around: str, run_program: Any, caplog: pytest.LogCaptureFixture) -> None:
    program = f"""
        import sys
        from cacherator import JSONCache, Cached
        sys.setrecursionlimit(5000)
        class Deep(JSONCache):
            n = 0
            @Cached()
            def f(self, depth):
                Deep.n += 1
                v = 1
                for _ in range(depth): v = {around}
                return v
        d = Deep(logging=False)
        def depth(v):
            n = 0
            while v != 1:
                v, n = next(iter(v.values() if isinstance(v, dict) else v)), n + 1
            return n
        per = {2 if around.startswith("[{") else 1}
        print([depth(d.f(n)) // per == n for n in ({512 // levels}, {512 // levels - 5}, 5)], d.n)
        d.json_cache_save()
    """
    assert run_program(program) == "[True, True, True] 3"
    assert run_program(program) == "[True, True, True] 0"
