"""Any base class, any metaclass, dataclasses, exceptions and pydantic go with it."""

from __future__ import annotations

import abc
import copy
import dataclasses
import enum
import pickle
import weakref
from pathlib import Path
from typing import Any, Generic, List, NamedTuple, TypeVar

import pytest
from cacherator import Cached, JSONCache

FOLDER = Path("data/cache")


class Slotted:
    __slots__ = ("a",)


class SlottedWeak:
    __slots__ = ("a", "__weakref__")


class Failure(JSONCache, Exception):
    def __init__(self, message: str) -> None:
        Exception.__init__(self, message)
        JSONCache.__init__(self, data_id="failure")
        self.message = message

    @Cached()
    def f(self, x: int) -> List[int]:
        return [x]


# ---- bases


def bases() -> List[type]:
    T = TypeVar("T")
    return [object, Slotted, SlottedWeak, dict, list, set, str, float, Exception, abc.ABC, Generic[T], bytearray, type("Plain", (), {})]  # type: ignore[list-item]


@pytest.mark.parametrize("first", [True, False], ids=["JSONCache first", "JSONCache last"])
@pytest.mark.parametrize("base", bases(), ids=lambda b: getattr(b, "__name__", "Generic"))
def test_any_base_class_goes_with_it(base: Any, first: bool) -> None:
    if base is object and not first:
        pytest.skip("object is never before another")

    class Mixed(*((JSONCache, base) if first else (base, JSONCache))):  # type: ignore[misc]
        def __init__(self) -> None:
            JSONCache.__init__(self, data_id="mixed")

        @Cached()
        def f(self, x: int) -> List[int]:
            return [x]

    m = Mixed()
    assert m.f(1) is m.f(1) and m.last_cache_status == "l1"
    m.state = {"a": 1}
    m.json_cache_save()
    again = Mixed()
    assert again.f(1) == [1] and again.last_cache_status == "l1" and again.state == {"a": 1}
    ref = weakref.ref(m)
    del m
    assert ref() is None


def test_a_class_may_have_slots_beside_the_dict_it_inherits() -> None:
    class S(SlottedWeak, JSONCache):
        __slots__ = ("z",)

        @Cached()
        def f(self) -> List[Any]:
            return [self.a, self.z]

    s = S(data_id="s")
    s.a, s.z = 1, 2
    assert s.f() is s.f() and s.f() == [1, 2]


@pytest.mark.parametrize("slots", [(), ("__weakref__",), ("__dict__",)], ids=str)
def test_an_object_that_can_hold_no_memory_is_computed_each_time(slots: Any) -> None:
    calls = []

    class Bare:
        __slots__ = slots

        @Cached()
        def f(self, x: int) -> int:
            calls.append(x)
            return x

    assert [Bare().f(1), Bare().f(2)] == [1, 2] and calls == [1, 2]


def test_a_tuple_an_enum_and_a_metaclass_may_have_cached_methods() -> None:
    class Pair(NamedTuple):
        a: int

        @Cached()
        def f(self) -> int:
            return self.a

    class Colour(enum.Enum):
        RED = 1

        @Cached()
        def f(self) -> List[int]:
            return [self.value]

    class Meta(type):
        @Cached()
        def f(cls) -> List[str]:
            return [cls.__name__]

    class A(metaclass=Meta):
        pass

    class B(metaclass=Meta):
        pass

    assert [Pair(1).f(), Pair(2).f()] == [1, 2]
    assert Colour.RED.f() is Colour.RED.f() and list(Colour) == [Colour.RED]
    assert A.f() is A.f() and [A.f(), B.f()] == [["A"], ["B"]]


def test_an_object_without_hash_or_with_an_angry_comparison_remembers() -> None:
    class Angry(JSONCache):
        __hash__ = None  # type: ignore[assignment]

        def __eq__(self, other: object) -> bool:
            raise RuntimeError("compared")

        def __bool__(self) -> bool:
            raise RuntimeError("asked")

        @Cached()
        def f(self) -> List[int]:
            return [1]

    a = Angry()
    assert a.f() is a.f()


