"""The rules of objects: any base class, any way to make, copy and lose an object, any way to look at a method."""

from __future__ import annotations

import abc
import asyncio
import copy
import dataclasses
import doctest
import enum
import functools
import gc
import inspect
import pickle
import pydoc
import weakref
from pathlib import Path
from typing import Any, Callable, Generic, List, NamedTuple, TypeVar
from unittest import mock

import pytest
from cacherator import Cached, JSONCache

FOLDER = Path("data/cache")


class Slotted:
    __slots__ = ("a",)


class SlottedWeak:
    __slots__ = ("a", "__weakref__")


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


# ---- copies and pickles


@pytest.mark.parametrize("make", [copy.copy, copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))], ids=["copy", "deepcopy", "pickle"])
def test_a_copy_knows_what_is_stored_and_remembers_on_its_own(make: Callable[[Any], Any]) -> None:
    p = Point("copied")
    first = p.f(1)
    q = make(p)
    assert q.name == "copied" and q.json_cache_stats() == {"total_entries": 1, "functions": {"f": 1}}
    assert q.f(1) == first and q.last_cache_status == "l1"
    q.f(2)
    assert p.last_cache_status == "miss" and q.last_cache_status == "miss"
    assert p.f(2) == [2] and p.last_cache_status == "l1"
    ref = weakref.ref(p)
    del p
    assert ref() is None and q.f(1) == [1]


def test_every_protocol_of_pickle_serves() -> None:
    p = Point("pickled")
    p.f(1)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(p, protocol)).f(1) == [1]


def test_a_pickle_says_nothing_of_remembered_results() -> None:
    p = Point("slim")
    p.f(123456789)
    assert b"Memory" in pickle.dumps(p) and (123456789).to_bytes(4, "little") not in pickle.dumps(p)


def test_attributes_given_to_another_object_do_not_carry_its_memory() -> None:
    class Holder:
        def __init__(self, x: int) -> None:
            self.x = x

        @Cached()
        def f(self) -> List[int]:
            return [self.x]

    a, b = Holder(1), Holder(2)
    assert a.f() == [1]
    vars(b).update({**vars(a), "x": 2})
    assert b.f() == [2] and a.f() == [1]


def test_a_new_object_at_the_address_of_a_dead_one_has_no_memory_of_it() -> None:
    class Holder:
        def __init__(self, x: int) -> None:
            self.x = x

        @Cached()
        def f(self) -> int:
            return self.x

    kept = []
    for i in range(2000):
        holder = Holder(i)
        kept.append(vars(holder))
        assert holder.f() == i


def test_the_ttl_of_a_copy_is_its_own() -> None:
    a = Point("ttl")
    b = copy.copy(a)
    b._json_cache_ttl = 5
    assert (a._json_cache_ttl, b._json_cache_ttl) == (999, 5)


# ---- life and death


def test_state_is_saved_with_the_last_reference_and_by_the_collector() -> None:
    a = JSONCache(data_id="dies")
    a.x = 5  # type: ignore[attr-defined]
    ref = weakref.ref(a)
    del a
    assert ref() is None and JSONCache(data_id="dies").x == 5  # type: ignore[attr-defined]
    b = JSONCache(data_id="cycle")
    b.x, b._b = 6, b  # type: ignore[attr-defined]
    ref = weakref.ref(b)
    del b
    gc.collect()
    assert ref() is None and JSONCache(data_id="cycle").x == 6  # type: ignore[attr-defined]


def test_state_is_saved_at_exit_wherever_the_object_is_held(run_program: Callable[..., str]) -> None:
    run_program("""
        import builtins, copy, functools, pickle, sys
        from cacherator import JSONCache
        class S(JSONCache):
            pass
        def make(data_id):
            s = S(data_id=data_id)
            s.x = data_id
            return s
        in_module = make("in module")
        builtins.held = make("in builtins")
        sys.kept = [make("in a list"), lambda: in_module]
        loop = make("in a loop")
        loop._me = loop
        S.of_class = make("of class")
    """)
    for data_id in ("in module", "in builtins", "in a list", "in a loop", "of class"):
        assert getattr(JSONCache(data_id=data_id), "x", None) == data_id


