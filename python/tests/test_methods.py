"""Any way to define, override and attach what is cached."""

from __future__ import annotations

import abc
import asyncio
import copy
import functools
import pickle
from pathlib import Path
from typing import Any, Callable, List

import pytest
from cacherator import Cached, JSONCache

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


def retry(function: Any) -> Any:
    """A decorator that does not pass on the name: all that it makes are called "inner"."""

    def inner(*args: Any) -> Any:
        return function(*args)

    return inner


class Base(JSONCache):
    @Cached()
    @retry
    def users(self) -> str:
        return "users"

    @Cached()
    @retry
    def orders(self) -> str:
        return "orders"

    total = property(Cached()(lambda self: "total"))

    @classmethod
    @Cached()
    @retry
    def kind(cls) -> str:
        return "kind"

    @classmethod
    @Cached()
    @retry
    def sort(cls) -> str:
        return "sort"


class Mixin:
    @Cached()
    @retry
    def more(self) -> str:
        return "more"


class Shop(Mixin, Base):
    @Cached()
    @retry
    def items(self) -> str:
        return "items"

    share = property(Cached()(lambda self: "share"))

    @Cached()
    @retry
    def orders(self) -> str:
        return "shop's " + str(super().orders())


def test_methods_without_a_name_of_their_own_are_named_by_their_attributes_in_every_class() -> None:
    for _ in range(2):
        base, shop = Base(data_id="shared"), Shop(data_id="shop")
        assert [base.users(), base.orders(), base.total] == ["users", "orders", "total"]
        assert [shop.items(), shop.users(), shop.orders(), shop.total, shop.share, shop.more()] == [
            "items", "users", "shop's orders", "total", "share", "more"
        ]  # fmt: skip
        for cls in (Base, Shop):
            assert [cls.kind(), cls.sort()] == ["kind", "sort"]  # type: ignore[attr-defined]
    assert {f"{name}(){{}}" for name in ("users", "orders", "total")} == set(base.cache_status)
    assert {f"{name}(){{}}" for name in ("items", "users", "orders", "Base.orders", "total", "share", "more")} == set(shop.cache_status)
    assert shop.last_cache_status == "l1"


def test_three_generations_of_one_name_keep_apart() -> None:
    def derived(base: Any) -> Any:
        class Base(base):  # type: ignore[misc]
            @Cached()
            def f(self) -> int:
                return 1 + int(super().f())

        return Base

    class Base(JSONCache):
        @Cached()
        def f(self) -> int:
            return 1

    two = derived(Base)
    four = derived(derived(two))
    for _ in range(2):
        assert [two(data_id="two").f(), four(data_id="four").f()] == [2, 4]
    assert set(two(data_id="two").cache_status) == {"f(){}", "Base.f(){}"}
    assert set(four(data_id="four").cache_status) == {"f(){}", "Base#3.f(){}", "Base#2.f(){}", "Base.f(){}"}


def test_overriding_class_methods_and_methods_below_another_decorator_keep_apart() -> None:
    class A(JSONCache):
        @retry
        @Cached()
        def f(self) -> List[str]:
            return ["A"]

        @classmethod
        @Cached()
        def of_class(cls) -> List[str]:
            return ["A"]

    class B(A):
        @retry
        @Cached()
        def f(self) -> List[str]:
            return ["B", *super().f()]

        @classmethod
        @Cached()
        def of_class(cls) -> List[str]:
            return ["B", *super().of_class()]

    for _ in range(2):
        assert B().f() == B.of_class() == ["B", "A"] and A().f() == A.of_class() == ["A"]
        assert A.f(B()) == ["A"]


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


def power(n: int) -> Any:
    @Cached()
    def compute(x: int) -> int:
        return x**n  # type: ignore[no-any-return]

    return compute


def warnings_in(caplog: pytest.LogCaptureFixture) -> List[str]:
    return [record.getMessage() for record in caplog.records]


def test_functions_of_one_factory_that_capture_different_values_keep_apart(caplog: pytest.LogCaptureFixture) -> None:
    square, cube, again = power(2), power(3), power(2)
    for _ in range(2):
        assert [square(3), cube(3), again(3), power(3)(3)] == [9, 27, 9, 27]
    assert cube(10**9) is cube(10**9), "remembered, in memory"
    assert again(10**9) is not again(10**9 + 1) and square(10**9) == again(10**9) == 10**18
    (warning,) = warnings_in(caplog)
    assert "power.<locals>.compute" in warning and "@Cached(data_id=...)" in warning
    assert set(JSONCache(data_id=f"{__name__}.power.<locals>.compute").cache_status) == {
        "compute(3,){}", f"compute({10**9},){{}}", f"compute({10**9 + 1},){{}}"
    }  # fmt: skip


def test_a_function_that_is_gone_leaves_its_results_to_none_that_captures_other_values() -> None:
    assert [power(n)(3) for n in (2, 3, 2, 4)] == [9, 27, 9, 81]


def test_functions_of_one_name_that_capture_what_has_no_text_keep_apart() -> None:
    class Session:
        def __init__(self, name: str) -> None:
            self.name = name

    def ask(session: Session) -> Any:
        return Cached()(lambda: session.name)

    def ask_default(session: Session) -> Any:
        @Cached()
        def f(x: int, session: Session = session) -> List[Any]:
            return [session.name, x]

        return f

    one, two = Session("one"), Session("two")
    for _ in range(2):
        assert [ask(one)(), ask(two)(), ask(one)()] == ["one", "two", "one"]
        assert [ask_default(one)(1), ask_default(two)(1)] == [["one", 1], ["two", 1]]