def test_an_object_that_refuses_attributes_remembers() -> None:
    class Closed(JSONCache):
        def __setattr__(self, name: str, value: Any) -> None:
            raise RuntimeError("closed")

        def __getattr__(self, name: str) -> Any:
            raise AttributeError(name)

        @Cached()
        def f(self) -> List[int]:
            return [1]

    c = Closed()
    assert c.f() is c.f()


def test_a_class_that_does_not_call_JSONCaches_constructor_remembers_and_keeps_its_state() -> None:
    class Silent(JSONCache):
        def __init__(self) -> None:
            self.x = 1

        @Cached()
        def f(self) -> List[int]:
            return [self.x]

    s = Silent()
    assert s.last_cache_status is None and s.f() is s.f() and s.last_cache_status == "l1"
    s.json_cache_save()
    assert JSONCache(data_id="Silent").x == 1  # type: ignore[attr-defined]
    assert Silent().json_cache_stats() == {"total_entries": 1, "functions": {"f": 1}}


# ---- dataclasses, exceptions, pydantic


@dataclasses.dataclass
class Data(JSONCache):
    x: int = 1

    @Cached()
    def f(self, a: int) -> List[int]:
        return [self.x, a]


@dataclasses.dataclass(frozen=True)
class Frozen(JSONCache):
    x: int = 1

    @Cached()
    def f(self, a: int) -> List[int]:
        return [self.x, a]


@dataclasses.dataclass(order=True)
class Opened(JSONCache):
    x: int = 1

    def __post_init__(self) -> None:
        self._excluded_cache_vars = ["x"]  # else what was saved last would take the place of what is given
        super().__init__(data_id="opened", directory="elsewhere")

    @Cached()
    def f(self, a: int) -> List[int]:
        return [self.x, a]


@pytest.mark.parametrize("cls", [Data, Frozen, Opened])
def test_a_dataclass_is_still_one(cls: Any) -> None:
    d = cls()
    assert d.f(1) is d.f(1)
    assert d == cls() and d != cls(2) and repr(d) == f"{cls.__name__}(x=1)"
    assert dataclasses.asdict(d) == {"x": 1} and dataclasses.astuple(d) == (1,)
    assert dataclasses.replace(d, x=5).x == 5
    assert copy.copy(d) == copy.deepcopy(d) == pickle.loads(pickle.dumps(d)) == d
    for other in (copy.copy(d), copy.deepcopy(d), pickle.loads(pickle.dumps(d))):
        assert other.f(1) == [1, 1] and other.f(2) == [1, 2]


def test_a_frozen_dataclass_saves_and_restores() -> None:
    f = Frozen(3)
    f.f(1)
    f.json_cache_save()
    assert JSONCache(data_id="Frozen").x == 3  # type: ignore[attr-defined]
    with pytest.raises(dataclasses.FrozenInstanceError):
        f.x = 4  # type: ignore[misc]


def test_an_exception_is_raised_caught_and_pickled() -> None:
    with pytest.raises(Failure) as caught:
        raise Failure("boo")
    e = caught.value
    assert e.f(1) is e.f(1) and e.args == ("boo",)
    again = pickle.loads(pickle.dumps(e))
    assert again.args == ("boo",) and again.message == "boo" and again.f(1) == [1]


def test_pydantic_models_go_with_it() -> None:
    pydantic = pytest.importorskip("pydantic")

    class Model(pydantic.BaseModel):  # type: ignore[name-defined, misc]
        x: int = 1

        @Cached()
        def f(self, a: int) -> List[int]:
            return [self.x, a]

    m = Model(x=2)
    assert m.f(1) is m.f(1) and m.model_dump() == {"x": 2} and m == Model(x=2) and repr(m) == "Model(x=2)"
    assert m.model_copy(update={"x": 5}).f(1) == [5, 1]