@pytest.mark.parametrize("make", ["pickle.loads(pickle.dumps(first))", "copy.copy(first)"])
def test_state_of_a_copy_is_saved_at_exit(make: str, run_program: Callable[..., str]) -> None:
    run_program(f"""
        import copy, pickle, sys
        from cacherator import JSONCache
        first = JSONCache(data_id="copied")
        second = {make}
        del first
        second.x = 1
        sys.kept = [second]
    """)
    assert getattr(JSONCache(data_id="copied"), "x", None) == 1


def test_an_object_that_comes_back_from_its_end_works_on() -> None:
    saved: List[Any] = []

    class Again(JSONCache):
        def __del__(self) -> None:
            if not saved:
                saved.append(self)
            super().__del__()

        @Cached()
        def f(self) -> List[int]:
            return [1]

    a = Again()
    value = a.f()
    del a
    b = saved[0]
    assert b.f() == value and b.f() is b.f()


def test_a_cached_call_holds_neither_its_object_nor_after_a_clear_its_result() -> None:
    class Value:
        pass

    class Maker(JSONCache):
        @Cached()
        def make(self) -> Value:
            return Value()

    m = Maker(logging=False)
    ref = weakref.ref(m.make())
    assert ref() is not None
    m.json_cache_clear()
    assert ref() is None
    ref = weakref.ref(m.make())
    owner = weakref.ref(m)
    del m
    assert owner() is None and ref() is None


def test_a_result_named_by_an_object_goes_with_that_object() -> None:
    class Session:
        pass

    class Value:
        pass

    class Maker(JSONCache):
        @Cached()
        def make(self, session: Session) -> Value:
            return Value()

    m, session = Maker(logging=False), Session()
    ref = weakref.ref(m.make(session))
    assert ref() is not None
    del session
    gc.collect()
    assert ref() is None


def test_a_class_is_collected_though_a_class_method_of_its_base_was_called_on_it() -> None:
    class Base(JSONCache):
        @classmethod
        @Cached()
        def f(cls) -> int:
            return 1

    derived = type("Derived", (Base,), {})
    assert derived.f() == 1
    ref = weakref.ref(derived)
    del derived
    gc.collect()
    assert ref() is None


def test_a_class_and_a_function_made_at_run_time_are_collected() -> None:
    class Local(JSONCache):
        @Cached()
        def f(self) -> int:
            return 1

        @classmethod
        @Cached()
        def g(cls) -> int:
            return 1

    @Cached()
    def function(x: int) -> int:
        return x

    Local().f(), Local.g(), function(1)
    refs = [weakref.ref(Local), weakref.ref(function.__wrapped__)]  # type: ignore[attr-defined]
    del Local, function
    gc.collect()
    assert [ref() for ref in refs] == [None, None]


def test_results_that_call_back_when_they_go_do_no_harm() -> None:
    """Clearing, replacing and listing run users' code: __del__ of a result, or the garbage collector."""

    class Late:
        def __init__(self, owner: Any, act: Callable[[Any], Any]) -> None:
            self.owner, self.act = owner, act

        def __del__(self) -> None:
            self.act(self.owner)

    class C(JSONCache):
        @Cached(ttl=0.001 / 86400)
        def soon_old(self, act: Any) -> Any:
            return Late(self, act)

        @Cached()
        def keep(self, x: int, act: Any = None) -> Any:
            return Late(self, act) if act else x

    for i in range(8):
        setattr(C, f"g{i}", Cached()(eval(f"lambda self, x: {i}")))
        getattr(C, f"g{i}").__set_name__(C, f"g{i}")
    c = C(logging=False)

    def clear(owner: Any) -> None:
        owner.json_cache_clear()

    def use(owner: Any) -> None:
        for i in range(8):
            getattr(owner, f"g{i}")(1)
        for x in range(50):
            owner.keep(x)

    for _ in range(30):
        c.soon_old(clear)
        c.keep(1, use)
        c.json_cache_clear("keep")
    threshold = gc.get_threshold()
    try:
        for _ in range(10):
            garbage: Any = Late(c, use)
            garbage.me = garbage
            del garbage
            gc.set_threshold(1)
            assert isinstance(c.cache_status, dict) and isinstance(c._json_cache_func_cache, dict)
            gc.set_threshold(*threshold)
    finally:
        gc.set_threshold(*threshold)
    assert c.keep(3) == 3


