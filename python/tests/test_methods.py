"""Any way to define, override and attach what is cached."""

from __future__ import annotations

import abc
import functools
from typing import Any, Callable, List

import pytest
from cacherator import Cached, JSONCache
from shared import retry

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