def test_a_function_may_capture_itself_and_others_made_alike(caplog: pytest.LogCaptureFixture) -> None:
    calls = []

    def make(offset: int) -> Any:
        def add(x: int) -> int:
            return x + offset

        @Cached()
        def fibonacci(n: int) -> int:
            calls.append(n)
            return n if n < 2 else add(fibonacci(n - 1)) + fibonacci(n - 2)

        return fibonacci

    calls.clear()
    first = make(0)
    assert first(3) == 2 and len(calls) == 4
    calls.clear()
    assert make(0)(3) == 2 and not calls and not caplog.records
    assert make(1)(3) == 4 and len(caplog.records) == 1


def test_lambdas_of_a_module_and_functions_below_a_decorator_keep_apart_in_every_process(run_program: Callable[..., str]) -> None:
    program = """
        import sys
        from cacherator import Cached
        def retry(f):
            def inner(*a): return f(*a)
            return inner
        @Cached()
        @retry
        def three(): return 3
        @Cached()
        @retry
        def four(): return 4
        def add(x): return x + 1
        one = Cached()(add)
        def add(x): return x + 2
        two = Cached()(add)
        double, half = Cached()(lambda x: 2 * x), Cached()(lambda x: x / 2)
        class O1:
            class In:
                @staticmethod
                @Cached()
                def f(): return "O1"
                @classmethod
                @Cached()
                def g(cls): return "O1"
        class O2:
            class In:
                @staticmethod
                @Cached()
                def f(): return "O2"
                @classmethod
                @Cached()
                def g(cls): return "O2"
        calls = [three, four, lambda: one(1), lambda: two(1), lambda: double(4), lambda: half(4), O1.In.f, O2.In.f, O1.In.g, O2.In.g]
        print([call() for call in (reversed(calls) if REVERSED else calls)])
    """
    expected = [3, 4, 2, 3, 8, 2.0, "O1", "O2", "O1", "O2"]
    assert run_program(program.replace("REVERSED", "False")) == str(expected)
    assert run_program(program.replace("REVERSED", "True")) == str(expected[::-1])
    assert run_program(program.replace("REVERSED", "False")) == str(expected)


CELL = """
calls = []
def outer(n):
    @Cached()
    def inner(x):
        calls.append("inner")
        return [x, n]
    return inner
@Cached()
def f(x):
    calls.append("f")
    return [x]
@Cached()
@retry
def g(x):
    calls.append("g")
    return [x]
h = Cached()(lambda x: [x])
"""


@pytest.mark.parametrize("lives", [True, False], ids=["the old ones live", "the old ones are gone"])
def test_a_notebooks_cell_that_is_executed_again_or_edited_goes_on_under_the_names(lives: bool, caplog: pytest.LogCaptureFixture) -> None:
    names = {"Cached": Cached, "retry": retry, "__name__": "a_notebook"}
    kept = []

    def run_cell(text: str) -> Any:
        exec(compile(text, "<cell>", "exec"), names)
        made = [names[name] for name in ("f", "g", "h")] + [names["outer"](2)]  # type: ignore[operator]
        if lives:
            kept.append(made)
        return [function(1) for function in made], names["calls"]

    assert run_cell(CELL) == ([[1], [1], [1], [1, 2]], ["f", "g", "inner"])
    assert run_cell(CELL) == ([[1], [1], [1], [1, 2]], [])
    edited = "\n" + CELL.replace("[x]", "[x, 'edited']").replace("[x, n]", "[x, n, 'edited']")
    assert run_cell(edited) == ([[1], [1], [1], [1, 2]], []), "the results of the names, as of any edited program"
    assert not caplog.records
    assert names["outer"](3)(1) == [1, 3, "edited"]  # type: ignore[operator]


def test_a_module_that_is_reloaded_goes_on_under_its_names(own_folder: Path, run_program: Callable[..., str]) -> None:
    Path("reloaded.py").write_text("from cacherator import Cached\n@Cached()\ndef f(x): print('computed'); return x\n")
    program = """
        import importlib, sys
        sys.path.insert(0, "."); sys.dont_write_bytecode = True
        import reloaded
        from reloaded import f
        f(1)
        open("reloaded.py", "a").write("# more\\n")
        importlib.reload(reloaded).f(1)
        open("reloaded.py", "w").write("from cacherator import Cached\\n\\n@Cached()\\ndef f(x): print('computed anew'); return x\\n")
        importlib.reload(reloaded).f(1)
        importlib.reload(reloaded).f(2)
    """
    assert run_program(program + "\n") == "computed\ncomputed anew"
    assert list(JSONCache(data_id="reloaded.f").cache_status) == ["f(1,){}", "f(2,){}"]


def test_a_function_is_itself_to_copy_and_pickle() -> None:
    assert pickle.loads(pickle.dumps(plain)) is plain and copy.copy(plain) is plain and copy.deepcopy(plain) is plain
    assert callable(plain) and hash(plain) == hash(plain) and plain == plain