# ---- overriding, class methods, abstract methods


def test_three_generations_keep_apart() -> None:
    class A(JSONCache):
        @Cached()
        def f(self, x: int) -> List[Any]:
            return ["A", x]

    class B(A):
        @Cached()
        def f(self, x: int) -> List[Any]:
            return ["B", *super().f(x)]

    class C(B):
        @Cached()
        def f(self, x: int) -> List[Any]:
            return ["C", *super().f(x)]

    c, b = C(data_id="one"), B(data_id="two")
    for _ in range(2):
        assert c.f(1) == ["C", "B", "A", 1] and b.f(1) == ["B", "A", 1]
    again = C(data_id="one")
    assert again.f(1) == ["C", "B", "A", 1] and B.f(again, 1) == ["B", "A", 1] and A.f(again, 1) == ["A", 1]
    assert again.last_cache_status == "l1"


def test_an_override_without_the_decorator_is_not_remembered_and_its_base_is() -> None:
    calls = []

    class A(JSONCache):
        @Cached()
        def f(self) -> int:
            calls.append("A")
            return 1

    class B(A):
        def f(self) -> int:
            calls.append("B")
            return super().f() + 1

    b = B()
    assert [b.f(), b.f()] == [2, 2] and calls == ["B", "A", "B"]


def test_private_methods_of_one_name_in_base_and_derived_keep_apart() -> None:
    class Base(JSONCache):
        @Cached()
        def __load(self) -> str:
            return "base's"

        def of_base(self) -> str:
            return self.__load()

    class Derived(Base):
        @Cached()
        def __load(self) -> str:
            return "derived's"

        def of_derived(self) -> str:
            return self.__load()

    d = Derived()
    assert (d.of_base(), d.of_derived()) == ("base's", "derived's")


def test_functions_of_one_name_under_two_attributes_keep_apart() -> None:
    class C(JSONCache):
        one = Cached()(lambda self: 1)
        two = Cached()(lambda self: 2)

    assert (C().one(), C().two()) == (1, 2)


class Client(JSONCache):
    """Its repr does not tell one client from another."""

    def __init__(self, base: str) -> None:
        super().__init__(data_id=f"client {base}")
        self.base = base

    def __repr__(self) -> str:
        return "Client"

    renamed = property(Cached()(lambda self: self.base))

    @property
    @Cached()
    def __hidden(self) -> str:
        return self.base

    def hidden(self) -> str:
        return self.__hidden


@Cached()
def attached(self: Any) -> str:
    return str(self.base)


Client.attached = attached  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "call", [lambda c: c.attached(), lambda c: c.renamed, lambda c: c.hidden()], ids=["attached", "renamed", "private"]
)
def test_a_method_by_whatever_name_it_came_into_the_class_belongs_to_its_object(call: Callable[[Any], str]) -> None:
    assert [call(Client("a")), call(Client("b"))] == ["a", "b"]
    assert Client("a").json_cache_stats()["total_entries"] == 1


