"""What a restart returns is equal, in value and type, to what the first call returned."""

from __future__ import annotations

import copy
import dataclasses
import datetime as dt
import decimal
import enum
import math
import pathlib
import re
import uuid
from collections import OrderedDict
from typing import Any, List

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


# ---- values as arguments


def kept_apart(*arguments: Any) -> List[str]:
    """That all of them are calls of their own, and what these are called."""

    class C(JSONCache):
        n = 0

        @Cached()
        def f(self, x: Any) -> int:
            C.n += 1
            return C.n

    c = C(clear_cache=True, logging=False)
    assert [c.f(x) for x in arguments] == [c.f(copy.copy(x)) for x in arguments] == list(range(1, len(arguments) + 1))
    again = C()
    assert [again.f(x) for x in arguments] == list(range(1, len(arguments) + 1)), "on disk, too"
    return list(c.cache_status)


def test_ordered_dicts_of_two_orders_are_two_arguments() -> None:
    class Mine(OrderedDict):  # type: ignore[type-arg]
        pass

    kept_apart(OrderedDict(), OrderedDict(a=1, b=2), OrderedDict(b=2, a=1), {"b": 2, "a": 1}, Mine(a=1, b=2), Mine(b=2, a=1))


def test_long_patterns_and_their_flags_are_told_apart() -> None:
    names = ("|".join(f"word{i}" for i in range(n)) for n in (100, 101))
    kept_apart(*(re.compile(name, flags) for name in names for flags in (0, re.I)), re.compile(b"a"), re.compile("a"), "a")


def test_models_of_pydantic_are_named_by_all_fields_and_secrets_by_no_text_of_theirs() -> None:
    pydantic = pytest.importorskip("pydantic")

    class Query(pydantic.BaseModel):  # type: ignore[name-defined, misc]
        model_config = {"extra": "allow"}
        text: str
        page: int = pydantic.Field(0, repr=False)
        key: Any = None
        _user: int = pydantic.PrivateAttr(0)

    class Other(Query):
        pass

    of_user = Query(text="a")
    of_user._user = 7
    models = [Query(text="a"), Query(text="a", page=1), Query(text="a", more=1), Query(text="a", more=2), Other(text="a"), of_user]
    secrets = [kind(text) for kind in (pydantic.SecretStr, pydantic.SecretBytes) for text in (b"hidden one", b"hidden two")]
    names = kept_apart(*models, *secrets, *(Query(text="a", key=secret) for secret in secrets))
    assert f"f({__name__}.{Query.__qualname__}(text='a', page=1, key=None, _user=0),){{}}" in names
    assert not any("hidden" in path.read_text() for path in pathlib.Path("data/cache").glob("c.*"))


def test_objects_of_attrs_are_named_by_the_fields_that_are_compared() -> None:
    attrs = pytest.importorskip("attrs")

    @attrs.define
    class Query:
        text: str
        page: int = attrs.field(default=0, repr=False)
        note: str = attrs.field(default="", eq=False)

    kept_apart(Query("a"), Query("a", 1), Query("b"))
    assert kept_apart(Query("a", 2, "x")) == kept_apart(Query("a", 2, "y"))