def test_a_decorator_above_it_and_one_below_it_see_a_function() -> None:
    def other(function: Any) -> Any:
        @functools.wraps(function)
        def inner(*args: Any, **keywords: Any) -> Any:
            return function(*args, **keywords)

        return inner

    class C(JSONCache):
        @other
        @Cached()
        def above(self, x: int) -> List[int]:
            return [x]

        @Cached()
        @other
        def below(self, x: int) -> List[int]:
            return [x]

        part = functools.partialmethod(below, 7)

        @functools.singledispatchmethod
        @Cached()
        def by_type(self, x: Any) -> Any:
            return ["any", x]

        @by_type.register
        @Cached()
        def by_int(self, x: int) -> Any:
            return ["int", x]

    c = C()
    assert c.above(1) is c.above(1) and c.below(1) is c.below(1) and c.part() is c.below(7)
    assert c.by_type("x") is c.by_type("x") and c.by_type(5) is c.by_type(5) == ["int", 5]
    assert set(c.cache_status) == {"above(1,){}", "below(1,){}", "below(7,){}", "by_type('x',){}", "by_int(5,){}"}


def test_abstract_methods_in_both_orders_stay_abstract() -> None:
    class Shape(JSONCache, abc.ABC):
        @abc.abstractmethod
        @Cached()
        def area(self) -> Any: ...

        @Cached()
        @abc.abstractmethod
        def length(self) -> Any: ...

        @classmethod
        @abc.abstractmethod
        @Cached()
        def kind(cls) -> Any: ...

    assert Shape.__abstractmethods__ == {"area", "length", "kind"}
    with pytest.raises(TypeError, match="abstract"):
        Shape()  # type: ignore[abstract]

    class Square(Shape):
        @Cached()
        def area(self) -> Any:
            return [1]

        @Cached()
        def length(self) -> Any:
            return [super().length()]  # type: ignore[safe-super]

        @classmethod
        @Cached()
        def kind(cls) -> Any:
            return [cls.__name__]

    s = Square()
    assert s.area() is s.area() and s.length() is s.length() and Square.kind() is Square.kind()
    assert s.length() == [None] and set(s.cache_status) == {"area(){}", "length(){}", "Shape.length(){}", "kind(){}"}


@pytest.mark.parametrize("is_async", [False, True])
def test_class_and_static_methods_in_both_orders(is_async: bool, run_program: Callable[..., str]) -> None:
    word, get = ("async def", "asyncio.run") if is_async else ("def", "(lambda x: x)")
    program = f"""
        import asyncio
        from cacherator import JSONCache, Cached
        calls = []
        class C(JSONCache):
            @classmethod
            @Cached()
            {word} a(cls, x): calls.append("a"); return cls.__name__ + str(x)
            @Cached()
            @classmethod
            {word} b(cls, x): calls.append("b"); return cls.__name__ + str(x)
            @staticmethod
            @Cached()
            {word} c(x): calls.append("c"); return x
            @Cached()
            @staticmethod
            {word} d(x): calls.append("d"); return x
        class D(C): pass
        get = {get}
        for _ in range(2):
            print(get(C.a(1)), get(D.a(1)), get(C().a(1)), get(C.b(1)), get(D().b(1)), get(C.c(1)), get(D().c(1)), get(C.d(1)), end=" ")
        print("".join(calls))
    """
    line = "C1 D1 C1 C1 D1 1 1 1 "
    assert run_program(program) == 2 * line + "aabbcd"
    assert run_program(program).strip() == (2 * line).strip(), "class and static methods are kept on disk too"


def test_a_static_method_called_with_an_object_of_its_class_is_one() -> None:
    class C(JSONCache):
        @staticmethod
        @Cached()
        def f(x: Any, y: int) -> List[int]:
            return [y]

    c = C(data_id="not the class's")
    assert C.f(c, 1) is C.f(c, 1) and c.json_cache_stats()["total_entries"] == 0


# ---- plain functions


@Cached
def plain(x: int, *, k: int = 1) -> List[int]:
    """The doc."""
    return [x, k]


@Cached
async def plain_async(x: int) -> List[int]:
    return [x]


@Cached(directory="elsewhere", data_id="mine", ttl=7)
def homed(x: int) -> List[int]:
    return [x]


def test_plain_functions_are_kept_under_module_and_name() -> None:
    for function in (plain, plain_async, homed):
        function._forget()  # type: ignore[attr-defined]
    assert plain(1) is plain(1, k=1) and plain(2) != plain(1)
    assert asyncio.run(plain_async(1)) is asyncio.run(plain_async(1))  # type: ignore[arg-type]
    assert homed(1) is homed(1)
    assert JSONCache(data_id=f"{__name__}.plain").json_cache_stats() == {"total_entries": 2, "functions": {"plain": 2}}
    assert JSONCache(data_id=f"{__name__}.plain_async").json_cache_stats()["total_entries"] == 1
    assert list(JSONCache("mine", "elsewhere").cache_status) == ["homed(1,){}"]


def test_a_function_of_a_program_is_kept_under_the_scripts_name(own_folder: Path, run_program: Callable[..., str]) -> None:
    Path("my_script.py").write_text("from cacherator import Cached\n@Cached\ndef f(x): return x\nf(1)\n")
    run_program("import subprocess, sys; subprocess.run([sys.executable, 'my_script.py'], check=True)")
    assert list(JSONCache(data_id="my_script.f").cache_status) == ["f(1,){}"]


def test_a_function_is_itself_to_copy_and_pickle() -> None:
    assert pickle.loads(pickle.dumps(plain)) is plain and copy.copy(plain) is plain and copy.deepcopy(plain) is plain
    assert callable(plain) and hash(plain) == hash(plain) and plain == plain


# ---- looking at it


def test_a_cached_method_shows_what_a_plain_one_shows() -> None:
    class Shown:
        def f(self, x: int, *, y: str = "a") -> List[int]:
            """Doc of f."""
            return [x]

        async def g(self) -> None: ...

    class Cache(JSONCache):
        f = Cached()(Shown.f)
        g = Cached()(Shown.g)

    c = Cache()
    for name in ("__name__", "__qualname__", "__doc__", "__module__", "__annotations__", "__defaults__", "__kwdefaults__", "__code__"):
        assert getattr(Cache.f, name) == getattr(Shown.f, name), name
    assert inspect.signature(Cache.f) == inspect.signature(Shown.f) and inspect.signature(c.f) == inspect.signature(Shown().f)
    assert inspect.getdoc(Cache.f) == "Doc of f." and inspect.getsource(Cache.f) == inspect.getsource(Shown.f)
    assert inspect.unwrap(Cache.f) is Shown.f
    for ask in (
        inspect.isfunction,
        inspect.isroutine,
        inspect.iscoroutinefunction,
        asyncio.iscoroutinefunction,
        callable,
        inspect.isgeneratorfunction,
    ):
        for mine, theirs in ((Cache.f, Shown.f), (Cache.g, Shown.g), (c.f, Shown().f), (c.g, Shown().g)):
            assert ask(mine) == ask(theirs), (ask, mine)
    assert inspect.ismethod(c.f) and c.f == c.f and c.f.__self__ is c and c.f.__func__ is Cache.__dict__["f"]
    assert "f(self, x: " in pydoc.render_doc(Cache) and "Doc of f." in pydoc.render_doc(Cache)


def test_doctest_finds_and_runs_the_examples_of_a_cached_method() -> None:
    tests = [t for t in doctest.DocTestFinder().find(Point, "Point") if t.examples]
    assert [t.name for t in tests] == ["Point.f"]
    assert doctest.DocTestRunner().run(tests[0]).attempted == 1


def test_functools_wraps_and_attributes_take() -> None:
    @functools.wraps(Point.f)
    def wrapper(*args: Any) -> Any:
        return Point.f(*args)

    assert wrapper.__name__ == "f" and inspect.signature(wrapper) == inspect.signature(Point.f)

    @Cached()
    def marked() -> None: ...

    marked.mark = 1  # type: ignore[attr-defined]
    marked.__doc__ = "new"
    assert (marked.mark, marked.__doc__) == (1, "new")  # type: ignore[attr-defined]


def test_mock_replaces_a_cached_method_and_puts_it_back() -> None:
    p = Point("mocked")
    with mock.patch.object(Point, "f", return_value=9):
        assert p.f(1) == 9
    with mock.patch.object(p, "f", return_value=8):
        assert p.f(1) == 8
    with mock.patch.object(Point, "f", autospec=True, return_value=7) as f:
        assert p.f(1) == 7 and f.call_args == mock.call(p, 1)
        with pytest.raises(TypeError):
            p.f(1, 2, 3)  # type: ignore[call-arg]
    with mock.patch.object(Point, "later") as later:
        assert isinstance(later, mock.AsyncMock)
    assert p.f(1) == [1] and p.json_cache_stats()["total_entries"] == 1


def test_a_fastapi_dependency_is_a_cached_method() -> None:
    fastapi = pytest.importorskip("fastapi")
    testclient = pytest.importorskip("fastapi.testclient")
    app, p = fastapi.FastAPI(), Point("api")
    app.get("/{x}")(p.later)

    @app.get("/depends/{x}")
    def depends(found: Any = fastapi.Depends(p.f)) -> Any:
        return found

    client = testclient.TestClient(app)
    assert client.get("/3").json() == [3] == client.get("/3").json() and client.get("/depends/4").json() == [4]
    assert client.get("/x").status_code == 422


def test_a_property_and_a_cached_property_stand_above_it() -> None:
    class C(JSONCache):
        n = 0

        @property
        @Cached()
        def p(self) -> int:
            """Doc of p."""
            C.n += 1
            return C.n

        @p.setter
        def p(self, value: int) -> None:
            self.given = value

        @functools.cached_property
        @Cached()
        def cp(self) -> int:
            C.n += 1
            return C.n

    c = C()
    assert (c.p, c.p, c.cp, c.cp) == (1, 1, 2, 2) and C.p.__doc__ == "Doc of p."
    c.p = 5
    assert c.given == 5
    d = C()
    assert (d.p, d.cp) == (1, 2) and set(d.cache_status) == {"p(){}", "cp(){}"}


@pytest.mark.parametrize("thing", [int, len, 5, "text", None.__class__, functools.partial(print)], ids=repr)
def test_what_is_no_function_is_told_when_it_is_decorated(thing: Any) -> None:
    with pytest.raises(TypeError):
        Cached()(thing)


def test_a_generator_is_told_when_it_is_decorated() -> None:
    with pytest.raises(TypeError, match="return a list"):

        @Cached()
        def numbers() -> Any:
            yield 1

    with pytest.raises(TypeError, match="return a list"):

        @Cached()
        async def more() -> Any:
            yield 1

class Nameless:
    pass


class OfItself:
    """Its key is made anew each time, and has no text of its own."""

    def __cache_key__(self) -> object:
        return (1, Nameless())


@pytest.mark.parametrize(
    "key", [lambda x: Nameless(), lambda x: (Nameless(), 1), lambda x: [Nameless()], lambda x: lambda: 1, lambda x: {"a": Nameless()}, lambda x: x.method]
)
def test_a_key_that_lives_no_longer_than_the_call_is_no_key(key: Any) -> None:
    class Thing:
        def method(self) -> None: ...

    @Cached(key=key)
    def f(x: Any) -> int:
        return 1

    for _ in range(20):
        assert f(Thing()) == 1
        gc.collect()


def test_an_argument_whose_key_is_made_anew_each_time_is_computed_each_time() -> None:
    class C(JSONCache):
        runs = 0

        @Cached()
        def f(self, *x: Any) -> int:
            C.runs += 1
            return 1

    c = C(data_id="anew")
    for _ in range(20):
        c.f(OfItself())
        gc.collect()
    assert C.runs == 20
